//! What a template proves before its message is sent.
use countersign_core::channel::{Channel as _, ChannelName, Outcome, Past};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::samples::payload;
use crate::twilio::Twilio;

const SID: &str = "HX0123456789abcdef0123456789abcdef";
const UPDATED: &str = "2026-11-20T09:00:00Z";

fn message(version: &str, variables: &[(&str, &str)], rendered_text: &str) -> Payload {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let template = WhatsappTemplate {
        content_sid: SID.to_owned(),
        version: version.to_owned(),
        variables,
        rendered_text: rendered_text.to_owned(),
    };
    payload(ChannelName::Whatsapp, Parts::Whatsapp { text: None, template: Some(template) })
}

fn approved() -> Request {
    Request::form("/2010-04-01/Accounts/AC/Messages.json", format!("To=whatsapp%3A%2B1&ContentSid={SID}"))
}

fn answer(status: u16, body: &Value) -> Response {
    Response { status, headers: Vec::new(), body: body.to_string().into() }
}

fn content(text: &str) -> Value {
    json!({
        "sid": SID, "date_updated": UPDATED, "language": "en",
        "variables": { "1": "you", "day": "Monday" },
        "types": { "twilio/text": { "body": text } },
    })
}

/// The outcome in words, or the path of the next request.
fn verdict(payload: &Payload, request: &Request, response: &Response) -> String {
    let approved = approved();
    let asked = Asked { payload, approved: &approved, request, past: &Past::default() };
    match Twilio.interpret(&asked, response) {
        Reading::Next(request) => format!("next {}", request.path),
        Reading::Proves(Outcome::Rejected { code, detail }) => format!("held {code}: {detail}"),
        Reading::Proves(Outcome::Deferred { code, after, .. }) => format!("waits {} {code}", after.as_secs()),
        Reading::Proves(Outcome::Retry { code, after, .. }) => format!("again {} {code}", after.is_some()),
        Reading::Proves(Outcome::AccountBroken { code, .. }) => format!("account {code}"),
        Reading::Proves(other) => panic!("{other:?}"),
    }
}

fn of_words(payload: &Payload, response: &Response) -> String {
    verdict(payload, &first(&approved()), response)
}

fn of_approval(response: &Response) -> String {
    let request = Request::get(format!("/v1/Content/{SID}/ApprovalRequests")).at(Host::Templates);
    verdict(&message("1", &[], "Hi"), &request, response)
}

#[test]
fn a_template_is_read_first_and_free_text_goes_at_once() {
    let question = first(&approved());
    assert_eq!((question.method.as_str(), question.host.clone()), ("GET", Host::Templates));
    assert_eq!(question.path, format!("/v1/Content/{SID}"));
    assert!(Twilio.is_harmless(&question) && !Twilio.is_harmless(&approved()));
    let text = Request::form("/2010-04-01/Accounts/AC/Messages.json", "To=x&Body=ContentSid".to_owned());
    assert_eq!(first(&text), text);
}

/// S10: the text of the template with the approved values is what was approved, to the letter.
#[rstest]
#[case("Hi {{1}}, {{2}}?", &[("1", "Ann"), ("2", "Tuesday")], "Hi Ann, Tuesday?")]
#[case("Hi {{ 1 }}", &[("1", "Ann")], "Hi Ann")]
#[case("Hi {{1}} on {{day}}", &[("1", "Ann")], "Hi Ann on Monday")]
#[case("Hi {{1}}", &[("1", "{{2}}"), ("2", "Bo")], "Hi {{2}}")]
#[case("Hi {{1}} {{", &[("1", "Ann")], "Hi Ann {{")]
#[case("Hi {{3}}", &[], "Hi {{3}}")]
#[case("No variables", &[], "No variables")]
fn a_template_that_reads_as_approved_goes_on(
    #[case] text: &str,
    #[case] variables: &[(&str, &str)],
    #[case] rendered: &str,
) {
    let said = of_words(&message("3", variables, rendered), &answer(200, &content(text)));
    assert_eq!(said, format!("next /v1/Content/{SID}/ApprovalRequests"));
}

/// S10: any other text is held, and the reason says how the template reads now.
#[rstest]
#[case("Hello {{1}}", "Hello Ann")]
#[case("Hi {{1}} ", "Hi Ann")]
#[case("Hi {{1}}\nP.S. 50 % off", "P.S. 50 % off")]
#[case("Hi {{2}}", "Hi {{2}}")]
#[case("", "\u{201c}\u{201d}")]
fn a_template_that_reads_otherwise_is_held(#[case] text: &str, #[case] shown: &str) {
    let said = of_words(&message("3", &[("1", "Ann")], "Hi Ann"), &answer(200, &content(text)));
    assert!(said.starts_with("held template-changed: ") && said.contains(shown), "{said}");
}

