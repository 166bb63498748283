//! Taking back, reopening, and settling what is uncertain.
use countersign_core::activity::status::Status;
use countersign_core::approval::{self, Item, ItemOutcome, Resolution};
use countersign_core::error::Error;
use countersign_tests::world::{World, draft};
use rstest::rstest;

/// Sends an item by hand up to a place, with a quota taken on a day that is so many days past.
pub(crate) async fn put(world: &World, item: Item, status: Status, days_ago: i32) {
    let (id, word) = (item.id, status.as_str());
    world
        .sql(&format!(
            "UPDATE crm_activities SET status = 'dispatching', claim_id = id, attempt = attempt + 1, wire_at = now(), first_wire_at = now(),
              quota_day = (now() AT TIME ZONE 'UTC')::date - {days_ago} WHERE id = '{id}'"
        ))
        .await;
    if status != Status::Dispatching {
        world
            .sql(&format!("UPDATE crm_activities SET status = '{word}', claim_id = NULL WHERE id = '{id}'"))
            .await;
    }
    world.sql("UPDATE crm_credential_buckets SET sent_today = sent_today + 1").await;
}

async fn uncertain(days_ago: i32) -> (World, Item) {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    put(&world, item, Status::Uncertain, days_ago).await;
    (world, item)
}

/// Undo makes a draft of a new round, and the old decision does not come back with it (S12).
#[tokio::test]
async fn an_undone_item_needs_a_new_decision() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let again = world.undone(item.id).await;
    let stored = world.stored(item.id).await;
    assert_eq!((stored.status, stored.round), (Status::DraftPendingApproval, 2));
    world.approve(&[again]).await;
    assert_eq!(world.stored(item.id).await.round, 2);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'").await, 2);
    assert_eq!(
        world.audit(item.id).await,
        ["draft.file", "approval.approve", "approval.undo", "approval.approve"]
    );
}

/// A newer draft for the same contact, outbox and kind gives way in the same step; undo never fails because of it.
#[tokio::test]
async fn undo_supersedes_a_newer_draft_in_its_place() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let mut newer = draft(1);
    newer["clientDedupKey"] = "newer".into();
    let [newer] = world.file(&[newer]).await[..] else { panic!("one item") };
    world.undone(item.id).await;
    assert_eq!(world.status(newer.id).await, Status::Superseded);
    assert!(world.audit(newer.id).await.contains(&"draft.supersede".to_owned()));
    assert_eq!(world.statuses().await.get("draft_pending_approval"), Some(&1));
}

/// Two items that would be drafts in one place: the first becomes one, the other is told so.
#[tokio::test]
async fn one_request_does_not_take_back_two_items_into_one_place() {
    let world = World::new().await;
    let first = world.approved_email(1).await;
    let mut newer = draft(1);
    newer["clientDedupKey"] = "newer".into();
    let second = world.file(&[newer]).await;
    world.approve(&second).await;
    let results = world.undo(&[first[0].id, second[0].id]).await;
    assert_eq!(results[0].outcome, ItemOutcome::Undone);
    assert!(matches!(results[1].outcome, ItemOutcome::Refused { .. }), "{results:?}");
    assert_eq!(world.status(second[0].id).await, Status::Approved);
}

/// A blocked or failed item becomes a draft again for another look; one that left, or is leaving, does not.
#[rstest]
#[case(Status::BlockedByAllowlist, true)]
#[case(Status::BlockedByPolicy, true)]
#[case(Status::BlockedByQuota, true)]
#[case(Status::Failed, true)]
#[case(Status::Dispatching, false)]
#[case(Status::Sent, false)]
#[case(Status::Uncertain, false)]
#[tokio::test]
async fn undo_reopens_what_did_not_leave(#[case] status: Status, #[case] reopens: bool) {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    match status {
        Status::BlockedByAllowlist | Status::BlockedByPolicy | Status::BlockedByQuota => {
            world.sql(&format!("UPDATE crm_activities SET status = '{}'", status.as_str())).await;
        }
        _ => put(&world, item, status, 0).await,
    }
    let outcome = world.undo(&[item.id]).await.remove(0).outcome;
    assert_eq!(outcome == ItemOutcome::Undone, reopens, "{outcome:?}");
    let expected = if reopens { Status::DraftPendingApproval } else { status };
    assert_eq!(world.status(item.id).await, expected);
}

