//! WhatsApp from the draft to the provider's ledger: no key makes a repeat harmless here, so nothing unclear is repeated.
use std::time::Duration;

use countersign_adapters::http::HttpTransport;
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::{BoxFuture, Broken, Call, ChannelName, Host, Response, Transport};
use countersign_core::dispatch;
use countersign_core::draft::file::Mode;
use countersign_core::ids::OutboxId;
use countersign_tests::books;
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, mail_outbox};
use rstest::rstest;
use serde_json::{Value, json};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

/// The canary must never be found anywhere but on the wire.
const CREDENTIAL: &str = "AC0123456789abcdef0123456789abcdef:canary-8c1f";

fn template(number: usize) -> Value {
    json!({
        "channel": "whatsapp",
        "outbox": "chat",
        "to": format!("+44207123450{number}"),
        "contact": { "name": format!("Person {number}") },
        "payload": { "template": {
            "contentSid": "HX0123456789abcdef0123456789abcdef",
            "version": "1",
            "variables": { "1": format!("Person {number} & Co") },
            "renderedText": format!("Person {number} & Co"),
        } },
    })
}

/// A company that may write to British numbers.
async fn world() -> (World, OutboxId) {
    let world = World::new().await;
    world.set_secret("twilio", CREDENTIAL).await;
    world.allow("+4420*").await;
    let mut chat = mail_outbox("chat");
    (chat.channel, chat.sender) = (ChannelName::Whatsapp, "+14155552345".to_owned());
    chat.secret = "secret://twilio:latest".parse().expect("a reference");
    let outbox = world.add_outbox(&chat).await;
    let config = json!({ "account_sid": ACCOUNT });
    world.sql(&format!("UPDATE crm_outboxes SET config = '{config}' WHERE name = 'chat'")).await;
    (world, outbox)
}

async fn approved(world: &World, provider: &Provider, count: usize) -> Vec<Item> {
    let lines: Vec<Value> = (1..=count).map(template).collect();
    let items = world.file_by(&provider.all_lines(), &lines).await;
    world.approve(&items).await;
    items
}

/// I1, S22: what was approved is what arrives, once, and the credential stays on the wire.
#[tokio::test]
async fn a_template_goes_out_once() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    let ledger = provider.ledger();
    let [entry] = &ledger[..] else { panic!("one message, not {ledger:?}") };
    assert_eq!(
        (entry.to.as_slice(), entry.idempotency_key.as_deref()),
        (&["whatsapp:+442071234501".to_owned()][..], None)
    );
    assert!(
        entry.body.ends_with("&ContentVariables=%7B%221%22%3A%22Person+1+%26+Co%22%7D"),
        "{}",
        entry.body
    );
    let stored = world
        .text("SELECT convert_from(envelope, 'UTF8')::jsonb #>> '{request,body}' FROM crm_payloads")
        .await;
    assert_eq!(stored, entry.body);
    let provider_ref = world.text("SELECT provider_ref FROM crm_dispatch_attempts").await;
    assert_eq!((provider_ref.as_str(), world.sent_today(outbox).await), (entry.id.as_str(), 1));
    let evidence = world.text("SELECT string_agg(t::text, ' ') FROM crm_dispatch_attempts t").await;
    assert!(!evidence.contains("canary"), "{evidence}");
    // Its words, their approval, and the message.
    assert_eq!(
        (world.count("SELECT count(*) FROM crm_dispatch_attempts").await, provider.requests()),
        (1, 3)
    );
}

const TEMPLATE: &str = "/v1/Content/HX0123456789abcdef0123456789abcdef";
const APPROVAL: &str = "/v1/Content/HX0123456789abcdef0123456789abcdef/ApprovalRequests";

/// S10: a template that was changed, taken away or no longer approved after its message was approved holds the message, and a person
/// reads why; nothing is posted, and the quota comes back. The words as they are now go out after another decision.
#[rstest]
#[case::other_words(
    TEMPLATE,
    200,
    r#"{"sid":"HX0123456789abcdef0123456789abcdef","types":{"twilio/text":{"body":"Buy, {{1}}"}}}"#,
    "template-changed",
    "Buy, Person 1 & Co"
)]
#[case::gone(
    TEMPLATE,
    404,
    r#"{"code":20404,"message":"not found","status":404}"#,
    "template-gone",
    "no more"
)]
#[case::disabled(
    APPROVAL,
    200,
    r#"{"sid":"HX0123456789abcdef0123456789abcdef","whatsapp":{"status":"disabled"}}"#,
    "template-not-approved",
    "disabled"
)]
#[tokio::test]
async fn a_template_that_is_another_one_now_holds_its_message(
    #[case] path: &str,
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] code: &str,
    #[case] why: &str,
) {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    provider.lays(path, status, body);
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until_status(item.id, Status::Failed).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (0, 0));
    assert_eq!(world.stored(item.id).await.hold_code.as_deref(), Some(code));
    let said =
        world.text("SELECT evidence ->> 'detail' FROM crm_dispatch_attempts WHERE wire_at IS NULL").await;
    assert!(said.contains(why), "{said}");
    assert_eq!(
        world.count("SELECT count(*) FROM crm_outboxes WHERE NOT enabled OR fault_streak > 0").await,
        0
    );
    books::compare(&world, &provider).await;
}

