//! From approved to sent: over real HTTP, by one dispatcher and by two, with connections that break and a log that refuses.
use std::sync::Arc;
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::{Settings, idle};
use countersign_tests::books;
use countersign_tests::provider::{Provider, dry_run};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft, mail_outbox};
use sqlx::{Connection, PgConnection};

/// I1, C1 to C7, S19: what was approved, and only that, is accepted once, byte for byte; every request is an attempt.
#[tokio::test]
async fn approved_messages_are_sent_once_as_approved() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.file_email(12).await;
    world.approve(&items[..9]).await;
    world.try_reject(&world.approver, &items[9..10]).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 9).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (9, 9));
    assert_eq!(world.statuses().await.get("draft_pending_approval"), Some(&2));
    assert_eq!(world.attempts(items[0].id).await, ["accepted"]);
    books::compare(&world, &provider).await;
    books::every_request_is_an_attempt(&world, &provider).await;
}

/// The attempt keeps what proves the sending: key, provider's id, version of the credential.
#[tokio::test]
async fn an_attempt_keeps_its_evidence() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[0].id, Status::Sent).await;
    worker.stop().await;
    let kept = world
        .text(
            "SELECT concat_ws(' ', idempotency_key, provider_ref, secret_version) FROM crm_dispatch_attempts",
        )
        .await;
    assert_eq!(kept, format!("countersign-{}-1 {} 1", items[0].id, provider.ledger()[0].id));
}

/// I2: a dry run does everything but the wire, and never calls it sent.
#[tokio::test]
async fn a_dry_run_reaches_nobody() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    let worker = Worker::start(&world, provider.lines().with_dry_run(dry_run()), quick()).await;
    world.until_count(Status::SentDryrun, 3).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 3));
}

/// I13, C1: two dispatchers on one database are as one.
#[tokio::test]
async fn two_dispatchers_send_each_message_once() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(300).await;
    let workers = [
        Worker::start(&world, provider.lines(), quick()).await,
        Worker::start(&world, provider.lines(), quick()).await,
    ];
    world.until_count(Status::Sent, 300).await;
    for worker in workers {
        worker.stop().await;
    }
    books::compare(&world, &provider).await;
    books::every_request_is_an_attempt(&world, &provider).await;
    assert_eq!(provider.requests(), 300);
}

/// I3, I13: two dispatchers and a cap: the cap holds.
#[tokio::test]
async fn two_dispatchers_keep_one_cap() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world
        .sql("UPDATE crm_outboxes SET daily_cap = 37; UPDATE crm_credential_buckets SET daily_cap = 37")
        .await;
    world.approved_email(80).await;
    let workers = [
        Worker::start(&world, provider.lines(), quick()).await,
        Worker::start(&world, provider.lines(), quick()).await,
    ];
    world.until_count(Status::Sent, 37).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (37, 37));
    books::compare(&world, &provider).await;
}

/// I3, I13, R10: one left of the day, two messages, two dispatchers: one message is sent, the other waits for the next day. In ten
/// outboxes at once, so that the two meet in many ways.
#[tokio::test]
async fn of_two_candidates_for_the_last_of_the_day_one_is_sent() {
    const OUTBOXES: usize = 10;
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut lines = Vec::new();
    for number in 0..OUTBOXES {
        let mut capped = mail_outbox(&format!("capped-{number}"));
        capped.daily_cap = 3;
        world.add_outbox(&capped).await;
        lines.extend((4 * number..4 * number + 4).map(|message| {
            let mut line = draft(message);
            line["outbox"] = capped.name.clone().into();
            line
        }));
    }
    let items = world.file(&lines).await;
    let (used, candidates): (Vec<_>, Vec<_>) =
        items.iter().copied().enumerate().partition(|(place, _)| place % 4 < 2);
    let [used, candidates] =
        [used, candidates].map(|items| items.into_iter().map(|(_, item)| item).collect::<Vec<_>>());
    // More slots than messages: a dispatcher that has room for one message only does not look at the other.
    let settings = Settings { max_in_flight: 200, ..quick() };
    let workers = [
        Worker::start(&world, provider.lines(), settings.clone()).await,
        Worker::start(&world, provider.lines(), settings).await,
    ];
    world.approve(&used).await;
    world.until_count(Status::Sent, 2 * OUTBOXES).await;
    world.approve(&candidates).await;
    world.until_count(Status::Sent, 3 * OUTBOXES).await;
    world.until_count(Status::BlockedByQuota, OUTBOXES).await;
    for worker in workers {
        worker.stop().await;
    }
    for pair in candidates.chunks(2) {
        let mut both = [world.status(pair[0].id).await, world.status(pair[1].id).await];
        both.sort_unstable();
        assert_eq!(both, [Status::BlockedByQuota, Status::Sent]);
    }
    let full = "SELECT count(*) FROM crm_credential_buckets WHERE sent_today = daily_cap";
    assert_eq!((provider.requests(), world.count(full).await), (30, 10));
    books::compare(&world, &provider).await;
}

