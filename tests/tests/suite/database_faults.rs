//! What a server of PostgreSQL and its machine can do to a dispatch and to a decision, and what becomes of them.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::approval::{self, ItemOutcome};
use countersign_core::db;
use countersign_core::dispatch::Settings;
use countersign_core::engine::DISPATCHER;
use countersign_core::engine::board::{Board, Health};
use countersign_tests::books;
use countersign_tests::line::{Line, Loss};
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::wire::{Scripted, Valve, accepted};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A worker whose silence is noticed soon.
fn short_lived() -> Settings {
    Settings { lease: Duration::from_secs(2), batch: 5, ..quick() }
}

/// As the owner of the machine, who may do anything.
async fn as_owner(world: &World, statement: &str) {
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    // The texts are written in this file.
    let statement = format!("SET TRANSACTION READ WRITE; {statement}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.expect("the owner may");
}

const END_CONNECTIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user";

fn waits(board: &Board) -> Option<String> {
    let task = board.tasks().into_iter().find(|task| task.name == DISPATCHER)?;
    task.error.filter(|_| task.health == Health::Waiting)
}

/// F21, F7: the line breaks at a commit, before the server hears of it or after, again and again, in claims and in outcomes.
#[rstest]
#[case::the_order_is_lost(Loss::Order)]
#[case::the_reply_is_lost(Loss::Reply)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_unknown_fate_loses_and_doubles_nothing(#[case] loss: Loss) {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(60).await;
    let line = Line::to(&world.options(), loss);
    let worker = Worker::start_by(line.options(world.options()), &world, provider.lines(), short_lived());
    for broken in 0..6_usize {
        world.until("some more were sent", async || provider.ledger().len() >= broken * 8).await;
        line.breaks_at(1);
        world.until("the line broke", async || line.has_broken()).await;
    }
    world.until_count(Status::Sent, 60).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// F21, R19: a decision whose commit has an unknown fate is not called made; asked again, it is made once, or found made.
#[rstest]
#[case::the_order_is_lost(Loss::Order, Status::DraftPendingApproval)]
#[case::the_reply_is_lost(Loss::Reply, Status::Approved)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_of_unknown_fate_is_not_called_made(#[case] loss: Loss, #[case] stands: Status) {
    let world = World::new().await;
    let items = world.file_email(2).await;
    let line = Line::to(&world.options(), loss);
    let pool = db::connect(line.options(world.options()), 2).await.expect("the database answers");
    let approve = async || approval::approve(&pool, &world.approver, world.company, &items).await;
    // The first commit is that of the look after contacts without a skeleton.
    line.breaks_at(2);
    let lost = approve().await;
    assert!(matches!(lost, Err(countersign_core::error::Error::Unavailable(_))), "{lost:?}");
    assert!(line.has_broken());
    // The server may still be rolling back what it never heard the end of.
    world.until_status(items[0].id, stands).await;
    world
        .until("its locks are gone", async || {
            world.try_sql("SELECT FROM crm_activities FOR UPDATE NOWAIT").await.is_ok()
        })
        .await;
    for result in approve().await.expect("the line is whole again") {
        let is_right = match stands {
            Status::Approved => matches!(result.outcome, ItemOutcome::Already { status: Status::Approved }),
            _ => matches!(result.outcome, ItemOutcome::Approved { .. }),
        };
        assert!(is_right, "{result:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.approve'").await, 2);
}

/// F22: a server that only reads, as after a failover to a standby: nothing is claimed, nothing leaves, the board says why, and the
/// work goes on when it writes again.
#[tokio::test]
async fn a_server_that_only_reads_stops_dispatch() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    let name = world.text("SELECT quote_ident(current_database())").await;
    as_owner(
        &world,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {END_CONNECTIONS}"),
    )
    .await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("the board says why", async || {
            waits(&worker.board).is_some_and(|error| error.contains("read-only"))
        })
        .await;
    assert_eq!((provider.requests(), world.statuses().await.get("approved")), (0, Some(&3)));
    as_owner(
        &world,
        &format!("ALTER DATABASE {name} RESET default_transaction_read_only; {END_CONNECTIONS}"),
    )
    .await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// F22: a server that turns read-only between claim and wire: what is claimed does not leave.
#[tokio::test]
async fn a_server_that_only_reads_lets_nothing_claimed_leave() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    world
        .sql(
            "CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              PERFORM nextval('tries'); RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE OF wire_at ON crm_activities FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), short_lived()).await;
    world
        .until("the wire was refused", async || world.count("SELECT last_value FROM tries").await >= 2)
        .await;
    assert_eq!(provider.requests(), 0);
    world.sql("DROP TRIGGER refuse ON crm_activities").await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 3);
    books::compare(&world, &provider).await;
}

