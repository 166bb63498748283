//! R21: the circuit of an outbox: it opens when calls have no clear answer, is tried with one call at a time, and closes with the first answer.
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::channel::ChannelName;
use countersign_tests::books;
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft, mail_outbox};

const CIRCUIT_IS_OPEN: &str =
    "SELECT count(*) FROM crm_outboxes WHERE cool_reason = 'circuit' AND cool_until > now()";

/// R21: a provider that is down gets five calls, then one at a time; its first answer closes the circuit, and all is sent once.
#[tokio::test]
async fn a_provider_that_is_down_opens_the_circuit() {
    let (world, mut provider) = (World::new().await, Provider::start().await);
    world.approved_email(8).await;
    provider.go_away().await;
    let mut one_by_one = quick();
    (one_by_one.max_in_flight, one_by_one.batch) = (1, 1);
    let worker = Worker::start(&world, provider.lines(), one_by_one).await;
    world.until("the circuit opens", async || world.count(CIRCUIT_IS_OPEN).await == 1).await;
    worker.stop().await;
    // The fifth call opens it, and from there on each call that fails opens it anew, for longer. A call or two may have begun before the
    // fifth was on record, and have been recorded with it.
    let beyond = "SELECT (SELECT count(*) FROM crm_dispatch_attempts) - (SELECT count(*) FROM crm_audit_log WHERE action = 'outbox.circuit')";
    let before = world.count(beyond).await;
    assert!((4..=6).contains(&before), "{before}");
    // With room for all of them at once still one is tried.
    world.hurry().await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    let opened = "SELECT count(*) FROM crm_audit_log WHERE action = 'outbox.circuit'";
    world.until("a probe failed", async || world.count(opened).await >= 2).await;
    worker.stop().await;
    assert_eq!(world.count(beyond).await, before);
    provider.come_back().await;
    world.hurry().await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 8).await;
    worker.stop().await;
    assert_eq!(world.count("SELECT fault_streak::bigint FROM crm_outboxes").await, 0);
    books::compare(&world, &provider).await;
}

/// R21: while a probe is under way there is no second one, however long it takes and whoever looks.
#[tokio::test]
async fn one_probe_at_a_time() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut dry = mail_outbox("dry");
    dry.channel = ChannelName::DryRun;
    world.add_outbox(&dry).await;
    world.approved_email(8).await;
    world.sql("UPDATE crm_outboxes SET fault_streak = 5 WHERE name = 'mail'").await;
    let valve = Valve::default();
    let worker = Worker::start(&world, mail_by(valve.before(provider.transport())), quick()).await;
    let other = Worker::start(&world, mail_by(valve.before(provider.transport())), quick()).await;
    world.until("a probe is under way", async || valve.arrived() > 0).await;
    // Each of these takes a look at everything that is due.
    for number in 20..26 {
        let mut line = draft(number);
        (line["outbox"], line["channel"]) = ("dry".into(), "dry-run".into());
        let item = world.file(&[line]).await;
        world.approve(&item).await;
        world.until_status(item[0].id, Status::SentDryrun).await;
    }
    assert_eq!(valve.arrived(), 1);
    valve.open();
    world.until_count(Status::Sent, 8).await;
    worker.stop().await;
    other.stop().await;
    books::compare(&world, &provider).await;
}

/// A clear answer closes what was about to open: five unclear calls in a row are needed, not five in all.
#[tokio::test]
async fn a_clear_answer_starts_the_count_anew() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(1).await;
    world.sql("UPDATE crm_outboxes SET fault_streak = 4").await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 1).await;
    worker.stop().await;
    assert_eq!(world.count("SELECT fault_streak::bigint FROM crm_outboxes").await, 0);
    assert_eq!(provider.requests(), 1);
}

/// A wait that a provider asks for is written to every outbox of the credential. They are locked in id order, whatever order they lie
/// in, so that two writers cannot wait for each other: while one waits for the first outbox, it holds none behind it.
#[tokio::test]
async fn outboxes_of_one_credential_are_locked_in_order() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let later = world.add_outbox(&mail_outbox("later")).await;
    assert!(world.outbox < later);
    // The first one lies behind the later one from here on, and is read in that order.
    world.sql("UPDATE crm_outboxes SET updated_at = now() WHERE name = 'mail'").await;
    let unsorted = world.options().options([("enable_indexscan", "off"), ("enable_bitmapscan", "off")]);
    world.approved_email(1).await;
    provider.fails([Fault::RateLimited { retry_after: Some("60".to_owned()) }.times(1)]);
    let valve = Valve::default();
    let lines = mail_by(valve.before(provider.transport()));
    let worker = Worker::start_by(unsorted, &world, lines, quick());
    world.until("the call is under way", async || valve.arrived() == 1).await;

    let mut tx = world.pool.begin().await.expect("the database answers");
    let lock = "SELECT id FROM crm_outboxes WHERE id = $1 FOR NO KEY UPDATE NOWAIT";
    sqlx::query(lock).bind(world.outbox.0).execute(&mut *tx).await.expect("nobody holds the first");
    valve.open();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    world.until("the writer waits for the first", async || world.count(waiting).await >= 1).await;
    sqlx::query(lock).bind(later.0).execute(&mut *tx).await.expect("it holds none behind the first");
    tx.commit().await.expect("the locks are given back");

    let cooling = "SELECT count(*) FROM crm_outboxes WHERE cool_reason = 'provider' AND cool_until > now()";
    world.until("both wait", async || world.count(cooling).await == 2).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}
