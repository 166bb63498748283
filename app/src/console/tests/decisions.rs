//! Which items and bytes a key means, and what is said afterwards.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::actor::Role;
use countersign_core::approval::{ItemOutcome, Resolution};
use countersign_core::outbox::store::KillScope;

use super::bench::{Bench, World, parse};
use super::fixtures::{ago, id, item, long_draft, mail, outbox_id};
use crate::console::msg::{Effect, Failure, Msg};
use crate::console::switch::{Reach, Turn};
use crate::console::theme::{Charset, Theme};

#[test]
fn approving_names_the_item_and_the_bytes_that_were_shown() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    assert_eq!(bench.approvals(), [bench.hash_of(1)]);
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    assert!(bench.notice().starts_with("approved, leaves in 30 s: Zoë Álvarez"), "{}", bench.notice());
    assert_eq!(bench.cursor(), Some(id(2)));
}

#[test]
fn a_row_stays_until_the_commit_is_known() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    assert_eq!(bench.model.approvals.rows.len(), 6);
    assert!(bench.text().contains("… "), "the row shows that a decision is on its way");
    bench.press("a");
    assert_eq!(bench.approvals().len(), 1, "it is not asked for twice");
}

/// S5: approval needs the end to have been shown.
#[test]
fn a_long_message_is_approved_only_after_its_end_was_shown() {
    let world = World { drafts: vec![long_draft(1)], version: 1, ..World::default() };
    let mut bench = Bench::with(world, 120, 40);
    bench.press("a");
    assert!(bench.approvals().is_empty());
    assert!(bench.notice().contains("read to the end first"), "{}", bench.notice());
    bench.press("<pagedown><pagedown>");
    assert!(bench.approvals().is_empty());
    bench.press("<pagedown><pagedown><pagedown><pagedown><pagedown><pagedown>a");
    assert_eq!(bench.approvals().len(), 1);
}

#[test]
fn a_message_that_was_never_open_is_not_approved() {
    let mut bench = Bench::new(80, 24);
    bench.press("a");
    assert!(bench.approvals().is_empty());
    assert!(bench.notice().contains("enter opens the message"), "{}", bench.notice());
    bench.press("j<enter>a");
    assert_eq!(bench.approvals(), [bench.hash_of(2)]);
}

/// S9: the key acts on the id and hash that were painted.
#[test]
fn a_row_inserted_above_at_the_key_press_changes_nothing() {
    let mut bench = Bench::new(120, 40);
    let painted = bench.hash_of(1);
    bench.changed(|world| {
        let mut above = item(9, Status::DraftPendingApproval, "Intruder", None, mail("x", "x"));
        above.row.created_at = ago(90_000);
        world.drafts.push(above);
    });
    bench.key(parse("a")[0]);
    assert_eq!(bench.approvals(), [painted]);
}

/// S8: the bytes changed between the last frame and the key press.
#[test]
fn bytes_that_changed_after_the_last_frame_are_not_approved() {
    let mut bench = Bench::new(120, 40);
    let shown = bench.hash_of(1);
    bench.changed(|world| {
        world.drafts[0] =
            item(1, Status::DraftPendingApproval, "Zoë Álvarez", None, mail("New", "Other words."));
    });
    bench.key(parse("a")[0]);
    assert!(bench.approvals().is_empty());
    bench.paint();
    assert!(bench.text().contains("Other words."));
    bench.press("a");
    assert_eq!(bench.approvals(), [bench.hash_of(1)]);
    assert_ne!(bench.hash_of(1), shown);
}

/// S9: approve keys wait after the item under the cursor changed by itself.
#[test]
fn approve_waits_a_moment_after_the_item_under_the_cursor_left() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.drafts.remove(0);
    });
    bench.key(parse("a")[0]);
    assert!(bench.approvals().is_empty(), "not drawn yet");
    bench.paint();
    bench.pass(Duration::from_millis(249));
    bench.key(parse("a")[0]);
    assert!(bench.approvals().is_empty(), "drawn a moment ago");
    bench.pass(Duration::from_millis(1));
    bench.key(parse("a")[0]);
    assert_eq!(bench.approvals(), [bench.hash_of(2)]);
}

