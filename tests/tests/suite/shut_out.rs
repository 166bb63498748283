//! A person is shut out while their decision is on its way: whichever comes first counts, and the other one knows.
use std::time::Duration;

use countersign_adapters::webhook;
use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, Item, ItemOutcome, ItemResult};
use countersign_core::draft::{self, file::Mode};
use countersign_core::error::Error;
use countersign_core::ids::CompanyId;
use countersign_core::inbound::endpoint::{self, Earlier};
use countersign_core::inbound::provider::Provider;
use countersign_core::operator::{self, token};
use countersign_core::secret::SecretText;
use countersign_tests::world::{World, draft as draft_line, rendering};
use sqlx::PgPool;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug)]
enum Ask {
    Approve,
    Reject,
    Undo,
    Revise,
    Withdraw,
}

async fn ask(
    pool: PgPool,
    actor: Actor,
    company: CompanyId,
    item: Item,
    what: Ask,
) -> Result<ItemOutcome, Error> {
    let first = |mut results: Vec<ItemResult>| results.remove(0).outcome;
    let words = "--- subject ---\nOther\n--- text ---\nOther words.\n";
    match what {
        Ask::Approve => approval::approve(&pool, &actor, company, &[item]).await.map(first),
        Ask::Reject => approval::reject(&pool, &actor, company, &[item], "no").await.map(first),
        Ask::Undo => approval::undo(&pool, &actor, company, &[item.id]).await.map(first),
        Ask::Revise => draft::revise(&pool, &actor, company, item, words, &rendering())
            .await
            .map(|result| result.outcome),
        Ask::Withdraw => {
            draft::withdraw(&pool, &actor, company, item.id, "no").await.map(|result| result.outcome)
        }
    }
}

fn spawn(world: &World, actor: &Actor, item: Item, what: Ask) -> JoinHandle<Result<ItemOutcome, Error>> {
    tokio::spawn(ask(world.pool.clone(), actor.clone(), world.company, item, what))
}

/// Waits until this many sessions of the database wait for a lock.
async fn until_waiting(world: &World, sessions: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    world.until("somebody waits for a lock", async || world.count(waiting).await == sessions).await;
}

/// Design 5, I5: who was shut out before the decision was recorded has not decided, however early they asked.
#[rstest::rstest]
#[case::approve(Ask::Approve)]
#[case::reject(Ask::Reject)]
#[case::undo(Ask::Undo)]
#[case::revise(Ask::Revise)]
#[case::withdraw(Ask::Withdraw)]
#[tokio::test]
async fn who_is_shut_out_first_does_not_decide(#[case] what: Ask) {
    let world = World::new().await;
    let item = world.file_email(1).await[0];
    if matches!(what, Ask::Undo) {
        world.approve(&[item]).await;
    }
    let before = world.status(item.id).await;
    let mut other = world.pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE crm_operators SET disabled_at = now() WHERE name = 'ben'")
        .execute(&mut *other)
        .await
        .expect("ben is disabled");
    let asked = spawn(&world, &world.approver, item, what);
    until_waiting(&world, 1).await;
    other.commit().await.expect("commits");
    let answer = asked.await.expect("ends");
    assert!(matches!(&answer, Err(Error::Refused(words)) if words.contains("was disabled")), "{answer:?}");
    assert_eq!((world.status(item.id).await, world.hash(item.id).await), (before, item.payload_sha256));
    let refused = "SELECT count(*) FROM crm_audit_log WHERE action = 'approval.refused'";
    assert_eq!(world.count(refused).await, 1, "the refusal is on record");
}

/// S43: the same for the token somebody acts with.
#[tokio::test]
async fn a_token_revoked_first_does_not_decide() {
    let world = World::new().await;
    let item = world.file_email(1).await[0];
    let day = Duration::from_secs(24 * 3_600);
    let made =
        token::make(&world.pool, &world.admin, world.company, "ben", "desk", day).await.expect("is made");
    let text = SecretText::new(made.text.expose().to_owned());
    let ben = token::authenticate(&world.pool, world.company, "ben", &text, "here").await.expect("is let in");
    let mut other = world.pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE crm_operator_tokens SET revoked_at = now(), revoked_by = 'ada'")
        .execute(&mut *other)
        .await
        .expect("the token is revoked");
    let asked = spawn(&world, &ben, item, Ask::Approve);
    until_waiting(&world, 1).await;
    other.commit().await.expect("commits");
    let answer = asked.await.expect("ends");
    assert!(matches!(&answer, Err(Error::Refused(words)) if words.contains("was revoked")), "{answer:?}");
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
}

/// Shutting somebody out waits for what they are recording, so that nothing of theirs appears afterwards.
#[tokio::test]
async fn who_decides_first_is_shut_out_afterwards() {
    let world = World::new().await;
    let item = world.file_email(1).await[0];
    let mut other = world.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT id FROM crm_activities FOR UPDATE")
        .execute(&mut *other)
        .await
        .expect("rows are locked");
    let asked = spawn(&world, &world.approver, item, Ask::Approve);
    until_waiting(&world, 1).await;
    let (pool, admin, company) = (world.pool.clone(), world.admin.clone(), world.company);
    let shut = tokio::spawn(async move { operator::disable(&pool, &admin, company, "ben").await });
    until_waiting(&world, 2).await;
    other.rollback().await.expect("rolls back");
    let outcome = asked.await.expect("ends").expect("the decision is recorded");
    assert!(matches!(outcome, ItemOutcome::Approved { .. }), "{outcome:?}");
    shut.await.expect("ends").expect("ben is disabled");
    let order = "SELECT string_agg(action, ' ' ORDER BY id) FROM crm_audit_log
        WHERE action IN ('approval.approve', 'operator.disable')";
    assert_eq!(world.text(order).await, "approval.approve operator.disable");
}

