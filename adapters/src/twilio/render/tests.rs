//! What a WhatsApp message looks like on the wire, and what is never put there.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Kind, LinkedinAction, Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{ChannelName, Files, ProviderSettings, RenderError, Request};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use url::form_urlencoded;
use uuid::Uuid;

use super::Message;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

fn message(text: Option<&str>, template: Option<WhatsappTemplate>) -> Payload {
    Payload {
        channel: ChannelName::Whatsapp,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "twilio".to_owned(),
        kind: Kind::FollowUp,
        from: "+14155552345".to_owned(),
        to: "+15558675310".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Whatsapp { text: text.map(str::to_owned), template },
    }
}

fn hello() -> Payload {
    message(Some("Hi"), None)
}

fn template(variables: &[(&str, &str)]) -> WhatsappTemplate {
    WhatsappTemplate {
        content_sid: "HX0123456789abcdef0123456789abcdef".to_owned(),
        version: "3".to_owned(),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        rendered_text: "Hi Ann".to_owned(),
    }
}

fn render_with(payload: &Payload, settings: &[(&str, &str)]) -> Result<Request, RenderError> {
    let settings: ProviderSettings = settings.iter().copied().collect();
    let activity = ActivityId(Uuid::from_u128(7));
    super::render(&Message { payload, activity, settings: &settings, files: &Files::default() })
}

fn render(payload: &Payload) -> Result<Request, RenderError> {
    render_with(payload, &[("account_sid", ACCOUNT)])
}

fn fields(payload: &Payload) -> Vec<(String, String)> {
    form_urlencoded::parse(render(payload).expect("renders").body.as_bytes()).into_owned().collect()
}

