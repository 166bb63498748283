//! What a draft may not bring in: the field is named, nothing is written, nothing reaches a provider.
use countersign_core::channel::ChannelName;
use countersign_core::draft::file::Mode;
use countersign_tests::world::{World, draft, mail_outbox};
use rstest::rstest;
use serde_json::{Value, json};

/// Puts a value into a draft, by a path of names.
fn with(path: &str, value: Value) -> Value {
    let mut line = draft(1);
    let mut place = &mut line;
    for name in path.split('.') {
        place = &mut place[name];
    }
    *place = value;
    line
}

async fn refused(line: Value, field: &str) {
    let world = World::new().await;
    refused_by(&world, line, field).await;
}

async fn refused_by(world: &World, line: Value, field: &str) {
    let report = world.import(&[line], Mode::Partial).await;
    let [error] = &report.errors[..] else { panic!("it was taken: {:?}", report.filed) };
    assert_eq!((error.line, error.field.as_str()), (1, field), "{}", error.reason);
    assert!(
        !error.reason.chars().any(char::is_control),
        "the reason repeats what it refuses: {:?}",
        error.reason
    );
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM crm_payloads").await, 0);
}

/// S15: nothing in a header-like field ends its line or hides in it.
#[rstest]
#[case("payload.subject", "Hello\r\nBcc: eve@example.com", "payload.subject")]
#[case("payload.subject", "Hello\nX: y", "payload.subject")]
#[case("payload.subject", "Hello\rX: y", "payload.subject")]
#[case("payload.subject", "Hello\0", "payload.subject")]
#[case("payload.subject", "Hello\u{2028}X: y", "payload.subject")]
#[case("payload.subject", "Hello\u{2029}X: y", "payload.subject")]
#[case("payload.subject", "Hello\u{85}X: y", "payload.subject")]
#[case("payload.subject", "=?utf-8?q?Bcc?=", "payload.subject")]
#[case("payload.subject", " ", "payload.subject")]
#[case("payload.inReplyTo", "<a@b>\r\nBcc: eve@example.com", "payload.inReplyTo")]
#[case("payload.replyTo", "a@example.com\r\nBcc: eve@example.com", "payload.replyTo")]
#[case("contact.name", "Ana\r\nBcc: eve@example.com", "contact.name")]
#[case("contact.account", "Acme\nX", "contact.account")]
#[case("proposedBy", "scout\nX", "proposedBy")]
#[case("to", "ana@example.com\r\nBcc: eve@example.com", "to")]
#[case("to", "ana@example.com\n", "to")]
#[tokio::test]
async fn a_line_break_in_a_header_is_refused(#[case] path: &str, #[case] value: &str, #[case] field: &str) {
    refused(with(path, value.into()), field).await;
}

/// S15: header names come from a short list, whatever their spelling.
#[rstest]
#[case("Bcc")]
#[case("bcc")]
#[case("From")]
#[case("Sender")]
#[case("X-Anything")]
#[case("list-unsubscribe")]
#[case("List-Unsubscribe\r\nBcc")]
#[case("List-Unsubscribe ")]
#[case("")]
#[tokio::test]
async fn a_header_outside_the_list_is_refused(#[case] name: &str) {
    refused(with("payload.headers", json!({ name: "eve@example.com" })), "payload.headers").await;
}

/// S15: a header that may be set may still not break its line.
#[tokio::test]
async fn a_line_break_in_a_header_value_is_refused() {
    let headers = json!({ "List-Unsubscribe": "<mailto:a@example.com>\r\nBcc: eve@example.com" });
    refused(with("payload.headers", headers), "payload.headers").await;
}

/// S16: one entry, one address; nothing that a mail server could read as two.
#[rstest]
#[case("a@example.com, b@example.com")]
#[case("a@example.com,b@example.com")]
#[case("a@example.com; b@example.com")]
#[case("a@example.com b@example.com")]
#[case("friends: a@example.com, b@example.com;")]
#[case("<a@example.com>")]
#[case("Ana <a@example.com>")]
#[case("a@example.com (or b@example.com)")]
#[case("\"a@example.com, b\"@example.com")]
#[case("@relay.example,:a@example.com")]
#[case("a%b@c@example.com")]
#[case("a@[127.0.0.1]")]
#[case("a@127.0.0.1")]
#[case("a@localhost")]
#[case("")]
#[tokio::test]
async fn a_recipient_is_exactly_one_address(#[case] address: &str) {
    let world = World::new().await;
    refused_by(&world, with("to", address.into()), "to").await;
    refused_by(&world, with("payload.cc", json!([address])), "payload.cc").await;
    refused_by(&world, with("payload.bcc", json!([address])), "payload.bcc").await;
}

