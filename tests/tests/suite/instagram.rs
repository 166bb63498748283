//! Instagram through the dispatcher: a post in two attempts that is published once, and direct messages that have no second chance.
use std::time::Duration;

use countersign_adapters::http::HttpTransport;
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::{BoxFuture, Broken, Call, ChannelName, Finding, Response, Transport};
use countersign_core::dispatch::evidence::look;
use countersign_core::draft::file::Mode;
use countersign_core::ids::OutboxId;
use countersign_core::inbound::{self, Direction, Noted};
use countersign_core::{clock, dispatch};
use countersign_tests::books;
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use crate::stops::contact_of;

const ACCOUNT: &str = "17841400000000001";
const FEED: &str = "feed:17841400000000001";
pub(crate) const PERSON: &str = "17841400000000009";
const PICTURE: &str = "d20f6ffd523b78a86cd2f916fa34af5d1918d75f7b142237c752ad6b254213ab";

/// A company that may post, and write to one person.
pub(crate) async fn world() -> (World, OutboxId, Provider) {
    let world = World::new().await;
    world.allow(FEED).await;
    world.allow(PERSON).await;
    let settings = [("ig_id", ACCOUNT), ("media_url", "https://pictures.example/")];
    let outbox = world.add_channel_outbox("ig", ChannelName::Instagram, "acme.renovacion", &settings).await;
    (world, outbox, Provider::start().await)
}

fn post(caption: &str) -> Value {
    json!({ "channel": "instagram", "outbox": "ig", "to": FEED,
        "payload": { "action": "post", "text": caption, "imageSha256": PICTURE } })
}

fn dm(text: &str) -> Value {
    json!({ "channel": "instagram", "outbox": "ig", "to": PERSON, "payload": { "action": "dm", "text": text } })
}

async fn approved(world: &World, line: Value) -> Item {
    let [item] = world.file_rendered(&[line]).await[..] else { panic!("one item") };
    world.approve(&[item]).await;
    item
}

/// A direct message to somebody who wrote a minute before it was drafted.
pub(crate) async fn answer(world: &World) -> Item {
    let [item] = world.file_rendered(&[dm("¡Sí! Mañana a las 9.")]).await[..] else { panic!("one item") };
    let noted = Noted {
        contact: contact_of(world, item.id).await,
        channel: ChannelName::Instagram,
        direction: Direction::In,
        at: Some(clock::now() - SignedDuration::from_mins(1)),
        note: "¿Mañana?".to_owned(),
    };
    inbound::record(&world.pool, &world.approver, world.company, &noted).await.expect("can be noted");
    world.approve(&[item]).await;
    item
}

pub(crate) async fn worker(world: &World, provider: &Provider) -> Worker {
    Worker::start(world, all_by(provider.hasty_transport()), quick()).await
}

pub(crate) async fn hurry_until(world: &World, item: Item, status: Status) {
    world
        .until(&format!("it becomes {}", status.as_str()), async || {
            world.hurry().await;
            world.status(item.id).await == status
        })
        .await;
}

/// Lets a worker make the container of a post and ends it before its next attempt is due.
async fn prepared(world: &World, provider: &Provider, item: Item) {
    let first = worker(world, provider).await;
    world.until("it was attempted", async || !world.attempts(item.id).await.is_empty()).await;
    first.stop().await;
    assert_eq!(world.attempts(item.id).await, ["retry"]);
}

/// What the provider says about an item whose end nobody knows, to a person who asks six minutes later.
async fn looked_up(world: &World, provider: &Provider, item: Item) -> Finding {
    let later =
        "UPDATE crm_dispatch_attempts SET wire_at = wire_at - interval '6 minutes' WHERE wire_at IS NOT NULL";
    world.sql(later).await;
    let lines = all_by(provider.transport());
    let looked = look(&world.pool, &lines, &world.key, &world.approver, world.company, item.id).await;
    looked.expect("asked").expect("it is uncertain").finding
}

/// R7: what the container says settles its post, without sending anything: sent and counted, or a draft again with its quota back.
async fn settled_by_its_container(world: &World, provider: &Provider, item: Item, published: usize) {
    let (requests, entries) = (provider.requests(), provider.ledger().len());
    let finding = looked_up(world, provider, item).await;
    let expected = match published {
        0 => (Status::DraftPendingApproval, "not_sent"),
        _ => (Status::Sent, "sent"),
    };
    assert_eq!((world.status(item.id).await, finding.as_str()), expected, "{finding:?}");
    assert!(finding.why().contains("container"), "{finding:?}");
    assert!(!matches!(finding, Finding::Sent { provider_ref: Some(_), .. }), "a container is no post");
    assert!(provider.requests() <= requests + 1, "one question is enough");
    assert_eq!(provider.ledger().len(), entries);
}

