//! Mail.
use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_adapters::resend::Resend;
use countersign_core::activity::payload::{Attachment, Kind, Parts, Payload, PayloadHash};
use countersign_core::channel::{
    Channel as _, ChannelName, Files, Lookup, Message, Past, ProviderSettings, Request,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;

use crate::contract::Contract;

const PDF: &[u8] = b"%PDF-1.7";

pub(crate) const KEY: &[(&str, &str)] = &[("Idempotency-Key", "countersign-1-1")];

pub(crate) fn contract() -> Option<Contract> {
    Contract::open("resend.yaml")
}

fn mail() -> Payload {
    Payload {
        channel: ChannelName::Email,
        outbox_id: OutboxId::new(),
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

fn full() -> Payload {
    let headers = [
        ("List-Unsubscribe", "<https://example.com/u/1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ];
    Payload {
        cc: vec!["cy@example.org".to_owned()],
        bcc: vec!["di@example.org".to_owned(), "ed@example.org".to_owned()],
        reply_to: Some("Ana <ana@example.com>".to_owned()),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        parts: Parts::Email {
            subject: "Größe".to_owned(),
            text: "Hi Bo".to_owned(),
            html: Some("<p>Hi Bo</p>".to_owned()),
            in_reply_to: Some("<1@example.org>".to_owned()),
            attachments: vec![Attachment {
                name: "Angebot.pdf".to_owned(),
                mime: "application/pdf".to_owned(),
                sha256: PayloadHash::of(PDF),
            }],
        },
        ..mail()
    }
}

fn rendered(payload: &Payload) -> Request {
    let (settings, files) = (&ProviderSettings::default(), &Files::new([Bytes::from_static(PDF)]));
    Resend.render(&Message { payload, activity: ActivityId::new(), settings, files }).expect("renders")
}

#[rstest]
#[case::plain(mail())]
#[case::full(full())]
fn a_mail_keeps_to_the_contract(#[case] payload: Payload) {
    let Some(contract) = contract() else { return };
    assert_eq!(contract.breaches(&rendered(&payload), KEY), Vec::<String>::new());
}

/// Everything that is sent.
pub(crate) fn requests() -> Vec<Request> {
    [mail(), full()].iter().map(rendered).chain(questions()).collect()
}

/// Everything that is asked.
fn questions() -> [Request; 2] {
    let payload = mail();
    let approved = rendered(&payload);
    let case = countersign_core::channel::Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId::new(),
        past: &Past::default(),
        first_wire_at: "2026-11-25T09:00:00Z".parse().expect("a time"),
        age: std::time::Duration::from_secs(60),
    };
    let Lookup::Ask(listing) = Resend.lookup(&case) else { panic!("there is something to ask") };
    [listing, Resend.probe(&ProviderSettings::default()).expect("renders")]
}

#[test]
fn what_is_asked_keeps_to_the_contract() {
    let Some(contract) = contract() else { return };
    for request in questions() {
        assert_eq!(contract.breaches(&request, &[]), Vec::<String>::new(), "{}", request.path);
    }
}

/// The check can fail.
#[rstest]
#[case::no_subject(|request: &mut Request| request.body = request.body.replace("\"subject\"", "\"topic\""))]
#[case::one_recipient_too_odd(|request: &mut Request| request.body = request.body.replace("[\"bo@example.org\"]", "5"))]
#[case::as_form(|request: &mut Request| request.content_type = "application/x-www-form-urlencoded".to_owned())]
#[case::elsewhere(|request: &mut Request| request.path = "/mails".to_owned())]
#[case::by_put(|request: &mut Request| request.method = "PUT".to_owned())]
fn what_breaks_the_contract_is_noticed(#[case] spoil: fn(&mut Request)) {
    let Some(contract) = contract() else { return };
    let mut request = rendered(&mail());
    spoil(&mut request);
    assert_ne!(contract.breaches(&request, KEY), Vec::<String>::new());
    let key = "k".repeat(300);
    assert_ne!(contract.breaches(&rendered(&mail()), &[("idempotency-key", &key)]), Vec::<String>::new());
}
