//! The Inbox screen: what it shows, what its keys ask for, and a list that moves under the cursor.
use countersign_core::actor::Role;
use countersign_core::ids::EventId;
use countersign_core::inbound::event::{Letter, What};
use countersign_core::inbound::inbox::{Handled, State};
use countersign_core::inbound::provider::Provider;
use jiff::SignedDuration;

use super::bench::{Bench, World};
use super::events::{endpoints, event, event_id, letter};
use super::fixtures::ago;
use super::hostile::{HOSTILE, is_forbidden};
use crate::console::backend::EngineStatus;
use crate::console::inbox::Deed;
use crate::console::msg::{Effect, Failure, Msg};
use crate::console::theme::{Charset, Theme};

fn on_inbox(world: World, width: u16, height: u16) -> Bench {
    let mut bench = Bench::with(world, width, height);
    bench.press("7");
    bench
}

fn at(bench: &Bench) -> Option<EventId> {
    bench.model.inbox.at.as_ref().map(|(id, _)| *id)
}

fn deeds(bench: &Bench) -> Vec<(EventId, Deed)> {
    let handled = bench.asked.iter().filter_map(|effect| match effect {
        Effect::Handle { id, deed, .. } => Some((*id, deed.clone())),
        _ => None,
    });
    handled.collect()
}

/// Answers what was asked to be done about an event.
fn done(bench: &mut Bench, result: Result<Vec<String>, Failure>) {
    let Effect::Handle { id, name, deed } = bench.asked.remove(0) else { panic!("{:?}", bench.asked) };
    bench.tell(Msg::Handled { id, name, deed, result });
}

#[test]
fn inbox_200x50() {
    let mut bench = on_inbox(World::filled(), 200, 50);
    bench.press("j");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn inbox_80x24_with_what_waits_for_a_person() {
    let mut bench = on_inbox(World::filled(), 80, 24);
    bench.press("f<enter>");
    insta::assert_snapshot!(bench.picture());
}

/// What a person did stands with the event, for whoever looks later.
#[test]
fn what_was_done_by_hand_stands_with_the_event() {
    let mut world = World::filled();
    world.events[1].row.state = State::Dismissed;
    world.events[1].handled = vec![Handled {
        action: "inbound.dismiss".to_owned(),
        by: "ben".to_owned(),
        at: ago(60),
        reason: Some("spam".to_owned()),
    }];
    let mut bench = on_inbox(world, 120, 40);
    bench.press("jj");
    assert!(bench.text().contains("dismissed by ben at 2026-11-23 14:01:00 UTC: spam"), "{}", bench.text());
}

#[test]
fn refused_deliveries_are_told_with_their_reason() {
    let mut bench = on_inbox(World::filled(), 80, 24);
    assert!(bench.text().contains("! refused: resend 3, last 12:03 (signature)"), "{}", bench.text());
    bench.changed(|world| world.endpoints[0].refused = 0);
    assert!(!bench.text().contains("refused"), "{}", bench.text());
}

#[test]
fn an_empty_inbox_says_how_something_can_come_in() {
    let world = World { version: 1, ..World::default() };
    let mut bench = on_inbox(world, 80, 24);
    assert!(bench.text().contains("Nothing came in yet."), "{}", bench.text());
    assert!(bench.text().contains("countersign webhooks add PROVIDER"), "{}", bench.text());
    bench.changed(|world| world.endpoints = endpoints());
    assert!(!bench.text().contains("webhooks add"), "{}", bench.text());
    bench.press("f");
    assert!(bench.text().contains("Nothing is like that.   (esc shows all)"), "{}", bench.text());
}

/// Where that part is switched off nothing is asked for, and the screen says why it is empty.
#[test]
fn a_console_that_takes_nothing_in_says_why() {
    let mut bench = Bench::new(120, 30);
    let deaf = "phase c (webhooks, inbound events) is switched off in the configuration".to_owned();
    bench.tell(Msg::EngineChanged(EngineStatus { deaf: Some(deaf), ..EngineStatus::default() }));
    bench.is_answering = false;
    bench.press("7");
    assert!(bench.text().contains("Nothing comes in: phase c (webhooks"), "{}", bench.text());
    assert!(!bench.asked.iter().any(|effect| matches!(effect, Effect::LoadInbox { .. })));
}

/// The count beside the name of the screen is that of what waits for a person, wherever one looks.
#[test]
fn the_tab_counts_what_waits_for_a_person() {
    let mut bench = Bench::new(120, 30);
    assert!(bench.text().contains("7 Inbox 2"), "{}", bench.text());
    bench.changed(|world| world.events[1].row.state = State::Applied);
    assert!(bench.text().contains("7 Inbox 1"), "{}", bench.text());
}

#[test]
fn an_event_is_assigned_by_address() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("a");
    assert!(bench.notice().contains("only what is unmatched or failed"), "{}", bench.notice());
    bench.press("jja");
    assert!(bench.notice().starts_with("bo@elsewhere.example · Who ar… is from"), "{}", bench.notice());
    bench.press("<enter>");
    assert!(bench.model.dialog.is_some(), "an empty answer asks again");
    bench.press("bo@acme.example<enter>");
    let to = "bo@acme.example".to_owned();
    assert_eq!(deeds(&bench), [(event_id(2), Deed::Assign { to })]);
    bench.press("a");
    assert!(bench.notice().contains("on its way"), "{}", bench.notice());
    let did = vec!["put on file as a reply".to_owned(), "withdrew 1 message that waited".to_owned()];
    bench.changed(|world| world.events[1].row.state = State::Applied);
    done(&mut bench, Ok(did));
    let said = "assigned: bo@elsewhere.example · Who are you? (put on file as a reply; withdrew 1 message that waited)";
    assert_eq!(bench.notice(), said);
}

