//! What a mail looks like on the wire, and what is never put there.
use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_core::activity::payload::{Attachment, InstagramAction, Kind, Parts, Payload, PayloadHash};
use countersign_core::channel::{ChannelName, Files, ProviderSettings, RenderError, Request};
use countersign_core::draft::attachments::ATTACHMENTS_LIMIT_BYTES;
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use uuid::Uuid;

use super::Message;

const ACTIVITY: ActivityId = ActivityId(Uuid::from_u128(7));

fn mail() -> Payload {
    Payload {
        channel: ChannelName::Email,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "resend".to_owned(),
        kind: Kind::FirstTouch,
        from: "Ana <ana@example.com>".to_owned(),
        to: "bo@example.org".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Email {
            subject: "Hello".to_owned(),
            text: "Hi Bo,\nthree lines.\n".to_owned(),
            html: None,
            in_reply_to: None,
            attachments: Vec::new(),
        },
    }
}

fn render(payload: &Payload, activity: ActivityId) -> Result<Request, RenderError> {
    let (settings, files) = (&ProviderSettings::default(), &Files::default());
    super::render(&Message { payload, activity, settings, files })
}

fn body(payload: &Payload) -> serde_json::Value {
    serde_json::from_str(&render(payload, ACTIVITY).expect("renders").body).expect("JSON")
}

#[test]
fn a_plain_mail_renders_to_these_bytes() {
    let request = render(&mail(), ACTIVITY).expect("renders");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/emails"));
    assert_eq!(request.content_type, "application/json");
    assert_eq!(
        request.body,
        r#"{"from":"Ana <ana@example.com>","subject":"Hello","tags":[{"name":"activity_id","value":"00000000-0000-0000-0000-000000000007"}],"text":"Hi Bo,\nthree lines.\n","to":["bo@example.org"]}"#
    );
}

/// S10: a file travels as its bytes, so that nothing can change between approval and sending; one that is not stored is named.
#[test]
fn a_file_travels_as_its_bytes() {
    let bytes = Bytes::from_static(b"%PDF-1.7");
    let mut payload = mail();
    let Parts::Email { attachments, .. } = &mut payload.parts else { panic!("a mail") };
    attachments.push(Attachment {
        name: "Offer.pdf".to_owned(),
        mime: "application/pdf".to_owned(),
        sha256: PayloadHash::of(&bytes),
    });
    let render = |files: &Files| {
        let (payload, settings) = (&payload, &ProviderSettings::default());
        super::render(&Message { payload, activity: ACTIVITY, settings, files })
    };
    let request = render(&Files::new([bytes])).expect("renders");
    let body: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!(
        body["attachments"],
        serde_json::json!([{ "filename": "Offer.pdf", "content_type": "application/pdf", "content": "JVBERi0xLjc=" }])
    );
    let missing = render(&Files::default()).expect_err("refused");
    assert_eq!(missing.field, "payload.attachments[0].sha256");
    let large = Bytes::from(vec![b'x'; ATTACHMENTS_LIMIT_BYTES + 1]);
    let mut payload = payload.clone();
    let Parts::Email { attachments, .. } = &mut payload.parts else { panic!("a mail") };
    attachments[0].sha256 = PayloadHash::of(&large);
    let (settings, files) = (&ProviderSettings::default(), &Files::new([large]));
    let message = Message { payload: &payload, activity: ACTIVITY, settings, files };
    assert_eq!(super::render(&message).expect_err("refused").field, "payload.attachments");
}

/// S16: everyone who receives the mail is in the request, each as an entry of its own.
#[test]
fn every_recipient_is_an_entry_of_its_own() {
    let payload = Payload {
        cc: vec!["c1@example.org".to_owned(), "c2@example.org".to_owned()],
        bcc: vec!["b@example.org".to_owned()],
        reply_to: Some("r@example.com".to_owned()),
        ..mail()
    };
    let body = body(&payload);
    assert_eq!(body["to"], serde_json::json!(["bo@example.org"]));
    assert_eq!(body["cc"], serde_json::json!(["c1@example.org", "c2@example.org"]));
    assert_eq!(body["bcc"], serde_json::json!(["b@example.org"]));
    assert_eq!(body["reply_to"], "r@example.com");
}