/// A post travels in two attempts, container and publication: one line in the ledger, its quota taken once.
#[tokio::test]
async fn a_post_is_prepared_and_then_published_once() {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks #1")).await;
    prepared(&world, &provider, item).await;
    // It waits for its container without a place in the day's quota.
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    // Quota, picture, container.
    assert_eq!((provider.ledger().len(), provider.requests()), (0, 3));
    assert_eq!(world.text("SELECT evidence ->> 'code' FROM crm_dispatch_attempts").await, "prepared");
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 5, 1));
    assert_eq!(world.attempts(item.id).await, ["retry", "accepted"]);
    let known = "SELECT provider_ref FROM crm_dispatch_attempts WHERE outcome = 'accepted'";
    assert_eq!(world.text(known).await, ledger[0].id);
    assert!(ledger[0].to == [FEED]);
}

/// A lost answer before anything was published costs another attempt and nothing else.
#[rstest]
#[case::reset(Fault::ResetAfterAccept)]
#[case::hang(Fault::HangInBody)]
#[case::error(Fault::ErrorBeforeAccept)]
#[case::no_id(Fault::NoId)]
#[tokio::test]
async fn a_container_whose_answer_is_lost_is_made_again(#[case] fault: Fault) {
    let (world, outbox, provider) = world().await;
    provider.fails([fault.times(1)]);
    let item = approved(&world, post("Ten weeks")).await;
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, ["retry", "retry", "accepted"]);
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
}

/// R4, I4: an answer to the publication that is lost leaves the post uncertain with its quota; nothing is published again, and the
/// container tells.
#[rstest]
#[case::before(Fault::ResetBeforeAccept, 0)]
#[case::after(Fault::ResetAfterAccept, 1)]
#[case::half(Fault::HalfBody, 1)]
#[tokio::test]
async fn a_lost_publication_is_uncertain_and_looked_up(#[case] fault: Fault, #[case] published: usize) {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    prepared(&world, &provider, item).await;
    provider.fails([fault.times(1)]);
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Uncertain).await;
    // Once another one has been published, the dispatcher has been round with everything due.
    let mut other = post("Another one");
    other["clientDedupKey"] = "other".into();
    let other = approved(&world, other).await;
    hurry_until(&world, other, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), provider.requests()), (published + 1, 10));
    assert_eq!(world.attempts(item.id).await, ["retry", "maybe_sent"]);
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Uncertain, 2));
    settled_by_its_container(&world, &provider, item, published).await;
    assert_eq!(world.sent_today(outbox).await, 1 + i32::try_from(published).expect("few"));
}

/// R4, F14: a publication that the provider took and called a temporary fault is not tried again and no other container is made, however
/// old this one is: one line in the ledger, uncertain, and the container tells that it was sent.
#[tokio::test]
async fn a_temporary_fault_of_a_publication_is_no_proof_that_nothing_was_published() {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    prepared(&world, &provider, item).await;
    let aged = "UPDATE crm_dispatch_attempts SET provider_ref = split_part(provider_ref, '@', 1) || '@1' WHERE provider_ref IS NOT NULL";
    world.sql(aged).await;
    provider.fails([Fault::ErrorAfterAccept.times(1)]);
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Uncertain).await;
    let mut other = post("Another one");
    other["clientDedupKey"] = "other".into();
    let other = approved(&world, other).await;
    hurry_until(&world, other, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, ["retry", "maybe_sent"]);
    let told = "SELECT evidence ->> 'code' FROM crm_dispatch_attempts WHERE outcome = 'maybe_sent'";
    assert_eq!(world.text(told).await, "2");
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (2, 2));
    settled_by_its_container(&world, &provider, item, 1).await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (2, 2));
}

/// Brings every answer back but the one to a request whose path ends so: that call never returns.
struct Loses {
    inner: HttpTransport,
    path_end: &'static str,
}

impl Transport for Loses {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(async move {
            let is_lost = call.request.path.ends_with(self.path_end);
            let answer = self.inner.exchange(call).await;
            if is_lost {
                std::future::pending::<()>().await;
            }
            answer
        })
    }
}

/// F2 to F6: a worker that is killed while it publishes leaves an uncertain post that nobody publishes again.
#[tokio::test]
async fn a_worker_killed_while_it_publishes_publishes_once() {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    lose_at(&world, &provider, "/media_publish", 5).await;
    assert_eq!(provider.ledger().len(), 1);
    let keeper = dispatch::Settings { lease: Duration::from_secs(3), ..quick() };
    let worker = Worker::start(&world, all_by(provider.transport()), keeper).await;
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (5, 1));
    assert_eq!(world.sent_today(outbox).await, 1);
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some("worker_lost"));
    settled_by_its_container(&world, &provider, item, 1).await;
    assert_eq!(world.sent_today(outbox).await, 1);
}

