//! WhatsApp messages.
use std::collections::BTreeMap;

use countersign_adapters::twilio::Twilio;
use countersign_core::activity::payload::{Kind, Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{
    Case, Channel as _, ChannelName, Files, Lookup, Message, Past, ProviderSettings, Request,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;

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

/// Everything that is asked.
fn questions() -> [Request; 2] {
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
    [listing, Twilio.probe(&PLAIN.iter().copied().collect()).expect("renders")]
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
