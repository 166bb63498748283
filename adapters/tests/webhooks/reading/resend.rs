//! Resend: what became of mails, lists of the provider, and mails to us with their fetched rest.
use bytes::Bytes;
use countersign_adapters::webhook;
use countersign_core::activity::fact::Fact;
use countersign_core::channel::{Request, Response};
use countersign_core::inbound::event::{Event, Reference, What};
use countersign_core::inbound::provider::{Completion, Provider};
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACTIVITY, add, at, is, letter, named, ours, progress, theirs, word};
use crate::desk::read_one;

const MAIL: &str = "56761188-7520-42d8-8898-ff6fc54ce618";

fn outbound(kind: &str, more: Value) -> Event {
    let mut data = json!({
        "email_id": MAIL, "created_at": "2026-01-01T00:00:00.000Z", "from": "Acme <a@acme.example>", "to": ["ann@example.com"],
        "subject": "Hello", "message_id": "<111-222@email.example.com>", "tags": {"activity_id": ACTIVITY, "category": "x"},
        "broadcast_id": null, "template_id": null, "headers": [{"name": "X-A", "value": "b"}],
    });
    add(&mut data, more);
    read_one(
        Provider::Resend,
        &json!({"type": kind, "created_at": "2026-01-01T00:00:05.000Z", "data": data}).to_string(),
    )
}

fn bounce(kind: &str, sub: &str) -> Value {
    json!({"bounce": {"type": kind, "subType": sub, "message": "mailbox says no", "diagnosticCode": ["smtp; 550"]}})
}

#[rstest]
#[case("email.sent", json!({}), Fact::Accepted, None)]
#[case("email.scheduled", json!({}), Fact::Accepted, None)]
#[case("email.delivered", json!({}), Fact::Delivered, None)]
#[case("email.delivery_delayed", json!({}), Fact::Delayed, None)]
#[case("email.opened", json!({"open": {"ipAddress": "1.2.3.4"}}), Fact::Opened, None)]
#[case("email.clicked", json!({"click": {"link": "https://acme.example/a", "ipAddress": "1.2.3.4"}}), Fact::Clicked,
    Some("https://acme.example/a"))]
#[case("email.complained", json!({}), Fact::Complained, None)]
#[case(
    "email.bounced",
    bounce("Permanent", "NoEmail"),
    Fact::Bounced,
    Some("Permanent/NoEmail: mailbox says no")
)]
#[case(
    "email.bounced",
    bounce("Permanent", "Suppressed"),
    Fact::Bounced,
    Some("Permanent/Suppressed: mailbox says no")
)]
#[case(
    "email.bounced",
    bounce("Transient", "General"),
    Fact::SoftBounced,
    Some("Transient/General: mailbox says no")
)]
#[case(
    "email.bounced",
    bounce("Transient", "MailboxFull"),
    Fact::SoftBounced,
    Some("Transient/MailboxFull: mailbox says no")
)]
#[case(
    "email.bounced",
    bounce("Temporary", "General"),
    Fact::SoftBounced,
    Some("Temporary/General: mailbox says no")
)]
#[case(
    "email.bounced",
    bounce("Undetermined", "Undetermined"),
    Fact::SoftBounced,
    Some("Undetermined/Undetermined: mailbox says no")
)]
#[case("email.bounced", json!({}), Fact::SoftBounced, None)]
#[case("email.bounced", json!({"bounce": "Permanent"}), Fact::SoftBounced, None)]
#[case("email.suppressed", json!({"suppressed": {"type": "OnAccountSuppressionList", "reason": "previous_complaint", "message": "m"}}),
    Fact::Failed, Some("OnAccountSuppressionList/previous_complaint: m"))]
#[case("email.failed", json!({"failed": {"reason": "reached_daily_quota"}}), Fact::Failed, Some("reached_daily_quota"))]
fn what_became_of_a_mail(
    #[case] kind: &str,
    #[case] more: Value,
    #[case] fact: Fact,
    #[case] detail: Option<&str>,
) {
    let event = outbound(kind, more);
    let told = progress(&event);
    assert_eq!((told.fact, told.detail.as_deref()), (fact, detail));
    assert_eq!((told.is_opt_out, told.recipient.as_deref()), (false, None));
    assert_eq!(told.message_id.as_deref(), Some("111-222@email.example.com"));
    assert_eq!(event.about, [ours(), theirs(MAIL), named("111-222@email.example.com")]);
    assert_eq!((event.external_id.as_str(), event.occurred_at), ("msg_1", at("2026-01-01T00:00:05Z")));
}

