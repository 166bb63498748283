//! What the sandbox tells is believed, and is read as what it was told to say.
use countersign_adapters::sandbox::hooks::{About, Caller, Told};
use countersign_adapters::webhook;
use countersign_core::inbound::event::What;
use countersign_core::inbound::provider::Provider;
use jiff::Timestamp;
use rstest::rstest;

use super::{ACTIVITY, ours, theirs, word};
use crate::desk::{Endpoint, URL};

const ABOUT: About<'_> = About { activity: Some(ACTIVITY), id: "id-1", to: "ann@example.com" };
const REPLY: Told<'_> =
    Told::Reply { from: "+15558675310", to: "+14155552345", text: "Yes", id: "id-2", answers: Some("id-1") };

#[rstest]
#[case(Told::Accepted(ABOUT), &[(Provider::Resend, "accepted"), (Provider::Twilio, "accepted")])]
#[case(Told::Delayed(ABOUT), &[(Provider::Resend, "delayed")])]
#[case(Told::Delivered(ABOUT), &[(Provider::Resend, "delivered"), (Provider::Twilio, "delivered")])]
#[case(Told::Opened(ABOUT), &[(Provider::Resend, "opened")])]
#[case(Told::Read(ABOUT), &[(Provider::Twilio, "read"), (Provider::Instagram, "read")])]
#[case(Told::Bounced(ABOUT), &[(Provider::Resend, "bounced")])]
#[case(Told::SoftBounced(ABOUT), &[(Provider::Resend, "soft_bounced")])]
#[case(Told::Complained(ABOUT), &[(Provider::Resend, "complained")])]
#[case(Told::Failed(ABOUT, "63016"), &[(Provider::Resend, "failed"), (Provider::Twilio, "failed")])]
#[case(REPLY, &[(Provider::Resend, "message"), (Provider::Twilio, "message"), (Provider::Instagram, "message")])]
#[case(Told::Echo { to: "1", text: "a", id: "id-1" }, &[(Provider::Instagram, "echo")])]
#[case(Told::Booked(ABOUT), &[(Provider::CalCom, "booked"), (Provider::Calendly, "booked")])]
#[case(Told::Moved(ABOUT), &[(Provider::CalCom, "moved"), (Provider::Calendly, "moved")])]
#[case(Told::Cancelled(ABOUT), &[(Provider::CalCom, "cancelled"), (Provider::Calendly, "cancelled")])]
#[case(Told::Missed(ABOUT), &[(Provider::CalCom, "missed"), (Provider::Calendly, "missed")])]
#[case(Told::Comment { post: "id-1", id: "id-3", text: "a" },
    &[(Provider::Linkedin, "social comment"), (Provider::Instagram, "social comment")])]
fn what_the_sandbox_tells(#[case] told: Told<'_>, #[case] expected: &[(Provider, &str)]) {
    let secret = "c2VjcmV0LW9mLWFuLWVuZHBvaW50";
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let mut known = Vec::new();
    for provider in Provider::ALL {
        let caller = Caller { provider: *provider, secret, url: URL, at };
        let Some(sent) = caller.tell("msg_1", &told) else { continue };
        let endpoint = Endpoint::new(*provider, secret, 1_767_225_600);
        assert_eq!(endpoint.verify(&sent.delivery()), Ok(()), "{provider}");
        let events = webhook(*provider).read(&sent.delivery());
        assert_eq!(events.len(), 1, "{provider}");
        known.push((*provider, word(&events[0])));
        let about = &events[0].about;
        let is_named = about.contains(&theirs("id-1")) || about.contains(&ours());
        // What a mail answers has to be fetched.
        let is_announced = matches!(&events[0].what, What::Message(letter) if letter.is_announced);
        assert!(is_named || is_announced, "{provider}: {about:?}");
    }
    let known: Vec<_> = known.iter().map(|(provider, word)| (*provider, word.as_str())).collect();
    assert_eq!(known, expected);
}
