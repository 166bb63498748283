//! The Activity screen: engines and tasks, the audit log, and how an attached console learns who sends.
use countersign_core::audit;
use countersign_core::engine::board::{Health, Task};
use countersign_core::engine::store::Facts;
use countersign_core::engine::{DISPATCHER, Mode, Process};
use countersign_core::ids::AuditId;
use serde_json::json;
use uuid::Uuid;

use super::bench::{Bench, World};
use super::fixtures::ago;
use crate::console::activity::Runtime;
use crate::console::backend::{DispatcherState, Places};
use crate::console::msg::{Effect, Msg};

fn task(name: &str, health: Health) -> Task {
    Task { name: name.to_owned(), health, ran_at: Some(ago(20)), tried_at: Some(ago(20)), ..Task::default() }
}

fn process(number: u128, mode: Mode, parts: Vec<Task>) -> Process {
    Process {
        id: Uuid::from_u128(number),
        mode,
        host: "ops1".to_owned(),
        pid: 4700 + i32::try_from(number).unwrap(),
        version: "0.1.0".to_owned(),
        parts,
        started_at: ago(7_200),
        seen_at: ago(10),
        is_fresh: true,
    }
}

/// One console that works, one service that was lost.
pub(super) fn runtime() -> Runtime {
    let mut lost = process(2, Mode::Serve, vec![task(DISPATCHER, Health::Ok)]);
    (lost.is_fresh, lost.seen_at, lost.host) = (false, ago(600), "ops2\u{1b}[31m".to_owned());
    let tasks = vec![task("outcomes", Health::Ok), task(DISPATCHER, Health::Ok), task("upkeep", Health::Ok)];
    let facts = Facts { version: "17.2".to_owned(), size_bytes: 41_300_000, oldest_xmin_age: 3 };
    Runtime { processes: vec![process(1, Mode::Console, tasks.clone()), lost], facts, tasks }
}

