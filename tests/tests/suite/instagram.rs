//! Instagram through the dispatcher: a post in two attempts that is published once, and direct messages that have no second chance.
use std::time::Duration;

use countersign_adapters::http::HttpTransport;
use countersign_adapters::sandbox::Fault;
use countersign_adapters::{Reached, adapter};
use countersign_core::activity::payload::Envelope;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::{
    BoxFuture, Broken, Call, Case, ChannelName, Finding, Lookup, Past, Response, Transport,
};
use countersign_core::draft::file::Mode;
use countersign_core::ids::OutboxId;
use countersign_core::inbound::{self, Direction, Noted};
use countersign_core::{clock, dispatch};
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{CREDENTIAL, World};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};

use crate::stops::contact_of;

const ACCOUNT: &str = "17841400000000001";
const FEED: &str = "feed:17841400000000001";
const PERSON: &str = "17841400000000009";
const PICTURE: &str = "5f0c2a8b9d3e4f7a1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d2e4f6a8b0c2d4e6f80";

/// A company that may post, and write to one person.
async fn world() -> (World, OutboxId, Provider) {
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
async fn answer(world: &World) -> Item {
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

async fn worker(world: &World, provider: &Provider) -> Worker {
    Worker::start(world, all_by(provider.hasty_transport()), quick()).await
}

async fn hurry_until(world: &World, item: Item, status: Status) {
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

/// What the adapter finds out about an item whose end nobody knows, as whoever asks it a while later.
async fn looked_up(world: &World, provider: &Provider, item: Item) -> Finding {
    let id = item.id;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT envelope FROM crm_payloads WHERE activity_id = $1")
        .bind(id.0)
        .fetch_one(&world.pool)
        .await
        .expect("reads");
    let handle: Option<String> = sqlx::query_scalar(
        "SELECT provider_ref FROM crm_dispatch_attempts WHERE activity_id = $1 AND outcome = 'retry' AND provider_ref IS NOT NULL
        ORDER BY attempt DESC LIMIT 1",
    )
    .bind(id.0)
    .fetch_optional(&world.pool)
    .await
    .expect("reads");
    let envelope = Envelope::open(&stored).expect("an envelope");
    let past = Past { handle, may_be_accepted: true };
    let case = Case {
        payload: &envelope.payload,
        approved: envelope.request.as_ref().expect("rendered"),
        activity: id,
        past: &past,
        first_wire_at: Timestamp::UNIX_EPOCH,
        age: Duration::from_mins(10),
    };
    let channel =
        Reached::pinned(ChannelName::Instagram).and_then(|reached| adapter(&reached)).expect("an adapter");
    let question = match channel.lookup(&case) {
        Lookup::Found(finding) => return finding,
        Lookup::Ask(question) => question,
    };
    let credential = countersign_core::secret::SecretText::new(CREDENTIAL.to_owned());
    let headers = channel.wire_headers(&credential, "").expect("headers");
    let answer =
        provider.transport().exchange(Call { request: question.clone(), headers }).await.expect("answers");
    match channel.found(&case, &question, &answer) {
        Lookup::Found(finding) => finding,
        Lookup::Ask(_) => panic!("one question is enough"),
    }
}

/// A post travels in two attempts, container and publication: one line in the ledger, its quota taken once.
#[tokio::test]
async fn a_post_is_prepared_and_then_published_once() {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks #1")).await;
    prepared(&world, &provider, item).await;
    // It waits for its container without a place in the day's quota.
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!((provider.ledger().len(), provider.requests()), (0, 1));
    assert_eq!(world.text("SELECT evidence ->> 'code' FROM crm_dispatch_attempts").await, "prepared");
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 3, 1));
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
#[case::before(Fault::ResetBeforeAccept, 0, "not_sent")]
#[case::after(Fault::ResetAfterAccept, 1, "sent")]
#[case::half(Fault::HalfBody, 1, "sent")]
#[tokio::test]
async fn a_lost_publication_is_uncertain_and_looked_up(
    #[case] fault: Fault,
    #[case] published: usize,
    #[case] finding: &str,
) {
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
    assert_eq!((provider.ledger().len(), provider.requests()), (published + 1, 6));
    assert_eq!(world.attempts(item.id).await, ["retry", "maybe_sent"]);
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Uncertain, 2));
    assert_eq!(looked_up(&world, &provider, item).await.as_str(), finding);
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

/// F2 to F6: a worker that is killed at either step leaves an uncertain post that nobody publishes again; of a container that was only
/// being made it is proven that nothing was published.
#[rstest]
#[case::container("/media", 1, 0, "not_sent")]
#[case::publication("/media_publish", 3, 1, "sent")]
#[tokio::test]
async fn a_worker_killed_in_between_never_publishes_twice(
    #[case] path_end: &'static str,
    #[case] requests: u64,
    #[case] published: usize,
    #[case] finding: &str,
) {
    let (world, outbox, provider) = world().await;
    let item = approved(&world, post("Ten weeks")).await;
    let short = dispatch::Settings { lease: Duration::from_secs(1), ..quick() };
    let lost = Worker::start(&world, all_by(Loses { inner: provider.transport(), path_end }), short).await;
    world
        .until("the provider has taken it", async || {
            world.hurry().await;
            provider.requests() == requests && provider.ledger().len() == published
        })
        .await;
    lost.lose();
    let keeper = dispatch::Settings { lease: Duration::from_secs(3), ..quick() };
    let worker = Worker::start(&world, all_by(provider.transport()), keeper).await;
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (requests, published));
    assert_eq!(world.sent_today(outbox).await, 1);
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some("worker_lost"));
    assert_eq!(looked_up(&world, &provider, item).await.as_str(), finding);
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
    assert_eq!((provider.requests(), provider.ledger().len()), (4, accepted + 1));
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
    assert_eq!(provider.requests(), 1);
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
