//! Two people, one item, at the same instant.
use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, Item, ItemOutcome};
use countersign_core::ids::CompanyId;
use countersign_tests::world::World;
use sqlx::PgPool;

/// Races a pairing is run. Each one is a few statements; the point is to meet many interleavings.
const RACES: usize = 150;

#[derive(Clone)]
struct Desk {
    pool: PgPool,
    company: CompanyId,
    actor: Actor,
}

impl Desk {
    fn of(world: &World, actor: &Actor) -> Self {
        Self { pool: world.pool.clone(), company: world.company, actor: actor.clone() }
    }

    async fn approve(self, item: Item) -> ItemOutcome {
        one(approval::approve(&self.pool, &self.actor, self.company, &[item]).await)
    }

    async fn reject(self, item: Item) -> ItemOutcome {
        one(approval::reject(&self.pool, &self.actor, self.company, &[item], "no").await)
    }

    async fn undo(self, item: Item) -> ItemOutcome {
        one(approval::undo(&self.pool, &self.actor, self.company, &[item.id]).await)
    }

    /// What the dispatcher's upkeep does to a draft whose time has come.
    async fn expire(self, item: Item) -> bool {
        let done = sqlx::query(
            "UPDATE crm_activities a SET status = 'expired', closed_at = now() FROM (SELECT id FROM crm_activities
              WHERE company_id = $1 AND id = $2 AND stage = 'draft' FOR NO KEY UPDATE SKIP LOCKED) e
            WHERE a.company_id = $1 AND a.id = e.id AND a.status = 'draft_pending_approval'",
        )
        .bind(self.company.0)
        .bind(item.id.0)
        .execute(&self.pool)
        .await;
        done.expect("the statement is accepted").rows_affected() == 1
    }
}

fn one(results: Result<Vec<approval::ItemResult>, countersign_core::error::Error>) -> ItemOutcome {
    results.expect("the database answers").remove(0).outcome
}

/// One winner, and the loser was told who it was.
fn assert_one_winner(outcomes: [&ItemOutcome; 2]) {
    let winners = outcomes.iter().filter(|outcome| outcome.is_done()).count();
    let told =
        outcomes.iter().any(|outcome| matches!(outcome, ItemOutcome::Taken { by: Some(_), at: Some(_), .. }));
    assert!(winners == 1 && told, "{outcomes:?}");
}

async fn assert_one_row_each(world: &World) {
    let twice =
        "SELECT count(*) FROM (SELECT 1 FROM crm_decisions GROUP BY activity_id HAVING count(*) <> 1) d";
    assert_eq!(world.count(twice).await, 0, "an item has another number of decisions than one");
    let twice = "SELECT count(*) FROM (SELECT 1 FROM crm_audit_log WHERE action LIKE 'approval.%' GROUP BY subject_id HAVING count(*) <> 1) l";
    assert_eq!(world.count(twice).await, 0, "an item has another number of audit rows than one");
}

/// S11: approve against approve, and against reject, in every interleaving the machine comes up with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_deciding_at_once_make_one_decision() {
    let world = World::new().await;
    let items = world.file_email(2 * RACES).await;
    let (ben, cleo) = (Desk::of(&world, &world.approver), Desk::of(&world, &world.second));
    for (index, item) in items.iter().copied().enumerate() {
        let first = tokio::spawn(ben.clone().approve(item));
        let second = if index < RACES {
            tokio::spawn(cleo.clone().approve(item))
        } else {
            tokio::spawn(cleo.clone().reject(item))
        };
        assert_one_winner([&first.await.expect("ends"), &second.await.expect("ends")]);
    }
    assert_one_row_each(&world).await;
}

/// S11: approve against expiry: either it is approved and does not expire, or the approver hears that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_and_an_expiry_at_once_have_one_winner() {
    let world = World::new().await;
    let items = world.file_email(RACES).await;
    let ben = Desk::of(&world, &world.approver);
    for item in items {
        let expired = tokio::spawn(ben.clone().expire(item));
        let outcome = tokio::spawn(ben.clone().approve(item)).await.expect("ends");
        let stands = match (expired.await.expect("ends"), outcome) {
            (true, ItemOutcome::Taken { status: Status::Expired, .. }) => Status::Expired,
            (false, ItemOutcome::Approved { .. }) => Status::Approved,
            other => panic!("{other:?}"),
        };
        assert_eq!(world.status(item.id).await, stands);
    }
}

/// S11: two people taking back at once: one does, the other finds it done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_taking_back_at_once_take_back_once() {
    let world = World::new().await;
    let items = world.approved_email(RACES).await;
    let (ben, cleo) = (Desk::of(&world, &world.approver), Desk::of(&world, &world.second));
    for item in items {
        let first = tokio::spawn(ben.clone().undo(item));
        let second = tokio::spawn(cleo.clone().undo(item));
        let outcomes = [first.await.expect("ends"), second.await.expect("ends")];
        let undone = outcomes.iter().filter(|outcome| **outcome == ItemOutcome::Undone).count();
        assert_eq!(undone, 1, "{outcomes:?}");
        assert_eq!(world.stored(item.id).await.round, 2);
    }
}

/// S11: two overlapping batches in opposite order do not wait for each other in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_batches_in_opposite_order_both_end() {
    let world = World::new().await;
    let items = world.file_email(400).await;
    let backwards: Vec<Item> = items.iter().rev().copied().collect();
    let (pool, company) = (world.pool.clone(), world.company);
    let cleo = world.second.clone();
    let second = tokio::spawn(async move { approval::approve(&pool, &cleo, company, &backwards).await });
    let first = world.try_approve(&world.approver, &items).await;
    let second = second.await.expect("ends").expect("answers");
    let won =
        |results: &[approval::ItemResult]| results.iter().filter(|result| result.outcome.is_done()).count();
    assert_eq!(won(&first) + won(&second), 400);
    assert_one_row_each(&world).await;
}