/// F20: connections that break during and between transactions delay and lose nothing.
#[tokio::test]
async fn broken_connections_lose_and_double_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(120).await;
    let mut settings = quick();
    (settings.lease, settings.batch) = (Duration::from_secs(2), 5);
    let worker = Worker::start(&world, provider.lines(), settings).await;
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    for broken in 1..=8 {
        world.until("some more were sent", async || provider.requests() >= broken * 12).await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user",
        )
        .execute(&mut owner)
        .await
        .expect("the owner may end connections");
    }
    world.until_count(Status::Sent, 120).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// R14: a claim that cannot be recorded is none: nothing is sent, nothing is taken; when the log works again, everything goes.
#[tokio::test]
async fn without_an_audit_log_nothing_is_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    // A sequence counts also what is rolled back, so it tells how often a claim was tried.
    world
        .sql(
            "CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              PERFORM nextval('tries'); RAISE EXCEPTION 'the log is full'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_audit_log FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until("claims were tried", async || world.count("SELECT last_value FROM tries").await >= 3).await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    assert_eq!(world.statuses().await.get("approved"), Some(&3));
    world.sql("DROP TRIGGER refuse ON crm_audit_log").await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// R14, I6: an outcome that cannot be recorded waits, and is neither lost nor repeated.
#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_waits() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    world
        .sql(
            "CREATE SEQUENCE tries;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.action = 'dispatch.sent' THEN PERFORM nextval('tries'); RAISE EXCEPTION 'the log is full'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_audit_log FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("the outcome was tried", async || world.count("SELECT last_value FROM tries").await >= 2)
        .await;
    assert_eq!(world.status(items[0].id).await, Status::Dispatching);
    world.sql("DROP TRIGGER refuse ON crm_audit_log").await;
    world.until_status(items[0].id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 1);
    books::compare(&world, &provider).await;
}

/// R16: told to stop, a dispatcher finishes what is on the wire, records it, and claims nothing more.
#[tokio::test]
async fn a_stopping_dispatcher_finishes_what_is_on_the_wire() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(40).await;
    let mut settings = quick();
    settings.max_in_flight = 4;
    let valve = countersign_tests::wire::Valve::default();
    let lines = countersign_tests::provider::mail_by(valve.before(provider.transport()));
    let worker = Worker::start(&world, lines, settings).await;
    world.until("four are on the wire", async || valve.arrived() == 4).await;
    let stopping = tokio::spawn(worker.stop());
    valve.open();
    stopping.await.expect("ends");
    let sent = world.statuses().await.get("sent").copied().unwrap_or(0);
    assert!(sent >= 4, "what was on the wire is recorded");
    assert_eq!(u64::try_from(sent), Ok(provider.requests()));
    assert_eq!(world.count("SELECT count(*) FROM crm_activities WHERE status = 'dispatching'").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_claims").await, 0);
    books::compare(&world, &provider).await;
}

/// `dispatch --until-idle` ends when nothing will happen by itself soon: not while something is on the wire, not because of drafts.
#[tokio::test]
async fn idle_means_that_nothing_will_happen_soon() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let provider = Arc::new(provider);
    let load = async || {
        let mut conn = world.pool.acquire().await.expect("a connection");
        idle::load(&mut conn, false).await.expect("loads")
    };
    world.file_email(2).await;
    assert!(load().await.is_idle());
    let mut more = draft(3);
    more["clientDedupKey"] = "third".into();
    let items = world.file(&[more]).await;
    world.approve(&items).await;
    assert!(!load().await.is_idle());
    world.pause().await;
    assert!(load().await.is_idle());
    world.resume().await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until("it is idle again", async || load().await.is_idle()).await;
    worker.stop().await;
    assert_eq!(world.status(items[0].id).await, Status::Sent);
}

/// I13: outboxes that cannot be served stand in nobody's way: each turn goes on behind them.
#[tokio::test]
async fn a_turn_goes_on_past_outboxes_that_fail() {
    const FAILING: usize = 40;
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut lines = Vec::with_capacity(FAILING);
    for number in 0..FAILING {
        let name = format!("broken-{number}");
        world.add_outbox(&mail_outbox(&name)).await;
        let mut line = draft(100 + number);
        line["outbox"] = name.into();
        lines.push(line);
    }
    let stuck = world.file(&lines).await;
    world.approve(&stuck).await;
    world
        .sql(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a defect'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_dispatch_claims FOR EACH ROW WHEN (NEW.outbox_id <> '{}')
            EXECUTE FUNCTION refuse()",
            world.outbox
        ))
        .await;
    // One row a turn: if a fault ended the turn, forty out of forty-one would bring nothing but a wait.
    let good = world.approved_email(6).await;
    let worker = Worker::start(&world, provider.lines(), Settings { batch: 1, ..quick() }).await;
    world.until_count(Status::Sent, good.len()).await;
    worker.stop().await;
    assert_eq!(world.statuses().await.get("approved").copied(), i64::try_from(FAILING).ok());
    assert_eq!(provider.requests(), good.len() as u64);
    books::compare(&world, &provider).await;
}
