//! Marks, ranges, everything that matches, snooze, and what happened to the row under the cursor.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::approval::store_fate::Fate;
use countersign_core::approval::{BATCH_LIMIT, Item, ItemOutcome};
use insta::assert_snapshot;
use jiff::SignedDuration;

use super::bench::{Bench, World, parse};
use super::fixtures::{ago, id, item, mail, now};
use crate::console::msg::{Effect, Failure, Msg};

fn many(count: u128) -> World {
    let drafts = (1..=count)
        .map(|number| {
            let name = format!("Contact {number}");
            let mut draft = item(number, Status::DraftPendingApproval, &name, None, mail("s", "t"));
            draft.row.created_at = ago(200_000 - i64::try_from(number).unwrap());
            draft
        })
        .collect();
    World { drafts, version: 1, ..World::default() }
}

fn by_ben(action: &str, status: Status) -> Fate {
    Fate {
        status,
        action: action.to_owned(),
        actor_kind: "operator".to_owned(),
        by: "ben".to_owned(),
        reason: None,
        at: ago(60),
    }
}

fn marked(bench: &Bench) -> Vec<Item> {
    bench.model.marks.items()
}

#[test]
fn space_marks_in_place() {
    let mut bench = Bench::new(120, 40);
    bench.press("<space>");
    assert_eq!((bench.cursor(), marked(&bench)), (Some(id(1)), vec![bench.hash_of(1)]));
    bench.press("<space>");
    assert!(marked(&bench).is_empty());
}

#[test]
fn a_range_grows_with_the_cursor_and_is_fixed_by_v_or_space() {
    for fix in ["v", "<space>"] {
        let mut bench = Bench::new(120, 40);
        bench.press("jvjj");
        assert!(bench.text().contains("range of 3"), "{}", bench.text());
        assert!(marked(&bench).is_empty());
        bench.press(fix);
        assert_eq!(marked(&bench), [bench.hash_of(2), bench.hash_of(3), bench.hash_of(4)]);
        assert!(!bench.text().contains("range of"));
    }
}

#[test]
fn a_range_goes_up_too_and_esc_drops_it() {
    let mut bench = Bench::new(120, 40);
    bench.press("jjvkk");
    assert!(bench.text().contains("range of 3"));
    bench.press("<esc>");
    assert!(!bench.text().contains("range of") && marked(&bench).is_empty());
}

#[test]
fn a_range_survives_rows_that_come_and_go_between_its_ends() {
    let mut bench = Bench::new(120, 40);
    bench.press("jvjj");
    bench.changed(|world| {
        world.drafts.remove(2);
        world.drafts.remove(0);
    });
    assert!(bench.text().contains("range of 2"), "{}", bench.text());
    bench.press("v");
    assert_eq!(marked(&bench), [bench.hash_of(2), bench.hash_of(4)]);
}

#[test]
fn a_range_whose_beginning_left_marks_nothing() {
    let mut bench = Bench::new(120, 40);
    bench.press("vjj");
    bench.changed(|world| drop(world.drafts.remove(0)));
    assert!(bench.notice().contains("the range began at left the list"), "{}", bench.notice());
    assert!(marked(&bench).is_empty() && bench.model.marks.anchor().is_none());
}

#[test]
fn rejecting_a_range_that_was_not_fixed_means_its_rows() {
    let mut bench = Bench::new(120, 40);
    bench.press("vjx");
    assert!(bench.notice().starts_with("Reject 2 messages"), "{}", bench.notice());
}

#[test]
fn a_star_marks_what_is_not_loaded_too_and_again_unmarks_all() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.press("*");
    assert_eq!((bench.model.approvals.rows.len(), marked(&bench).len()), (200, 450));
    assert!(bench.text().contains("450 marked"));
    bench.press("*");
    assert!(marked(&bench).is_empty());
}

#[test]
fn a_star_marks_what_matches_the_filter_and_nothing_else() {
    let mut bench = Bench::new(120, 40);
    bench.press("/kari<enter>*<esc>");
    assert_eq!(marked(&bench), [bench.hash_of(6)]);
    bench.press("*");
    assert_eq!(marked(&bench).len(), 6, "the filter is another now");
}

