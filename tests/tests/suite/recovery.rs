//! What a lost worker leaves behind, and who picks it up.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::Settings;
use countersign_tests::books;
use countersign_tests::provider::{Provider, keyless_by, mail_by};
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;

/// A worker whose silence is noticed after a second.
fn short_lived() -> Settings {
    Settings { lease: Duration::from_secs(1), ..quick() }
}

/// R1, F2: a claim that never reached the wire goes back with its quota, and is sent once.
#[tokio::test]
async fn a_claim_without_a_wire_is_taken_back() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    // A worker claimed them and ended.
    world
        .sql(
            "INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
            SELECT company_id, '00000000-0000-7000-8000-00000000000c', outbox_id, 'lost', now() - interval '1 second', array_agg(id)
            FROM crm_activities GROUP BY company_id, outbox_id;
            UPDATE crm_activities SET status = 'dispatching', claim_id = '00000000-0000-7000-8000-00000000000c', attempt = 1,
              quota_day = (now() AT TIME ZONE 'UTC')::date;
            UPDATE crm_credential_buckets SET sent_today = 3",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.stored(items[0].id).await.attempt), (3, 1));
    assert!(world.audit(world.outbox).await.contains(&"dispatch.recover".to_owned()));
    books::compare(&world, &provider).await;
}

/// R1: a claim whose lease still runs is nobody else's.
#[tokio::test]
async fn a_claim_under_lease_is_left_alone() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.file_email(2).await;
    world.approve(&items[..1]).await;
    world
        .sql(
            "INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
            SELECT company_id, '00000000-0000-7000-8000-00000000000c', outbox_id, 'busy', now() + interval '1 hour', array_agg(id)
            FROM crm_activities WHERE status = 'approved' GROUP BY company_id, outbox_id;
            UPDATE crm_activities SET status = 'dispatching', claim_id = '00000000-0000-7000-8000-00000000000c' WHERE status = 'approved'",
        )
        .await;
    world.approve(&items[1..]).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[1].id, Status::Sent).await;
    worker.stop().await;
    assert_eq!((world.status(items[0].id).await, provider.requests()), (Status::Dispatching, 1));
}

/// R3, F3: lost on the wire before a byte left: repeated with the same key, accepted once.
#[tokio::test]
async fn a_worker_lost_before_sending_is_replaced() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    let valve = Valve::default();
    let lost = Worker::start(&world, mail_by(valve.before(provider.transport())), short_lived()).await;
    world.until("all are on the wire", async || valve.arrived() == 3).await;
    lost.lose();
    let worker = Worker::start(&world, provider.lines(), quick_keeper()).await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!(world.attempts(items[0].id).await, ["maybe_sent", "accepted"]);
    assert_eq!(provider.ledger().len(), 3);
    books::compare(&world, &provider).await;
}

/// R3, F5, F6: lost after the provider accepted: the repeat brings the first answer back, and the ledger has one line.
#[tokio::test]
async fn a_worker_lost_after_acceptance_is_replaced() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(3).await;
    let valve = Valve::default();
    let lost = Worker::start(&world, mail_by(valve.behind(provider.transport())), short_lived()).await;
    world.until("all are accepted", async || valve.arrived() == 3).await;
    lost.lose();
    let worker = Worker::start(&world, provider.lines(), quick_keeper()).await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), provider.requests()), (3, 6));
    books::compare(&world, &provider).await;
}

/// R3, R4, F3, F5: where the provider keeps no keys, what was on the wire is uncertain and is never repeated.
#[tokio::test]
async fn without_kept_keys_what_was_on_the_wire_is_uncertain() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let valve = Valve::default();
    let lost = Worker::start(&world, keyless_by(valve.behind(provider.transport())), short_lived()).await;
    world.until("both are accepted", async || valve.arrived() == 2).await;
    lost.lose();
    let worker = Worker::start(&world, keyless_by(provider.transport()), quick_keeper()).await;
    world.until_count(Status::Uncertain, 2).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (2, 2));
    books::compare(&world, &provider).await;
}

