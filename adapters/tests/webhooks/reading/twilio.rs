//! Twilio: messages that came in, and what became of ours.
use countersign_core::activity::fact::Fact;
use countersign_core::inbound::event::{Event, What};
use countersign_core::inbound::provider::Provider;
use rstest::rstest;

use super::{is, letter, progress, theirs, word};
use crate::desk::{read, read_one};

fn read_form(pairs: &[(&str, &str)]) -> Event {
    read_one(Provider::Twilio, &form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

#[test]
fn a_message_to_us() {
    let event = read_form(&[
        ("SmsMessageSid", "SM1"),
        ("NumMedia", "0"),
        ("ProfileName", "Ann \u{1f44b}"),
        ("MessageType", "text"),
        ("SmsStatus", "received"),
        ("WaId", "15558675310"),
        ("Body", "Hi \u{2014} yes, Tuesday works"),
        ("To", "whatsapp:+14155552345"),
        ("MessageSid", "SM1"),
        ("AccountSid", "AC1"),
        ("From", "whatsapp:+15558675310"),
        ("OriginalRepliedMessageSid", "SM7"),
        ("OriginalRepliedMessageSender", "whatsapp:+14155552345"),
    ]);
    assert_eq!((event.external_id.as_str(), event.occurred_at), ("SM1", None));
    assert_eq!(event.about, [theirs("SM7")]);
    let told = letter(&event);
    assert_eq!((told.from.as_str(), told.from_name.as_deref()), ("+15558675310", Some("Ann \u{1f44b}")));
    assert_eq!(told.to, ["+14155552345"]);
    assert_eq!(
        (told.text.as_deref(), told.id.as_deref()),
        (Some("Hi \u{2014} yes, Tuesday works"), Some("SM1"))
    );
    assert!(!told.is_announced && !told.is_automatic && told.is_authentic.is_none());
}

/// Addresses are opaque; a message need not have words, or the id it has nowadays.
#[rstest]
#[case(&[("MessageSid", "SM1"), ("SmsStatus", "received"), ("From", "whatsapp:ID.123456"), ("Body", "a")], "ID.123456", Some("a"), "SM1")]
#[case(&[("SmsSid", "SM1"), ("From", "+15558675310"), ("Body", "STOP")], "+15558675310", Some("STOP"), "SM1")]
#[case(&[("MessageSid", "MM1"), ("From", "whatsapp:+1"), ("Body", ""), ("NumMedia", "1")], "+1", None, "MM1")]
#[case(&[("MessageSid", "SM1"), ("From", "whatsapp:+1"), ("Body", ""), ("ButtonText", "Yes")], "+1", Some("Yes"), "SM1")]
#[case(&[("MessageSid", "SM1"), ("SmsStatus", "received"), ("From", "whatsapp:+1"), ("Body", "a"), ("Body", "b")], "+1", Some("a"), "SM1")]
fn a_message_in_other_forms(
    #[case] pairs: &[(&str, &str)],
    #[case] from: &str,
    #[case] text: Option<&str>,
    #[case] id: &str,
) {
    let event = read_form(pairs);
    let told = letter(&event);
    assert_eq!((told.from.as_str(), told.text.as_deref(), event.external_id.as_str()), (from, text, id));
    assert!(event.about.is_empty());
}

/// A person's words are kept also if they cannot be told apart from others but by their bytes.
#[test]
fn a_message_without_an_id_is_one_by_its_bytes() {
    let pairs = [("SmsStatus", "received"), ("From", "whatsapp:+1"), ("Body", "a")];
    let event = read_form(&pairs);
    assert_eq!(event, read_form(&pairs));
    assert!(event.external_id.starts_with("sha256:") && letter(&event).id.is_none());
    assert_eq!(word(&read_form(&[("SmsStatus", "received"), ("MessageSid", "SM1")])), "unreadable");
}

#[rstest]
#[case("accepted", Fact::Accepted)]
#[case("queued", Fact::Accepted)]
#[case("scheduled", Fact::Accepted)]
#[case("sending", Fact::Accepted)]
#[case("sent", Fact::Accepted)]
#[case("delivered", Fact::Delivered)]
#[case("read", Fact::Read)]
#[case("undelivered", Fact::Failed)]
#[case("failed", Fact::Failed)]
#[case("canceled", Fact::Failed)]
fn what_became_of_a_message(#[case] status: &str, #[case] fact: Fact) {
    let event = read_form(&[
        ("MessageSid", "SM1"),
        ("SmsStatus", status),
        ("MessageStatus", status),
        ("To", "whatsapp:+15558675310"),
        ("From", "whatsapp:+14155552345"),
        ("AccountSid", "AC1"),
    ]);
    assert_eq!((word(&event), event.external_id), (is(fact), format!("SM1:{status}")));
    assert_eq!(event.about, [theirs("SM1")]);
}

#[rstest]
#[case("63016", "", "63016", false)]
#[case("63016", "outside the window", "63016: outside the window", false)]
#[case("21610", "", "21610", true)]
#[case("63014", "", "63014", true)]
#[case("63033", "", "63033", true)]
#[case("0", "", "undelivered", false)]
#[case("", "odd", "odd", false)]
fn why_a_message_failed(
    #[case] code: &str,
    #[case] words: &str,
    #[case] detail: &str,
    #[case] is_opt_out: bool,
) {
    let pairs = [
        ("MessageSid", "SM1"),
        ("MessageStatus", "undelivered"),
        ("ErrorCode", code),
        ("ChannelStatusMessage", words),
    ];
    let event = read_form(&pairs);
    assert_eq!(progress(&event).detail.as_deref(), Some(detail));
    assert_eq!(progress(&event).is_opt_out, is_opt_out);
}

#[rstest]
#[case(&[("MessageSid", "SM1"), ("MessageStatus", "partially_delivered")], "other status partially_delivered", "SM1:partially_delivered")]
#[case(&[("CallSid", "CA1"), ("From", "+1")], "other call", "sha256:")]
#[case(&[("EventType", "onMessageAdded")], "other onMessageAdded", "sha256:")]
#[case(&[("a", "b")], "other unknown", "sha256:")]
#[case(&[], "other unknown", "sha256:")]
#[case(&[("MessageStatus", "sent")], "unreadable", "sha256:")]
fn what_is_not_known_is_kept(#[case] pairs: &[(&str, &str)], #[case] expected: &str, #[case] id: &str) {
    let event = read_form(pairs);
    assert_eq!(word(&event), expected);
    assert!(event.external_id.starts_with(id), "{}", event.external_id);
}

#[rstest]
#[case(r#"{"MessageSid":"SM1","MessageStatus":"read","ErrorCode":null}"#, "read")]
#[case(r#"{"MessageSid":"SM1","SmsStatus":"received","From":"whatsapp:+1","Body":"a"}"#, "message")]
#[case(r#"{"EventType":"onMessageAdded","Index":7}"#, "other onMessageAdded")]
#[case(r#"[1]"#, "unreadable")]
fn bodies_in_json_say_the_same(#[case] body: &str, #[case] expected: &str) {
    assert_eq!(word(&read_one(Provider::Twilio, body)), expected);
}

/// What is no UTF-8 is read as far as it is.
#[test]
fn broken_letters_do_not_lose_a_message() {
    let events = read(Provider::Twilio, "MessageSid=SM1&SmsStatus=received&From=%2B1&Body=caf%E9+%");
    let What::Message(told) = &events[0].what else { panic!("{events:?}") };
    assert_eq!(told.text.as_deref(), Some("caf\u{fffd} %"));
}