#[test]
fn a_star_stops_at_ten_thousand_and_says_so() {
    let mut bench = Bench::with(many(10_001), 120, 40);
    bench.press("*");
    assert_eq!(marked(&bench).len(), 10_000);
    assert!(bench.notice().contains("more than 10 000 messages match"), "{}", bench.notice());
    assert!(bench.text().contains("10 000 marked"));
}

#[test]
fn the_inverse_is_over_everything_that_matches() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.press("<space>i");
    assert_eq!(marked(&bench).len(), 449);
    assert!(!bench.model.is_marked(id(1)));
    bench.press("i");
    assert_eq!(marked(&bench), [bench.hash_of(1)]);
}

#[test]
fn held_star_and_inverse_ask_once() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.is_answering = false;
    bench.press("***iii");
    assert_eq!(bench.asked.len(), 1, "{:?}", bench.asked);
}

/// S5, S13: "all matching" only marks; approve acts on what was seen, the others come back and stay marked.
#[test]
fn approving_all_marked_acts_on_what_was_seen() {
    let mut bench = Bench::with(many(450), 120, 40);
    bench.press("*a");
    assert_eq!(bench.approvals(), [bench.hash_of(1)]);
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    let text = bench.text();
    assert!(text.contains("approved 1 of 450 messages"), "{text}");
    assert!(text.contains("skipped: not seen: 449 messages, first Contact 2, Contact 3"), "{text}");
    bench.press("<esc>");
    assert_eq!(marked(&bench).len(), 449);
}

/// S8: reject acts on the bytes that were marked.
#[test]
fn rejecting_marks_names_the_bytes_of_marking() {
    let mut bench = Bench::new(120, 40);
    bench.press("<space>j");
    let at_marking = bench.hash_of(1);
    bench.changed(|world| {
        world.drafts[0] = item(1, Status::DraftPendingApproval, "Zoë Álvarez", None, mail("New", "Other."));
    });
    bench.press("xno<enter>");
    assert!(
        matches!(&bench.asked[0], Effect::Reject { items, .. } if *items == [at_marking]),
        "{:?}",
        bench.asked
    );
}

/// S13: ten thousand go out a thousand at a time, one after the other, and a failed request hides nothing.
#[test]
fn ten_thousand_go_out_in_requests_of_a_thousand() {
    let mut bench = Bench::with(many(10_000), 120, 40);
    bench.press("*xno<enter>");
    for request in 0..10 {
        assert_eq!(bench.asked.len(), 1, "one at a time");
        let Effect::Reject { generation, items, .. } = &bench.asked[0] else { panic!("{:?}", bench.asked) };
        assert_eq!(items.len(), BATCH_LIMIT);
        if request == 4 {
            let generation = *generation;
            bench.asked.clear();
            let result = Err(Failure::Refused("lock timeout".to_owned()));
            bench.tell(Msg::Decided { generation, result });
        } else {
            bench.later(1);
            bench.decide(|_| ItemOutcome::Rejected);
        }
        if request == 2 {
            assert!(
                bench.notice().starts_with("rejecting 3 000 of 10 000 · 1 000/s · 7 s left"),
                "{}",
                bench.notice()
            );
        }
    }
    let text = bench.text();
    assert!(text.contains("rejected 9 000 of 10 000 messages"), "{text}");
    assert!(text.contains("1 000 messages: not rejected: lock timeout"), "{text}");
    assert_eq!(marked(&bench).len(), 1_000);
}

#[test]
fn esc_stops_after_the_request_that_is_on_its_way() {
    let mut bench = Bench::with(many(3_000), 120, 40);
    bench.press("*xno<enter>");
    bench.decide(|_| ItemOutcome::Rejected);
    bench.press("<esc>");
    assert!(bench.notice().contains("stopping after the request"), "{}", bench.notice());
    bench.decide(|_| ItemOutcome::Rejected);
    assert!(bench.asked.is_empty());
    let text = bench.text();
    assert!(text.contains("rejected 2 000 of 3 000 messages"), "{text}");
    assert!(text.contains("stopped: 1 000 messages were not asked for and stay marked"), "{text}");
}

