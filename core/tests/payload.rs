//! The canonical payload: one meaning has one form, and no change of meaning keeps the hash.
#[path = "payload/arbitrary.rs"]
mod arbitrary;
#[path = "payload/canonical.rs"]
mod canonical;
#[path = "payload/reference.rs"]
mod reference;

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::activity::payload::{
    Attendee, ENVELOPE_LIMIT_BYTES, Envelope, EnvelopeError, InstagramAction, Kind, LinkedinAction, Parts,
    Payload, PayloadHash, WhatsappTemplate,
};
use countersign_core::channel::{ChannelName, Request};
use countersign_core::ids::OutboxId;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

fn text(value: &str) -> String {
    value.to_owned()
}

fn pairs(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(text(key), text(value))])
}

/// An envelope with every field of the payload and of the request set. New fields do not compile until they are added here.
fn envelope(channel: ChannelName, parts: Parts) -> Envelope {
    Envelope {
        payload: Payload {
            channel,
            outbox_id: OutboxId(Uuid::from_u128(7)),
            credential_id: text("main"),
            kind: Kind::FirstTouch,
            from: text("Ana <ana@example.com>"),
            to: text("bob@example.org"),
            cc: vec![text("cc@example.org")],
            bcc: vec![text("bcc@example.org")],
            reply_to: Some(text("replies@example.com")),
            headers: pairs("List-Unsubscribe", "<https://example.com/u>"),
            parts,
        },
        renderer: Some(text("example/1")),
        request: Some(Request {
            method: text("POST"),
            path: text("/messages"),
            content_type: text("application/json"),
            headers: std::collections::BTreeMap::new(),
            body: text("{}"),
            host: countersign_core::channel::Host::Provider,
        }),
    }
}

fn email() -> Envelope {
    let parts = Parts::Email {
        subject: text("Subject"),
        text: text("Text"),
        html: Some(text("<p>Text</p>")),
        in_reply_to: Some(text("<1@example.org>")),
        attachments: Vec::new(),
    };
    envelope(ChannelName::Email, parts)
}

fn cal_com() -> Envelope {
    let parts = Parts::CalCom {
        event_type_id: 41,
        start: Timestamp::from_second(1_780_000_000).expect("it is in range"),
        time_zone: text("Europe/Paris"),
        attendee: Attendee { name: text("Bob"), email: text("bob@example.org"), language: text("en") },
        notes: Some(text("Notes")),
        metadata: pairs("source", "fair"),
    };
    envelope(ChannelName::CalCom, parts)
}

fn linkedin() -> Envelope {
    let parts =
        Parts::Linkedin { action: LinkedinAction::Post, text: text("Text"), thread: Some(text("urn:1")) };
    envelope(ChannelName::Linkedin, parts)
}

fn whatsapp() -> Envelope {
    let template = WhatsappTemplate {
        content_sid: text("HX1"),
        version: text("3"),
        variables: pairs("1", "Bob"),
        rendered_text: text("Hello Bob"),
    };
    let parts = Parts::Whatsapp { text: Some(text("Text")), template: Some(template) };
    envelope(ChannelName::Whatsapp, parts)
}

fn instagram() -> Envelope {
    let parts = Parts::Instagram {
        action: InstagramAction::Dm,
        text: text("Text"),
        image_sha256: Some("a".repeat(64)),
        human_agent: false,
    };
    envelope(ChannelName::Instagram, parts)
}

fn hash_of(envelope: &Envelope) -> PayloadHash {
    envelope.seal().expect("it can be sealed").sha256()
}

fn parse(value: &Value) -> Result<Envelope, EnvelopeError> {
    Envelope::open(value.to_string().as_bytes())
}

/// JSON pointers of everything that is neither an object nor an array.
fn leaves(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => {
            found.insert(at.to_owned());
        }
    }
}

/// Another value that is as valid in this place.
fn changed(pointer: &str, value: &Value) -> Value {
    match (pointer.rsplit('/').next(), value) {
        (Some("channel"), _) => json!("dry-run"),
        (Some("kind"), _) => json!("reply"),
        (Some("outboxId"), _) => json!(Uuid::from_u128(8)),
        (Some("start"), _) => json!("2027-01-01T00:00:00Z"),
        (Some("action"), Value::String(word)) => json!(if word == "post" { "message" } else { "post" }),
        (_, Value::Bool(truth)) => json!(!truth),
        (_, Value::Number(number)) => json!(number.as_i64().expect("it is whole") + 1),
        (_, Value::String(word)) => json!(format!("{word}x")),
        _ => panic!("{pointer} has no other value"),
    }
}