#[test]
fn marked_messages_that_were_not_seen_come_back_as_skipped() {
    let mut bench = Bench::new(80, 24);
    bench.press("j<enter><space>j<space><esc>jj<space>a");
    assert_eq!(bench.approvals(), [bench.hash_of(2), bench.hash_of(3)]);
    let approved = bench.approved();
    bench.decide(|decided| match decided == id(2) {
        true => approved.clone(),
        false => {
            ItemOutcome::Taken { status: Status::Approved, by: Some("ben".to_owned()), at: Some(ago(60)) }
        }
    });
    let text = bench.text();
    assert!(text.contains("approved 1 of 3 messages"), "{text}");
    assert!(text.contains("taken by ben 14:01 (holding): 山田 太郎"), "{text}");
    assert!(text.contains("skipped: not seen: studio.casa.lima"), "{text}");
}

/// S8, in words.
#[test]
fn a_conflict_says_what_to_do() {
    let mut bench = Bench::new(120, 40);
    let other = bench.hash_of(2).payload_sha256;
    bench.press("a");
    bench.decide(|_| ItemOutcome::Changed { payload_sha256: other });
    assert!(bench.notice().contains("changed since shown: look again"), "{}", bench.notice());
    bench.press("x");
    bench.press("no<enter>");
    bench.decide(|_| ItemOutcome::Taken {
        status: Status::Approved,
        by: Some("ben".to_owned()),
        at: Some(ago(60)),
    });
    assert!(bench.notice().contains("taken by ben 14:01 (holding)"), "{}", bench.notice());
}