/// Which of several kinds is shown depends on the recipient, so each has to read as approved.
#[test]
fn every_kind_of_a_template_is_compared() {
    let mut several = content("Hi {{1}}");
    several["types"]["twilio/quick-reply"] = json!({ "body": "Hi {{1}}", "actions": [] });
    several["types"]["twilio/location"] = json!({ "latitude": 1.0, "longitude": 2.0 });
    several["types"]["twilio/card"] = Value::Null;
    let message = message("3", &[("1", "Ann")], "Hi Ann");
    assert!(of_words(&message, &answer(200, &several)).starts_with("next "));
    several["types"]["twilio/quick-reply"]["body"] = "Buy now, {{1}}".into();
    assert!(of_words(&message, &answer(200, &several)).contains("Buy now, Ann"));
    several["types"] = json!({ "twilio/location": { "latitude": 1.0 } });
    assert!(of_words(&message, &answer(200, &several)).contains("no text any more"));
}

/// S10: a version that is the provider's own word for one has to be the present one; the drafter's own words are none.
#[rstest]
#[case(UPDATED, json!(UPDATED), true)]
#[case(UPDATED, json!("Fri, 20 Nov 2026 09:00:00 +0000"), true)]
#[case("Fri, 20 Nov 2026 09:00:00 GMT", json!(UPDATED), true)]
#[case(UPDATED, json!("2026-11-20T09:00:01Z"), false)]
#[case(UPDATED, json!(null), false)]
#[case("3", json!("2026-11-20T09:00:01Z"), true)]
#[case("2026-11", json!(null), true)]
fn a_version_of_the_provider_is_compared(
    #[case] version: &str,
    #[case] updated: Value,
    #[case] is_same: bool,
) {
    let mut content = content("Hi");
    content["date_updated"] = updated;
    let said = of_words(&message(version, &[], "Hi"), &answer(200, &content));
    assert_eq!(said.starts_with("next "), is_same, "{said}");
    assert!(is_same || said.starts_with("held template-changed: the template was changed at "), "{said}");
}

fn state(status: &str) -> Value {
    json!({ "sid": SID, "whatsapp": { "type": "whatsapp", "status": status, "rejection_reason": "" } })
}

#[rstest]
#[case(state("approved"), "next /2010-04-01/Accounts/AC/Messages.json")]
#[case(state("paused"), "waits 3600 template-paused")]
#[case(
    state("pending"),
    "held template-not-approved: the template is \u{201c}pending\u{201d} at WhatsApp; only an approved one is sent"
)]
#[case(
    state("disabled"),
    "held template-not-approved: the template is \u{201c}disabled\u{201d} at WhatsApp; only an approved one is sent"
)]
#[case(
    json!({ "sid": SID, "whatsapp": { "status": "rejected", "rejection_reason": "INVALID_FORMAT" } }),
    "held template-not-approved: the template is \u{201c}rejected\u{201d} at WhatsApp (INVALID_FORMAT); only an approved one is sent"
)]
#[case(
    json!({ "sid": SID, "whatsapp": null }),
    "held template-not-approved: the template was never handed in to WhatsApp; only an approved one is sent"
)]
#[case(json!({ "sid": "HX", "whatsapp": { "status": "approved" } }), "again false unreadable-answer")]
#[case(json!({ "whatsapp": { "status": "approved" } }), "again false unreadable-answer")]
fn only_an_approved_template_is_sent(#[case] body: Value, #[case] expected: &str) {
    assert_eq!(of_approval(&answer(200, &body)), expected);
}

/// Whatever keeps a template from being read proves that nothing was sent: what passes is tried again, what is gone is held.
#[rstest]
#[case(404, json!({ "code": 20404, "message": "not found" }), "held template-gone: the provider has this template no more; make it a draft again with another one")]
#[case(404, json!("<html>"), "account 404")]
#[case(401, json!({ "code": 20003, "message": "Authenticate" }), "account 20003")]
#[case(403, json!({}), "account 403")]
#[case(429, json!({ "code": 20429, "message": "x" }), "again true 20429")]
#[case(408, json!({}), "again false 408")]
#[case(500, json!({ "code": 20500, "message": "x" }), "again false 20500")]
#[case(503, json!("busy"), "again false 503")]
#[case(200, json!({}), "again false unreadable-answer")]
#[case(200, json!({ "sid": "HX0123456789abcdef0123456789abcdee", "types": {} }), "again false unreadable-answer")]
fn a_template_that_cannot_be_read_sends_nothing(
    #[case] status: u16,
    #[case] body: Value,
    #[case] expected: &str,
) {
    let response = answer(status, &body);
    assert_eq!(of_words(&message("3", &[], "Hi"), &response), expected);
    if status != 200 {
        assert_eq!(of_approval(&response), expected);
    }
}