/// A template that cannot be read for a while holds its message for as long, and nothing is uncertain.
#[tokio::test]
async fn a_template_that_cannot_be_read_is_read_again() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    provider.lays(TEMPLATE, 503, "busy");
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until("it was attempted", async || !world.attempts(item.id).await.is_empty()).await;
    let words = r#"{"sid":"HX0123456789abcdef0123456789abcdef","types":{"twilio/text":{"body":"{{1}}"}}}"#;
    provider.lays(TEMPLATE, 200, words);
    world
        .until("it is sent", async || {
            world.hurry().await;
            world.status(item.id).await == Status::Sent
        })
        .await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
}

/// Brings no answer back from the place where templates are.
struct LosesTemplates(HttpTransport);

impl Transport for LosesTemplates {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(async move {
            let is_lost = call.request.host == Host::Templates;
            let answer = self.0.exchange(call).await;
            if is_lost {
                std::future::pending::<()>().await;
            }
            answer
        })
    }
}

/// F2: a worker that is killed while it reads a template leaves its message as it was: nothing is uncertain, and another one sends it.
#[tokio::test]
async fn a_worker_killed_while_it_reads_leaves_nothing_uncertain() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    let short = dispatch::Settings { lease: Duration::from_secs(1), ..quick() };
    let lost = Worker::start(&world, all_by(LosesTemplates(provider.transport())), short).await;
    world.until("the template was asked for", async || provider.requests() == 1).await;
    lost.lose();
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until_status(item.id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.attempts(item.id).await, ["accepted"]);
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (1, 1));
}

/// A pause that comes while a template is read stops the message: the stop facts are asked after it.
#[tokio::test]
async fn what_stops_while_a_template_is_read_stops_the_message() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    let valve = Valve::default();
    let worker = Worker::start(&world, all_by(valve.before(provider.transport())), quick()).await;
    world.until("the template is asked for", async || valve.arrived() == 1).await;
    world.sql("UPDATE crm_outboxes SET enabled = false, pause_reason = 'x' WHERE name = 'chat'").await;
    valve.open();
    world.until("it is given back", async || world.status(item.id).await == Status::Approved).await;
    worker.stop().await;
    assert_eq!((provider.ledger().len(), world.sent_today(outbox).await), (0, 0));
}

/// Templates that rest say nothing of the outbox: however many there are, its circuit stays closed.
#[tokio::test]
async fn refusals_about_single_messages_leave_the_circuit_closed() {
    let ((world, _), provider) = (world().await, Provider::start().await);
    approved(&world, &provider, 7).await;
    provider.fails([Fault::Refuse { code: "63041".to_owned() }.always()]);
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    let tried = "SELECT count(*) FROM crm_dispatch_attempts";
    world.until("each was tried", async || world.count(tried).await == 7).await;
    worker.stop().await;
    let opened = "SELECT count(*) FROM crm_outboxes WHERE fault_streak > 0 OR cool_until IS NOT NULL";
    assert_eq!((world.count(opened).await, world.statuses().await.get("approved")), (0, Some(&7)));
}

/// I4, R4, R6: after a lost answer nothing is repeated; the item is uncertain and keeps its quota.
#[rstest]
#[case::reset_after(Fault::ResetAfterAccept, 1)]
#[case::error_after(Fault::ErrorAfterAccept, 1)]
#[case::no_id(Fault::NoId, 1)]
#[case::error_before(Fault::ErrorBeforeAccept, 0)]
#[case::said_to_be_perhaps_sent(Fault::Refuse { code: "20503".to_owned() }, 0)]
#[tokio::test]
async fn a_lost_answer_is_uncertain_and_never_repeated(#[case] fault: Fault, #[case] accepted: usize) {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let items = approved(&world, &provider, 2).await;
    provider.fails([fault.times(1)]);
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, provider.all_lines(), settings).await;
    // When the second one is sent, the dispatcher has been round since.
    world
        .until("one is uncertain and one is sent", async || {
            world.hurry().await;
            let statuses = world.statuses().await;
            (statuses.get("uncertain"), statuses.get("sent")) == (Some(&1), Some(&1))
        })
        .await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (6, 1 + accepted));
    assert_eq!(world.sent_today(outbox).await, 2);
    for item in items {
        assert_eq!(world.attempts(item.id).await.len(), 1);
    }
}

