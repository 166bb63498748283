//! What the Inbox screen knows: the loaded part of what came in, the event that is open, and where deliveries were refused. Pure.
mod open;

use std::cmp::Reverse;

use countersign_core::ids::EventId;
use countersign_core::inbound::endpoint::EndpointView;
use countersign_core::inbound::inbox::{InboxCounts, InboxCursor, InboxFilter, InboxRow, State};
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

pub(crate) use self::open::Open;
use super::listing::{Listed, Listing};
use super::model::Model;
use super::theme::{Charset, Role};
use super::words;

/// An event in the list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: InboxRow,
    /// Who wrote, or whose address it is about.
    pub(crate) from: SafeText,
    pub(crate) headline: SafeText,
    /// The first sentence of what it did, or why it could not.
    pub(crate) did: SafeText,
}

impl Entry {
    pub(crate) fn new(row: InboxRow, charset: Charset) -> Self {
        let did = row.did.first().or(row.error.as_ref()).map_or("", String::as_str);
        let headline = if row.is_erased { "(erased)" } else { row.headline.as_str() };
        Self {
            from: charset.line(row.from.as_deref().unwrap_or("")),
            headline: charset.line(headline),
            did: charset.line(did),
            row,
        }
    }

    /// How to call it in a sentence.
    pub(crate) fn name(&self, charset: Charset) -> SafeText {
        let (from, headline) = (self.from.truncated(30), self.headline.truncated(40));
        let between = if from.is_empty() || headline.is_empty() { "" } else { charset.glyphs().between };
        SafeText::line(&format!("{from}{between}{headline}"))
    }
}

impl Listed for Entry {
    type Id = EventId;
    type Cursor = InboxCursor;
    type Place = Reverse<(Timestamp, EventId)>;

    fn id(&self) -> EventId {
        self.row.id
    }

    fn cursor(&self) -> InboxCursor {
        InboxCursor { at: self.row.received_at, id: self.row.id }
    }

    fn place(cursor: InboxCursor) -> Reverse<(Timestamp, EventId)> {
        Reverse((cursor.at, cursor.id))
    }
}

/// What stands above the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intake {
    pub(crate) counts: InboxCounts,
    pub(crate) endpoints: Vec<EndpointView>,
}

/// Everything of the screen.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) events: Listing<Entry>,
    pub(crate) filter: InboxFilter,
    /// The event under the cursor, and how to call it once its row is gone.
    pub(crate) at: Option<(EventId, SafeText)>,
    pub(crate) open: Option<Open>,
    pub(crate) open_in_flight: Option<(u64, EventId, i64)>,
    /// What could not be read under that version.
    pub(crate) missing: Option<(EventId, i64)>,
    /// `None` before it was read, and where nothing is taken in.
    pub(crate) intake: Option<Intake>,
    /// What a person did something about and is not answered yet.
    pub(crate) handling: Vec<EventId>,
}

impl Inbox {
    /// The event under the cursor, if it is on the list.
    pub(crate) fn current(&self) -> Option<&Entry> {
        let (id, _) = self.at.as_ref()?;
        self.events.index_of(*id).and_then(|index| self.events.rows.get(index))
    }

    pub(crate) fn is_handling(&self, id: EventId) -> bool {
        self.handling.contains(&id)
    }
}

/// What a person does about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Says whom it is from: an id or an address of a contact.
    Assign {
        to: String,
    },
    Dismiss {
        reason: String,
    },
    Retry,
}

impl Deed {
    pub(crate) fn done(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assigned",
            Self::Dismiss { .. } => "dismissed",
            Self::Retry => "given back",
        }
    }
}

/// How a state looks in a list: its sign and its colour.
pub(crate) fn looks(state: State) -> (&'static str, Role) {
    match state {
        State::Failed => ("!", Role::Bad),
        State::Unmatched => ("!", Role::Warn),
        State::Stored => (" ", Role::Title),
        State::Applied => (" ", Role::Plain),
        State::Dismissed => (" ", Role::Muted),
    }
}

/// Where deliveries were refused, and what waits for too long; `None` where all is well.
pub(crate) fn trouble(model: &Model) -> Option<SafeText> {
    let intake = model.inbox.intake.as_ref()?;
    let charset = model.theme.charset;
    let mut told: Vec<SafeText> = Vec::new();
    if intake.counts.overdue > 0 {
        let words = format!("{} should have been applied by now", words::count(intake.counts.overdue));
        told.push(SafeText::line(&words));
    }
    let refused = intake.endpoints.iter().filter(|endpoint| endpoint.refused > 0).map(|endpoint| {
        let last = endpoint.refused_at.map(|at| words::clock(model.now(), at, &model.zone));
        let last = last.map(|at| format!(", last {at}")).unwrap_or_default();
        let count = words::grouped(endpoint.refused);
        let why = charset.line(endpoint.refused_why.as_deref().unwrap_or("no reason kept")).truncated(60);
        format!("{} {count}{last} ({why})", endpoint.provider)
    });
    let refused: Vec<String> = refused.collect();
    if !refused.is_empty() {
        told.push(charset.line(&format!("refused: {}", refused.join(", "))));
    }
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    (!told.is_empty()).then(|| SafeText::line(&format!("! {}", told.join("   "))))
}