/// Each reference is used that is one; without any it is not known what was told.
#[rstest]
#[case(json!({"tags": [{"name": "activity_id", "value": ACTIVITY}], "email_id": null, "message_id": null}), &[ours()])]
#[case(json!({"tags": {"activity_id": "not ours"}, "message_id": 7}), &[theirs(MAIL)])]
#[case(json!({"tags": 7, "email_id": {}, "message_id": "a@b"}), &[named("a@b")])]
#[case(json!({"tags": null, "email_id": "a b", "message_id": "<>"}), &[])]
fn how_a_mail_is_named(#[case] more: Value, #[case] expected: &[Reference]) {
    let event = outbound("email.delivered", more);
    assert_eq!(event.about, expected);
    assert_eq!(word(&event), if expected.is_empty() { "unreadable".to_owned() } else { is(Fact::Delivered) });
}

#[rstest]
#[case("contact.created")]
#[case("domain.updated")]
#[case("email.something_new")]
fn what_is_not_known_is_kept(#[case] kind: &str) {
    let event = outbound(kind, json!({}));
    assert_eq!(event.what, What::Other { name: kind.to_owned() });
    assert_eq!(event.external_id, "msg_1");
}

#[rstest]
#[case("suppression.added", "bounce", false)]
#[case("suppression.added", "complaint", false)]
#[case("suppression.removed", "manual", true)]
fn what_the_provider_will_not_deliver_to(#[case] kind: &str, #[case] origin: &str, #[case] is_lifted: bool) {
    let data = json!({"id": "s1", "email": "ann@example.com", "origin": origin, "source_id": MAIL, "created_at": "2026-01-01 00:00:00.5+00"});
    let event = read_one(
        Provider::Resend,
        &json!({"type": kind, "created_at": "2026-01-01T00:00:01Z", "data": data}).to_string(),
    );
    let expected =
        What::Suppression { address: "ann@example.com".to_owned(), origin: origin.to_owned(), is_lifted };
    assert_eq!((event.what, event.about), (expected, vec![theirs(MAIL)]));
    let nobody = json!({"type": kind, "data": {"origin": origin}}).to_string();
    assert_eq!(word(&read_one(Provider::Resend, &nobody)), "unreadable");
}

fn announced() -> Value {
    json!({"type": "email.received", "created_at": "2026-01-01T00:00:09.000Z", "data": {
        "email_id": MAIL, "created_at": "2026-01-01 00:00:07.25+00", "from": "ann@example.com", "to": ["us@acme.example"],
        "cc": ["bob@example.com"], "bcc": [], "received_for": ["us@acme.example", "Team <team@acme.example>"],
        "message_id": "<reply-1@example.com>", "subject": "Re: Hello", "attachments": [],
    }})
}

/// A poll finds the same mail under the same id.
#[test]
fn a_mail_to_us_is_announced() {
    let event = read_one(Provider::Resend, &announced().to_string());
    assert_eq!(event.external_id, format!("received:{MAIL}"));
    assert_eq!((event.occurred_at, event.about.as_slice()), (at("2026-01-01T00:00:07.25Z"), &[][..]));
    let told = letter(&event);
    assert_eq!((told.from.as_str(), told.from_name.as_deref()), ("ann@example.com", None));
    assert_eq!(told.to, ["us@acme.example", "team@acme.example"]);
    assert_eq!(
        (told.subject.as_deref(), told.id.as_deref()),
        (Some("Re: Hello"), Some("reply-1@example.com"))
    );
    assert!(told.is_announced && !told.is_automatic && told.text.is_none() && told.is_authentic.is_none());
    let asked = webhook(Provider::Resend).completes(&event);
    assert_eq!(asked, Some(Request::get(format!("/emails/receiving/{MAIL}"))));
}