/// F23, F24, F25: what the server refuses for a while, at a claim, at the wire and at an outcome, for whatever reason that passes, is
/// tried again as a whole and never sends twice: no HTTP happens inside a transaction.
#[rstest]
#[case::at_the_claim("INSERT ON crm_dispatch_claims")]
#[case::at_the_wire("UPDATE OF wire_at ON crm_activities")]
#[case::at_the_outcome("INSERT ON crm_dispatch_attempts")]
#[tokio::test]
async fn what_a_server_refuses_for_a_while_is_done_once(#[case] place: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(4).await;
    // A sequence counts also what is rolled back. Serialization failure, deadlock, lock timeout, disk full, no connections.
    world
        .sql(&format!(
            "CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE
              code text := (ARRAY['40001', '40P01', '55P03', '53100', '53300'])[nextval('tries')]; BEGIN
              IF code IS NOT NULL THEN RAISE EXCEPTION 'not now' USING ERRCODE = code; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE {place} FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))
        .await;
    let settings = Settings { lease: Duration::from_secs(1), ..quick() };
    let worker = Worker::start(&world, provider.lines(), settings).await;
    world.until_count(Status::Sent, 4).await;
    worker.stop().await;
    assert!(world.count("SELECT last_value FROM tries").await > 5, "it was refused for every reason");
    assert_eq!((provider.ledger().len(), provider.requests()), (4, 4));
    books::compare(&world, &provider).await;
}

/// F25: a server with hardly a connection left: the pool makes do with what it has.
#[tokio::test]
async fn a_server_without_connections_delays_and_loses_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(60).await;
    let worker = Worker::start(&world, provider.lines(), short_lived()).await;
    world.until("it has begun", async || provider.requests() >= 5).await;
    let name = world.text("SELECT quote_ident(current_database())").await;
    // The test's own pool keeps what it has; of what was cut, no more than one comes back.
    as_owner(&world, &format!("ALTER DATABASE {name} CONNECTION LIMIT 1; {END_CONNECTIONS}")).await;
    let refused = async || {
        PgConnection::connect_with(&world.options()).await.is_err_and(|error| {
            error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("53300"))
        })
    };
    look("somebody is refused", refused).await;
    as_owner(&world, &format!("ALTER DATABASE {name} CONNECTION LIMIT -1")).await;
    world.until_count(Status::Sent, 60).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// F25: a server that turns everybody away: the board says so and what to do, and when there is room again the work goes on.
#[tokio::test]
async fn a_full_server_is_named_with_the_remedy() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    let name = world.text("SELECT quote_ident(current_database())").await;
    world.pause().await;
    let worker = Worker::start(&world, provider.lines(), short_lived()).await;
    world.resume().await;
    as_owner(&world, &format!("ALTER DATABASE {name} CONNECTION LIMIT 0; {END_CONNECTIONS}")).await;
    look("the board says why", async || {
        waits(&worker.board).is_some_and(|error| {
            error.contains("no connection left (too many connections for database")
                && error.contains("raise max_connections")
        })
    })
    .await;
    let start = db::connect(world.options(), 2).await.expect_err("a start is refused").to_string();
    assert!(start.contains("no connection left") && start.contains("end what uses them"), "{start}");
    as_owner(&world, &format!("ALTER DATABASE {name} CONNECTION LIMIT -1")).await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// F25: the connections of a console are its own: it reads and decides while those of its engine are all taken and the server has
/// none left.
#[tokio::test]
async fn a_console_decides_while_everything_else_is_taken() {
    let world = World::new().await;
    let items = world.file_email(4).await;
    let engine = db::connect(world.options(), 3).await.expect("the database answers");
    let console = db::reserve(&engine, 4).await.expect("there is room");
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(engine.acquire().await.expect("the pool has one"));
    }
    let name = world.text("SELECT quote_ident(current_database())").await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    let full = world.count(count).await;
    as_owner(&world, &format!("ALTER DATABASE {name} CONNECTION LIMIT {full}")).await;
    assert!(PgConnection::connect_with(&world.options()).await.is_err(), "the server is full");
    let deciding = items.iter().map(|item| {
        let (pool, approver, item, company) = (console.clone(), world.approver.clone(), *item, world.company);
        tokio::spawn(async move { approval::approve(&pool, &approver, company, &[item]).await })
    });
    for one in deciding.collect::<Vec<_>>() {
        let decided = one.await.expect("ends").expect("it has its own connection");
        assert!(matches!(decided[0].outcome, ItemOutcome::Approved { .. }), "{decided:?}");
    }
    assert_eq!(console.size(), 4, "none was given back");
    drop(taken);
}

async fn look(what: &str, holds: impl AsyncFnMut() -> bool) {
    countersign_tests::until(what, holds, async || String::new()).await;
}

