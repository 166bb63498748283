//! What a provider can do to a message, and what becomes of it.
use std::sync::atomic::Ordering;

use countersign_adapters::sandbox::Fault;
use countersign_core::activity::payload::Envelope;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::{Broken, Call, Channel, Transport};
use countersign_core::engine::DISPATCHER;
use countersign_core::engine::board::Health;
use countersign_core::secret::SecretText;
use countersign_core::{approval, clock};
use countersign_tests::books;
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::wire::{Scripted, response};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{CREDENTIAL, World, draft, mail_outbox};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

/// Waits until an item stands there and makes due at every look what waits for a later attempt.
async fn hurry_until(world: &World, item: Item, status: Status) {
    world
        .until(&format!("it becomes {}", status.as_str()), async || {
            world.hurry().await;
            world.status(item.id).await == status
        })
        .await;
}

async fn attempt_recorded(world: &World, item: Item) {
    world.until("an attempt is recorded", async || !world.attempts(item.id).await.is_empty()).await;
}

/// R3, R4, S19, S20, F11 to F14, F19: whatever comes back, the message is repeated with its key and is accepted exactly once.
#[rstest]
#[case::latency(Fault::Latency { ms: 60 }, &["accepted"])]
#[case::error_before(Fault::ErrorBeforeAccept, &["maybe_sent", "accepted"])]
#[case::error_after(Fault::ErrorAfterAccept, &["maybe_sent", "accepted"])]
#[case::reset_before(Fault::ResetBeforeAccept, &["maybe_sent", "accepted"])]
#[case::reset_after(Fault::ResetAfterAccept, &["maybe_sent", "accepted"])]
#[case::hang_in_body(Fault::HangInBody, &["maybe_sent", "accepted"])]
#[case::half_headers(Fault::HalfHeaders, &["maybe_sent", "accepted"])]
#[case::half_body(Fault::HalfBody, &["maybe_sent", "accepted"])]
#[case::html_page(Fault::HtmlPage, &["maybe_sent", "accepted"])]
#[case::empty_body(Fault::EmptyBody, &["maybe_sent", "accepted"])]
#[case::no_id(Fault::NoId, &["maybe_sent", "accepted"])]
#[case::huge_body(Fault::HugeBody, &["maybe_sent", "accepted"])]
#[case::gzip_body(Fault::GzipBody, &["maybe_sent", "accepted"])]
#[case::rate_limited(Fault::RateLimited { retry_after: Some("0".to_owned()) }, &["retry", "accepted"])]
#[tokio::test]
async fn a_fault_leads_to_one_acceptance(#[case] fault: Fault, #[case] attempts: &[&str]) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.fails([fault.times(1)]);
    let worker = Worker::start(&world, provider.hasty_lines(), quick()).await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, attempts);
    assert_eq!(provider.ledger().len(), 1);
    books::compare(&world, &provider).await;
    books::every_request_is_an_attempt(&world, &provider).await;
}

/// F11: no answer in time, then a late acceptance: the repeat meets the first request and waits, with the same key.
#[rstest]
#[case(Fault::HangBeforeAccept)]
#[case(Fault::HangAfterAccept)]
#[tokio::test]
async fn a_late_acceptance_is_not_doubled(#[case] fault: Fault) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.fails([fault.times(1)]);
    let worker = Worker::start(&world, provider.hasty_lines(), quick()).await;
    world
        .until("the repeat has met the first request", async || {
            world.hurry().await;
            world.attempts(item.id).await.len() >= 2
        })
        .await;
    assert_eq!(world.status(item.id).await, Status::Dispatching);
    provider.fails([]);
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.ledger().len(), 1);
    books::compare(&world, &provider).await;
    books::every_request_is_an_attempt(&world, &provider).await;
}