#[test]
fn what_somebody_else_did_to_the_row_under_the_cursor_is_named() {
    for (action, word) in
        [("approval.approve", "approved"), ("approval.reject", "rejected"), ("draft.withdraw", "withdrawn")]
    {
        let mut bench = Bench::new(120, 40);
        bench.changed(|world| {
            world.drafts.remove(0);
            world.fates.insert(id(1), by_ben(action, Status::Approved));
        });
        let expected = format!("taken by ben, 14:01 ({word}): Zoë Álvarez · Nordlys AS");
        assert_eq!(bench.notice(), expected);
    }
}

#[test]
fn what_expired_under_the_cursor_was_taken_by_nobody() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.drafts.remove(0);
        let fate = Fate { actor_kind: "engine".to_owned(), ..by_ben("draft.expire", Status::Expired) };
        world.fates.insert(id(1), fate);
    });
    assert_eq!(bench.notice(), "left the list, 14:01 (expired): Zoë Álvarez · Nordlys AS");
}

/// A draft that a reply withdrew says so: nobody has to look for who did it.
#[test]
fn what_a_reply_withdrew_under_the_cursor_says_so() {
    for (reason, word) in
        [("replied", "they replied"), ("booked", "they booked a meeting"), ("why", "withdrawn")]
    {
        let mut bench = Bench::new(120, 40);
        bench.changed(|world| {
            world.drafts.remove(0);
            let by_engine = by_ben("activity.withdraw", Status::Withdrawn);
            let (actor_kind, reason) = ("engine".to_owned(), Some(reason.to_owned()));
            world.fates.insert(id(1), Fate { actor_kind, reason, ..by_engine });
        });
        assert_eq!(bench.notice(), format!("left the list, 14:01 ({word}): Zoë Álvarez · Nordlys AS"));
    }
}

#[test]
fn who_changed_the_message_under_the_cursor_is_named() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.drafts[0] = item(1, Status::DraftPendingApproval, "Zoë Álvarez", None, mail("New", "Other."));
        world.fates.insert(id(1), by_ben("draft.revise", Status::DraftPendingApproval));
    });
    assert!(
        bench.notice().starts_with("changed by ben, 14:01; it is shown from the top"),
        "{}",
        bench.notice()
    );
}

#[test]
fn marked_rows_that_vanish_are_unmarked_and_counted() {
    let mut bench = Bench::new(120, 40);
    bench.press("jvjvgg");
    bench.changed(|world| drop(world.drafts.drain(1..3)));
    assert!(marked(&bench).is_empty());
    assert!(bench.notice().contains("2 messages you had marked left the list"), "{}", bench.notice());
}

/// S9: nothing that decides or marks comes out of pasted text, and only approving waits for the eye.
#[test]
fn pasted_text_marks_and_decides_nothing() {
    let mut bench = Bench::new(120, 40);
    for text in ["a\r", "x", "u", "*", "v", "i", "s", "S", " "] {
        bench.tell(Msg::Pasted(text.repeat(4)));
        assert!(bench.asked.is_empty() && marked(&bench).is_empty(), "{text}");
        assert!(bench.model.dialog.is_none() && bench.model.marks.anchor().is_none(), "{text}");
    }
    assert!(bench.notice().contains("pasted text was not taken"));
}

/// S9: keys that follow an escape introducer within 50 ms are dropped, also when they mark.
#[test]
fn keys_torn_off_an_escape_sequence_do_nothing() {
    for key in ["a", "x", "u", "*", "v", "i", "s", "S"] {
        let mut bench = Bench::new(120, 40);
        bench.key(parse("<esc>")[0]);
        bench.pass(Duration::from_millis(49));
        bench.key(parse(key)[0]);
        assert!(bench.asked.is_empty() && marked(&bench).is_empty(), "{key}");
        assert!(bench.model.dialog.is_none() && bench.model.marks.anchor().is_none(), "{key}");
        assert!(!bench.model.is_snooze_list());
        bench.key(parse("<esc>")[0]);
        bench.pass(Duration::from_millis(50));
        bench.key(parse("v")[0]);
        assert!(bench.model.marks.anchor().is_some(), "50 ms later it is a key again");
    }
}