#[test]
fn a_contact_that_is_not_known_is_said() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("jjano<enter>");
    let sentence = "contact `no` is not known; see `countersign contacts list`".to_owned();
    done(&mut bench, Err(Failure::Refused(sentence)));
    assert!(bench.notice().starts_with("not assigned: contact `no` is not known"), "{}", bench.notice());
    bench.press("a");
    assert!(bench.model.dialog.is_some(), "it can be asked again");
}

#[test]
fn dismissing_asks_for_a_reason_and_esc_does_nothing() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("jjx<esc>");
    assert_eq!(deeds(&bench), []);
    bench.press("xspam<enter>");
    assert_eq!(deeds(&bench), [(event_id(2), Deed::Dismiss { reason: "spam".to_owned() })]);
    done(&mut bench, Err(Failure::Unavailable("gone".to_owned())));
    assert!(bench.notice().contains("the list will show whether it was dismissed"), "{}", bench.notice());
}

#[test]
fn what_cannot_be_read_is_not_tried_again() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("jjjn");
    assert!(bench.notice().contains("another try changes nothing"), "{}", bench.notice());
    assert_eq!(deeds(&bench), []);
    bench.press("kn");
    assert_eq!(deeds(&bench), [(event_id(2), Deed::Retry)]);
}

#[test]
fn a_viewer_looks_and_does_nothing() {
    let theme = Theme::shipped("default", Charset::Unicode);
    let mut bench = Bench::themed(World::filled(), 120, 30, theme, Role::Viewer);
    for keys in ["7jja", "x", "n"] {
        bench.press(keys);
        assert!(bench.notice().contains("needs the approver role"), "{}", bench.notice());
    }
    assert_eq!(deeds(&bench), []);
}

/// A question that was open while the list moved is about the event that it names.
#[test]
fn an_answer_is_about_the_event_that_was_asked_about() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("jjxspam");
    bench.changed(|world| {
        world.events.remove(1);
    });
    bench.press("<enter>");
    assert_eq!(deeds(&bench), [(event_id(2), Deed::Dismiss { reason: "spam".to_owned() })]);
}

/// What comes in above the cursor moves its row and not the cursor.
#[test]
fn the_cursor_stays_on_its_event() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("jj");
    assert_eq!(at(&bench), Some(event_id(2)));
    bench.changed(|world| {
        world.events.push(event(9, 0, State::Stored, "new@x.example", letter("New", "New")));
    });
    assert_eq!((at(&bench), bench.model.inbox_at.index), (Some(event_id(2)), 3));
    assert!(bench.text().contains("New"));
    assert!(
        bench.text().contains("[resend message]  bo@elsewhere.example"),
        "the open event stays: {}",
        bench.text()
    );
}

/// Where the event under the cursor leaves the list, a key that was on its way does nothing to the one in its place.
#[test]
fn a_key_does_not_hit_what_took_the_place() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.changed(|world| {
        world.events[3] = event(4, 180, State::Failed, "a@b.example", letter("Other", "Other"));
    });
    bench.press("f");
    assert_eq!(at(&bench), Some(event_id(2)));
    bench.changed(|world| world.events[1].row.state = State::Applied);
    assert_eq!(at(&bench), Some(event_id(4)));
    assert_eq!(bench.notice(), "left the list: bo@elsewhere.example · Who are you?");
    let key = super::bench::parse("n").remove(0);
    bench.key(key);
    assert_eq!(deeds(&bench), []);
    assert!(bench.notice().contains("just changed"), "{}", bench.notice());
    bench.press("n");
    assert_eq!(deeds(&bench), [(event_id(4), Deed::Retry)]);
}

