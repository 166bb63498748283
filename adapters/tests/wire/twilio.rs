//! WhatsApp against the sandbox provider: every answer of the table, every fault, the lookups, and bytes that stay where they belong.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_adapters::sandbox::Fault;
use countersign_adapters::twilio::Twilio;
use countersign_core::activity::payload::{Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{Case, ChannelName, Finding, Past, Probe, Request, Response};
use countersign_core::clock;
use rstest::rstest;

use crate::desk::{Desk, hasty, until};
use crate::drive::{ACTIVITY, Drive, bodies, payload, rows};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

fn twilio() -> Drive {
    let settings = [("account_sid", ACCOUNT)].into_iter().collect();
    Drive {
        channel: Box::new(Twilio),
        settings,
        credential: "SK0123456789abcdef0123456789abcdef:canary-secret",
    }
}

fn text(words: &str) -> Payload {
    let parts = Parts::Whatsapp { text: Some(words.to_owned()), template: None };
    payload(ChannelName::Whatsapp, "+14155552345", "+15558675310", parts)
}

fn template(value: &str) -> Payload {
    let template = WhatsappTemplate {
        content_sid: "HX0123456789abcdef0123456789abcdef".to_owned(),
        version: "1".to_owned(),
        variables: BTreeMap::from([("1".to_owned(), value.to_owned())]),
        // Every template of the sandbox consists of its first variable.
        rendered_text: value.to_owned(),
    };
    let parts = Parts::Whatsapp { text: None, template: Some(template) };
    payload(ChannelName::Whatsapp, "+14155552345", "+15558675310", parts)
}

/// What the documents of the provider demand of each code. A limit without a hint holds the credential all the same.
const ROWS: &[(&str, &str)] = &[
    // Credential, account, sender: the outbox pauses.
    ("20003", "account_broken"),
    ("20005", "account_broken"),
    ("10001", "account_broken"),
    ("30002", "account_broken"),
    ("21212", "account_broken"),
    ("21606", "account_broken"),
    ("21703", "account_broken"),
    ("21705", "account_broken"),
    ("21910", "account_broken"),
    ("63001", "account_broken"),
    ("63002", "account_broken"),
    ("63007", "account_broken"),
    ("63008", "account_broken"),
    ("63020", "account_broken"),
    ("63022", "account_broken"),
    ("63051", "account_broken"),
    // A paused template holds its messages, and nothing else.
    ("63041", "waits 63041"),
    // Our defects.
    ("20404", "rejected"),
    ("20422", "rejected"),
    ("20001", "rejected"),
    ("20004", "rejected"),
    // Bad or unreachable recipients, and those who opted out.
    ("21211", "rejected"),
    ("21612", "rejected"),
    ("21614", "rejected"),
    ("63003", "rejected"),
    ("63024", "rejected"),
    ("63015", "rejected"),
    ("63032", "rejected"),
    ("21610", "rejected"),
    ("63014", "rejected"),
    ("63033", "rejected"),
    // Content and templates.
    ("21602", "rejected"),
    ("21617", "rejected"),
    ("21658", "rejected"),
    ("21620", "rejected"),
    ("21623", "rejected"),
    ("63005", "rejected"),
    ("63006", "rejected"),
    ("63019", "rejected"),
    ("63021", "rejected"),
    ("63034", "rejected"),
    ("21655", "rejected"),
    ("21656", "rejected"),
    ("63027", "rejected"),
    ("63028", "rejected"),
    ("63030", "rejected"),
    ("63040", "rejected"),
    ("63042", "rejected"),
    ("63016", "rejected"),
    ("63013", "rejected"),
    ("63026", "rejected"),
    ("30007", "rejected"),
    ("30004", "rejected"),
    // Limits.
    ("20429", "retry 60"),
    ("14107", "retry 60"),
    ("63017", "retry 60"),
    ("63018", "retry 60"),
    ("63038", "retry 3600"),
    ("21611", "retry 60"),
    ("30001", "retry 60"),
    // Reported after acceptance, or said by the provider to be perhaps sent: never repeated.
    ("63009", "maybe_sent"),
    ("63010", "maybe_sent"),
    ("63012", "maybe_sent"),
    ("30008", "maybe_sent"),
    ("63023", "maybe_sent"),
    ("20500", "maybe_sent"),
    ("20503", "maybe_sent"),
];

/// R4, F14 to F19: no row of the table of errors is without an expectation, and each leads where it says, with the code and the words
/// kept.
#[tokio::test]
async fn every_refusal_leads_to_what_the_provider_documents() {
    let (desk, twilio) = (Desk::new().await, twilio());
    let payload = text("Hi");
    let approved = twilio.rendered(&payload);
    let transport = desk.transport();
    let rows = rows("twilio");
    let played: BTreeSet<_> = rows.iter().map(|(code, _)| *code).collect();
    assert_eq!(played, ROWS.iter().map(|(code, _)| *code).collect());
    let expected: BTreeMap<_, _> = ROWS.iter().copied().collect();
    assert_eq!((rows.len(), expected.len()), (ROWS.len(), ROWS.len()));
    for (code, row) in rows {
        desk.sandbox.set_faults([Fault::Refuse { code: code.to_owned() }.always()]);
        let answer = twilio.exchange(&transport, &approved).await.expect("answers");
        assert_eq!((answer.status, &answer.body), (row.status, &row.body), "{code}");
        let outcome = twilio.judged(&payload, &approved, &answer);
        assert_eq!(crate::drive::verdict(&outcome), expected[code], "{code}: {outcome:?}");
        assert!(format!("{outcome:?}").contains(code) && twilio.channel.knows(code), "{outcome:?}");
    }
    assert_eq!(desk.accepted(), 0);
}

/// R3, R4, S19, S20, F12 to F16, F19: one request for each call, and nothing that may have been taken is called repeatable.
#[rstest]
#[case::latency(Fault::Latency { ms: 1 }, "accepted", 1)]
#[case::limited(Fault::RateLimited { retry_after: None }, "retry 60", 0)]
#[case::limited_for_seconds(Fault::RateLimited { retry_after: Some("7".to_owned()) }, "retry 7", 0)]
#[case::quota(Fault::DailyQuota, "retry 3600", 0)]
#[case::unauthorized(Fault::Unauthorized, "account_broken", 0)]
#[case::redirect(Fault::Redirect { location: "http://127.0.0.1:9/".to_owned() }, "account_broken", 0)]
#[case::error_before(Fault::ErrorBeforeAccept, "maybe_sent", 0)]
#[case::error_after(Fault::ErrorAfterAccept, "maybe_sent", 1)]
#[case::huge_error(Fault::HugeError, "broken", 0)]
#[case::reset_before(Fault::ResetBeforeAccept, "broken", 0)]
#[case::reset_after(Fault::ResetAfterAccept, "broken", 1)]
#[case::half_headers(Fault::HalfHeaders, "broken", 1)]
#[case::half_body(Fault::HalfBody, "broken", 1)]
#[case::html_page(Fault::HtmlPage, "maybe_sent", 1)]
#[case::empty_body(Fault::EmptyBody, "maybe_sent", 1)]
#[case::no_id(Fault::NoId, "maybe_sent", 1)]
#[case::huge_body(Fault::HugeBody, "broken", 1)]
#[case::gzip_body(Fault::GzipBody, "broken", 1)]
#[tokio::test]
async fn a_fault_costs_one_request_and_is_named(
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] accepted: usize,
) {
    let (desk, twilio) = (Desk::new().await, twilio());
    let (transport, payload) = (desk.transport(), text("Hi"));
    assert_eq!(twilio.send(&transport, &payload).await, "accepted");
    desk.sandbox.set_faults([fault.always()]);
    assert_eq!(twilio.send(&transport, &payload).await, expected);
    assert_eq!((desk.accepted(), desk.sandbox.requests().count), (1 + accepted, 2));
}