#[derive(Clone, Copy, Debug)]
enum Filing {
    Add,
    Import,
}

fn spawn_filing(world: &World, actor: &Actor, how: Filing) -> JoinHandle<Result<draft::Report, Error>> {
    let (pool, actor, company) = (world.pool.clone(), actor.clone(), world.company);
    tokio::spawn(async move {
        let mut line = draft_line(1);
        if matches!(how, Filing::Add) {
            line.as_object_mut().expect("an object").remove("proposedBy");
        }
        let input = draft::check::parse(line.to_string().as_bytes()).expect("a good line");
        match how {
            Filing::Add => draft::add(&pool, &actor, company, input, &rendering()).await,
            Filing::Import => {
                let inputs = vec![(1, input)];
                draft::file(&pool, &actor, company, inputs, &rendering(), Mode::AllOrNothing).await
            }
        }
    })
}

/// The same for drafts: who was shut out before theirs are on file has filed none, however early they asked.
#[rstest::rstest]
#[case::add(Filing::Add)]
#[case::import(Filing::Import)]
#[tokio::test]
async fn who_is_shut_out_first_files_nothing(#[case] how: Filing) {
    let world = World::new().await;
    // Another import is at work, so that this one waits for its turn.
    let mut import = world.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7))")
        .bind(world.company.0.to_string())
        .execute(&mut *import)
        .await
        .expect("the turn is taken");
    let asked = spawn_filing(&world, &world.approver, how);
    until_waiting(&world, 1).await;
    operator::disable(&world.pool, &world.admin, world.company, "ben")
        .await
        .expect("nobody has to wait for it");
    import.commit().await.expect("commits");
    let answer = asked.await.expect("ends");
    assert!(matches!(&answer, Err(Error::Refused(words)) if words.contains("was disabled")), "{answer:?}");
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 0, "nothing of it stays");
    let refused = "SELECT count(*) FROM crm_audit_log WHERE action = 'approval.refused'";
    assert_eq!(world.count(refused).await, 1, "the refusal is on record");
}

/// And who files first is shut out afterwards.
#[rstest::rstest]
#[case::add(Filing::Add)]
#[case::import(Filing::Import)]
#[tokio::test]
async fn who_files_first_is_shut_out_afterwards(#[case] how: Filing) {
    let world = World::new().await;
    let mut other = world.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE crm_change_counters IN SHARE MODE")
        .execute(&mut *other)
        .await
        .expect("the last table a filing writes to is locked");
    let asked = spawn_filing(&world, &world.approver, how);
    until_waiting(&world, 1).await;
    let (pool, admin, company) = (world.pool.clone(), world.admin.clone(), world.company);
    let shut = tokio::spawn(async move { operator::disable(&pool, &admin, company, "ben").await });
    until_waiting(&world, 2).await;
    other.rollback().await.expect("rolls back");
    let report = asked.await.expect("ends").expect("it is filed");
    assert_eq!(report.filed.len(), 1, "{report:?}");
    shut.await.expect("ends").expect("ben is disabled");
    let order = "SELECT string_agg(action, ' ' ORDER BY id) FROM crm_audit_log
        WHERE action IN ('draft.file', 'operator.disable')";
    assert_eq!(world.text(order).await, "draft.file operator.disable");
}

#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Add,
    Rotate,
    Remove,
}

/// The same for webhook endpoints.
#[rstest::rstest]
#[case::add(Endpoint::Add)]
#[case::rotate(Endpoint::Rotate)]
#[case::remove(Endpoint::Remove)]
#[tokio::test]
async fn who_is_shut_out_first_changes_no_endpoint(#[case] what: Endpoint) {
    let world = World::new().await;
    let secret = || SecretText::new("a-secret-of-the-provider".to_owned());
    let (pool, ada, company, key) =
        (world.pool.clone(), world.admin.clone(), world.company, world.key.clone());
    let hook = webhook(Provider::Linkedin);
    let known = endpoint::add(&pool, &ada, company, &key, hook, &secret(), None).await.expect("is added").id;
    let mut other = world.pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE crm_operators SET disabled_at = now() WHERE name = 'ada'")
        .execute(&mut *other)
        .await
        .expect("ada is disabled");
    let asked = tokio::spawn(async move {
        let change = (&secret(), Earlier::Revoked);
        match what {
            Endpoint::Add => endpoint::add(&pool, &ada, company, &key, hook, change.0, None).await.map(drop),
            Endpoint::Rotate => {
                endpoint::rotate(&pool, &ada, company, &key, webhook, known, change).await.map(drop)
            }
            Endpoint::Remove => endpoint::remove(&pool, &ada, company, known).await,
        }
    });
    until_waiting(&world, 1).await;
    other.commit().await.expect("commits");
    let answer = asked.await.expect("ends");
    assert!(matches!(&answer, Err(Error::Refused(words)) if words.contains("was disabled")), "{answer:?}");
    let changed = "SELECT count(*) FROM crm_audit_log WHERE action LIKE 'webhook.%'";
    assert_eq!(world.count(changed).await, 1, "only what was there before");
}
