//! Four eyes: the first of two approvals, taken back.
use countersign_core::activity::status::Status;
use countersign_core::activity::store_read;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, Item, ItemOutcome};
use countersign_core::company::policy::{PolicyChange, set_policy};
use countersign_core::error::Error;
use countersign_core::ids::BatchId;
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::world::{World, draft, rendering};

use crate::gates::dispatch_until;

/// A company that asks for two people, and a message of high risk that the approver approved.
async fn half_approved() -> (World, Item) {
    let world = World::new().await;
    let change = PolicyChange { four_eyes: Some(true), ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("three people may decide");
    let [item] = world.file(&[draft(1)]).await[..] else { panic!("one item") };
    assert_eq!(approve_as(&world, &world.approver, item).await, ItemOutcome::NeedsSecond);
    (world, item)
}

async fn approve_as(world: &World, actor: &Actor, item: Item) -> ItemOutcome {
    world.try_approve(actor, &[item]).await.remove(0).outcome
}

async fn undo_as(world: &World, actor: &Actor, item: Item) -> Result<ItemOutcome, Error> {
    let results = approval::undo(&world.pool, actor, world.company, &[item.id]).await;
    results.map(|mut results| results.remove(0).outcome)
}

/// How many people approved it, and who approved or took back what in which round, as a screen reads it.
async fn told(world: &World, item: Item) -> (i64, Vec<String>) {
    let mut conn = world.pool.acquire().await.expect("a connection");
    let detail = store_read::detail(&mut conn, world.company, item.id, &rendering()).await.expect("reads");
    let detail = detail.expect("it is there");
    assert!(detail.needs_two);
    let decisions = detail.decisions.iter().map(|one| format!("{} {} {}", one.round, one.verdict, one.by));
    (detail.row.approvals, decisions.collect())
}

/// The first of two approvals can be taken back; then it counts for nothing, and two people are needed again.
#[tokio::test]
async fn the_first_of_two_approvals_can_be_taken_back() {
    let (world, item) = half_approved().await;
    assert_eq!(undo_as(&world, &world.approver, item).await.expect("answers"), ItemOutcome::Undone);
    let stored = world.stored(item.id).await;
    assert_eq!((stored.status, stored.round), (Status::DraftPendingApproval, 2));
    let log = ["1 approve ben", "1 undo ben"].map(str::to_owned);
    assert_eq!(told(&world, item).await, (0, log.to_vec()));
    let audit = world.audit(item.id).await;
    assert_eq!(audit[audit.len() - 2..], ["approval.approve", "approval.undo"]);
    // There is nothing left to take back.
    let again = undo_as(&world, &world.approver, item).await.expect("answers");
    assert_eq!(again, ItemOutcome::Already { status: Status::DraftPendingApproval });

    // One approval is not enough, whoever gives it, and whoever changed their mind may change it again.
    assert_eq!(approve_as(&world, &world.second, item).await, ItemOutcome::NeedsSecond);
    assert_eq!(approve_as(&world, &world.second, item).await, ItemOutcome::NeedsSecond);
    assert_eq!(told(&world, item).await.0, 1);
    let both = approve_as(&world, &world.approver, item).await;
    assert!(matches!(both, ItemOutcome::Approved { .. }), "{both:?}");
    let provider = Provider::start().await;
    dispatch_until(&world, &provider, "it is sent", async || world.status(item.id).await == Status::Sent)
        .await;
    books::compare(&world, &provider).await;
}

/// It can be given and taken back any number of times, and never adds up to two.
#[tokio::test]
async fn one_person_never_makes_two() {
    let (world, item) = half_approved().await;
    for _ in 0..3 {
        assert_eq!(undo_as(&world, &world.approver, item).await.expect("answers"), ItemOutcome::Undone);
        assert_eq!(approve_as(&world, &world.approver, item).await, ItemOutcome::NeedsSecond);
    }
    assert_eq!(told(&world, item).await.0, 1);
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
}

/// Who may take an approval back may take back the first of two, and nobody else: it is the same verb. The log says who did.
#[tokio::test]
async fn only_who_may_take_back_takes_back_the_first_of_two() {
    let (world, item) = half_approved().await;
    let agent = Actor::Agent { name: "scout".to_owned() };
    for actor in [&world.viewer, &agent] {
        let refused = undo_as(&world, actor, item).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    }
    assert_eq!(told(&world, item).await, (1, vec!["1 approve ben".to_owned()]));
    // To try again is for what failed.
    let retried =
        approval::retry(&world.pool, &world.approver, world.company, item.id).await.expect("answers");
    assert!(matches!(retried.outcome, ItemOutcome::Taken { .. }), "{retried:?}");
    assert_eq!(undo_as(&world, &world.second, item).await.expect("answers"), ItemOutcome::Undone);
    assert_eq!(told(&world, item).await.1, ["1 approve ben", "1 undo cleo"]);
    assert_eq!(approve_as(&world, &world.second, item).await, ItemOutcome::NeedsSecond);
}

/// Taking back and the second approval at once: either the second one counts and all of it is taken back, or it is the first of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_approval_never_completes_what_was_taken_back() {
    let (world, _) = half_approved().await;
    for number in 2..22 {
        let [item] = world.file(&[draft(number)]).await[..] else { panic!("one item") };
        approve_as(&world, &world.approver, item).await;
        let (undone, voted) =
            tokio::join!(undo_as(&world, &world.approver, item), approve_as(&world, &world.second, item));
        assert_eq!(undone.expect("answers"), ItemOutcome::Undone);
        assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
        let expected = i64::from(voted == ItemOutcome::NeedsSecond);
        assert_eq!(told(&world, item).await.0, expected, "{voted:?}");
    }
}

/// What is taken back together includes the first approvals among it.
#[tokio::test]
async fn a_batch_is_taken_back_with_its_first_approvals() {
    let (world, _) = half_approved().await;
    let items = world.file(&[draft(2), draft(3)]).await;
    world.sql(&format!("UPDATE crm_activity_details SET proposed_kind = 'operator', proposed_id = gen_random_uuid() WHERE activity_id = '{}'", items[1].id)).await;
    let batch = BatchId::new();
    let results = approval::approve_in(&world.pool, &world.second, world.company, &items, batch).await;
    let results = results.expect("answers");
    assert_eq!(results[0].outcome, ItemOutcome::NeedsSecond);
    assert!(matches!(results[1].outcome, ItemOutcome::Approved { .. }), "{results:?}");
    let done = approval::undo_batch(&world.pool, &world.second, world.company, batch).await.expect("answers");
    assert_eq!((done.undone, done.batch_size), (2, 2));
    assert_eq!(told(&world, items[0]).await.0, 0);
    assert_eq!(world.status(items[1].id).await, Status::DraftPendingApproval);
}
