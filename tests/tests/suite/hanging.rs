//! A provider that hangs holds up its own messages and nobody else's.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::channel::{BoxFuture, Broken, Call, Response, Transport};
use countersign_core::dispatch::Settings;
use countersign_core::outbox::NewOutbox;
use countersign_tests::provider::mail_by;
use countersign_tests::wire::{Valve, accepted};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{CREDENTIAL, World, draft, mail_outbox};
use serde_json::json;

/// Calls at once in these tests.
const SLOTS: usize = 4;

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
    assert!((SLOTS..=2 * SLOTS).contains(&hanging), "{hanging} calls hang");

    valve.open();
    world.until_count(Status::Sent, 8 * SLOTS).await;
    worker.stop().await;
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_claims").await, 0, "every batch is closed");
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.recover'").await, 0);
    assert_eq!(valve.arrived(), 5 * SLOTS, "each was called once");
}