#[test]
fn providers_and_what_waits_narrow_the_list() {
    let mut bench = on_inbox(World::filled(), 120, 30);
    bench.press("cc");
    assert_eq!(bench.model.inbox.filter.source, Some(Provider::Twilio));
    assert_eq!((bench.model.inbox.events.rows.len(), at(&bench)), (1, Some(event_id(3))));
    bench.press("<esc>f");
    assert_eq!(bench.model.inbox.events.rows.len(), 2);
    bench.press("<esc>");
    assert_eq!(bench.model.inbox.events.rows.len(), 5);
}

#[test]
fn a_long_message_is_read_by_pages_and_stays_where_it_was_read() {
    let mut world = World::filled();
    let text: String = (1..=90).map(|line| format!("line {line}\n")).collect();
    world.events = vec![event(1, 3, State::Applied, "a@b.example", letter("Long", &text))];
    let mut bench = on_inbox(world, 80, 24);
    assert!(bench.text().contains("more lines"), "{}", bench.text());
    bench.press("<enter><pagedown><pagedown><pagedown>");
    let before = bench.text();
    assert!(before.contains("line 40"), "{before}");
    bench.changed(|world| world.events[0].row.did = Vec::new());
    assert_eq!(bench.text(), before, "read again, it stays in its place");
    bench.press("<pageup><pageup><pageup>");
    assert!(bench.text().contains("Applied."), "{}", bench.text());
}

#[test]
fn further_pages_come_as_the_cursor_goes_down() {
    let mut world = World::filled();
    let one = |number: u128| {
        event(number, i64::try_from(number).unwrap(), State::Applied, "a@b.example", letter("s", "t"))
    };
    world.events = (1..=450).map(one).collect();
    let mut bench = on_inbox(world, 120, 40);
    assert_eq!(bench.model.inbox.events.rows.len(), 200);
    bench.press("GGG");
    assert_eq!(at(&bench), Some(event_id(450)));
    // What changed far down is read again where it is looked at, and nothing is lost above.
    bench.changed(|world| world.events[449].row.state = State::Dismissed);
    assert!(bench.text().contains("dismissed"), "{}", bench.text());
    bench.press("gg");
    assert_eq!(at(&bench), Some(event_id(1)));
    assert_eq!(bench.model.inbox.events.rows.len(), 450);
}

/// S1, S2, S3: what a stranger writes acts on nothing, hides nothing and stays in its column.
#[test]
fn hostile_text_stays_in_its_box() {
    let wide = "山".repeat(200);
    for text in HOSTILE.iter().copied().chain([wide.as_str()]) {
        let letter = Letter {
            from: text.to_owned(),
            subject: Some(text.to_owned()),
            text: Some(format!("{text}\n{text}")),
            to: vec![text.to_owned()],
            ..Letter::default()
        };
        let mut hostile = event(1, 3, State::Unmatched, text, What::Message(letter));
        hostile.external_id = text.to_owned();
        (hostile.row.error, hostile.row.did) = (Some(text.to_owned()), vec![text.to_owned()]);
        hostile.row.contact = Some(countersign_core::inbound::inbox::Concerned {
            id: countersign_core::ids::ContactId::new(),
            name: text.to_owned(),
        });
        hostile.handled = vec![Handled {
            action: text.to_owned(),
            by: text.to_owned(),
            at: ago(9),
            reason: Some(text.to_owned()),
        }];
        let mut endpoints = endpoints();
        endpoints[0].refused_why = Some(text.to_owned());
        for (width, height) in [(200, 50), (80, 24), (60, 20), (40, 8)] {
            let world = World {
                events: vec![hostile.clone()],
                endpoints: endpoints.clone(),
                version: 1,
                ..World::default()
            };
            let mut bench = on_inbox(world, width, height);
            for keys in ["", "<enter>", "<pagedown>", "x", "<esc>a", "<esc><esc>"] {
                bench.press(keys);
                let buffer = bench.paint();
                for cell in &buffer.content {
                    assert!(
                        !cell.symbol().chars().any(is_forbidden),
                        "{text:?} {keys:?}: {:?}",
                        cell.symbol()
                    );
                }
                let text = bench.text();
                let hints = text.lines().last().unwrap_or_default();
                assert!(["assign", "enter", "esc"].iter().any(|word| hints.contains(word)), "{hints}");
            }
        }
    }
}

/// An age is told in minutes, also of what came in a moment ago by a clock that runs ahead.
#[test]
fn ages_are_never_negative() {
    let mut world = World::filled();
    world.events[0].row.received_at = ago(0) + SignedDuration::from_secs(90);
    let bench = &mut on_inbox(world, 120, 30);
    assert!(bench.text().lines().any(|line| line.contains("<1m") && line.contains("scaffolding")));
}