/// R5, F10: nobody listens: that is definite, is tried again, and is sent once when somebody does.
#[tokio::test]
async fn a_provider_that_is_down_gets_the_message_when_it_is_back() {
    let (world, mut provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.go_away().await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("it was tried twice", async || {
            world.hurry().await;
            world.attempts(item.id).await.len() >= 2
        })
        .await;
    assert!(world.attempts(item.id).await.iter().all(|outcome| outcome == "retry"));
    provider.come_back().await;
    hurry_until(&world, item, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.ledger().len(), 1);
    books::compare(&world, &provider).await;
}

/// F15, R21, C9: a wait the provider asks for holds every outbox of the credential; nothing goes early, others are not disturbed.
#[rstest]
#[case::in_seconds(false)]
#[case::as_a_date(true)]
#[tokio::test]
async fn a_rate_limit_holds_the_whole_credential(#[case] as_date: bool) {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.set_secret("other", "re_another_credential").await;
    world.add_outbox(&mail_outbox("second")).await;
    let mut apart = mail_outbox("apart");
    apart.secret = "secret://other:latest".parse().expect("a reference");
    world.add_outbox(&apart).await;
    let mut lines: Vec<_> = (1..=6).map(draft).collect();
    lines[3..].iter_mut().for_each(|line| line["outbox"] = "second".into());
    lines[5]["outbox"] = "apart".into();
    let items = world.file(&lines).await;
    let until = clock::now() + SignedDuration::from_mins(10);
    let retry_after = if as_date { http_date(until) } else { "600".to_owned() };
    provider.fails([Fault::RateLimited { retry_after: Some(retry_after) }.times(1)]);
    world.approve(&items[..5]).await;
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, provider.lines(), settings).await;
    let cooled = "SELECT count(*) FROM crm_outboxes WHERE cool_until > now() + interval '9 minutes'";
    world.until("both outboxes wait", async || world.count(cooled).await == 2).await;
    // Another process has nothing but the database to know of the wait.
    let second = Worker::start(&world, provider.lines(), quick()).await;
    has_been_round(&second).await;
    // When this one is sent, a dispatcher has been round since.
    world.approve(&items[5..]).await;
    world.until_status(items[5].id, Status::Sent).await;
    worker.stop().await;
    second.stop().await;
    assert_eq!(provider.requests(), 2);
    assert_eq!(world.statuses().await.get("approved"), Some(&5));
    assert_eq!(world.sent_today(world.outbox).await, 0);
    books::compare(&world, &provider).await;
}

/// Waits until a dispatcher has looked for work.
async fn has_been_round(worker: &Worker) {
    let has = async || {
        let tasks = worker.board.tasks();
        tasks.iter().any(|task| task.name == DISPATCHER && task.health == Health::Ok)
    };
    countersign_tests::until("it has looked for work", has, async || format!("{:?}", worker.board.tasks()))
        .await;
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// F16, R21, C9: a broken account is met once; the outbox pauses with the reason, the messages wait, a person resumes.
#[rstest]
#[case::unauthorised(Fault::Unauthorized, "restricted_api_key")]
#[case::daily_quota(Fault::DailyQuota, "daily_quota_exceeded")]
#[case::redirect(Fault::Redirect { location: "http://127.0.0.1:9/".to_owned() }, "307")]
#[tokio::test]
async fn a_broken_account_pauses_its_outbox_after_one_call(#[case] fault: Fault, #[case] code: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(5).await;
    provider.fails([fault.always()]);
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, provider.lines(), settings).await;
    world
        .until("the outbox is paused", async || {
            world.count("SELECT count(*) FROM crm_outboxes WHERE NOT enabled").await == 1
        })
        .await;
    let reason = world.text("SELECT pause_reason FROM crm_outboxes").await;
    assert!(reason.starts_with(code), "{reason}");
    world
        .until("nothing is under way", async || {
            // A claim that was being made meanwhile gives back what it took.
            world.count("SELECT count(*) FROM crm_dispatch_claims").await == 0
                && world.statuses().await.get("approved") == Some(&5)
                && world.sent_today(world.outbox).await == 0
        })
        .await;
    let second = Worker::start(&world, provider.lines(), quick()).await;
    has_been_round(&second).await;
    second.stop().await;
    assert_eq!(provider.requests(), 1, "C9: no request after a 401 until a person resumes, whoever asks");
    assert!(world.audit(world.outbox).await.contains(&"outbox.pause".to_owned()));
    provider.fails([]);
    world.resume().await;
    world
        .until("all are sent", async || {
            world.hurry().await;
            world.statuses().await.get("sent") == Some(&5)
        })
        .await;
    worker.stop().await;
    assert_eq!(world.attempts(items[0].id).await.last().map(String::as_str), Some("accepted"));
    books::compare(&world, &provider).await;
}

/// F17: something else was done under this key: uncertain, and never another key.
#[tokio::test]
async fn a_key_conflict_is_uncertain() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let stored: Vec<u8> =
        sqlx::query_scalar("SELECT envelope FROM crm_payloads").fetch_one(&world.pool).await.expect("reads");
    let mut request = Envelope::open(&stored).expect("an envelope").request.expect("rendered");
    request.body = request.body.replace("Offer 1", "Offer one");
    let headers = countersign_adapters::resend::Resend
        .wire_headers(&SecretText::new(CREDENTIAL.to_owned()), &format!("countersign-{}-1", item.id))
        .expect("headers");
    let first = provider.transport().exchange(Call { request, headers }).await.expect("answers");
    assert_eq!(first.status, 200);
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(item.id, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), provider.requests()), (1, 2));
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some("invalid_idempotent_request"));
    assert_eq!(world.sent_today(world.outbox).await, 1);
}