/// A name is no address, and an id is no path.
#[rstest]
#[case("Ann Example <ann@example.com>", "ann@example.com", Some("Ann Example"))]
#[case("\"Example, Ann\" <ann@example.com>", "ann@example.com", Some("Example, Ann"))]
#[case("<ann@example.com>", "ann@example.com", None)]
#[case("Ann <evil@example.com> <ann@example.com>", "ann@example.com", Some("Ann <evil@example.com>"))]
#[case("Ann <>", "Ann <>", None)]
fn a_sender_may_have_a_name(#[case] from: &str, #[case] address: &str, #[case] name: Option<&str>) {
    let mut body = announced();
    body["data"]["from"] = json!(from);
    let event = read_one(Provider::Resend, &body.to_string());
    assert_eq!((letter(&event).from.as_str(), letter(&event).from_name.as_deref()), (address, name));
}

#[rstest]
#[case(json!("../domains"))]
#[case(json!("a/b"))]
#[case(json!("a?b"))]
#[case(json!("a b"))]
#[case(json!(""))]
#[case(json!(null))]
#[case(json!(7))]
fn an_id_that_leads_elsewhere_is_not_asked_for(#[case] id: Value) {
    let mut body = announced();
    body["data"]["email_id"] = id;
    let event = read_one(Provider::Resend, &body.to_string());
    assert_eq!(event.external_id, "msg_1");
    assert_eq!(webhook(Provider::Resend).completes(&event), None);
    assert!(letter(&event).is_announced, "nobody knows what it says");
}

fn complete(answer: &Value) -> Completion {
    completed(200, answer.to_string())
}

fn completed(status: u16, body: String) -> Completion {
    let event = read_one(Provider::Resend, &announced().to_string());
    let response = Response { status, headers: Vec::new(), body: Bytes::from(body) };
    webhook(Provider::Resend).completed(&event, &response)
}

fn whole(answer: &Value) -> Event {
    match complete(answer) {
        Completion::Whole(event) => *event,
        other => panic!("{other:?}"),
    }
}

fn mail() -> Value {
    json!({
        "object": "email", "id": MAIL, "to": ["us@acme.example"], "from": "Ann <ann@example.com>", "subject": "Re: Hello",
        "message_id": "<reply-1@example.com>", "html": "<p>Yes, <b>Tuesday</b></p>", "text": "Yes, Tuesday", "created_at": "2026-01-01T00:00:07Z",
        "reply_to": [], "cc": [], "bcc": [], "attachments": [],
        "headers": {"in-reply-to": "<111-222@email.example.com>", "references": "<first@x>\r\n <111-222@email.example.com>", "subject": "Re: Hello"},
        "authentication": {"spf": "pass", "dkim": "pass", "dmarc": "pass"},
    })
}

#[test]
fn a_fetched_mail_says_what_it_answers() {
    let announced = read_one(Provider::Resend, &announced().to_string());
    let event = whole(&mail());
    assert_eq!(event.external_id, announced.external_id);
    assert_eq!((event.occurred_at, &event.raw), (announced.occurred_at, &announced.raw));
    assert_eq!(event.about, [named("111-222@email.example.com"), named("first@x")]);
    let told = letter(&event);
    assert_eq!((told.text.as_deref(), told.from_name.as_deref()), (Some("Yes, Tuesday"), Some("Ann")));
    assert_eq!((told.is_announced, told.is_automatic, told.is_authentic), (false, false, Some(true)));
    assert_eq!(told.to, letter(&announced).to, "what it was received for is only announced");
}

/// S38: the words of a mail without a text part are those that are seen.
#[rstest]
#[case(json!(null), json!("<p>STOP</p>"), Some("STOP\n"))]
#[case(json!(" \n"), json!("<p>STOP</p>"), Some("STOP\n"))]
#[case(json!("Yes"), json!("<p>No</p>"), Some("Yes"))]
#[case(json!(null), json!(null), None)]
#[case(json!(7), json!("<img src=x>"), None)]
fn the_words_of_a_mail(#[case] text: Value, #[case] html: Value, #[case] expected: Option<&str>) {
    let mut mail = mail();
    mail["text"] = text;
    mail["html"] = html;
    assert_eq!(letter(&whole(&mail)).text.as_deref(), expected);
}

