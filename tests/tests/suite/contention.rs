//! Transactions that stand in each other's way: what a person decided is done over as a whole, and is on record once.
use countersign_core::activity::status::Status;
use countersign_core::approval::{self, Item, ItemOutcome, ItemResult, Resolution};
use countersign_core::contact::suppression::{Identity, Reason, suppress};
use countersign_core::error::Error;
use countersign_core::ids::BatchId;
use countersign_core::{clock, db, draft, outbox};
use countersign_tests::world::{World, draft as words, rendering};
use jiff::SignedDuration;
use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::task::JoinHandle;

use crate::settling::put;

/// Approves in the background, by a pool of its own.
fn approving(world: &World, pool: &PgPool, items: &[Item]) -> JoinHandle<Result<Vec<ItemResult>, Error>> {
    let (pool, approver, company, items) =
        (pool.clone(), world.approver.clone(), world.company, items.to_vec());
    tokio::spawn(async move { approval::approve(&pool, &approver, company, &items).await })
}

/// The transaction that waits for a lock, if one does.
async fn waiting(world: &World) -> String {
    world.text("SELECT coalesce(min(virtualtransaction), '') FROM pg_locks WHERE NOT granted").await
}

async fn run(conn: &mut PgConnection, statement: String) {
    // The texts are written in this file.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.expect("runs");
}

async fn expect_decided_once(world: &World, decided: Result<Vec<ItemResult>, Error>, items: usize) {
    let results = decided.expect("it was done over");
    assert!(results.iter().all(|one| matches!(one.outcome, ItemOutcome::Approved { .. })), "{results:?}");
    let (wanted, count) = (i64::try_from(items).expect("few"), async |query| world.count(query).await);
    assert_eq!(count("SELECT count(*) FROM crm_decisions").await, wanted);
    assert_eq!(count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.approve'").await, wanted);
}

/// F24: PostgreSQL ends a deadlock by breaking the decision off; it is made once nevertheless.
#[tokio::test]
async fn a_decision_broken_off_by_a_deadlock_is_made_once() {
    let world = World::new().await;
    let mut items = world.file_email(2).await;
    items.sort_by_key(|item| item.id);
    let mut other = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    // Of the two only the decision looks for deadlocks, so it is the one that is broken off.
    run(&mut other, "SET deadlock_timeout = '1min'; BEGIN".to_owned()).await;
    let lock = |item: &Item| format!("SELECT FROM crm_activities WHERE id = '{}' FOR UPDATE", item.id);
    run(&mut other, lock(&items[1])).await;
    let deciding = approving(&world, &world.pool, &items);
    world.until("it holds one row and waits for the other", async || !waiting(&world).await.is_empty()).await;
    run(&mut other, lock(&items[0])).await;
    run(&mut other, "ROLLBACK".to_owned()).await;
    expect_decided_once(&world, deciding.await.expect("ends"), 2).await;
    let counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    world.until("the server counted a deadlock", async || world.count(counted).await == 1).await;
}

/// F24: a lock that is not to be had in time; the decision is made once when it is.
#[tokio::test]
async fn a_decision_that_waited_too_long_for_a_lock_is_made_once() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let mut other = world.pool.begin().await.expect("begins");
    run(&mut other, "SELECT FROM crm_activities FOR UPDATE".to_owned()).await;
    let deciding = approving(&world, &world.pool, &items);
    world.until("it waits", async || !waiting(&world).await.is_empty()).await;
    let first = waiting(&world).await;
    world
        .until("another transaction waits", async || {
            let now = waiting(&world).await;
            !now.is_empty() && now != first
        })
        .await;
    other.rollback().await.expect("rolls back");
    expect_decided_once(&world, deciding.await.expect("ends"), 1).await;
}

/// F24: on a server whose transactions see one moment, a row that changed since breaks the decision off; it is made once nevertheless.
#[tokio::test]
async fn a_decision_that_cannot_be_serialised_is_made_once() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let strict = world.options().options([("default_transaction_isolation", "repeatable read")]);
    let pool = db::connect(strict, 2).await.expect("the database answers");
    let mut other = world.pool.begin().await.expect("begins");
    run(&mut other, "UPDATE crm_activities SET send_after = send_after".to_owned()).await;
    let deciding = approving(&world, &pool, &items);
    world.until("it waits", async || !waiting(&world).await.is_empty()).await;
    other.commit().await.expect("commits");
    expect_decided_once(&world, deciding.await.expect("ends"), 1).await;
}

/// Every transaction that changes something is refused as it ends: for each of the three reasons and then no more, or for good.
async fn refuse(world: &World, codes: &str) {
    world
        .sql(&format!(
            "CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE
              code text := (ARRAY[{codes}])[nextval('tries')]; BEGIN
              IF code IS NOT NULL THEN RAISE EXCEPTION 'not now' USING ERRCODE = code; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_change_counters FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))
        .await;
}

/// What a person may ask for; each of them is one transaction.
#[derive(Clone, Copy, Debug)]
enum Asked {
    File,
    Approve,
    Reject,
    Undo,
    UndoBatch,
    Snooze,
    Resolve,
    Revise,
    Withdraw,
    Pause,
    Kill,
    KillAll,
    Suppress,
}