const COMMON: &[&str] = &[
    "/payload/channel",
    "/payload/outboxId",
    "/payload/credentialId",
    "/payload/kind",
    "/payload/from",
    "/payload/to",
    "/payload/cc/0",
    "/payload/bcc/0",
    "/payload/replyTo",
    "/payload/headers/List-Unsubscribe",
    "/renderer",
    "/request/method",
    "/request/path",
    "/request/contentType",
    "/request/body",
];

/// S8, R8: whatever is changed after it was shown, the hash is another one.
#[rstest]
#[case::email(email(), "email", &["subject", "text", "html", "inReplyTo"])]
#[case::cal_com(cal_com(), "cal-com", &["eventTypeId", "start", "timeZone", "attendee/name", "attendee/email", "attendee/language", "notes", "metadata/source"])]
#[case::linkedin(linkedin(), "linkedin", &["action", "text", "thread"])]
#[case::whatsapp(whatsapp(), "whatsapp", &["text", "template/contentSid", "template/version", "template/variables/1", "template/renderedText"])]
#[case::instagram(instagram(), "instagram", &["action", "text", "imageSha256", "humanAgent"])]
fn change_of_any_field_changes_the_hash(
    #[case] envelope: Envelope,
    #[case] shape: &str,
    #[case] fields: &[&str],
) {
    let value = serde_json::to_value(&envelope).expect("it is JSON");
    let mut found = BTreeSet::new();
    leaves(&value, "", &mut found);
    let parts = fields.iter().map(|field| format!("/payload/parts/{shape}/{field}"));
    let expected: BTreeSet<String> = COMMON.iter().map(|field| text(field)).chain(parts).collect();
    assert_eq!(found, expected, "the table names every field");

    let mut hashes = BTreeSet::from([hash_of(&envelope)]);
    for pointer in &found {
        let mut other = value.clone();
        let leaf = other.pointer_mut(pointer).expect("the leaf was found there");
        *leaf = changed(pointer, leaf);
        let other = parse(&other).expect("the change is valid");
        assert!(hashes.insert(hash_of(&other)), "{pointer} is not part of the hash");
    }
}

