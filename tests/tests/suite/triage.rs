//! Snoozes, everything that a filter finds, and what became of an item.
use std::collections::BTreeSet;

use countersign_core::activity::store_match::{MATCH_LIMIT, matching};
use countersign_core::activity::store_read;
use countersign_core::activity::view::{Filter, List, PAGE_LIMIT, Snoozed};
use countersign_core::actor::{Actor, Role};
use countersign_core::approval::store_fate::fate;
use countersign_core::approval::store_snooze::of_operator;
use countersign_core::approval::{self, BATCH_LIMIT, Item, ItemOutcome};
use countersign_core::clock;
use countersign_core::company;
use countersign_core::error::Error;
use countersign_core::ids::{ActivityId, OperatorId};
use countersign_tests::world::World;
use jiff::{SignedDuration, Timestamp};

fn in_hours(hours: i64) -> Timestamp {
    clock::now() + SignedDuration::from_hours(hours)
}

fn operator(actor: &Actor) -> OperatorId {
    actor.operator(Role::Viewer).expect("an operator")
}

async fn listed(world: &World, snoozed: Snoozed) -> BTreeSet<ActivityId> {
    let filter = Filter { snoozed, ..Filter::default() };
    let mut conn = world.pool.acquire().await.expect("a connection");
    let page = store_read::page(&mut conn, world.company, List::Approvals, &filter, None, PAGE_LIMIT).await;
    page.expect("reads").rows.into_iter().map(|row| row.id).collect()
}

async fn snooze(world: &World, actor: &Actor, items: &[Item], until: Timestamp) -> Vec<ItemOutcome> {
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    let results = approval::snooze(&world.pool, actor, world.company, &ids, until).await.expect("answers");
    results.into_iter().map(|result| result.outcome).collect()
}

/// A snooze hides a draft from one operator's list and changes nothing else.
#[tokio::test]
async fn a_snooze_hides_from_one_operator_only() {
    let world = World::new().await;
    let items = world.file_email(3).await;
    let me = operator(&world.approver);
    let until = in_hours(2);
    let outcomes = snooze(&world, &world.approver, &items[..1], until).await;
    assert_eq!(outcomes, [ItemOutcome::Snoozed { until }]);
    assert_eq!(listed(&world, Snoozed::Hidden(me)).await, items[1..].iter().map(|item| item.id).collect());
    assert_eq!(listed(&world, Snoozed::Only(me)).await, [items[0].id].into());
    assert_eq!(listed(&world, Snoozed::Hidden(OperatorId::new())).await.len(), 3);
    assert_eq!(listed(&world, Snoozed::Shown).await.len(), 3);
    assert_eq!(world.audit(items[0].id).await, ["draft.file"], "it is no decision");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let counted = of_operator(&mut conn, world.company, me).await.expect("counts");
    assert_eq!(counted.count, 1);
    assert!(
        counted.next_due.is_some_and(|due| due.duration_since(until).abs() < SignedDuration::from_millis(1))
    );
    drop(conn);
    // It can still be decided by whoever sees it.
    assert!(world.try_approve(&world.approver, &items[..1]).await[0].outcome.is_done());
    assert!(listed(&world, Snoozed::Only(me)).await.is_empty(), "only drafts are listed");
}

/// What is due is on the list again without anybody doing anything, and what was brought back is at once.
#[tokio::test]
async fn what_is_due_or_brought_back_is_on_the_list_again() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    let me = operator(&world.approver);
    snooze(&world, &world.approver, &items, in_hours(2)).await;
    assert!(listed(&world, Snoozed::Hidden(me)).await.is_empty());
    world.sql(&format!("UPDATE crm_snoozes SET until = now() WHERE activity_id = '{}'", items[0].id)).await;
    assert_eq!(listed(&world, Snoozed::Hidden(me)).await, [items[0].id].into());
    let ids = [items[0].id, items[1].id];
    let results =
        approval::unsnooze(&world.pool, &world.approver, world.company, &ids).await.expect("answers");
    let outcome = |id| results.iter().find(|result| result.id == id).map(|result| &result.outcome);
    assert!(matches!(outcome(items[0].id), Some(ItemOutcome::Already { .. })), "{results:?}");
    assert_eq!(outcome(items[1].id), Some(&ItemOutcome::Woken));
    assert_eq!(listed(&world, Snoozed::Hidden(me)).await.len(), 2);
}

/// Only drafts are snoozed, for at most thirty days, at most a thousand at once; the rest has its own answer.
#[tokio::test]
async fn what_cannot_be_snoozed_says_why() {
    let world = World::new().await;
    let decided = world.approved_email(1).await[0];
    let unknown = Item { id: ActivityId::new(), ..decided };
    let outcomes = snooze(&world, &world.approver, &[decided, unknown], in_hours(1)).await;
    assert!(outcomes.iter().any(|outcome| matches!(outcome, ItemOutcome::Taken { .. })), "{outcomes:?}");
    assert!(outcomes.contains(&ItemOutcome::Missing), "{outcomes:?}");
    let refused = async |ids: &[ActivityId], until| {
        approval::snooze(&world.pool, &world.approver, world.company, ids, until).await
    };
    for until in [in_hours(-1), in_hours(24 * 30 + 1)] {
        assert!(
            matches!(refused(&[decided.id], until).await, Err(Error::Invalid { field, .. }) if field == "until")
        );
    }
    let many = vec![decided.id; BATCH_LIMIT + 1];
    assert!(
        matches!(refused(&many, in_hours(1)).await, Err(Error::Invalid { field, .. }) if field == "items")
    );
    assert_eq!(world.count("SELECT count(*) FROM crm_snoozes").await, 0);
}