/// Rows of an audit log, newest first.
pub(super) fn audit(count: usize) -> Vec<audit::Row> {
    let actions = [
        ("approval.approve", "ana", Some("Kari Nordmann"), None),
        (
            "outbox.pause",
            "root",
            Some("main"),
            Some("the domain is on a block list; see the ticket of this morning"),
        ),
        ("dispatch.sent", "dispatcher", Some("Zoë \u{202e}Okafor"), None),
        ("secret.set", "root", None, None),
    ];
    let row = |number: usize| {
        let (action, actor, subject, reason) = actions[number % actions.len()];
        audit::Row {
            id: AuditId(Uuid::from_u128(1_000 + number as u128)),
            at: ago(i64::try_from(count - number).unwrap() * 400),
            actor_kind: if actor == "dispatcher" { "engine" } else { "operator" }.to_owned(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject_id: subject.map(|_| Uuid::from_u128(7)),
            subject: subject.map(str::to_owned),
            payload_sha256: None,
            reason: reason.map(str::to_owned),
            detail: json!({ "attempt": 1 }),
        }
    };
    (0..count).rev().map(row).collect()
}

fn places() -> Places {
    Places {
        database: "countersign in the private server".to_owned(),
        logs: "/home/ana/.local/state/countersign/log".to_owned(),
        config: "/home/ana/.config/countersign/config.toml".to_owned(),
    }
}

fn on_activity(world: World, width: u16, height: u16) -> Bench {
    let mut bench = Bench::with(world, width, height);
    bench.model.activity.places = places();
    bench.press("9");
    bench
}

#[test]
fn activity_120x40() {
    insta::assert_snapshot!(on_activity(World::filled(), 120, 40).picture());
}

#[test]
fn activity_80x24_with_a_long_log() {
    let mut bench = on_activity(World { audit: audit(450), ..World::filled() }, 80, 24);
    bench.press("jj");
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn activity_60x20_with_nothing_yet() {
    let mut bench = on_activity(World { version: 1, ..World::default() }, 60, 20);
    insta::assert_snapshot!(bench.picture());
}

#[test]
fn activity_80x24_with_a_failed_engine() {
    let mut world = World::filled();
    let mut failed = task(DISPATCHER, Health::Restarting);
    failed.restarts = 3;
    failed.error = Some("the claimer of the dispatcher ended by a fault".to_owned());
    failed.error_at = Some(ago(60));
    world.runtime.tasks[1] = failed.clone();
    world.runtime.processes[0].parts[1] = failed;
    let mut bench = on_activity(world, 80, 24);
    let reason = "the claimer of the dispatcher ended by a fault; it is started again".to_owned();
    let mut engine = bench.model.engine.clone();
    engine.dispatcher = DispatcherState::Failed { reason };
    bench.tell(Msg::EngineChanged(engine));
    insta::assert_snapshot!(bench.picture());
}

/// A row is read in full, foreign text made harmless, and `esc` comes back.
#[test]
fn enter_shows_a_row_in_full() {
    let mut bench = on_activity(World::filled(), 80, 24);
    bench.press("jj<enter>");
    let text = bench.text();
    assert!(
        text.contains("reason   the domain is on a block list") && text.contains("detail   attempt: 1"),
        "{text}"
    );
    bench.press("<esc>");
    assert!(bench.text().contains("subject · reason"));
    bench.press("i");
    assert!(bench.text().contains("Engines and this process"));
    assert!(bench.text().contains("not seen since 13:52"));
}

/// The cursor holds a row, not a place: new rows come in above it.
#[test]
fn the_cursor_keeps_its_row_when_rows_come_in() {
    let mut bench = on_activity(World::filled(), 80, 24);
    bench.press("jj");
    let at = bench.model.activity.at;
    let index = bench.model.activity_at.index;
    bench.changed(|world| world.audit = audit(15));
    assert_eq!(bench.model.activity.at, at);
    assert_eq!(bench.model.activity_at.index, index + 3);
}

/// Everything can be reached, page by page, once and in order.
#[test]
fn the_whole_log_can_be_walked() {
    let mut bench = on_activity(World { audit: audit(650), ..World::filled() }, 80, 24);
    assert_eq!(bench.model.activity.entries.len(), 200);
    bench.press("GGGG");
    let ids: Vec<_> = bench.model.activity.entries.iter().map(|entry| entry.row.id).collect();
    assert_eq!(ids.len(), 650);
    assert!(ids.is_sorted_by(|a, b| a > b));
    bench.changed(|world| world.audit = audit(651));
    assert_eq!(bench.model.activity.entries.len(), 651, "what was loaded stays when something is added");
}

/// More happened than a page holds: what is loaded no longer meets it and goes.
#[test]
fn a_gap_is_not_shown_as_if_nothing_were_missing() {
    let mut bench = on_activity(World::filled(), 80, 24);
    bench.changed(|world| world.audit = audit(400));
    bench.press("GG");
    assert_eq!(bench.model.activity.entries.len(), 400);
}

/// `/` narrows, `esc` widens again; no approval is touched by it.
#[test]
fn the_log_is_narrowed_by_text() {
    let mut bench = on_activity(World::filled(), 80, 24);
    bench.press("/pause<enter>");
    assert_eq!(bench.model.activity.entries.len(), 3);
    assert_eq!(bench.model.filter.text, None);
    assert!(bench.text().contains("filter: pause"));
    bench.press("<esc>");
    assert_eq!(bench.model.activity.entries.len(), 12);
    bench.press("/zzz<enter>");
    assert!(bench.text().contains("Nothing holds: zzz"));
}

/// `tab` goes round, `shift-tab` the other way.
#[test]
fn the_screens_are_a_ring() {
    let mut bench = Bench::new(80, 24);
    bench.press("<tab><tab>");
    assert!(bench.text().contains("all providers"));
    bench.press("<tab>");
    assert!(bench.text().contains("subject · reason"));
    bench.press("<tab>");
    assert!(bench.text().contains("128 pending") || bench.text().contains("pending"));
    bench.press("<s-tab>");
    assert!(bench.text().contains("subject · reason"));
    bench.press("a");
    assert!(bench.asked.iter().all(|effect| !matches!(effect, Effect::Approve { .. })));
}

/// An idle minute draws at most once: a task that ran again is no news.
#[test]
fn a_task_that_merely_ran_again_is_not_drawn() {
    let mut bench = on_activity(World::filled(), 80, 24);
    bench.paint();
    let mut drawn = 0;
    for second in 1..=59 {
        for task in &mut bench.world.runtime.tasks {
            task.ran_at = Some(bench.now);
        }
        bench.later(1);
        bench.tell(Msg::Polled(1));
        if bench.model.is_dirty {
            drawn += 1;
            bench.paint();
        }
        assert!(drawn <= 1, "drawn again after {second} s");
    }
    assert!(bench.model.activity.runtime_asked_at > Some(super::fixtures::now()), "it was read again");
}

fn attached(runtime: Runtime) -> Bench {
    let mut bench = Bench::with(World { runtime, ..World::filled() }, 120, 40);
    let mut engine = bench.model.engine.clone();
    engine.dispatcher = DispatcherState::Elsewhere;
    bench.tell(Msg::EngineChanged(engine));
    bench
}

/// An attached console says who sends, or that nobody does, on every screen.
#[test]
fn an_attached_console_says_who_sends() {
    assert!(attached(runtime()).text().contains("attached: dispatcher ok (ops1, console)"));
    let mut two = runtime();
    two.processes.push(process(3, Mode::Serve, vec![task(DISPATCHER, Health::Waiting)]));
    assert!(attached(two).text().contains("dispatcher ok (2 processes)"));
    let mut none = runtime();
    none.processes.remove(0);
    let mut bench = attached(none);
    assert!(bench.text().contains("attached: ! no dispatcher runs"));
    assert!(bench.notice().contains("no dispatcher runs anywhere: approved messages wait"));
    let mut halted = runtime();
    halted.processes[0].parts[1].health = Health::Halted;
    halted.processes[0].parts[1].error = Some("another server\u{1b}[2J".to_owned());
    let mut bench = attached(halted);
    assert!(bench.text().contains("attached: ! dispatcher halted (ops1, console)"));
    assert!(bench.notice().contains("HALTED: another server"), "{}", bench.notice());
    let mut failing = runtime();
    failing.processes[0].parts[1].health = Health::Restarting;
    assert!(attached(failing).text().contains("attached: ! dispatcher failed (ops1, console)"));
}