/// An omitted text would be made up by the provider, and nobody approved that.
#[rstest]
#[case(None)]
#[case(Some("<p>Hi</p>"))]
fn the_text_is_always_sent_also_when_empty(#[case] html: Option<&str>) {
    let parts = Parts::Email {
        subject: "Hello".to_owned(),
        text: String::new(),
        html: html.map(str::to_owned),
        in_reply_to: None,
        attachments: Vec::new(),
    };
    let body = body(&Payload { parts, ..mail() });
    assert_eq!(body["text"], "");
    assert_eq!(body.get("html").and_then(|html| html.as_str()), html);
}

fn answer(headers: &[(&str, &str)]) -> Payload {
    Payload {
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        parts: Parts::Email {
            subject: "Re: Hello".to_owned(),
            text: "Yes.".to_owned(),
            html: None,
            in_reply_to: Some("<1@example.org>".to_owned()),
            attachments: Vec::new(),
        },
        ..mail()
    }
}

#[test]
fn an_answer_names_the_mail_it_answers() {
    assert_eq!(
        body(&answer(&[]))["headers"],
        serde_json::json!({"In-Reply-To": "<1@example.org>", "References": "<1@example.org>"})
    );
}

#[test]
fn references_that_were_given_are_kept() {
    assert_eq!(
        body(&answer(&[("references", "<0@example.org> <1@example.org>")]))["headers"],
        serde_json::json!({"In-Reply-To": "<1@example.org>", "references": "<0@example.org> <1@example.org>"})
    );
}

#[test]
fn an_answer_to_two_mails_at_once_is_refused() {
    let error = render(&answer(&[("In-Reply-To", "<2@example.org>")]), ACTIVITY).expect_err("refused");
    assert_eq!(error.field, "inReplyTo");
}

/// S15: a line break in a header field would begin another header.
#[rstest]
#[case::from("from")]
#[case::to("to")]
#[case::cc("cc")]
#[case::bcc("bcc")]
#[case::reply_to("replyTo")]
#[case::subject("subject")]
#[case::in_reply_to("inReplyTo")]
#[case::header("headers.X-Campaign")]
fn a_line_break_in_a_header_field_is_refused(
    #[case] field: &str,
    #[values("x\r\nBcc: y@example.org", "x\ny", "x\0y", "x\u{2028}y", "x\u{2029}y", "x\u{85}y")] value: &str,
) {
    let bad = |name: &str| {
        if field == name { value.to_owned() } else { "a@example.org".to_owned() }
    };
    let payload = Payload {
        from: bad("from"),
        to: bad("to"),
        cc: vec![bad("cc")],
        bcc: vec![bad("bcc")],
        reply_to: Some(bad("replyTo")),
        headers: BTreeMap::from([("X-Campaign".to_owned(), bad("headers.X-Campaign"))]),
        parts: Parts::Email {
            subject: bad("subject"),
            text: "x".to_owned(),
            html: None,
            in_reply_to: Some(bad("inReplyTo")),
            attachments: Vec::new(),
        },
        ..mail()
    };
    assert_eq!(render(&payload, ACTIVITY).expect_err("refused").field, field);
}

/// S15, S16: an extra header can neither add recipients nor contradict the fields that were shown.
#[rstest]
#[case("Bcc")]
#[case("TO")]
#[case("from")]
#[case("Reply-To")]
#[case("Content-Type")]
#[case("X Campaign")]
#[case("X-Campaign:")]
#[case("")]
fn a_header_that_is_not_extra_is_refused(#[case] name: &str) {
    let payload = Payload { headers: BTreeMap::from([(name.to_owned(), "x".to_owned())]), ..mail() };
    assert_eq!(render(&payload, ACTIVITY).expect_err("refused").field, format!("headers.{name}"));
}

#[test]
fn one_header_in_two_spellings_is_refused() {
    let headers = [("X-Tag", "1"), ("x-tag", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert!(render(&Payload { headers: BTreeMap::from(headers), ..mail() }, ACTIVITY).is_err());
}

#[rstest]
#[case("from", Payload { from: " ".to_owned(), ..mail() })]
#[case("to", Payload { to: String::new(), ..mail() })]
#[case("channel", Payload { channel: ChannelName::DryRun, ..mail() })]
#[case("parts", Payload {
    parts: Parts::Instagram { action: InstagramAction::Dm, text: "x".to_owned(), image_sha256: None, human_agent: true },
    ..mail()
})]
fn what_is_no_complete_mail_is_refused(#[case] field: &str, #[case] payload: Payload) {
    assert_eq!(render(&payload, ACTIVITY).expect_err("refused").field, field);
}