/// R20, S19, F11: a provider that does not answer, or not to the end, is given up in time.
#[rstest]
#[case::before_accepting(Fault::HangBeforeAccept, 0)]
#[case::after_accepting(Fault::HangAfterAccept, 1)]
#[case::amid_the_body(Fault::HangInBody, 1)]
#[tokio::test]
async fn a_provider_that_hangs_is_given_up(#[case] fault: Fault, #[case] accepted: usize) {
    let (desk, twilio) = (Desk::new().await, twilio());
    desk.sandbox.set_faults([fault.always()]);
    assert_eq!(twilio.send(&hasty(&desk.sandbox), &text("Hi")).await, "broken");
    until("the provider is done", || desk.accepted() == accepted).await;
    assert_eq!(desk.sandbox.requests().count, 1);
}

const TEMPLATE: &str = "/v1/Content/HX0123456789abcdef0123456789abcdef";

/// S10: a template is read before its message is sent, and what is not as it was approved sends nothing.
#[rstest]
#[case::as_approved(None, "accepted", 3)]
#[case::other_words(Some((TEMPLATE, 200, r#"{"sid":"HX0123456789abcdef0123456789abcdef","types":{"twilio/text":{"body":"Buy, {{1}}"}}}"#)), "rejected", 1)]
#[case::gone(Some((TEMPLATE, 404, r#"{"code":20404,"message":"not found","status":404}"#)), "rejected", 1)]
#[case::not_approved(Some(("/v1/Content/HX0123456789abcdef0123456789abcdef/ApprovalRequests", 200, r#"{"sid":"HX0123456789abcdef0123456789abcdef","whatsapp":{"status":"rejected"}}"#)), "rejected", 2)]
#[case::paused(Some(("/v1/Content/HX0123456789abcdef0123456789abcdef/ApprovalRequests", 200, r#"{"sid":"HX0123456789abcdef0123456789abcdef","whatsapp":{"status":"paused"}}"#)), "waits template-paused", 2)]
#[case::out_of_order(Some((TEMPLATE, 503, "busy")), "retry", 1)]
#[tokio::test]
async fn a_template_is_read_before_its_message(
    #[case] laid: Option<(&str, u16, &'static str)>,
    #[case] expected: &str,
    #[case] requests: u64,
) {
    let (desk, twilio) = (Desk::new().await, twilio());
    if let Some((path, status, body)) = laid {
        desk.sandbox.lays(path, status, body);
    }
    assert_eq!(twilio.send(&desk.transport(), &template("Ann")).await, expected);
    let accepted = usize::from(expected == "accepted");
    assert_eq!((desk.accepted(), desk.sandbox.requests().count), (accepted, requests));
}

