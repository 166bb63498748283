//! The first of two approvals, taken back.
use countersign_core::approval::{ItemOutcome, Undone};

use super::bench::Bench;
use super::fixtures::id;
use super::safety::{risky, voted};
use crate::console::msg::{Effect, Msg};

/// What the only request would take back.
fn taken_back(bench: &Bench) -> Vec<countersign_core::ids::ActivityId> {
    match bench.asked.as_slice() {
        [Effect::Undo { ids, .. }] => ids.clone(),
        other => panic!("{other:?}"),
    }
}

/// Right after it was given, and then the screen says that nobody approved it.
#[test]
fn a_first_approval_is_taken_back_by_the_same_key() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("a");
    bench.decide(|_| ItemOutcome::NeedsSecond);
    assert!(bench.text().contains("u undo yours"), "{}", bench.text());
    bench.press("u");
    assert_eq!(taken_back(&bench), [id(1)]);
    bench.decide(|_| ItemOutcome::Undone);
    assert!(bench.notice().starts_with("taken back, a draft again: Zoë"), "{}", bench.notice());
    assert_eq!((bench.cursor(), bench.model.approvals.rows.len()), (Some(id(1)), 6));
    let text = bench.text();
    assert!(text.contains("0 of 2 approved; two people have to") && !text.contains("1 of 2"), "{text}");
    bench.press("u");
    assert!(
        bench.asked.is_empty() && bench.notice().contains("nothing can be taken back"),
        "{}",
        bench.notice()
    );
}

/// Also one of another day, if it is this person's; that of somebody else is not theirs to take back with a stroke of a key.
#[test]
fn an_own_approval_of_another_day_is_taken_back_under_the_cursor() {
    let mut world = risky();
    voted(&mut world, "ana");
    let mut bench = Bench::with(world, 120, 40);
    bench.press("ju");
    assert!(bench.asked.is_empty(), "another draft is under the cursor");
    bench.press("ku");
    assert_eq!(taken_back(&bench), [id(1)]);

    let mut world = risky();
    voted(&mut world, "ben");
    let mut bench = Bench::with(world, 120, 40);
    bench.press("u");
    assert!(
        bench.asked.is_empty() && bench.notice().contains("nothing can be taken back"),
        "{}",
        bench.notice()
    );
}

/// What is about to leave is taken back first, wherever the cursor came to stand.
#[test]
fn what_counts_down_is_taken_back_before_an_older_first_approval() {
    let mut world = risky();
    voted(&mut world, "ana");
    let mut bench = Bench::with(world, 120, 40);
    bench.press("ja");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.press("k");
    assert_eq!(bench.cursor(), Some(id(1)));
    bench.press("u");
    assert_eq!(taken_back(&bench), [id(2)]);
    bench.asked.clear();
    bench.model.deciding.clear();
    bench.later(31);
    bench.press("u");
    assert_eq!(taken_back(&bench), [id(1)]);
}

/// A first approval that was just given is the latest decision, also while an older one counts down.
#[test]
fn a_first_approval_just_given_is_taken_back_before_what_counts_down() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("ja");
    let approved = bench.approved();
    bench.decide(|_| approved.clone());
    bench.press("k");
    bench.pass(std::time::Duration::from_secs(1));
    bench.press("a");
    bench.decide(|_| ItemOutcome::NeedsSecond);
    bench.press("u");
    assert_eq!(taken_back(&bench), [id(1)]);
}

/// The key for everything of the latest approval reaches first approvals too.
#[test]
fn a_batch_of_first_approvals_is_taken_back_as_a_whole() {
    let mut bench = Bench::with(risky(), 120, 40);
    bench.press("<space>j<space>a");
    bench.decide(|_| ItemOutcome::NeedsSecond);
    bench.press("U");
    let [Effect::UndoBatch { decision }] = bench.asked[..] else { panic!("{:?}", bench.asked) };
    bench.asked.clear();
    bench.tell(Msg::BatchUndone { decision, result: Ok(Undone { undone: 2, batch_size: 2 }) });
    assert!(bench.notice().contains("taken back 2 of 2 messages"), "{}", bench.notice());
}
