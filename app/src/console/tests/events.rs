//! What came in, as the database would hold it, and the answers to reads of it.
use countersign_core::activity::fact::Fact;
use countersign_core::ids::{ContactId, EndpointId, EventId};
use countersign_core::inbound::endpoint::EndpointView;
use countersign_core::inbound::event::{Event, Letter, Progress, Reference, What};
use countersign_core::inbound::inbox::{
    Concerned, InboxCounts, InboxCursor, InboxDetail, InboxPage, InboxRow, State, Wanted,
};
use countersign_core::inbound::provider::Provider;
use uuid::Uuid;

use super::bench::World;
use super::fixtures::{ago, id};
use crate::console::inbox::Intake;
use crate::console::msg::{Effect, Failure, Msg};

const PAGE: usize = 200;

pub(super) fn event_id(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

/// An event that came in so many minutes ago.
pub(super) fn event(number: u128, minutes: i64, state: State, from: &str, what: What) -> InboxDetail {
    let headline = match &what {
        What::Message(letter) => letter.subject.clone().or_else(|| letter.text.clone()).unwrap_or_default(),
        What::Status(progress) => progress.fact.as_str().to_owned(),
        What::Unreadable { why } => why.clone(),
        _ => String::new(),
    };
    let row = InboxRow {
        id: event_id(number),
        source: Provider::Resend,
        kind: what.as_str().to_owned(),
        occurred_at: Some(ago(minutes * 60 + 4)),
        received_at: ago(minutes * 60),
        state,
        contact: None,
        activity: None,
        from: (!from.is_empty()).then(|| from.to_owned()),
        headline,
        did: Vec::new(),
        error: None,
        tries: 1,
        look_at: None,
        sig_ok: true,
        is_erased: false,
    };
    let about = vec![Reference::MessageId("20261123.7@acme.example".to_owned())];
    InboxDetail {
        row,
        endpoint: Some(EndpointId(Uuid::from_u128(71))),
        external_id: format!("msg_{number}"),
        applied_at: (state != State::Stored).then(|| ago(minutes * 60 - 1)),
        event: Some(Event::new(&format!("msg_{number}"), None, about, what, Vec::new().into())),
        handled: Vec::new(),
    }
}

pub(super) fn letter(subject: &str, text: &str) -> What {
    What::Message(Letter {
        from: "kari@fjord.example".to_owned(),
        to: vec!["ana@acme.example".to_owned()],
        subject: Some(subject.to_owned()),
        text: Some(text.to_owned()),
        ..Letter::default()
    })
}

/// A reply that withdrew a draft, one of nobody known, a status that waits, one that failed, and one that was erased.
pub(super) fn events() -> Vec<InboxDetail> {
    let mut replied = event(
        1,
        3,
        State::Applied,
        "Kari Nordmann <kari@fjord.example>",
        letter(
            "Re: The scaffolding question",
            "Hi Ana,\n\nThursday at ten is fine. Call me before you come.\n\nKari",
        ),
    );
    replied.row.did = vec!["put on file as a reply".to_owned(), "withdrew 2 messages that waited".to_owned()];
    replied.row.contact =
        Some(Concerned { id: ContactId(Uuid::from_u128(6)), name: "Kari Nordmann".to_owned() });
    replied.row.activity = Some(id(6));
    let stranger = event(
        2,
        41,
        State::Unmatched,
        "bo@elsewhere.example",
        letter("Who are you?", "Who gave you my address?"),
    );
    let status = What::Status(Progress {
        fact: Fact::Delivered,
        recipient: None,
        detail: None,
        message_id: None,
        is_opt_out: false,
    });
    let mut waiting = event(3, 0, State::Stored, "", status);
    (waiting.row.tries, waiting.row.look_at, waiting.row.source) = (0, Some(ago(0)), Provider::Twilio);
    let unreadable = What::Unreadable { why: "no JSON: expected value at line 1 column 1".to_owned() };
    let mut failed = event(4, 180, State::Failed, "", unreadable);
    failed.row.error = Some("no JSON: expected value at line 1 column 1".to_owned());
    let mut erased = event(5, 4_000, State::Applied, "", letter("x", "x"));
    (erased.event, erased.row.is_erased) = (None, true);
    erased.row.headline = String::new();
    erased.row.did = vec!["put on file as a reply".to_owned()];
    vec![replied, stranger, waiting, failed, erased]
}

pub(super) fn endpoints() -> Vec<EndpointView> {
    let endpoint = |number: u128, provider: Provider, refused: i64| EndpointView {
        id: EndpointId(Uuid::from_u128(number)),
        provider,
        path: "/webhooks".to_owned(),
        url: None,
        secret: "webhook".to_owned(),
        secrets: 1,
        created_at: ago(90_000),
        created_by: "root".to_owned(),
        refused,
        refused_at: (refused > 0).then(|| ago(7_140)),
        refused_why: (refused > 0).then(|| "signature".to_owned()),
    };
    vec![endpoint(71, Provider::Resend, 3), endpoint(72, Provider::Twilio, 0)]
}

impl World {
    pub(super) fn intake(&self) -> Option<Intake> {
        let count = |is_meant: fn(State) -> bool| {
            let found = self.events.iter().filter(|event| is_meant(event.row.state)).count();
            i64::try_from(found).unwrap()
        };
        let counts = InboxCounts {
            attention: count(State::needs_a_person),
            stored: count(|state| state == State::Stored),
            overdue: 0,
        };
        Some(Intake { counts, endpoints: self.endpoints.clone() })
    }
}

pub(super) fn answer(world: &World, effect: &Effect) -> Option<Msg> {
    match effect {
        Effect::LoadInbox { generation, filter, after } => {
            let key = |row: &InboxRow| (row.received_at, row.id);
            let mut rows: Vec<InboxRow> = world
                .events
                .iter()
                .map(|event| event.row.clone())
                .filter(|row| match filter.state {
                    Wanted::All => true,
                    Wanted::Attention => row.state.needs_a_person(),
                    Wanted::One(state) => row.state == state,
                })
                .filter(|row| filter.source.is_none_or(|source| row.source == source))
                .filter(|row| after.is_none_or(|after| key(row) < (after.at, after.id)))
                .collect();
            rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
            let has_more = rows.len() > PAGE;
            rows.truncate(PAGE);
            let last = rows.last().filter(|_| has_more);
            let next = last.map(|row| InboxCursor { at: row.received_at, id: row.id });
            Some(Msg::InboxLoaded { generation: *generation, result: Ok(InboxPage { rows, next }) })
        }
        Effect::LoadEvent { generation, id } => {
            let found = world.events.iter().find(|event| event.row.id == *id).cloned();
            let result =
                found.map(Box::new).ok_or_else(|| Failure::Refused(format!("event {id} is not known")));
            Some(Msg::EventLoaded { generation: *generation, result })
        }
        _ => None,
    }
}