/// R6: a person's word closes the matter; quota comes back only when it was not sent, and only on the same day.
#[rstest]
#[case(Resolution::WasSent, 0, Status::Sent, 1)]
#[case(Resolution::WasNotSent, 0, Status::Failed, 0)]
#[case(Resolution::WasNotSent, 1, Status::Failed, 1)]
#[case(Resolution::BackToDraft, 0, Status::DraftPendingApproval, 0)]
#[case(Resolution::BackToDraft, 1, Status::DraftPendingApproval, 1)]
#[tokio::test]
async fn an_uncertain_item_is_settled_by_a_person(
    #[case] resolution: Resolution,
    #[case] days_ago: i32,
    #[case] becomes: Status,
    #[case] quota: i32,
) {
    let (world, item) = uncertain(days_ago).await;
    let result = approval::resolve(
        &world.pool,
        &world.approver,
        world.company,
        item.id,
        resolution,
        "saw it in the inbox",
    )
    .await;
    assert!(result.expect("answers").outcome.is_done());
    assert_eq!((world.status(item.id).await, world.sent_today(world.outbox).await), (becomes, quota));
    let record = world
        .text("SELECT actor_name || ': ' || reason FROM crm_audit_log WHERE action LIKE 'activity.resolve.%'")
        .await;
    assert_eq!(record, "ben: saw it in the inbox");
}

/// R6: settling twice settles once, and gives quota back once.
#[tokio::test]
async fn an_item_is_settled_once() {
    let (world, item) = uncertain(0).await;
    world.sql("UPDATE crm_credential_buckets SET sent_today = 5").await;
    let settle = async |resolution| {
        let done =
            approval::resolve(&world.pool, &world.second, world.company, item.id, resolution, "no").await;
        done.expect("answers").outcome
    };
    assert_eq!(settle(Resolution::WasNotSent).await, ItemOutcome::Resolved { status: Status::Failed });
    assert!(matches!(
        settle(Resolution::WasNotSent).await,
        ItemOutcome::Taken { status: Status::Failed, .. }
    ));
    assert!(matches!(settle(Resolution::WasSent).await, ItemOutcome::Taken { status: Status::Failed, .. }));
    assert_eq!(world.sent_today(world.outbox).await, 4);
}

/// R6: without a note nothing is settled, and what is not uncertain cannot be.
#[tokio::test]
async fn settling_needs_a_note_and_an_uncertain_item() {
    let (world, item) = uncertain(0).await;
    let empty =
        approval::resolve(&world.pool, &world.approver, world.company, item.id, Resolution::WasSent, " ")
            .await;
    assert!(matches!(empty, Err(Error::Invalid { .. })), "{empty:?}");
    let [fresh] = world.file(&[draft(2)]).await[..] else { panic!("one item") };
    let early =
        approval::resolve(&world.pool, &world.approver, world.company, fresh.id, Resolution::WasSent, "no")
            .await;
    assert!(matches!(
        early.expect("answers").outcome,
        ItemOutcome::Taken { status: Status::DraftPendingApproval, .. }
    ));
    assert_eq!(world.status(item.id).await, Status::Uncertain);
}

/// An item that goes back to draft gives way to nobody: a newer draft in its place is superseded.
#[tokio::test]
async fn back_to_draft_supersedes_a_newer_draft() {
    let (world, item) = uncertain(0).await;
    let mut newer = draft(1);
    newer["clientDedupKey"] = "newer".into();
    newer["kind"] = "first_touch".into();
    let [newer] = world.file(&[newer]).await[..] else { panic!("one item") };
    let done = approval::resolve(
        &world.pool,
        &world.approver,
        world.company,
        item.id,
        Resolution::BackToDraft,
        "no",
    )
    .await;
    assert_eq!(done.expect("answers").outcome, ItemOutcome::Undone);
    assert_eq!(world.status(newer.id).await, Status::Superseded);
}