/// S9: a held approve key does not run on into the item that came under the cursor by itself.
#[test]
fn a_held_approve_key_stops_at_an_item_nobody_looked_at() {
    let mut bench = Bench::new(120, 40);
    bench.key(parse("a")[0]);
    bench.changed(|world| drop(world.drafts.remove(0)));
    for _ in 0..8 {
        bench.paint();
        bench.pass(Duration::from_millis(30));
        bench.key(parse("a")[0]);
    }
    assert_eq!(bench.approvals().iter().map(|item| item.id).collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn snoozing_asks_until_when_and_the_list_leaves_it_out() {
    let mut bench = Bench::new(120, 40);
    bench.press("s<enter>");
    assert!(bench.notice().starts_with("Snooze 1 message for:"), "an empty answer asks again");
    bench.press("2<enter>");
    let until = now() + SignedDuration::from_hours(4);
    assert!(
        matches!(&bench.asked[0], Effect::Snooze { ids, until: Some(asked), .. } if *ids == [id(1)] && *asked == until)
    );
    bench.decide(|_| ItemOutcome::Snoozed { until });
    assert!(bench.notice().starts_with("snoozed until 18:02: Zoë"), "{}", bench.notice());
    let text = bench.text();
    assert!(text.contains("5 pending   1 snoozed") && text.contains("1 Approvals 5"), "{text}");
    assert_eq!(bench.cursor(), Some(id(2)));
}

#[test]
fn the_snoozed_are_listed_and_brought_back() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.snoozed.insert(id(3), now() + SignedDuration::from_hours(4));
    });
    bench.press("S");
    assert_eq!(bench.model.approvals.rows.len(), 1);
    assert!(
        bench.text().contains("snoozed by you") && bench.text().contains("until 18:02"),
        "{}",
        bench.text()
    );
    bench.press("a");
    assert!(bench.asked.is_empty() && bench.notice().contains("s brings them back"), "{}", bench.notice());
    bench.press("s");
    bench.decide(|_| ItemOutcome::Woken);
    assert!(bench.text().contains("Nothing is snoozed"), "{}", bench.text());
    bench.press("<esc>");
    assert_eq!(bench.model.approvals.rows.len(), 6);
}

#[test]
fn a_snoozed_draft_that_is_due_comes_back_without_a_key() {
    let mut bench = Bench::new(120, 40);
    let due = now() + SignedDuration::from_millis(90_500);
    bench.changed(|world| {
        world.snoozed.insert(id(3), due);
    });
    assert_eq!(bench.model.approvals.rows.len(), 5);
    bench.later(60);
    assert_eq!(bench.model.next_change(), due, "the clock is asked for exactly then");
    bench.later(30);
    assert_eq!(bench.model.approvals.rows.len(), 5);
    bench.later(1);
    assert_eq!(bench.model.approvals.rows.len(), 6);
}

#[test]
fn a_snooze_that_cannot_be_is_refused_with_the_reason() {
    let mut bench = Bench::new(120, 40);
    bench.press("ssoon<enter>");
    assert!(bench.notice().contains("neither a duration"), "{}", bench.notice());
    bench.press("s31d<enter>");
    assert!(bench.notice().contains("at most 30 days"), "{}", bench.notice());
    assert!(bench.asked.is_empty());
}

#[test]
fn snooze_dialog_80x24() {
    let mut bench = Bench::new(80, 24);
    bench.press("s");
    assert_snapshot!(bench.picture());
}

#[test]
fn range_120x40() {
    let mut bench = Bench::new(120, 40);
    bench.press("<space>jvj");
    assert_snapshot!(bench.picture());
}