impl Asked {
    /// Brings an item to where it can be asked about.
    async fn prepare(self, world: &World, item: Item) {
        if matches!(self, Self::Undo | Self::UndoBatch | Self::Resolve) {
            world.approve(&[item]).await;
        }
        if let Self::Resolve = self {
            put(world, item, Status::Uncertain, 0).await;
        }
    }

    async fn ask(self, world: &World, item: Item) -> Result<(), Error> {
        let (pool, actor, company) = (&world.pool, &world.approver, world.company);
        let new = "--- subject ---\nOffer, again\n--- text ---\nDear person,\nother words.\n";
        match self {
            Self::File => drop(world.file(&[words(2)]).await),
            Self::Approve => drop(approval::approve(pool, actor, company, &[item]).await?),
            Self::Reject => drop(approval::reject(pool, actor, company, &[item], "no").await?),
            Self::Undo => drop(approval::undo(pool, actor, company, &[item.id]).await?),
            Self::UndoBatch => {
                let batch = world.text("SELECT batch_id::text FROM crm_decisions").await;
                let batch = BatchId(batch.parse().expect("an id"));
                approval::undo_batch(pool, actor, company, batch).await?;
            }
            Self::Snooze => {
                let until = clock::now() + SignedDuration::from_hours(24);
                approval::snooze(pool, actor, company, &[item.id], until).await?;
            }
            Self::Resolve => {
                approval::resolve(pool, actor, company, item.id, Resolution::WasSent, "seen").await?;
            }
            Self::Revise => {
                draft::revise(pool, actor, company, item, new, &rendering()).await?;
            }
            Self::Withdraw => {
                draft::withdraw(pool, actor, company, item.id, "not needed").await?;
            }
            Self::Pause => outbox::pause(pool, actor, company, world.outbox, "enough").await?,
            Self::Kill => outbox::kill(pool, actor, company, world.outbox, "enough").await?,
            Self::KillAll => outbox::kill_all(pool, actor, company, None, "enough").await?,
            Self::Suppress => {
                let identity = Identity::parse("person1@example.com")?;
                suppress(pool, actor, company, &identity, Reason::Manual, None).await?;
            }
        }
        Ok(())
    }
}

/// F24: whatever a person decides is done over for each of the three reasons, and leaves one row in the log; a snooze leaves none.
#[rstest]
#[case(Asked::File, "draft.file", 1)]
#[case(Asked::Approve, "approval.approve", 1)]
#[case(Asked::Reject, "approval.reject", 1)]
#[case(Asked::Undo, "approval.undo", 1)]
#[case(Asked::UndoBatch, "approval.undo", 1)]
#[case(Asked::Snooze, "snooze", 0)]
#[case(Asked::Resolve, "activity.resolve.was-sent", 1)]
#[case(Asked::Revise, "draft.revise", 1)]
#[case(Asked::Withdraw, "draft.withdraw", 1)]
#[case(Asked::Pause, "outbox.pause", 1)]
#[case(Asked::Kill, "outbox.kill", 1)]
#[case(Asked::KillAll, "company.kill", 1)]
#[case(Asked::Suppress, "suppression.add", 1)]
#[tokio::test]
async fn a_decision_is_done_over_and_recorded_once(
    #[case] asked: Asked,
    #[case] action: &str,
    #[case] rows: i64,
) {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    asked.prepare(&world, item).await;
    let log = format!("SELECT count(*) FROM crm_audit_log WHERE action = '{action}'");
    let before = world.count(&log).await;
    refuse(&world, "'40001', '40P01', '55P03'").await;
    asked.ask(&world, item).await.expect("it was done over");
    assert_eq!(world.count("SELECT last_value FROM tries").await, 4, "refused three times, then done");
    assert_eq!(world.count(&log).await - before, rows);
}

/// F24: five refusals are enough. The error says that nothing was changed, and so it is; asked again, it is done.
#[tokio::test]
async fn after_five_refusals_a_decision_is_given_up_and_says_so() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    refuse(&world, "'40P01', '40P01', '40P01', '40P01', '40P01'").await;
    let refused = approval::approve(&world.pool, &world.approver, world.company, &items).await;
    let Err(error @ Error::Contended { tries: 5, .. }) = refused else { panic!("not given up: {refused:?}") };
    let said = error.to_string();
    assert!(said.contains("5 times in a row; nothing was changed, ask again"), "{said}");
    assert_eq!(world.count("SELECT last_value FROM tries").await, 5);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions").await, 0);
    assert_eq!(world.status(items[0].id).await, Status::DraftPendingApproval);
    expect_decided_once(&world, approving(&world, &world.pool, &items).await.expect("ends"), 1).await;
}

/// F24: what the server refuses for itself is not asked a second time.
#[tokio::test]
async fn another_refusal_is_not_done_over() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    refuse(&world, "'23514'").await;
    let refused = approval::approve(&world.pool, &world.approver, world.company, &items).await;
    assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
    assert_eq!(world.count("SELECT last_value FROM tries").await, 1);
}