/// F2: a worker that is killed while it asks, looks or makes a container published nothing: nothing is uncertain, and another one
/// publishes it once.
#[rstest]
#[case::quota("/content_publishing_limit?fields=config,quota_usage", 1)]
#[case::picture(".jpg", 2)]
#[case::container("/media", 3)]
#[tokio::test]
async fn a_worker_killed_before_it_publishes_leaves_nothing_uncertain(
    #[case] path_end: &'static str,
    #[case] requests: u64,
) {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    lose_at(&world, &provider, path_end, requests).await;
    let worker = Worker::start(&world, all_by(provider.transport()), quick()).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, ["retry", "accepted"]);
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
}

/// Starts a worker and ends it for good when it has made so many requests, of which the last gets no answer.
async fn lose_at(world: &World, provider: &Provider, path_end: &'static str, requests: u64) {
    let short = dispatch::Settings { lease: Duration::from_secs(1), ..quick() };
    let lost = Worker::start(world, all_by(Loses { inner: provider.transport(), path_end }), short).await;
    world
        .until("the provider has taken it", async || {
            world.hurry().await;
            let asked = provider.seen().log;
            provider.requests() == requests && asked.iter().all(|asked| asked.answered_at.is_some())
        })
        .await;
    lost.lose();
}

/// S10: a picture that is another one, or no more there, after its post was approved holds the post, and a person reads why; nothing is
/// published, no container is made, and the quota comes back.
#[rstest]
#[case::another(200, b"\xff\xd8\xffanother", "picture-changed", "something else")]
#[case::gone(404, b"", "picture-gone", "answers 404")]
#[tokio::test]
async fn a_picture_that_is_another_one_now_holds_its_post(
    #[case] status: u16,
    #[case] body: &'static [u8],
    #[case] code: &str,
    #[case] why: &str,
) {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    provider.lays(&format!("/{PICTURE}.jpg"), status, body);
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::Failed).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), provider.requests(), world.sent_today(outbox).await), (0, 2, 0));
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some(code));
    let said =
        world.text("SELECT evidence ->> 'detail' FROM crm_dispatch_attempts WHERE wire_at IS NULL").await;
    assert!(said.contains(why), "{said}");
    books::compare(&world, &provider).await;
}

/// A picture that cannot be had for a while, or a full day, holds its post alone: the outbox goes on.
#[tokio::test]
async fn what_keeps_one_post_waiting_keeps_no_message_waiting() {
    let (world, outbox, provider) = world().await;
    let post = approved(&world, post("Ten weeks")).await;
    let limit = format!("/v25.0/{ACCOUNT}/content_publishing_limit");
    provider.lays(&limit, 200, r#"{"data":[{"quota_usage":50,"config":{"quota_total":50}}]}"#);
    let worker = worker(&world, &provider).await;
    world.until("the day is full", async || world.attempts(post.id).await == ["retry"]).await;
    provider.lays(&limit, 200, r#"{"data":[{"quota_usage":49,"config":{"quota_total":50}}]}"#);
    provider.lays(&format!("/{PICTURE}.jpg"), 503, "busy");
    world
        .until("the picture cannot be had", async || {
            world.hurry().await;
            world
                .count("SELECT count(*) FROM crm_dispatch_attempts WHERE evidence ->> 'code' = 'unreachable'")
                .await
                > 0
        })
        .await;
    let message = answer(&world).await;
    world.until_status(message.id, Status::Sent).await;
    worker.stop().await;
    assert_eq!((world.status(post.id).await, provider.ledger().len()), (Status::Approved, 1));
    let held =
        "SELECT count(*) FROM crm_outboxes WHERE NOT enabled OR cool_until IS NOT NULL OR fault_streak > 0";
    assert_eq!((world.count(held).await, world.sent_today(outbox).await), (0, 1));
}

/// A question is asked before the wire, and its answer may say that the post is out, or leave that open: then it counts as one that was
/// on the wire, with its quota.
#[rstest]
#[case::published(200, r#"{"status_code":"PUBLISHED","id":"1"}"#, Status::Sent)]
#[case::not_told(400, r#"{"error":{"message":"Unsupported get request","code":100}}"#, Status::Uncertain)]
#[tokio::test]
async fn what_a_question_finds_published_was_on_the_wire(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] expected: Status,
) {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    prepared(&world, &provider, item).await;
    let container = world.text("SELECT split_part(provider_ref, '@', 1) FROM crm_dispatch_attempts").await;
    provider.lays(&format!("/v25.0/{container}"), status, body);
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, expected).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (0, 1));
    let wired = "SELECT count(*) FROM crm_dispatch_attempts WHERE attempt = 2 AND wire_at IS NOT NULL";
    assert_eq!(world.count(wired).await, 1);
}

