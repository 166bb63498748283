//! What became of an uncertain message: the provider is asked, and what it proves settles the matter without sending anything.
use std::time::Duration;

use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::approval::{self, ItemOutcome, Resolution};
use countersign_core::channel::Finding;
use countersign_core::dispatch::evidence::{Looked, look};
use countersign_core::dispatch::{Settings, store_evidence};
use countersign_core::error::Error;
use countersign_core::ids::ActivityId;
use countersign_tests::books;
use countersign_tests::provider::{Provider, keyless_by};
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;

/// Asks at once, and once more.
fn curious() -> Settings {
    const AT_ONCE: &[Duration] = &[Duration::ZERO, Duration::ZERO];
    Settings { looks: AT_ONCE, ..quick() }
}

/// One mail whose provider keeps no keys, uncertain after that fault.
async fn uncertain(world: &World, provider: &Provider, fault: Fault) -> ActivityId {
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.fails([fault.times(1)]);
    let worker = Worker::start(world, keyless_by(provider.transport()), quick()).await;
    world.until_status(item.id, Status::Uncertain).await;
    worker.stop().await;
    item.id
}

async fn looked(world: &World, provider: &Provider, id: ActivityId) -> Option<Looked> {
    let lines = keyless_by(provider.transport());
    look(&world.pool, &lines, &world.key, &world.approver, world.company, id).await.expect("asked")
}

/// R6, R7: the provider lists the message, so it was sent: settled by evidence, quota kept, the provider's id known.
#[tokio::test]
async fn what_the_provider_has_was_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let id = uncertain(&world, &provider, Fault::ResetAfterAccept).await;
    let worker = Worker::start(&world, keyless_by(provider.transport()), curious()).await;
    world.until_status(id, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(world.outbox).await), (1, 1));
    let known: Option<String> = sqlx::query_scalar("SELECT provider_ref FROM crm_dispatch_attempts")
        .fetch_one(&world.pool)
        .await
        .expect("reads");
    assert_eq!(known, Some(provider.ledger()[0].id.clone()));
    let audit = world.audit(id).await;
    assert!(audit.contains(&"activity.resolve.was-sent".to_owned()), "{audit:?}");
    books::compare(&world, &provider).await;
}

/// R6: a message that is not listed may be on its way all the same: it stays uncertain, with the evidence beside it, and the provider is
/// not asked for ever.
#[tokio::test]
async fn what_the_provider_does_not_list_stays_uncertain() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    provider.fails([Fault::ResetBeforeAccept.always()]);
    let worker = Worker::start(&world, keyless_by(provider.transport()), curious()).await;
    let looks = "SELECT count(*) FROM crm_lookups";
    world.until("both are asked about twice", async || world.count(looks).await == 4).await;
    // The second one is forgotten and asked about again, so the worker goes on looking.
    let (first, second) = (items[0].id, items[1].id);
    world.sql(&format!("DELETE FROM crm_lookups WHERE activity_id = '{second}'")).await;
    world.until("the second is asked about again", async || world.count(looks).await == 4).await;
    worker.stop().await;
    assert_eq!(
        (world.status(first).await, world.status(second).await),
        (Status::Uncertain, Status::Uncertain)
    );
    assert!(provider.ledger().is_empty());
    let mut conn = world.pool.acquire().await.expect("a connection");
    let evidence = store_evidence::lookups(&mut conn, world.company, first).await.expect("reads");
    assert_eq!(evidence.iter().map(|look| look.finding.as_str()).collect::<Vec<_>>(), ["absent", "absent"]);
    assert!(evidence[0].why.starts_with("no mail with this recipient and subject"), "{evidence:?}");
}

/// R6: a person may ask at once; whoever only sees may not.
#[tokio::test]
async fn a_person_asks_the_provider() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let id = uncertain(&world, &provider, Fault::HalfBody).await;
    let lines = keyless_by(provider.transport());
    let refused = look(&world.pool, &lines, &world.key, &world.viewer, world.company, id).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    assert_eq!(world.status(id).await, Status::Uncertain);
    let found = looked(&world, &provider, id).await.expect("uncertain");
    assert!(matches!(found.finding, Finding::Sent { provider_ref: Some(_), .. }), "{found:?}");
    assert_eq!(found.outcome, ItemOutcome::Resolved { status: Status::Sent });
    assert_eq!(looked(&world, &provider, id).await, None, "it is not uncertain any more");
}

/// I13: a person settles it while the provider is asked: their word stands, and the finding is kept as evidence.
#[tokio::test]
async fn a_person_who_was_first_stands() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let id = uncertain(&world, &provider, Fault::ResetAfterAccept).await;
    let valve = Valve::default();
    let lines = keyless_by(valve.before(provider.transport()));
    let asking = look(&world.pool, &lines, &world.key, &world.approver, world.company, id);
    let settling = async {
        world.until("the question is on its way", async || valve.arrived() == 1).await;
        let verdict = Resolution::WasNotSent;
        approval::resolve(&world.pool, &world.second, world.company, id, verdict, "they called")
            .await
            .expect("settles");
        valve.open();
    };
    let (found, ()) = tokio::join!(asking, settling);
    let found = found.expect("asked").expect("it was uncertain");
    assert!(matches!(found.outcome, ItemOutcome::Taken { status: Status::Failed, .. }), "{found:?}");
    assert_eq!(world.status(id).await, Status::Failed);
    assert_eq!(world.count("SELECT count(*) FROM crm_lookups WHERE finding = 'sent'").await, 1);
}

/// F14: a provider that is down when it is asked proves nothing.
#[tokio::test]
async fn a_provider_that_is_away_proves_nothing() {
    let (world, mut provider) = (World::new().await, Provider::start().await);
    let id = uncertain(&world, &provider, Fault::ResetAfterAccept).await;
    provider.go_away().await;
    let found = looked(&world, &provider, id).await.expect("uncertain");
    assert!(matches!(found.finding, Finding::Unclear { .. }), "{found:?}");
    assert_eq!(world.status(id).await, Status::Uncertain);
}