/// R3, R6: an hour before the provider forgets the key, repeating ends; the item is uncertain, keeps its quota, and a person settles it.
#[tokio::test]
async fn after_23_hours_an_ambiguous_message_is_uncertain() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.fails([Fault::ErrorAfterAccept.always()]);
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    attempt_recorded(&world, item).await;
    world
        .until("it waits to be repeated", async || {
            world.sql("UPDATE crm_activities SET send_after = now() + interval '1 hour' WHERE claim_id = '00000000-0000-0000-0000-000000000000'")
                .await;
            world.count("SELECT count(*) FROM crm_activities WHERE claim_id = '00000000-0000-0000-0000-000000000000'").await == 1
        })
        .await;
    world.sql("UPDATE crm_activities SET first_wire_at = now() - interval '23 hours 1 second'").await;
    let requests = provider.requests();
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (requests, 1));
    assert_eq!(
        (world.sent_today(world.outbox).await, world.stored(item.id).await.hold_code.as_deref()),
        (1, Some("window_closed"))
    );
    books::compare(&world, &provider).await;
    let settled = approval::resolve(
        &world.pool,
        &world.approver,
        world.company,
        item.id,
        approval::Resolution::WasSent,
        "it arrived",
    );
    assert!(settled.await.expect("answers").outcome.is_done());
    books::compare(&world, &provider).await;
}

/// A message the provider refuses for good fails at once, with the provider's words, and its quota comes back.
#[tokio::test]
async fn a_refused_message_fails_and_gives_its_quota_back() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let refuse = Scripted::new(|_, _| {
        Ok(response(
            422,
            &[],
            r#"{"statusCode":422,"name":"validation_error","message":"the domain is not verified"}"#,
        ))
    });
    let calls = refuse.calls();
    let worker = Worker::start(&world, mail_by(refuse), quick()).await;
    world.until_status(item.id, Status::Failed).await;
    worker.stop().await;
    assert_eq!((calls.load(Ordering::SeqCst), world.sent_today(world.outbox).await), (1, 0));
    assert_eq!(world.attempts(item.id).await, ["rejected"]);
    assert_eq!(
        world.text("SELECT evidence ->> 'detail' FROM crm_dispatch_attempts").await,
        "the domain is not verified"
    );
}

/// I4: a refusal that follows an ambiguous attempt says nothing about that attempt: uncertain, quota kept.
#[tokio::test]
async fn a_refusal_after_an_ambiguous_attempt_is_uncertain() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let transport = Scripted::new(|number, _| match number {
        1 => Err(Broken::MaybeSent { detail: "reset".to_owned() }),
        _ => Ok(response(422, &[], r#"{"statusCode":422,"name":"validation_error","message":"no"}"#)),
    });
    let worker = Worker::start(&world, mail_by(transport), quick()).await;
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, ["maybe_sent", "rejected"]);
    assert_eq!(world.sent_today(world.outbox).await, 1);
}

/// R5, R21: a fault that passes is tried again for as long as the message is fresh, and is never called a failure.
#[tokio::test]
async fn a_provider_that_stays_away_is_tried_until_the_message_expires() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let transport = Scripted::new(|_, _| Err(Broken::NotSent { detail: "connection refused".to_owned() }));
    let calls = transport.calls();
    let worker = Worker::start(&world, mail_by(transport), quick()).await;
    world
        .until("it was tried often", async || {
            world.hurry().await;
            calls.load(Ordering::SeqCst) >= 10
        })
        .await;
    world.sql("UPDATE crm_activities SET expires_at = now()").await;
    hurry_until(&world, item, Status::Expired).await;
    worker.stop().await;
    assert!(world.attempts(item.id).await.iter().all(|outcome| outcome == "retry"));
    assert_eq!(world.sent_today(world.outbox).await, 0);
}

/// I4: another credential may be another account, which knows nothing of an earlier key: then repeating ends.
#[tokio::test]
async fn an_ambiguous_message_is_not_repeated_under_another_credential() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    provider.fails([Fault::ErrorAfterAccept.always()]);
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    attempt_recorded(&world, item).await;
    world.set_secret("resend", "re_another_account").await;
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some("credential_changed"));
    assert_eq!((provider.ledger().len(), world.sent_today(world.outbox).await), (1, 1));
    books::compare(&world, &provider).await;
    books::every_request_is_an_attempt(&world, &provider).await;
}

/// I1: a new decision is a new key: the provider must not take the second approval for the first.
#[tokio::test]
async fn a_new_decision_has_a_key_of_its_own() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let again = world.undone(item.id).await;
    world.approve(&[again]).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.ledger()[0].idempotency_key, Some(format!("countersign-{}-2", item.id)));
    books::compare(&world, &provider).await;
}