async fn found(desk: &Desk, twilio: &Drive, payload: &Payload) -> Finding {
    let approved = twilio.rendered(payload);
    let case = Case {
        payload,
        approved: &approved,
        activity: ACTIVITY,
        past: &Past::default(),
        first_wire_at: clock::now(),
        age: Duration::from_secs(60),
    };
    twilio.find(desk, &case).await
}

/// R7: a lost answer, then the list: the words show which message it was, past a page of others, whichever form the credential has.
/// Nothing is sent by looking.
#[rstest]
#[case(text("Hi Bo,\nyes & no: 100 % + \u{e9}"))]
#[case(template("Ann \"A\" & Bo"))]
#[tokio::test]
async fn a_lost_answer_is_found_in_the_list(
    #[case] payload: Payload,
    #[values("SK0123456789abcdef0123456789abcdef:secret", "AC0123456789abcdef0123456789abcdef:token")]
    credential: &'static str,
) {
    let (desk, twilio) = (Desk::new().await, Drive { credential, ..twilio() });
    let transport = desk.transport();
    let stranger = Payload { to: "+15550000000".to_owned(), ..payload.clone() };
    assert_eq!(twilio.send(&transport, &stranger).await, "accepted");
    assert_eq!(found(&desk, &twilio, &payload).await.as_str(), "absent");
    desk.sandbox.set_faults([Fault::ResetAfterAccept.always()]);
    assert_eq!(twilio.send(&transport, &payload).await, "broken");
    desk.sandbox.set_faults([]);
    if matches!(&payload.parts, Parts::Whatsapp { text: Some(_), .. }) {
        for number in 0..60 {
            let other = text(&format!("other {number}"));
            assert_eq!(twilio.send(&transport, &other).await, "accepted");
        }
    }
    let accepted = desk.accepted();
    let Finding::Sent { provider_ref, .. } = found(&desk, &twilio, &payload).await else {
        panic!("is found")
    };
    assert!(provider_ref.is_some_and(|sid| sid.starts_with("SM") && sid.len() == 34));
    assert_eq!(desk.accepted(), accepted);
}

