//! Is it true what is on screen: other people's changes, a lost database, late answers, and when it is drawn again.
use countersign_core::activity::view::{List, Page};

use super::bench::{Bench, World};
use super::fixtures::{drafts, id};
use crate::console::backend::{DispatcherState, EngineStatus};
use crate::console::msg::{Effect, Failure, Msg};

#[test]
fn another_persons_change_appears_without_a_key() {
    let mut bench = Bench::new(120, 40);
    bench.changed(|world| {
        world.drafts.remove(3);
    });
    assert!(!bench.text().contains("Haifa Tiles"));
    assert!(bench.text().contains("5 pending"));
}

#[test]
fn a_lost_database_is_said_and_nothing_is_decided_until_it_is_back() {
    let mut bench = Bench::new(120, 40);
    bench.lose_database();
    bench.lose_database();
    let text = bench.text();
    assert!(text.contains("! stale since 14:02 · reconnecting (2)") && text.contains("read only"), "{text}");
    bench.press("a");
    assert!(bench.asked.is_empty());
    assert!(bench.notice().contains("the database does not answer"), "{}", bench.notice());
    bench.tell(Msg::Polled(1));
    assert!(bench.text().contains("● live"));
    bench.press("a");
    assert_eq!(bench.approvals().len(), 1);
}

#[test]
fn a_stale_screen_asks_for_nothing() {
    let mut bench = Bench::new(120, 40);
    bench.lose_database();
    let before = bench.reads;
    bench.press("jjG2<tab>");
    assert_eq!(bench.reads, before);
}

#[test]
fn a_question_that_was_open_when_the_database_went_is_not_answered() {
    let mut bench = Bench::new(120, 40);
    bench.press("xno");
    bench.lose_database();
    bench.press("<enter>");
    assert!(bench.asked.is_empty());
    assert!(bench.notice().contains("not rejected"), "{}", bench.notice());
}

#[test]
fn answers_to_old_questions_are_dropped() {
    let mut bench = Bench::new(120, 40);
    bench.is_answering = false;
    bench.press("c");
    let [Effect::LoadPage { generation, .. }] = bench.asked.as_slice() else { panic!("{:?}", bench.asked) };
    let old = *generation;
    bench.press("c");
    let rows = drafts().into_iter().map(|item| item.row).collect();
    bench.tell(Msg::PageLoaded {
        generation: old,
        list: List::Approvals,
        result: Ok(Page { rows, next: None }),
    });
    assert!(bench.model.approvals.rows.is_empty());
}

#[test]
fn while_the_cursor_runs_one_item_is_on_its_way() {
    let mut bench = Bench::new(120, 40);
    bench.is_answering = false;
    bench.press("jjjj");
    let details = bench.asked.iter().filter(|effect| matches!(effect, Effect::LoadDetail { .. })).count();
    assert_eq!(details, 1);
}

#[test]
fn a_refused_read_is_said_once_and_not_repeated() {
    let mut bench = Bench::new(120, 40);
    bench.is_answering = false;
    bench.press("c");
    let Some(Effect::LoadPage { generation, .. }) = bench.asked.pop() else { panic!() };
    let result = Err(Failure::Refused("table crm_activities, row 7: no such status".to_owned()));
    bench.tell(Msg::PageLoaded { generation, list: List::Approvals, result });
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    assert!(bench.notice().contains("row 7"), "{}", bench.notice());
}

#[test]
fn it_is_drawn_only_when_something_reads_differently() {
    let mut bench = Bench::new(120, 40);
    bench.paint();
    bench.tell(Msg::Polled(1));
    assert!(!bench.model.is_dirty, "a poll without news");
    bench.later(1);
    assert!(!bench.model.is_dirty, "a second nobody waits for");
    bench.later(59);
    assert!(bench.model.is_dirty, "ages are shown in minutes");
}

#[test]
fn a_countdown_is_drawn_every_second_and_only_while_it_runs() {
    let mut bench = Bench::new(120, 40);
    bench.press("a");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.later(1);
    assert!(bench.model.is_dirty);
    bench.later(40);
    bench.paint();
    bench.later(1);
    assert!(!bench.model.is_dirty);
}

#[test]
fn a_stopped_dispatcher_is_said_with_its_reason() {
    let mut bench = Bench::new(120, 40);
    let dispatcher = DispatcherState::Failed { reason: "lease lost\u{1b}[2J".to_owned() };
    bench.tell(Msg::EngineChanged(EngineStatus { dispatcher, ..EngineStatus::default() }));
    let text = bench.text();
    assert!(
        text.contains("! dispatcher failed") && text.contains("the dispatcher stopped: lease lost"),
        "{text}"
    );
}

/// F22: why nothing leaves before a person says so stands on the Outbox and on the Activity screen.
#[test]
fn a_halted_dispatcher_is_said_with_its_reason() {
    let mut bench = Bench::new(120, 40);
    let dispatcher = DispatcherState::Halted { reason: "another server\u{1b}[2J".to_owned() };
    bench.tell(Msg::EngineChanged(EngineStatus { dispatcher, ..EngineStatus::default() }));
    for key in ["1", "2", "7", "9"] {
        bench.press(key);
        let text = bench.text();
        assert!(text.contains("! dispatcher halted") && text.contains("! HALTED: another server"), "{text}");
    }
}

#[test]
fn an_empty_company_is_told_what_to_do_next() {
    let mut bench = Bench::with(World { version: 1, ..World::default() }, 80, 24);
    let text = bench.text();
    for command in ["countersign drafts import FILE.jsonl", "countersign outboxes add …", "countersign demo"]
    {
        assert!(text.contains(command), "{text}");
    }
    bench.press("a");
    assert!(bench.notice().contains("the list is empty"), "{}", bench.notice());
    assert_ne!(bench.cursor(), Some(id(1)));
}