/// Every other field that can be wrong names itself.
#[rstest]
#[case("outbox", json!("nowhere"), "outbox")]
#[case("outbox", Value::Null, "outbox")]
#[case("outboxId", json!("00000000-0000-7000-8000-000000000001"), "outbox")]
#[case("channel", json!("whatsapp"), "channel")]
#[case("clientDedupKey", json!(""), "clientDedupKey")]
#[case("clientDedupKey", json!("k".repeat(129)), "clientDedupKey")]
#[case("clientDedupKey", json!("a\0b"), "clientDedupKey")]
#[case("proposedBy", json!("n".repeat(101)), "proposedBy")]
#[case("contact.name", json!("n".repeat(201)), "contact.name")]
#[case("contact.locale", json!("en_GB"), "contact.locale")]
#[case("contact.zone", json!("Mars/Olympus"), "contact.zone")]
#[case("payload.text", json!(" \n "), "payload.text")]
#[case("payload.text", json!(7), "payload.text")]
#[case("payload.unknown", json!("x"), "payload.unknown")]
#[case("payload.attachments", json!([{ "path": "https://example.com/late" }]), "payload.attachments[0].path")]
#[case("payload.cc", json!(vec!["a@example.com"; 50]), "payload.cc")]
#[case("expiresAt", json!("2020-01-01T00:00:00Z"), "expiresAt")]
#[case("supersedes", json!("00000000-0000-7000-8000-000000000001"), "supersedes")]
#[tokio::test]
async fn a_field_that_is_not_acceptable_is_named(
    #[case] path: &str,
    #[case] value: Value,
    #[case] field: &str,
) {
    refused(with(path, value), field).await;
}

/// A draft that would expire before it may leave is refused.
#[tokio::test]
async fn a_draft_that_could_never_be_sent_is_refused() {
    let mut line = draft(1);
    line["sendAfter"] = "2199-01-02T00:00:00Z".into();
    line["expiresAt"] = "2199-01-01T00:00:00Z".into();
    refused(line, "expiresAt").await;
}

/// S24: LinkedIn takes messages that follow something a member did, never by schedule.
#[tokio::test]
async fn a_linkedin_message_cannot_be_scheduled() {
    let world = World::new().await;
    let mut outbox = mail_outbox("li");
    outbox.channel = ChannelName::Linkedin;
    outbox.sender = "urn:li:person:1".to_owned();
    world.add_outbox(&outbox).await;
    let mut line = json!({ "channel": "linkedin", "outbox": "li", "to": "urn:li:person:2",
        "payload": { "action": "message", "text": "Hi" } });
    line["sendAfter"] = "2199-01-02T00:00:00Z".into();
    refused_by(&world, line.clone(), "sendAfter").await;
    line.as_object_mut().expect("an object").remove("sendAfter");
    assert_eq!(world.import(&[line], Mode::AllOrNothing).await.filed.len(), 1);
}

/// S33, S48: text is bound and never read as SQL; a NUL, which PostgreSQL cannot hold as text, is refused and not a fault.
#[rstest]
#[case("payload.text", "'; DROP TABLE crm_activities; --")]
#[case("payload.subject", "$1 \\ %s ' \" `")]
#[case("contact.name", "Robert'); DELETE FROM crm_contacts;--")]
#[case("payload.text", "a\0b")]
#[case("payload.html", "a\0b")]
#[tokio::test]
async fn hostile_text_is_stored_or_refused_and_never_run(#[case] path: &str, #[case] value: &str) {
    let world = World::new().await;
    let report = world.import(&[with(path, value.into())], Mode::AllOrNothing).await;
    assert_eq!(report.filed.len() + report.errors.len(), 1);
    assert_eq!(
        world.count("SELECT count(*) FROM crm_activities").await,
        i64::try_from(report.filed.len()).expect("few")
    );
}