#[rstest]
#[case("SK0123456789abcdef0123456789abcdef:secret", "works")]
#[case("AC0123456789abcdef0123456789abcdef:bad-token", "refused")]
#[tokio::test]
async fn the_probe_shows_what_the_credential_is_worth(
    #[case] credential: &'static str,
    #[case] expected: &str,
) {
    let desk = Desk::new().await;
    let twilio = Drive { credential, ..twilio() };
    let request = twilio.channel.probe(&twilio.settings).expect("renders");
    let answer = twilio.exchange(&desk.transport(), &request).await.expect("answers");
    let said = match twilio.channel.probed(&answer) {
        Probe::Works { .. } => "works",
        Probe::Refused { .. } => "refused",
        Probe::Unclear { .. } => "unclear",
    };
    assert_eq!((said, desk.accepted()), (expected, 0));
}

/// S15, S16: what arrives is one form with the fields that were approved, whatever the words hold.
#[rstest]
#[case("Hi&To=whatsapp:+15550000000&From=x")]
#[case("Hi\r\nX-Injected: 1\r\n\r\nTo=whatsapp:%2B15550000000")]
#[case("a\u{2028}To: b\u{2029}")]
#[case("\u{1f44b} n\u{43e}rdlys.example \u{202e}")]
#[tokio::test]
async fn words_arrive_as_words(#[case] words: &str) {
    let (desk, twilio) = (Desk::new().await, twilio());
    let payload = text(words);
    let approved = twilio.rendered(&payload);
    assert_eq!(twilio.send(&desk.transport(), &payload).await, "accepted");
    let [body] = &bodies(&desk)[..] else { panic!("one message") };
    assert_eq!(body, &approved.body);
    assert!(body.bytes().all(|byte| byte.is_ascii_graphic()), "{body}");
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let expected = [("To", "whatsapp:+15558675310"), ("From", "whatsapp:+14155552345"), ("Body", words)];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

fn code(answer: &Response) -> (u16, u64) {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    (answer.status, body["code"].as_u64().expect("a code"))
}

/// The sandbox refuses what the provider refuses, so that a wrong request of ours cannot pass a test.
#[rstest]
#[case("From=whatsapp%3A%2B14155552345&Body=x", (400, 21604))]
#[case("To=%2B15558675310&From=whatsapp%3A%2B14155552345&Body=x", (400, 21211))]
#[case("To=whatsapp%3A%2B15558675310&Body=x", (400, 21603))]
#[case("To=whatsapp%3A%2B15558675310&From=%2B14155552345&Body=x", (400, 21212))]
#[case("To=whatsapp%3A%2B15558675310&MessagingServiceSid=MG1&Body=x", (400, 21705))]
#[case("To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345", (400, 21619))]
#[case("To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&Body=", (400, 21602))]
#[case("To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&ContentSid=HX1", (400, 21655))]
#[case("To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&Body=x&SendAt=tomorrow", (400, 20001))]
#[case("To=whatsapp%3A%2B15558675310&To=whatsapp%3A%2B1&From=whatsapp%3A%2B14155552345&Body=x", (400, 20001))]
#[tokio::test]
async fn a_wrong_form_is_refused_in_the_providers_words(#[case] body: &str, #[case] expected: (u16, u64)) {
    let (desk, twilio) = (Desk::new().await, twilio());
    let right = twilio.rendered(&text("Hi"));
    let wrong = Request { body: body.to_owned(), ..right.clone() };
    let answer = twilio.exchange(&desk.transport(), &wrong).await.expect("answers");
    assert_eq!((code(&answer), desk.accepted()), (expected, 0));
    let not_a_form = Request { content_type: "application/json".to_owned(), ..right };
    let answer = twilio.exchange(&desk.transport(), &not_a_form).await.expect("answers");
    assert_eq!(code(&answer), (400, 21604));
}
