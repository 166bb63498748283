//! Cal.com through the dispatcher: it keeps no keys, so nothing unclear is repeated, and the booking itself is the evidence.
use std::time::Duration;

use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::ChannelName;
use countersign_core::dispatch::Settings;
use countersign_core::ids::OutboxId;
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use serde_json::json;

/// A company that may book one attendee.
async fn world() -> (World, OutboxId) {
    let world = World::new().await;
    let outbox = world.add_channel_outbox("book", ChannelName::CalCom, "ana-lind/site-visit", &[]).await;
    (world, outbox)
}

async fn approved(world: &World) -> Item {
    let booking = json!({
        "channel": "cal-com", "outbox": "book",
        "payload": {
            "eventTypeId": 123, "start": "2026-12-01T09:30:00Z", "timeZone": "Europe/Oslo",
            "attendee": { "name": "Bo Berg", "email": "bo@example.com", "language": "en" }, "notes": "Door 4",
        },
    });
    let [item] = world.file_rendered(&[booking]).await[..] else { panic!("one item") };
    world.approve(&[item]).await;
    item
}

fn curious() -> Settings {
    const AT_ONCE: &[Duration] = &[Duration::ZERO, Duration::ZERO, Duration::ZERO];
    Settings { looks: AT_ONCE, ..quick() }
}

#[tokio::test]
async fn a_booking_is_made_once() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let item = approved(&world).await;
    let worker = Worker::start(&world, all_by(provider.transport()), quick()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 1, 1));
    assert_eq!(ledger[0].activity_id.as_deref(), Some(item.id.to_string().as_str()));
}

/// R4, R7, F12 to F14: a lost answer is uncertain, and the booking that is there settles it. Nothing is booked a second time.
#[rstest]
#[case(Fault::ResetAfterAccept)]
#[case(Fault::ErrorAfterAccept)]
#[case(Fault::NoId)]
#[tokio::test]
async fn a_booking_that_is_there_was_made(#[case] fault: Fault) {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let item = approved(&world).await;
    provider.fails([fault.times(1)]);
    let worker = Worker::start(&world, all_by(provider.transport()), curious()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
    let known = world.text("SELECT provider_ref FROM crm_dispatch_attempts").await;
    assert_eq!(known, provider.ledger()[0].id);
}

/// R6, R7: one that is not there proves nothing at first, and after five minutes that none was made: then it is a draft again, with its
/// quota back, and a person decides anew.
#[tokio::test]
async fn a_booking_that_stays_away_was_not_made() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let item = approved(&world).await;
    provider.fails([Fault::ResetBeforeAccept.times(1)]);
    let worker = Worker::start(&world, all_by(provider.transport()), curious()).await;
    let absent = "SELECT count(*) FROM crm_lookups WHERE finding = 'absent'";
    world.until("it was looked for", async || world.count(absent).await > 0).await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Uncertain, 1));
    world.sql("UPDATE crm_dispatch_attempts SET wire_at = wire_at - interval '5 minutes'").await;
    world.until_status(item.id, Status::DraftPendingApproval).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (0, 0));
    assert!(world.audit(item.id).await.contains(&"activity.resolve.back-to-draft".to_owned()));
}

/// F15, F16: a limit holds the credential, a refused credential stops the outbox; the message waits in both cases.
#[rstest]
#[case("ThrottlerException", "SELECT count(*) FROM crm_outboxes WHERE cool_until > now() AND name = 'book'")]
#[case("UnauthorizedException", "SELECT count(*) FROM crm_outboxes WHERE NOT enabled AND name = 'book'")]
#[case("NotFoundException", "SELECT count(*) FROM crm_outboxes WHERE NOT enabled AND name = 'book'")]
#[tokio::test]
async fn what_concerns_all_messages_holds_them(#[case] code: &str, #[case] held: &str) {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let item = approved(&world).await;
    provider.fails([Fault::Refuse { code: code.to_owned() }.always()]);
    let worker = Worker::start(&world, all_by(provider.transport()), quick()).await;
    world.until("the outbox is held", async || world.count(held).await == 1).await;
    worker.stop().await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!((provider.requests(), provider.ledger().len()), (1, 0));
}