/// F15, R21: a wait that the provider asks for holds the credential; F16: a broken account pauses its outbox after one call.
#[rstest]
#[case::limited(Fault::RateLimited { retry_after: Some("600".to_owned()) }, "cool_until > now() + interval '9 minutes'")]
#[case::unauthorised(Fault::Unauthorized, "NOT enabled AND pause_reason LIKE '20003%'")]
#[case::limited_without_a_hint(Fault::RateLimited { retry_after: None }, "cool_until > now() + interval '50 seconds'")]
#[case::daily_limit(Fault::Refuse { code: "63038".to_owned() }, "cool_until > now() + interval '59 minutes'")]
#[tokio::test]
async fn a_refusal_of_the_account_stops_its_outbox(#[case] fault: Fault, #[case] stopped: &str) {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    approved(&world, &provider, 3).await;
    provider.fails([fault.always()]);
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, provider.all_lines(), settings).await;
    let stopped = format!("SELECT count(*) FROM crm_outboxes WHERE name = 'chat' AND {stopped}");
    world
        .until("the outbox stands", async || {
            world.count(&stopped).await == 1 && world.sent_today(outbox).await == 0
        })
        .await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (3, 0));
    assert_eq!(world.statuses().await.get("approved"), Some(&3));
}

/// A template that rests holds the message that uses it, with its quota back, and neither the outbox nor the credential.
#[tokio::test]
async fn a_paused_template_holds_its_message_alone() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let items = approved(&world, &provider, 2).await;
    provider.fails([Fault::Refuse { code: "63041".to_owned() }.times(1)]);
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, provider.all_lines(), settings).await;
    world.until("the other one is sent", async || world.statuses().await.get("sent") == Some(&1)).await;
    let held = "SELECT count(*) FROM crm_outboxes WHERE NOT enabled OR cool_until > now()";
    assert_eq!(world.count(held).await, 0);
    world
        .until("both are sent", async || {
            world.hurry().await;
            world.statuses().await.get("sent") == Some(&2)
        })
        .await;
    worker.stop().await;
    assert_eq!((provider.requests(), provider.ledger().len()), (9, 2));
    assert_eq!(world.sent_today(outbox).await, i32::try_from(items.len()).expect("few"));
}

/// A closed window blocks free words before they reach the provider; a refusal for good fails the one message.
#[tokio::test]
async fn free_words_need_an_open_window() {
    let ((world, outbox), provider) = (world().await, Provider::start().await);
    let mut line = template(1);
    line["payload"] = json!({ "text": "Hello" });
    let items = world.file_by(&provider.all_lines(), &[line, template(2)]).await;
    world.approve(&items).await;
    provider.fails([Fault::Refuse { code: "63016".to_owned() }.always()]);
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until_status(items[0].id, Status::BlockedByPolicy).await;
    world.until_status(items[1].id, Status::Failed).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(outbox).await), (3, 0));
}

/// An outbox without its account cannot be filed for: the error says how to set it.
#[tokio::test]
async fn a_missing_account_is_named_when_a_draft_is_filed() {
    let ((world, _), provider) = (world().await, Provider::start().await);
    world.sql("UPDATE crm_outboxes SET config = '{}'").await;
    let report = world.import_by(&provider.all_lines(), &[template(1)], Mode::AllOrNothing).await;
    let said = format!("{:?}", report.errors);
    assert!(report.filed.is_empty() && said.contains("--set account_sid=…"), "{said}");
}

/// Whoever opted out at the provider is suppressed here, and the next message to them is stopped before it is sent.
#[rstest]
#[case("21610")]
#[case("63033")]
#[tokio::test]
async fn who_opted_out_is_suppressed(#[case] code: &str) {
    let ((world, _), provider) = (world().await, Provider::start().await);
    let [item] = approved(&world, &provider, 1).await[..] else { panic!("one item") };
    provider.fails([Fault::Refuse { code: code.to_owned() }.always()]);
    let worker = Worker::start(&world, provider.all_lines(), quick()).await;
    world.until_status(item.id, Status::Failed).await;
    worker.stop().await;
    let listed = "SELECT kind || ' ' || address || ' ' || reason || ' ' || created_by FROM crm_suppressions";
    assert_eq!(world.text(listed).await, "phone +442071234501 unsubscribe dispatcher");
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'suppression.add'").await, 1);
}