/// S8, S16: taking away an optional field changes the hash, too.
#[rstest]
#[case::email(email(), &["/payload/cc", "/payload/bcc", "/payload/replyTo", "/payload/headers", "/renderer", "/request", "/payload/parts/email/html", "/payload/parts/email/inReplyTo"])]
#[case::cal_com(cal_com(), &["/payload/parts/cal-com/notes", "/payload/parts/cal-com/metadata"])]
#[case::linkedin(linkedin(), &["/payload/parts/linkedin/thread"])]
#[case::whatsapp(whatsapp(), &["/payload/parts/whatsapp/text", "/payload/parts/whatsapp/template"])]
#[case::instagram(instagram(), &["/payload/parts/instagram/imageSha256"])]
fn removal_of_any_field_changes_the_hash(#[case] envelope: Envelope, #[case] optional: &[&str]) {
    let mut hashes = BTreeSet::from([hash_of(&envelope)]);
    for pointer in optional {
        let mut other = serde_json::to_value(&envelope).expect("it is JSON");
        remove(&mut other, pointer);
        let other = parse(&other).expect("the field is optional");
        assert!(hashes.insert(hash_of(&other)), "{pointer} is not part of the hash");
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = value.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is an object");
    parent.remove(key).expect("the field is there");
}

/// S16: the order of recipients and the list they stand in are part of what was approved.
#[test]
fn recipients_are_hashed_in_their_place() {
    let with = |cc: &[&str], bcc: &[&str]| {
        let mut envelope = email();
        envelope.payload.cc = cc.iter().map(|address| text(address)).collect();
        envelope.payload.bcc = bcc.iter().map(|address| text(address)).collect();
        hash_of(&envelope)
    };
    let hashes = BTreeSet::from([
        with(&["a", "b"], &[]),
        with(&["b", "a"], &[]),
        with(&["a"], &["b"]),
        with(&[], &["a", "b"]),
        with(&["a,b"], &[]),
        with(&["a", "a", "b"], &[]),
    ]);
    assert_eq!(hashes.len(), 6);
}

/// S8: what looks the same but has other bytes is another message.
#[rstest]
#[case("caf\u{e9}", "cafe\u{301}")]
#[case("a", "\u{430}")]
#[case("ab", "a\u{200b}b")]
#[case("a\nb", "a\r\nb")]
#[case("a", "a ")]
fn look_alike_texts_have_different_hashes(#[case] one: &str, #[case] other: &str) {
    let with = |subject: &str| {
        let mut envelope = email();
        envelope.payload.to = text(subject);
        hash_of(&envelope)
    };
    assert_ne!(with(one), with(other));
}

#[test]
fn null_means_absent() {
    let mut envelope = email();
    envelope.payload.reply_to = None;
    envelope.renderer = None;
    envelope.request = None;
    let mut value = serde_json::to_value(&envelope).expect("it is JSON");
    value["payload"]["replyTo"] = Value::Null;
    value["renderer"] = Value::Null;
    value["request"] = Value::Null;
    value["payload"]["cc"] = json!(["cc@example.org"]);
    assert_eq!(parse(&value).expect("nulls are allowed"), envelope);
    assert_eq!(hash_of(&parse(&value).expect("nulls are allowed")), hash_of(&envelope));
}

#[test]
fn empty_list_means_absent() {
    let mut envelope = email();
    envelope.payload.cc.clear();
    envelope.payload.headers.clear();
    let mut value = serde_json::to_value(&envelope).expect("it is JSON");
    value["payload"]["cc"] = json!([]);
    value["payload"]["headers"] = json!({});
    assert_eq!(hash_of(&parse(&value).expect("empty is allowed")), hash_of(&envelope));
}

/// S10, S16: a field the product does not know, or a second one of the same name, is refused and not dropped.
#[rstest]
#[case::unknown(r#""to":"bob@example.org""#, r#""to":"bob@example.org","scheduledAt":"2030-01-01""#)]
#[case::twice(r#""to":"bob@example.org""#, r#""to":"bob@example.org","to":"evil@example.org""#)]
#[case::unknown_in_parts(r#""subject":"Subject""#, r#""subject":"Subject","scheduledAt":"2030-01-01""#)]
#[case::unknown_in_request(r#""method":"POST""#, r#""method":"POST","host":"evil.example""#)]
#[case::other_shape(r#""email":{"#, r#""sms":{"#)]
#[case::bad_text(r#""to":"bob@example.org""#, r#""to":"\ud800""#)]
fn unknown_or_repeated_fields_are_refused(#[case] part: &str, #[case] replacement: &str) {
    let sealed = email().seal().expect("it can be sealed");
    let canonical = std::str::from_utf8(sealed.bytes()).expect("JSON is text");
    assert!(canonical.contains(part), "{canonical}");
    let refused = Envelope::open(canonical.replace(part, replacement).as_bytes());
    assert!(matches!(refused, Err(EnvelopeError::Malformed(_))), "{refused:?}");
}

#[test]
fn envelope_is_refused_one_byte_over_the_limit() {
    let mut envelope = email();
    let size = envelope.seal().expect("it is small").bytes().len();
    let room = ENVELOPE_LIMIT_BYTES - size;
    envelope.payload.to.push_str(&"x".repeat(room));
    assert_eq!(envelope.seal().expect("it fits").bytes().len(), ENVELOPE_LIMIT_BYTES);
    envelope.payload.to.push('x');
    assert!(
        matches!(envelope.seal(), Err(EnvelopeError::TooLarge(bytes)) if bytes == ENVELOPE_LIMIT_BYTES + 1)
    );
}

#[test]
fn limit_counts_escaped_bytes() {
    let mut envelope = email();
    envelope.payload.to = "\u{1}".repeat(ENVELOPE_LIMIT_BYTES / 6);
    assert!(matches!(envelope.seal(), Err(EnvelopeError::TooLarge(_))));
}

/// S8: numbers keep their value; JSON numbers beyond 2^53 would lose it silently.
#[rstest]
#[case(0)]
#[case(-1)]
#[case(1_000_000)]
#[case((1 << 53) - 1)]
#[case(1 << 53)]
#[case((1 << 53) + 1)]
#[case(i64::MAX)]
#[case(i64::MIN)]
fn numbers_are_kept_exactly_or_refused(#[case] number: i64) {
    let mut envelope = cal_com();
    if let Parts::CalCom { event_type_id, .. } = &mut envelope.payload.parts {
        *event_type_id = number;
    }
    if let Ok(sealed) = envelope.seal() {
        assert_eq!(Envelope::open(sealed.bytes()).expect("it was sealed"), envelope);
    }
}

/// The digest of nothing, from FIPS 180-4.
#[test]
fn fingerprint_is_the_start_of_the_hash() {
    let hash = PayloadHash::of(b"");
    assert_eq!(hash.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hash.fingerprint(), "e3b0 c442 98fc 1c14 9afb");
}

#[rstest]
#[case("")]
#[case("e3b0")]
#[case("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
#[case("+3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
#[case("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555")]
fn other_texts_are_no_hashes(#[case] text: &str) {
    assert!(text.parse::<PayloadHash>().is_err());
}
