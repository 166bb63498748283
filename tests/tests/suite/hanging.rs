//! A provider that hangs holds up its own messages and nobody else's.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::channel::{BoxFuture, Broken, Call, Response, Transport};
use countersign_core::dispatch::Settings;
use countersign_core::outbox::NewOutbox;
use countersign_tests::books;
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::wire::{Valve, accepted};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{CREDENTIAL, World, draft, mail_outbox};
use serde_json::json;

/// Calls at once in these tests.
const SLOTS: usize = 4;

/// Rows on the wire that may wait for one of them.
const AHEAD: usize = SLOTS / 4;

/// Hangs on calls under the credential of the outbox `mail`, answers all others.
struct HangsForOne(Valve);

impl Transport for HangsForOne {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(async move {
            if call.headers.iter().any(|header| header.value.expose().contains(CREDENTIAL)) {
                return self.0.before(Answers).exchange(call).await;
            }
            Ok(accepted("other"))
        })
    }
}

struct Answers;

impl Transport for Answers {
    fn exchange<'a>(&'a self, _call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(std::future::ready(Ok(accepted("late"))))
    }
}

/// Alone it may use every slot; when its calls hang, others go on meanwhile, and it gets no more calls than it may have.
#[tokio::test]
async fn a_hanging_credential_leaves_the_slots_to_others() {
    let world = World::new().await;
    world.set_secret("other", "re_other_0").await;
    let other =
        NewOutbox { secret: "secret://other:latest".parse().expect("a reference"), ..mail_outbox("other") };
    world.add_outbox(&other).await;
    world.approved_email(5 * SLOTS).await;
    let valve = Valve::default();
    let transport = HangsForOne(valve.clone());
    let settings = Settings { max_in_flight: SLOTS, slow_after: Duration::from_millis(100), ..quick() };
    let worker = Worker::start(&world, mail_by(transport), settings).await;
    world.until("it uses every slot", async || valve.arrived() >= SLOTS).await;

    let mut lines: Vec<_> = (1_000..1_000 + 3 * SLOTS).map(draft).collect();
    lines.iter_mut().for_each(|line| line["outbox"] = json!("other"));
    let items = world.file(&lines).await;
    world.approve(&items).await;
    world.until_count(Status::Sent, 3 * SLOTS).await;
    let hanging = valve.arrived();
    // Those that gave way, those that took their slots before that was known, and those that were on the wire already.
    assert!((SLOTS..=2 * SLOTS + AHEAD).contains(&hanging), "{hanging} calls hang");

    valve.open();
    world.until_count(Status::Sent, 8 * SLOTS).await;
    worker.stop().await;
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_claims").await, 0, "every batch is closed");
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.recover'").await, 0);
    assert_eq!(valve.arrived(), 5 * SLOTS, "each was called once");
}

/// A row that is on the wire and gets no slot in time was not called: it comes back with its quota, its attempt says why, and its
/// provider, who was not asked, is not blamed.
#[tokio::test]
async fn a_row_that_gets_no_slot_in_time_comes_back_unsent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(SLOTS + 1).await;
    let valve = Valve::default();
    let settings = Settings { max_in_flight: SLOTS, slow_after: Duration::from_secs(600), ..quick() };
    let worker = Worker::start(&world, mail_by(valve.before(provider.transport())), settings).await;
    world
        .until("every slot is taken, and one more row is on the wire", async || {
            let wired =
                "SELECT count(*) FROM crm_activities WHERE status = 'dispatching' AND wire_at IS NOT NULL";
            valve.arrived() == SLOTS && world.count(wired).await == i64::try_from(items.len()).expect("few")
        })
        .await;
    // What comes back stays where it can be looked at.
    world.pause().await;
    world.until_count(Status::Approved, 1).await;
    let late = "FROM crm_dispatch_attempts x JOIN crm_activities a ON a.company_id = x.company_id AND a.id = x.activity_id
        WHERE a.status = 'approved' AND a.hold_code = 'retry' AND a.quota_day IS NULL AND a.wire_at IS NULL AND a.first_wire_at IS NULL";
    let attempt = world
        .text(&format!("SELECT concat_ws(' ', x.attempt, x.outcome, x.evidence ->> 'code') {late}"))
        .await;
    assert_eq!(attempt, "1 retry late");
    assert_eq!((valve.arrived(), world.sent_today(world.outbox).await), (SLOTS, 4));
    assert_eq!(world.count("SELECT fault_streak::bigint FROM crm_outboxes").await, 0);

    valve.open();
    world.until_count(Status::Sent, SLOTS).await;
    world.resume().await;
    world.until_count(Status::Sent, items.len()).await;
    worker.stop().await;
    assert_eq!(world.sent_today(world.outbox).await, 5);
    books::compare(&world, &provider).await;
}
