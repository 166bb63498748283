//! The database turns up on another server than the one messages were sent from: what is remembered of it says so. The server itself
//! stays the same here; a story restores a real backup.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::Settings;
use countersign_core::engine::DISPATCHER;
use countersign_core::engine::board::Health;
use countersign_core::error::Error;
use countersign_core::server;
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use sqlx::{Connection, PgConnection};

const TIMELINE: &str = "UPDATE crm_server SET timeline = timeline + 1";
const SYSTEM: &str = "UPDATE crm_server SET system_identifier = '7'";

async fn until_halted(world: &World, worker: &Worker) {
    world.until("the dispatcher halts", async || worker.board.halted().is_some()).await;
}

/// F22: another timeline or another system identifier: nothing is claimed and the board says why, until an admin accepts it. Then
/// everything is sent once, and the log says from when on.
#[rstest]
#[case::a_standby_took_over(TIMELINE, "timeline 1, was 2")]
#[case::another_cluster(SYSTEM, ", was 7")]
#[tokio::test]
async fn on_another_server_nothing_is_sent_before_an_admin_says_so(#[case] change: &str, #[case] what: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    world.sql(change).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    until_halted(&world, &worker).await;
    let said = worker.board.halted().expect("it is halted");
    assert!(said.contains(what) && said.contains("countersign db accept-server"), "{said}");
    let task = worker.board.tasks().into_iter().find(|task| task.name == DISPATCHER).expect("on the board");
    assert_eq!(task.health, Health::Halted);

    let refused = server::accept(&world.pool, &world.approver, world.company).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    assert_eq!((provider.requests(), world.statuses().await.get("approved")), (0, Some(&3)));
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_claims").await, 0, "nothing is claimed");

    let accepted = server::accept(&world.pool, &world.admin, world.company).await.expect("an admin may");
    assert!(accepted.expect("it changed").what.contains(what));
    world.until_count(Status::Sent, 3).await;
    assert_eq!(worker.board.halted(), None);
    worker.stop().await;
    assert_eq!(provider.requests(), 3);
    let logged = "SELECT detail ->> 'what' FROM crm_audit_log WHERE action = 'server.accept'";
    assert!(world.text(logged).await.contains(what));
    assert_eq!(server::accept(&world.pool, &world.admin, world.company).await.expect("reads"), None);
    books::compare(&world, &provider).await;
}

/// F22: it changes under a dispatcher at work: what is on its way arrives and is recorded, the rest waits.
#[tokio::test]
async fn a_server_that_changes_under_a_dispatcher_stops_it() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(60).await;
    let worker = Worker::start(&world, provider.lines(), Settings { batch: 5, ..quick() }).await;
    world.until("it has begun", async || provider.requests() >= 5).await;
    world.sql(TIMELINE).await;
    until_halted(&world, &worker).await;
    worker.stop().await;
    let (sent, statuses) = (provider.requests(), world.statuses().await);
    assert_eq!(
        statuses.get("sent").copied(),
        i64::try_from(sent).ok(),
        "what went is recorded: {statuses:?}"
    );
    assert!(statuses.contains_key("approved"), "the rest waits: {statuses:?}");
    server::accept(&world.pool, &world.admin, world.company).await.expect("an admin may");
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 60).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 60);
    books::compare(&world, &provider).await;
}

/// F22: on another server a row without `wire_at` is no proof that it never went: a lost worker's batch is not taken back before
/// somebody says so.
#[tokio::test]
async fn on_another_server_nothing_is_recovered() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    world
        .sql(&format!(
            "INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
              SELECT company_id, id, outbox_id, 'lost', now() - interval '1 hour', ARRAY[id] FROM crm_activities WHERE id = '{0}';
            UPDATE crm_activities SET status = 'dispatching', claim_id = id, attempt = 1, quota_day = current_date WHERE id = '{0}';
            UPDATE crm_credential_buckets SET sent_today = 1",
            item.id
        ))
        .await;
    world.sql(SYSTEM).await;
    let settings = Settings { lease: Duration::from_millis(300), ..quick() };
    let worker = Worker::start(&world, provider.lines(), settings).await;
    until_halted(&world, &worker).await;
    world
        .until("the upkeep waits as well", async || {
            worker.board.tasks().iter().any(|task| task.name == "upkeep" && task.health == Health::Waiting)
        })
        .await;
    assert_eq!(world.status(item.id).await, Status::Dispatching);
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_claims").await, 1);
    server::accept(&world.pool, &world.admin, world.company).await.expect("an admin may");
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 1);
}

/// F22: a role that may not ask for the system identifier goes by the timeline alone, and does not take its absence for a change.
#[tokio::test]
async fn a_role_that_may_not_ask_goes_by_the_timeline() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    sqlx::raw_sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .execute(&mut owner)
        .await
        .expect("the owner may");
    world.sql("UPDATE crm_server SET system_identifier = '7'").await;
    world.approved_email(2).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 2).await;
    world.sql(TIMELINE).await;
    until_halted(&world, &worker).await;
    worker.stop().await;
}

/// F22: the server of a new database is known before the first message; asking again changes nothing.
#[tokio::test]
async fn the_first_server_is_remembered_with_the_schema() {
    let world = World::new().await;
    let known = "SELECT concat_ws(' ', system_identifier, timeline) FROM crm_server";
    let is = "SELECT concat_ws(' ', (SELECT system_identifier FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint()))";
    assert_eq!(world.text(known).await, world.text(is).await);
    server::confirm(&mut world.pool.acquire().await.expect("a connection")).await.expect("it is the same");
    assert_eq!(world.count("SELECT count(*) FROM crm_server").await, 1);
}