/// F28: a decision whose future is dropped halfway leaves no lock and no transaction in the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_decision_leaves_nothing_in_the_pool() {
    let world = World::new().await;
    let items = world.file_email(3).await;
    let pool = world.wide_pool(1).await;
    let mut other = world.pool.begin().await.expect("begins");
    sqlx::raw_sql("LOCK TABLE crm_decisions IN SHARE MODE").execute(&mut *other).await.expect("locks");
    let (one, approver, company, seen) = (pool.clone(), world.approver.clone(), world.company, items.clone());
    let deciding = tokio::spawn(async move { approval::approve(&one, &approver, company, &seen).await });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crm_decisions'::regclass";
    world.until("it waits with its rows locked", async || world.count(waiting).await == 1).await;
    deciding.abort();
    assert!(deciding.await.is_err_and(|error| error.is_cancelled()));
    other.rollback().await.expect("rolls back");
    // The one connection of the pool can be used, and is in no transaction.
    let open: bool = sqlx::query_scalar("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        .fetch_one(&pool)
        .await
        .expect("the pool answers");
    assert!(!open);
    world
        .until("its locks are gone", async || {
            world.try_sql("SELECT FROM crm_activities FOR UPDATE NOWAIT").await.is_ok()
        })
        .await;
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions").await, 0);
    world.approve(&items).await;
}

/// F28: statements of a dispatcher that are cancelled from outside, again and again.
#[tokio::test]
async fn cancelled_statements_lose_and_double_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(60).await;
    let worker = Worker::start(&world, provider.lines(), short_lived()).await;
    for cancelled in 1..=6_u64 {
        world.until("some more were sent", async || provider.requests() >= cancelled * 8).await;
        as_owner(&world, &END_CONNECTIONS.replace("terminate", "cancel")).await;
    }
    world.until_count(Status::Sent, 60).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// F18: a provider that gives two messages one id: both stay on record, and the check names them.
#[tokio::test]
async fn two_messages_under_one_id_stay_two() {
    let world = World::new().await;
    let items = world.approved_email(2).await;
    let worker = Worker::start(&world, mail_by(Scripted::new(|_, _| Ok(accepted("same")))), quick()).await;
    world.until_count(Status::Sent, 2).await;
    worker.stop().await;
    for item in items {
        assert_eq!(world.attempts(item.id).await, ["accepted"]);
    }
    assert_eq!(
        world.count("SELECT count(*) FROM crm_dispatch_attempts WHERE provider_ref = 'same'").await,
        2
    );
    let mut conn = PgConnection::connect_with(&world.options()).await.expect("connects");
    let report = countersign_tests::check::examine(&mut conn, Default::default()).await.expect("reads");
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && found[0].contains("2 messages one id"), "{found:?}");
}

/// F30, R22: the clock jumps while a message is on the wire and others wait: none goes twice, none goes early, and a quota day is
/// neither skipped nor filled twice. The clock of the machine stays; every time on record jumps the other way.
#[rstest]
#[case::an_hour_on("- interval '1 hour'", 3)]
#[case::a_day_on("- interval '1 day'", 1)]
#[case::an_hour_back("+ interval '1 hour'", 3)]
#[case::a_day_back("+ interval '1 day'", 3)]
#[case::asleep_for_two_hours("- interval '2 hours'", 3)]
#[tokio::test]
async fn a_clock_that_jumps_sends_nothing_twice(#[case] shift: &str, #[case] sent_today: i32) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    world.sql(&format!("UPDATE crm_activities SET send_after = now() + interval '3 days', hold_code = 'scheduled' WHERE id = '{}'", items[2].id)).await;
    let (valve, settings) = (Valve::default(), Settings { max_in_flight: 2, ..quick() });
    let worker = Worker::start(&world, mail_by(valve.behind(provider.transport())), settings).await;
    world.until("two were accepted and not yet answered", async || valve.arrived() == 2).await;
    let is_forward = shift.starts_with('-');
    let day = if shift.contains("day") { &shift[..1] } else { "" };
    world
        .sql(&format!(
            "UPDATE crm_activities SET wire_at = wire_at {shift}, first_wire_at = first_wire_at {shift}, send_after = send_after {shift};
            UPDATE crm_dispatch_claims SET lease_until = lease_until {shift}"
        ))
        .await;
    if !day.is_empty() {
        world
            .sql(&format!(
                "UPDATE crm_credential_buckets SET day = day {day} 1;
                UPDATE crm_activities SET quota_day = quota_day {day} 1 WHERE quota_day IS NOT NULL"
            ))
            .await;
    }
    if is_forward {
        world.sql(&format!("UPDATE crm_decisions SET at = at {shift}")).await;
    }
    let second = Worker::start(&world, provider.lines(), quick()).await;
    valve.open();
    let settled = "SELECT count(*) FROM crm_activities WHERE status IN ('sent', 'uncertain')";
    world
        .until("both are settled", async || {
            world.hurry_replays().await;
            world.count(settled).await == 2
        })
        .await;
    // One more of the day: it is taken from the right one.
    let mut late = countersign_tests::world::draft(4);
    late["clientDedupKey"] = "late".into();
    let late = world.file(&[late]).await;
    world.approve(&late).await;
    world.until_status(late[0].id, Status::Sent).await;
    worker.stop().await;
    second.stop().await;
    assert_eq!(provider.ledger().len(), 3, "none twice, and the scheduled one not yet");
    assert_eq!(world.status(items[2].id).await, Status::Approved);
    assert_eq!(world.sent_today(world.outbox).await, sent_today);
    books::compare(&world, &provider).await;
}