/// A container that failed is called failed with the provider's words; its quota comes back and nothing was published.
#[tokio::test]
async fn a_picture_that_cannot_be_fetched_fails_the_post() {
    let (world, _, provider) = world().await;
    let settings = [("ig_id", ACCOUNT), ("media_url", "https://pictures.example/error/")];
    let outbox = world.add_channel_outbox("ig-2", ChannelName::Instagram, "acme.renovacion", &settings).await;
    let mut line = post("Ten weeks");
    line["outbox"] = "ig-2".into();
    let item = approved(&world, line).await;
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Failed).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (0, 0));
    let words = "SELECT evidence ->> 'detail' FROM crm_dispatch_attempts WHERE outcome = 'rejected'";
    assert_eq!(world.text(words).await, "Error: Media upload has failed with error code 2207052");
}

/// A person who wrote within the day gets one answer; somebody who did not gets nothing.
#[tokio::test]
async fn a_message_goes_once_to_who_wrote_and_to_nobody_else() {
    let (world, outbox, provider) = world().await;
    world.allow("17841400000000010").await;
    let item = answer(&world).await;
    let mut stranger = dm("Hola");
    stranger["to"] = "17841400000000010".into();
    let stranger = approved(&world, stranger).await;
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::Sent).await;
    world.until_status(stranger.id, Status::BlockedByPolicy).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 1, 1));
    assert!(ledger[0].to == [PERSON]);
    let known = "SELECT provider_ref FROM crm_dispatch_attempts WHERE outcome = 'accepted'";
    assert_eq!(world.text(known).await, ledger[0].id);
}

/// R3, R4, I4: a message without a clear answer is not sent again, and cannot be looked up: a person decides.
#[rstest]
#[case(Fault::ResetBeforeAccept, 0)]
#[case(Fault::ErrorAfterAccept, 1)]
#[case(Fault::NoId, 1)]
#[tokio::test]
async fn an_unclear_message_is_uncertain_and_not_repeated(#[case] fault: Fault, #[case] accepted: usize) {
    let (world, outbox, provider) = world().await;
    let item = answer(&world).await;
    provider.fails([fault.times(1)]);
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::Uncertain).await;
    let other = approved(&world, post("Ten weeks")).await;
    hurry_until(&world, other, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (6, accepted + 1));
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Uncertain, 2));
    assert_eq!(looked_up(&world, &provider, item).await.as_str(), "impossible");
}

/// F15, R21: a throttled account holds its credential for as long as is known.
#[tokio::test]
async fn a_throttled_account_holds_the_credential() {
    let (world, outbox, provider) = world().await;
    let item = answer(&world).await;
    provider.fails([Fault::RateLimited { retry_after: None }.always()]);
    let worker = worker(&world, &provider).await;
    let held = "SELECT count(*) FROM crm_outboxes WHERE name = 'ig'
        AND cool_until BETWEEN now() + interval '4 minutes' AND now() + interval '5 minutes'";
    world.until("the outbox waits", async || world.count(held).await == 1).await;
    worker.stop().await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!(provider.requests(), 1);
}

/// F16: a token that ran out pauses its outbox, at whichever step.
#[tokio::test]
async fn a_token_that_ran_out_pauses_the_outbox() {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    provider.fails([Fault::Unauthorized.always()]);
    let worker = worker(&world, &provider).await;
    let paused =
        "SELECT count(*) FROM crm_outboxes WHERE NOT enabled AND pause_reason LIKE '190: Error validating%'";
    world.until("the outbox is paused", async || world.count(paused).await == 1).await;
    worker.stop().await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!(provider.requests(), 3);
}

/// What the account cannot send is refused when it is drafted, with the setting that would change that.
#[tokio::test]
async fn what_the_account_cannot_send_is_refused_when_it_is_drafted() {
    let (world, ..) = world().await;
    world.add_channel_outbox("bare", ChannelName::Instagram, "acme", &[("ig_id", ACCOUNT)]).await;
    let mut tagged = dm("x");
    tagged["payload"]["humanAgent"] = true.into();
    let mut unfetched = post("x");
    unfetched["outbox"] = "bare".into();
    let report = world.import_rendered(&[tagged, unfetched], Mode::Partial).await;
    let errors: Vec<_> = report.errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    assert_eq!(errors, [(1, "payload.humanAgent"), (2, "payload.action")]);
    assert!(
        report.errors[0].reason.contains("human_agent=yes") && report.errors[1].reason.contains("media_url=")
    );
}
