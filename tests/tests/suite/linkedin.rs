//! LinkedIn through the dispatcher: it keeps no keys, so nothing unclear is repeated by itself, and a post is proved by its refusal.
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::approval::{self, Item, Resolution};
use countersign_core::channel::ChannelName;
use countersign_core::draft::file::Mode;
use countersign_core::ids::OutboxId;
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use serde_json::{Value, json};

const AUTHOR: &str = "urn:li:person:ana-1";
const FEED: &str = "feed:urn:li:person:ana-1";
const SHARE: &str = "urn:li:share:7000000000000000101";
const MEMBER: &str = "urn:li:person:bo-2";

/// A company that may post, comment and write to one member.
async fn world(settings: &[(&str, &str)]) -> (World, OutboxId) {
    let world = World::new().await;
    for entry in [FEED, SHARE, MEMBER] {
        world.allow(entry).await;
    }
    let settings: Vec<_> = [("author_urn", AUTHOR)].iter().chain(settings).copied().collect();
    let outbox = world.add_channel_outbox("li", ChannelName::Linkedin, AUTHOR, &settings).await;
    (world, outbox)
}

fn draft(to: &str, action: &str, text: &str) -> Value {
    json!({ "channel": "linkedin", "outbox": "li", "to": to, "payload": { "action": action, "text": text } })
}

async fn approved(world: &World, line: Value) -> Item {
    let [item] = world.file_rendered(&[line]).await[..] else { panic!("one item") };
    world.approve(&[item]).await;
    item
}

async fn worker(world: &World, provider: &Provider) -> Worker {
    Worker::start(world, all_by(provider.hasty_transport()), quick()).await
}

/// Until an item stands there; what waits for its time, or for the minutes between two messages, is due at every look.
async fn hurry_until(world: &World, item: Item, status: Status) {
    world
        .until(&format!("it becomes {}", status.as_str()), async || {
            world.hurry().await;
            world.sql("UPDATE crm_outboxes SET spaced_until = NULL WHERE spaced_until IS NOT NULL").await;
            world.status(item.id).await == status
        })
        .await;
}

async fn provider_ref(world: &World, item: Item) -> String {
    let id = item.id;
    world
        .text(&format!("SELECT provider_ref FROM crm_dispatch_attempts WHERE activity_id = '{id}' AND outcome = 'accepted'"))
        .await
}

#[rstest]
#[case::post(FEED, "post")]
#[case::comment(SHARE, "comment")]
#[case::message(MEMBER, "message")]
#[tokio::test]
async fn a_message_leaves_once_under_the_id_it_was_given(#[case] to: &str, #[case] action: &str) {
    let (world, outbox) = world(&[("partner_messages", "yes")]).await;
    let provider = Provider::start().await;
    let item = approved(&world, draft(to, action, "Ten weeks, 48 balconies (#2).")).await;
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 1, 1));
    assert_eq!(
        (provider_ref(&world, item).await, &ledger[0].to[..]),
        (ledger[0].id.clone(), &[to.to_owned()][..])
    );
}

/// R7: the answer to a post is lost; a person takes it back to draft and approves it again; the provider refuses the same words and
/// names the earlier post, and that is what was sent: one line in its ledger.
#[tokio::test]
async fn a_lost_answer_to_a_post_is_proved_by_posting_it_again() {
    let ((world, outbox), provider) = (world(&[]).await, Provider::start().await);
    let item = approved(&world, draft(FEED, "post", "News of #1")).await;
    provider.fails([Fault::ResetAfterAccept.times(1)]);
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::Uncertain).await;
    assert_eq!((provider.requests(), provider.ledger().len(), world.sent_today(outbox).await), (1, 1, 1));
    let back = approval::resolve(
        &world.pool,
        &world.approver,
        world.company,
        item.id,
        Resolution::BackToDraft,
        "post it again and see",
    );
    assert!(back.await.expect("answers").outcome.is_done());
    assert_eq!(world.sent_today(outbox).await, 0);
    let again = world.items(&[item.id]).await;
    world.approve(&again).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    assert_eq!((ledger.len(), provider.requests(), world.sent_today(outbox).await), (1, 2, 1));
    assert_eq!(world.attempts(item.id).await, ["maybe_sent", "accepted"]);
    assert_eq!(provider_ref(&world, item).await, ledger[0].id);
}