/// The latest of a thread comes first; what is no Message-ID is passed over; headers are found in any case and as lists.
#[rstest]
#[case(json!({"References": "<1@x> <2@x> <3@x>"}), &["3@x", "2@x", "1@x"])]
#[case(json!({"IN-REPLY-TO": ["<2@x>"], "References": ["<1@x>", "<2@x>"]}), &["2@x", "1@x"])]
#[case(json!({"in-reply-to": "your mail of Tuesday <2@x>", "references": 7}), &["2@x"])]
#[case(json!({"in-reply-to": "2@x", "references": "<1@x><2@x>, <3@x"}), &["2@x", "1@x"])]
#[case(json!({"in-reply-to": "<>", "references": ""}), &[])]
#[case(json!(null), &[])]
#[case(json!([]), &[])]
fn what_a_mail_answers(#[case] headers: Value, #[case] expected: &[&str]) {
    let mut mail = mail();
    mail["headers"] = headers;
    let expected: Vec<_> = expected.iter().map(|id| named(id)).collect();
    assert_eq!(whole(&mail).about, expected);
}

#[rstest]
#[case(json!({"auto-submitted": "auto-replied"}), true)]
#[case(json!({"Auto-Submitted": "auto-generated; x=y"}), true)]
#[case(json!({"auto-submitted": "no"}), false)]
#[case(json!({"auto-submitted": " No; x=y"}), false)]
#[case(json!({"auto-submitted": ""}), false)]
#[case(json!({"precedence": "bulk"}), true)]
#[case(json!({"precedence": "Junk"}), true)]
#[case(json!({"precedence": "list"}), true)]
#[case(json!({"precedence": "auto_reply"}), true)]
#[case(json!({"precedence": "first-class"}), false)]
#[case(json!({"x-autoreply": "yes"}), true)]
#[case(json!({"x-autorespond": ""}), true)]
#[case(json!({"return-path": "<>"}), true)]
#[case(json!({"return-path": "<ann@example.com>"}), false)]
#[case(json!({"x-auto-response-suppress": "All"}), false)]
#[case(json!({"subject": "Automatic reply: Hello"}), false)]
#[case(json!({}), false)]
fn whether_a_machine_answered(#[case] headers: Value, #[case] expected: bool) {
    let mut mail = mail();
    mail["headers"] = headers;
    assert_eq!(letter(&whole(&mail)).is_automatic, expected);
}

#[rstest]
#[case(json!({"spf": "fail", "dkim": "fail", "dmarc": "pass"}), Some(true))]
#[case(json!({"spf": "pass", "dkim": "pass", "dmarc": "fail"}), Some(false))]
#[case(json!({"spf": "fail", "dkim": "fail", "dmarc": "unknown"}), Some(false))]
#[case(json!({"spf": "pass", "dkim": "pass", "dmarc": "gray"}), None)]
#[case(json!({"spf": "processing_failed", "dkim": "fail"}), None)]
#[case(json!(null), None)]
#[case(json!("pass"), None)]
fn whether_the_sender_is_vouched_for(#[case] authentication: Value, #[case] expected: Option<bool>) {
    let mut mail = mail();
    mail["authentication"] = authentication;
    assert_eq!(letter(&whole(&mail)).is_authentic, expected);
}

#[rstest]
#[case(
    401,
    r#"{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted"}"#,
    "never"
)]
#[case(401, r#"{"statusCode":401,"name":"missing_api_key","message":"x"}"#, "later")]
#[case(403, r#"{"statusCode":403,"name":"email_above_quota","message":"x"}"#, "never")]
#[case(403, r#"{"statusCode":403,"name":"invalid_api_key","message":"x"}"#, "later")]
#[case(403, "error code: 1010", "later")]
#[case(404, r#"{"statusCode":404,"name":"not_found","message":"x"}"#, "never")]
#[case(429, r#"{"statusCode":429,"name":"rate_limit_exceeded","message":"x"}"#, "later")]
#[case(500, "", "later")]
#[case(503, "<html>", "later")]
#[case(302, "", "later")]
#[case(200, "", "later")]
#[case(200, "[]", "later")]
#[case(200, "<html>", "later")]
#[case(200, r#"{"id":"of another mail","text":"STOP"}"#, "later")]
#[case(200, "{}", "whole")]
fn what_an_answer_brings(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
    let (word, why) = match completed(status, body.to_owned()) {
        Completion::Whole(_) => ("whole", String::new()),
        Completion::Later { why } => ("later", why),
        Completion::Never { why } => ("never", why),
    };
    assert_eq!(word, expected, "{why}");
    assert!(word == "whole" || !why.is_empty());
}