/// S13: whoever lost the place in the company snoozes nothing; a viewer may, because it is no decision.
#[tokio::test]
async fn a_viewer_snoozes_and_a_stranger_does_not() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    world.sql("UPDATE crm_operators SET role = 'viewer'").await;
    let Actor::Operator { id, name, .. } = world.approver.clone() else { panic!("an operator") };
    let viewer = Actor::Operator { id, name, role: Role::Viewer };
    assert!(snooze(&world, &viewer, &items, in_hours(1)).await[0].is_done());
    world.sql("UPDATE crm_operators SET disabled_at = now()").await;
    let ids = [items[0].id];
    let answer = approval::snooze(&world.pool, &viewer, world.company, &ids, in_hours(1)).await;
    assert!(matches!(answer, Err(Error::Forbidden { .. } | Error::Refused(_))), "{answer:?}");
}

/// The operator's other console hears of a snooze.
#[tokio::test]
async fn a_snooze_moves_the_change_number() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let version = async || {
        let mut conn = world.pool.acquire().await.expect("a connection");
        company::store::change_version(&mut conn, world.company).await.expect("reads")
    };
    let before = version().await;
    snooze(&world, &world.approver, &items, in_hours(1)).await;
    assert!(version().await > before);
}

/// Everything that a filter finds comes with its hash, without what is snoozed or decided.
#[tokio::test]
async fn everything_that_matches_is_found_with_its_hash() {
    let world = World::new().await;
    let items = world.file_email(PAGE_LIMIT + 50).await;
    let me = operator(&world.approver);
    snooze(&world, &world.approver, &items[..1], in_hours(1)).await;
    world.approve(&items[1..2]).await;
    let find = async |snoozed| {
        let mut conn = world.pool.acquire().await.expect("a connection");
        let filter = Filter { snoozed, ..Filter::default() };
        matching(&mut conn, world.company, &filter).await.expect("reads")
    };
    let found = find(Snoozed::Hidden(me)).await;
    let expected: BTreeSet<_> =
        items[2..].iter().map(|item| (item.id, item.payload_sha256.to_string())).collect();
    let found_pairs: BTreeSet<_> =
        found.items.iter().map(|item| (item.id, item.payload_sha256.to_string())).collect();
    assert_eq!(found_pairs, expected);
    assert!(!found.is_cut && found.items.len() < MATCH_LIMIT);
    assert_eq!(find(Snoozed::Only(me)).await.items, items[..1]);
    let mut conn = world.pool.acquire().await.expect("a connection");
    let nobody = Filter { text: Some("nobody is called so".to_owned()), ..Filter::default() };
    assert!(matching(&mut conn, world.company, &nobody).await.expect("reads").items.is_empty());
}

/// S11: what became of an item names who did it last and when; what the dispatcher did since does not hide it.
#[tokio::test]
async fn the_fate_of_an_item_names_who_decided() {
    let world = World::new().await;
    let items = world.file_email(3).await;
    let of = async |item: Item| {
        let mut conn = world.pool.acquire().await.expect("a connection");
        fate(&mut conn, world.company, item.id).await.expect("reads").expect("there is one")
    };
    assert_eq!(of(items[0]).await.action, "draft.file");
    world.approve(&items[..1]).await;
    let approved = of(items[0]).await;
    assert_eq!(
        (approved.action.as_str(), approved.by.as_str(), approved.actor_kind.as_str()),
        ("approval.approve", "ben", "operator")
    );
    assert!(approved.at <= clock::now() + SignedDuration::from_secs(5));
    world.undo(&[items[0].id]).await;
    assert_eq!(of(items[0]).await.action, "approval.undo");
    world.try_reject(&world.approver, &items[1..2]).await;
    assert_eq!(of(items[1]).await.action, "approval.reject");
    let mut conn = world.pool.acquire().await.expect("a connection");
    assert!(fate(&mut conn, world.company, ActivityId::new()).await.expect("reads").is_none());
}

/// S13: a role that was taken away while the console was open is asked of the database, for every request; the refusal is recorded.
#[tokio::test]
async fn a_role_taken_away_ends_decisions_at_once() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    world.approve(&items[..1]).await;
    world.sql("UPDATE crm_operators SET role = 'viewer'").await;
    let (pool, company) = (&world.pool, world.company);
    let answers = [
        approval::approve(pool, &world.approver, company, &items[1..]).await,
        approval::reject(pool, &world.approver, company, &items[1..], "no").await,
        approval::undo(pool, &world.approver, company, &[items[0].id]).await,
    ];
    for answer in answers {
        let Err(error @ Error::Forbidden { .. }) = answer else { panic!("{answer:?}") };
        assert!(error.to_string().contains("approver"), "{error}");
    }
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.refused'").await, 3);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions").await, 1);
}