/// The same words by somebody who has no unclear attempt: refused, and called failed.
#[tokio::test]
async fn a_post_whose_words_are_there_already_fails() {
    let ((world, outbox), provider) = (world(&[]).await, Provider::start().await);
    let first = approved(&world, draft(FEED, "post", "News")).await;
    let worker = worker(&world, &provider).await;
    world.until_status(first.id, Status::Sent).await;
    let mut line = draft(FEED, "post", "News");
    line["clientDedupKey"] = "second".into();
    let second = approved(&world, line).await;
    hurry_until(&world, second, Status::Failed).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
    assert_eq!(world.attempts(second.id).await, ["rejected"]);
}

/// R3, R4, I4: whatever was lost, a comment is not made again: a person decides, and its quota is kept.
#[rstest]
#[case(Fault::ResetBeforeAccept, 0)]
#[case(Fault::ErrorAfterAccept, 1)]
#[case(Fault::NoId, 1)]
#[case(Fault::HangInBody, 1)]
#[tokio::test]
async fn an_unclear_comment_is_uncertain_and_not_repeated(#[case] fault: Fault, #[case] accepted: usize) {
    let ((world, outbox), provider) = (world(&[]).await, Provider::start().await);
    let unclear = approved(&world, draft(SHARE, "comment", "Good point")).await;
    provider.fails([fault.times(1)]);
    let worker = worker(&world, &provider).await;
    world.until_status(unclear.id, Status::Uncertain).await;
    // When this one has gone the dispatcher has been round, with everything due.
    let next = approved(&world, draft(FEED, "post", "News")).await;
    hurry_until(&world, next, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (2, accepted + 1));
    assert_eq!((world.status(unclear.id).await, world.sent_today(outbox).await), (Status::Uncertain, 2));
}

/// F15, R21: a limit without a hint holds the credential until the provider's day is over.
#[tokio::test]
async fn a_limit_holds_the_credential_until_the_day_is_over() {
    let ((world, outbox), provider) = (world(&[]).await, Provider::start().await);
    let item = approved(&world, draft(FEED, "post", "News")).await;
    provider.fails([Fault::RateLimited { retry_after: None }.always()]);
    let worker = worker(&world, &provider).await;
    // A minute for the clocks, and for a day that ends meanwhile.
    let held = "SELECT count(*) FROM crm_outboxes WHERE cool_until BETWEEN now()
        AND date_trunc('day', now(), 'UTC') + interval '1 day 1 minute' AND name = 'li'";
    world.until("the outbox waits", async || world.count(held).await == 1).await;
    worker.stop().await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!((provider.requests(), world.attempts(item.id).await), (1, vec!["retry".to_owned()]));
}

/// F16: a token that was revoked pauses its outbox, with the provider's words; the message waits.
#[tokio::test]
async fn a_revoked_token_pauses_the_outbox() {
    let ((world, outbox), provider) = (world(&[]).await, Provider::start().await);
    let item = approved(&world, draft(FEED, "post", "News")).await;
    provider.fails([Fault::Refuse { code: "revoked".to_owned() }.always()]);
    let worker = worker(&world, &provider).await;
    let paused =
        "SELECT count(*) FROM crm_outboxes WHERE NOT enabled AND pause_reason LIKE '401: The token%'";
    world.until("the outbox is paused", async || world.count(paused).await == 1).await;
    worker.stop().await;
    assert_eq!((world.status(item.id).await, world.sent_today(outbox).await), (Status::Approved, 0));
    assert_eq!(provider.requests(), 1);
}

/// LinkedIn takes messages from partners only; without the permission none is filed, with a sentence that says what to do.
#[tokio::test]
async fn a_message_without_the_permission_is_refused_when_it_is_drafted() {
    let (world, _) = world(&[]).await;
    let report = world.import_rendered(&[draft(MEMBER, "message", "Hi")], Mode::Partial).await;
    let [error] = &report.errors[..] else { panic!("one error, not {report:?}") };
    assert_eq!((error.field.as_str(), report.filed.len()), ("payload.action", 0));
    assert!(error.reason.contains("partner_messages=yes"), "{}", error.reason);
}

/// S24: a message that was not sent within a quarter of an hour of its approval is a draft again, and leaves by a new decision only.
#[tokio::test]
async fn the_approval_of_a_message_lapses_after_a_quarter_of_an_hour() {
    let (world, outbox) = world(&[("partner_messages", "yes")]).await;
    let provider = Provider::start().await;
    let item = approved(&world, draft(MEMBER, "message", "Hi")).await;
    world.sql("UPDATE crm_decisions SET at = at - interval '15 minutes'").await;
    let worker = worker(&world, &provider).await;
    world.until_status(item.id, Status::DraftPendingApproval).await;
    assert_eq!((provider.requests(), world.sent_today(outbox).await), (0, 0));
    let again = world.items(&[item.id]).await;
    world.approve(&again).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.stored(item.id).await.round), (1, 2));
}