#[test]
fn rejecting_asks_for_a_reason_and_takes_none_for_an_answer() {
    let mut bench = Bench::new(80, 24);
    bench.press("x<enter>");
    assert!(bench.asked.is_empty());
    assert!(bench.notice().starts_with("Reject 1 message, reason:"), "{}", bench.notice());
    bench.press("wrong tonn<backspace>e<enter>");
    match bench.asked.as_slice() {
        [Effect::Reject { items, reason, .. }] => {
            assert_eq!(items, &[bench.hash_of(1)]);
            assert_eq!(reason, "wrong tone");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn esc_leaves_a_question_without_deciding() {
    let mut bench = Bench::new(80, 24);
    bench.press("xbecause<esc>");
    assert!(bench.asked.is_empty());
    assert!(bench.model.dialog.is_none());
}

#[test]
fn undo_takes_back_the_latest_approvals_while_their_time_runs() {
    let mut bench = Bench::new(120, 40);
    bench.press("<space>j<space>a");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.later(12);
    assert!(bench.text().contains("u undo 2 (18 s)"), "{}", bench.text());
    bench.press("u");
    assert_eq!(
        bench.asked,
        [Effect::Undo { generation: generation(&bench.asked[0]), ids: vec![id(1), id(2)] }]
    );
    bench.decide(|_| ItemOutcome::Undone);
    assert!(bench.notice().contains("taken back 2 messages"), "{}", bench.notice());
    bench.press("u");
    assert!(bench.notice().contains("nothing can be taken back now"), "{}", bench.notice());
}

#[test]
fn undo_is_over_when_its_time_is() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.later(30);
    bench.press("u");
    assert!(bench.asked.is_empty());
}

#[test]
fn undo_in_outbox_takes_back_what_is_under_the_cursor() {
    let mut bench = Bench::new(120, 40);
    bench.press("2jjju");
    assert_eq!(bench.asked.len(), 1);
    assert!(matches!(&bench.asked[0], Effect::Undo { ids, .. } if *ids == [id(11)]), "{:?}", bench.asked);
}

#[test]
fn settling_asks_for_a_reason_then_for_a_digit_and_never_takes_the_opening_key_for_an_answer() {
    let mut bench = Bench::new(120, 40);
    bench.press("2<enter><enter>");
    assert!(bench.asked.is_empty());
    bench.press("found it in their log<enter><enter>");
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    bench.press("1");
    match bench.asked.as_slice() {
        [Effect::Resolve { id: settled, resolution: Resolution::WasSent, reason, .. }] => {
            assert_eq!((*settled, reason.as_str()), (id(21), "found it in their log"));
        }
        other => panic!("{other:?}"),
    }
    bench.decide(|_| ItemOutcome::Resolved { status: Status::Sent });
    assert!(bench.notice().contains("settled as sent"), "{}", bench.notice());
}

#[test]
fn pausing_asks_why_and_resuming_does_not() {
    let mut bench = Bench::new(120, 40);
    bench.press("2pcredential leaked<enter>");
    assert!(
        matches!(&bench.asked[0], Effect::Switch { reach: Reach::Outbox { name, .. }, turn: Turn::Pause { reason } }
            if name == "main" && reason == "credential leaked")
    );
    bench.press("ojjp");
    assert!(
        matches!(&bench.asked[1], Effect::Switch { reach: Reach::Outbox { name, .. }, turn: Turn::Resume } if name == "li-jp"),
        "{:?}",
        bench.asked
    );
    bench.tell(Msg::Switched {
        reach: Reach::Outbox { id: outbox_id(3), name: "li-jp".to_owned() },
        turn: Turn::Resume,
        result: Err(Failure::Refused("no".to_owned())),
    });
    assert_eq!(bench.notice(), "not resumed: no");
}

/// What was stopped for good does not open at one key, and its state is said in words.
#[test]
fn a_killed_outbox_stays_shut_at_a_key() {
    let mut world = World::filled();
    world.outboxes[0].enabled = false;
    world.outboxes[0].pause_reason = Some("wrong list".to_owned());
    world.outboxes[0].kill_reason = Some("wrong list".to_owned());
    world.outboxes[0].kill_scope = Some(KillScope::Outbox);
    let theme = Theme::shipped("default", Charset::Unicode);
    let mut bench = Bench::themed(world, 120, 40, theme, Role::Admin);
    bench.press("2p");
    assert!(bench.asked.is_empty() && bench.model.dialog.is_none());
    assert!(bench.notice().contains("main is killed, not paused: X lifts that"), "{}", bench.notice());
    assert!(bench.text().contains("KILLED: wrong list"), "{}", bench.text());
}

#[test]
fn a_viewer_decides_nothing_and_is_told_why() {
    let theme = Theme::shipped("default", Charset::Unicode);
    let mut bench = Bench::themed(World::filled(), 120, 40, theme, Role::Viewer);
    for keys in ["a", "x", "u", "2p"] {
        bench.press(keys);
        assert!(
            bench.notice().contains("needs the approver role, you are viewer"),
            "{keys}: {}",
            bench.notice()
        );
    }
    bench.press("<enter>");
    assert!(bench.model.dialog.is_none());
    assert!(bench.asked.is_empty());
}

/// R19: a decision is shown as made only after its commit is known.
#[test]
fn a_lost_answer_is_not_taken_for_a_decision() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    let generation = generation(&bench.asked[0]);
    bench.tell(Msg::Decided { generation, result: Err(Failure::Unavailable("gone".to_owned())) });
    assert!(
        bench.notice().contains("the list will show whether the decision was recorded"),
        "{}",
        bench.notice()
    );
    assert_eq!(bench.model.approvals.rows.len(), 6);
    assert!(bench.model.undoable().is_none());
}

fn generation(effect: &Effect) -> u64 {
    match effect {
        Effect::Approve { generation, .. } | Effect::Undo { generation, .. } => *generation,
        other => panic!("{other:?}"),
    }
}