#[test]
fn a_text_renders_to_these_bytes() {
    let request = render(&message(Some("Hi Bo,\nä & b=c + d"), None)).expect("renders");
    assert_eq!(
        (request.method.as_str(), request.content_type.as_str()),
        ("POST", "application/x-www-form-urlencoded")
    );
    assert_eq!(request.path, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    assert!(request.headers.is_empty());
    assert_eq!(
        request.body,
        "To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&Body=Hi+Bo%2C%0A%C3%A4+%26+b%3Dc+%2B+d"
    );
}

/// The text that was shown is not sent beside the template: the provider would take it for free words.
#[test]
fn a_template_goes_by_its_id_with_variables_in_canonical_json() {
    let request = render(&message(None, Some(template(&[("2", "B \"C\""), ("1", "Ann")])))).expect("renders");
    assert_eq!(
        request.body,
        "To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&ContentSid=HX0123456789abcdef0123456789abcdef\
         &ContentVariables=%7B%221%22%3A%22Ann%22%2C%222%22%3A%22B+%5C%22C%5C%22%22%7D"
    );
    let request = render(&message(None, Some(template(&[])))).expect("renders");
    assert!(!request.body.contains("ContentVariables") && !request.body.contains("Body"), "{}", request.body);
}

#[test]
fn a_service_stands_in_place_of_the_number_and_the_callback_is_named() {
    let settings = [
        ("account_sid", ACCOUNT),
        ("messaging_service_sid", SERVICE),
        ("status_callback", "https://hooks.example.com/in?o=1&p=2"),
    ];
    assert_eq!(
        render_with(&hello(), &settings).expect("renders").body,
        format!(
            "To=whatsapp%3A%2B15558675310&MessagingServiceSid={SERVICE}&Body=Hi\
             &StatusCallback=https%3A%2F%2Fhooks.example.com%2Fin%3Fo%3D1%26p%3D2"
        )
    );
}

/// S15, S16: whatever the words are, they stay one field, and come out again as they were.
#[rstest]
#[case("Hi&To=whatsapp:+15550000000")]
#[case("Hi\r\nTo: +15550000000\r\n\r\nBody=x")]
#[case("%26From=whatsapp%3A%2B1")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\u{1f44b} ünïcode \u{202e}")]
#[case("Hi;Body=other")]
fn words_cannot_become_another_field(#[case] text: &str) {
    let names = |fields: &[(String, String)]| fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let sent = fields(&message(Some(text), None));
    assert_eq!(
        (names(&sent).as_slice(), sent[2].1.as_str()),
        (["To", "From", "Body"].map(str::to_owned).as_slice(), text)
    );
    let one_line = text.replace(['\r', '\n', '\u{2028}', '\u{2029}'], " ");
    let sent = fields(&message(None, Some(template(&[("1", one_line.as_str())]))));
    assert_eq!(names(&sent), ["To", "From", "ContentSid", "ContentVariables"]);
    let variables: BTreeMap<String, String> = serde_json::from_str(&sent[3].1).expect("JSON");
    assert_eq!(variables, BTreeMap::from([("1".to_owned(), one_line)]));
}

/// S15, S16: what would be sent differently from how it was shown is refused, by the name of the field.
#[rstest]
#[case("to", Payload { to: "+15558675310\r\n".to_owned(), ..hello() })]
#[case("to", Payload { to: "+15558675310&From=x".to_owned(), ..hello() })]
#[case("to", Payload { to: String::new(), ..hello() })]
#[case("from", Payload { from: "Acme".to_owned(), ..hello() })]
#[case("payload.cc", Payload { cc: vec!["+15550000000".to_owned()], ..hello() })]
#[case("payload.bcc", Payload { bcc: vec!["+15550000000".to_owned()], ..hello() })]
#[case("payload.replyTo", Payload { reply_to: Some("+15550000000".to_owned()), ..hello() })]
#[case("payload.headers", Payload { headers: BTreeMap::from([("X".to_owned(), "y".to_owned())]), ..hello() })]
#[case("payload.text", message(Some(""), None))]
#[case("payload.text", message(Some("a\0b"), None))]
#[case("payload.text", message(Some("é".repeat(1601).as_str()), None))]
#[case("payload", message(None, None))]
#[case("payload", message(Some("x"), Some(template(&[]))))]
#[case("payload.template.contentSid", message(None, Some(WhatsappTemplate { content_sid: "HX&".to_owned(), ..template(&[]) })))]
#[case("payload.template.renderedText", message(None, Some(WhatsappTemplate { rendered_text: " ".to_owned(), ..template(&[]) })))]
#[case("payload.template.variables.1", message(None, Some(template(&[("1", "a\r\nb")]))))]
#[case("payload.template.variables.1", message(None, Some(template(&[("1", "a\u{2028}b")]))))]
#[case("payload.template.variables.1", message(None, Some(template(&[("1", "a\0b")]))))]
#[case("payload.template.variables.1", message(None, Some(template(&[("1", " ")]))))]
#[case("channel", Payload { channel: ChannelName::Email, ..hello() })]
#[case("payload", Payload {
    parts: Parts::Linkedin { action: LinkedinAction::Post, text: "x".to_owned(), thread: None },
    ..hello()
})]
fn what_cannot_be_sent_as_shown_is_refused(#[case] field: &str, #[case] payload: Payload) {
    assert_eq!(render(&payload).expect_err("refused").field, field);
}

/// A setting becomes part of the path or of the form; one that is no such thing is named with the way to mend it.
#[rstest]
#[case(&[], "account_sid")]
#[case(&[("account_sid", "AC../../Calls")], "account_sid")]
#[case(&[("account_sid", ACCOUNT), ("messaging_service_sid", "MG")], "messaging_service_sid")]
#[case(&[("account_sid", ACCOUNT), ("status_callback", "http://hooks.example.com")], "status_callback")]
fn a_setting_that_is_missing_or_wrong_is_named(#[case] settings: &[(&str, &str)], #[case] key: &str) {
    let error = render_with(&hello(), settings).expect_err("refused");
    assert_eq!(error.field, "outbox");
    assert!(error.reason.contains(&format!("--set {key}=…")), "{}", error.reason);
}
