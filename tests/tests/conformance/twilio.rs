//! WhatsApp messages.
use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_adapters::twilio::Twilio;
use countersign_core::activity::payload::{Kind, Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{
    Asked, Case, Channel as _, ChannelName, Files, Lookup, Message, Past, ProviderSettings, Reading, Request,
    Response,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use serde_json::json;

use crate::contract::Contract;

pub(crate) fn contract() -> Option<Contract> {
    Contract::open("twilio_api_v2010.messages.json")
}

const PLAIN: &[(&str, &str)] = &[("account_sid", "AC0123456789abcdef0123456789abcdef")];

const FULL: &[(&str, &str)] = &[
    ("account_sid", "AC0123456789abcdef0123456789abcdef"),
    ("messaging_service_sid", "MG0123456789abcdef0123456789abcdef"),
    ("status_callback", "https://hooks.example.com/in/twilio"),
];

fn text() -> Parts {
    Parts::Whatsapp { text: Some("Hi — yes, Tuesday works & more".to_owned()), template: None }
}

fn template() -> Parts {
    Parts::Whatsapp {
        text: None,
        template: Some(WhatsappTemplate {
            content_sid: "HX0123456789abcdef0123456789abcdef".to_owned(),
            version: "1".to_owned(),
            variables: [("1".to_owned(), "Ann & Co".to_owned())].into(),
            rendered_text: "Hello Ann & Co".to_owned(),
        }),
    }
}

fn payload(parts: Parts) -> Payload {
    Payload {
        channel: ChannelName::Whatsapp,
        outbox_id: OutboxId::new(),
        credential_id: "twilio".to_owned(),
        kind: Kind::Reply,
        from: "+14155552345".to_owned(),
        to: "+15558675310".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts,
    }
}

fn rendered(parts: Parts, settings: &[(&str, &str)]) -> Request {
    let settings: ProviderSettings = settings.iter().copied().collect();
    let message = Message {
        payload: &payload(parts),
        activity: ActivityId::new(),
        settings: &settings,
        files: &Files::default(),
    };
    Twilio.render(&message).expect("renders")
}

/// Everything that is sent.
pub(crate) fn requests() -> Vec<Request> {
    let sent = [
        rendered(text(), PLAIN),
        rendered(text(), FULL),
        rendered(template(), PLAIN),
        rendered(template(), FULL),
    ];
    sent.into_iter().chain(questions()).collect()
}

/// Everything that is asked: the list, its second page, and the probe.
fn questions() -> [Request; 3] {
    let (payload, approved) = (payload(text()), rendered(text(), PLAIN));
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId::new(),
        past: &Past::default(),
        first_wire_at: "2026-11-25T09:00:00Z".parse().expect("a time"),
        age: std::time::Duration::from_secs(60),
    };
    let Lookup::Ask(listing) = Twilio.lookup(&case) else { panic!("there is something to ask") };
    let other = json!({
        "sid": "SM0123456789abcdef0123456789abcdef", "to": "whatsapp:+15558675310", "body": "other words",
        "date_created": "Wed, 25 Nov 2026 09:00:03 +0000",
    });
    let next = format!("{}&Page=1&PageToken=PASM0123456789abcdef0123456789abcdef", listing.path);
    let page = json!({ "messages": [other], "next_page_uri": next });
    let response = Response { status: 200, headers: Vec::new(), body: Bytes::from(page.to_string()) };
    let Lookup::Ask(second) = Twilio.found(&case, &listing, &response) else {
        panic!("there is another page")
    };
    assert_eq!(second.path, next);
    [listing, second, Twilio.probe(&PLAIN.iter().copied().collect()).expect("renders")]
}

#[test]
fn every_request_keeps_to_the_contract() {
    let Some(contract) = contract() else { return };
    for request in requests() {
        assert_eq!(
            contract.breaches(&request, &[]),
            Vec::<String>::new(),
            "{} {}",
            request.path,
            request.body
        );
    }
}

/// What is read of a template before its message leaves.
#[test]
fn what_is_asked_of_a_template_keeps_to_the_contract() {
    let Some(contract) = Contract::open("twilio_content_v1.json") else { return };
    let (payload, approved) = (payload(template()), rendered(template(), PLAIN));
    let words = Twilio.first(&approved, &Past::default());
    let content = json!({
        "sid": "HX0123456789abcdef0123456789abcdef", "types": { "twilio/text": { "body": "Hello {{1}}" } },
    });
    let response = Response { status: 200, headers: Vec::new(), body: Bytes::from(content.to_string()) };
    let past = &Past::default();
    let asked = Asked { payload: &payload, approved: &approved, request: &words, past };
    let Reading::Next(approval) = Twilio.interpret(&asked, &response) else {
        panic!("there is another question")
    };
    for request in [words, approval] {
        assert_eq!(contract.breaches(&request, &[]), Vec::<String>::new(), "{}", request.path);
        let strange = Request { path: request.path.replace("HX0", "HX"), ..request };
        assert_ne!(contract.breaches(&strange, &[]), Vec::<String>::new(), "{}", strange.path);
    }
}

/// The check can fail.
#[rstest]
#[case::a_field_nobody_knows(|request: &mut Request| request.body = request.body.replace("ContentSid", "ContentId"))]
#[case::a_template_that_is_none(|request: &mut Request| request.body = request.body.replace("ContentSid=HX", "ContentSid=XX"))]
#[case::another_account(|request: &mut Request| request.path = request.path.replace("/AC", "/XX"))]
#[case::as_json(|request: &mut Request| request.content_type = "application/json".to_owned())]
fn what_breaks_the_contract_is_noticed(#[case] spoil: fn(&mut Request)) {
    let Some(contract) = contract() else { return };
    let mut request = rendered(template(), PLAIN);
    spoil(&mut request);
    assert_ne!(contract.breaches(&request, &[]), Vec::<String>::new());
}