/// F30, R22: the clock went back a day while a message waited for its answer. By that clock the key is fresh; in truth the provider
/// may have forgotten it, so nothing is repeated.
#[tokio::test]
async fn a_clock_that_went_back_closes_every_window() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let valve = Valve::default();
    let lost = Worker::start(&world, mail_by(valve.before(provider.transport())), short_lived()).await;
    world.until("both are on the wire", async || valve.arrived() == 2).await;
    lost.lose();
    world.sql("UPDATE crm_change_counters SET seen_at = now() + interval '12 hours'").await;
    let worker = Worker::start(&world, provider.lines(), quick_keeper()).await;
    world.until_count(Status::Uncertain, 2).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 2));
    books::compare(&world, &provider).await;
}

/// R3: a day passes between the claim of a repeat and its wire. The window is asked again there, so nothing leaves.
#[tokio::test]
async fn a_repeat_that_comes_late_to_the_wire_is_not_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let valve = Valve::default();
    let lost = Worker::start(&world, mail_by(valve.before(provider.transport())), short_lived()).await;
    world.until("it is on the wire", async || valve.arrived() == 1).await;
    lost.lose();
    world
        .sql(
            "CREATE FUNCTION age() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE crm_activities SET first_wire_at = first_wire_at - interval '23 hours 1 minute', wire_at = wire_at - interval '23 hours 1 minute'
              WHERE first_wire_at > now() - interval '1 hour'; RETURN NEW; END $$;
            CREATE TRIGGER age AFTER INSERT ON crm_dispatch_claims FOR EACH ROW EXECUTE FUNCTION age()",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), quick_keeper()).await;
    world.until_status(items[0].id, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 0);
    let stored = world.stored(items[0].id).await;
    assert_eq!(stored.hold_code.as_deref(), Some("window_closed"));
    assert!(world.audit(world.outbox).await.contains(&"dispatch.give_back".to_owned()));
}

/// R2, F8: a worker that was thought lost and goes on: its late call has the same key, its late answer changes nothing.
#[tokio::test]
async fn a_late_worker_changes_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let valve = Valve::default();
    // One slot, so that it cannot pick up its own message again.
    let settings = Settings { max_in_flight: 1, ..quick() };
    let late = Worker::start(&world, mail_by(valve.before(provider.transport())), settings).await;
    world.until("it is on the wire", async || valve.arrived() == 1).await;
    world.sql("UPDATE crm_dispatch_claims SET lease_until = now() - interval '1 hour'").await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[0].id, Status::Sent).await;
    valve.open();
    world
        .until("the late answer is on record", async || {
            world.audit(items[0].id).await.contains(&"dispatch.late".to_owned())
        })
        .await;
    late.stop().await;
    worker.stop().await;
    assert_eq!(world.attempts(items[0].id).await, ["maybe_sent", "accepted"]);
    assert_eq!((provider.ledger().len(), provider.requests()), (1, 2));
    books::compare(&world, &provider).await;
}

/// R26, C1: workers lost again and again in the middle of a queue: everything is sent once in the end.
#[tokio::test]
async fn a_queue_survives_worker_after_worker() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(60).await;
    let settings = Settings { batch: 4, max_in_flight: 4, ..short_lived() };
    for lost in 1..=5 {
        let worker = Worker::start(&world, provider.lines(), settings.clone()).await;
        world.until("some more were sent", async || provider.ledger().len() >= lost * 6).await;
        worker.lose();
    }
    let worker = Worker::start(&world, provider.lines(), quick_keeper()).await;
    world.until_count(Status::Sent, 60).await;
    worker.stop().await;
    assert_eq!(provider.ledger().len(), 60);
    books::compare(&world, &provider).await;
}

/// A worker that looks after lost ones often.
fn quick_keeper() -> Settings {
    Settings { lease: Duration::from_secs(3), ..quick() }
}
