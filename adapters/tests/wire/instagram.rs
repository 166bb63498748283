//! Instagram over real HTTP: every row of its table of errors at every step, everything that can happen to an answer, and words that
//! try to be more.
use std::collections::BTreeSet;
use std::time::Duration;

use countersign_adapters::http::FILE_LIMIT_BYTES;
use countersign_adapters::sandbox::{Fault, Ledger, refusals};
use countersign_core::activity::payload::{InstagramAction, Parts, PayloadHash};
use countersign_core::channel::{Case, ChannelName, Finding, Lookup, Outcome, Past, Probe};
use countersign_core::ids::ActivityId;
use jiff::Timestamp;
use rstest::rstest;
use uuid::Uuid;

use crate::desk::{Desk, hasty};
use crate::steps::{Approved, Sender, word};

const ACCOUNT: &str = "17841400000000001";
const FEED: &str = "feed:17841400000000001";
const PERSON: &str = "17841400000000009";
const PICTURE: &str = "d20f6ffd523b78a86cd2f916fa34af5d1918d75f7b142237c752ad6b254213ab";

fn sender_of(pictures: &str) -> Sender {
    let settings = [("ig_id", ACCOUNT), ("media_url", pictures), ("human_agent", "yes")];
    Sender::new(ChannelName::Instagram, "acme.renovacion", &settings)
}

fn sender() -> Sender {
    sender_of("https://pictures.example/")
}

fn dm(text: &str) -> Parts {
    let action = InstagramAction::Dm;
    Parts::Instagram { action, text: text.to_owned(), image_sha256: None, human_agent: false }
}

fn post(caption: &str) -> Parts {
    let (action, image_sha256) = (InstagramAction::Post, Some(PICTURE.to_owned()));
    Parts::Instagram { action, text: caption.to_owned(), image_sha256, human_agent: false }
}

/// The container that a first attempt leaves behind.
async fn prepared(desk: &Desk, sender: &Sender, approved: &Approved) -> Past {
    match sender.attempt(&desk.transport(), approved, &Past::default()).await {
        Ok(Outcome::Prepared { handle, .. }) => {
            Past { handle: Some(handle), may_be_accepted: false, may_be_these_words: false }
        }
        other => panic!("{other:?}"),
    }
}

/// What the provider documents, row by row: for a message, for a container, and for its publication.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("10/2534022", "rejected", "rejected", "rejected"),
    ("10/2018278", "rejected", "rejected", "rejected"),
    ("10/1893063", "account", "account", "account"),
    ("10", "account", "account", "account"),
    ("100/2534014", "rejected", "rejected", "rejected"),
    ("100/2534029", "account", "account", "account"),
    ("100", "rejected", "rejected", "rejected"),
    ("190", "account", "account", "account"),
    ("200", "account", "account", "account"),
    ("299", "account", "account", "account"),
    ("200/2534041", "account", "account", "account"),
    ("551", "rejected", "rejected", "rejected"),
    ("4", "limited", "limited", "limited"),
    ("17", "limited", "limited", "limited"),
    ("32", "limited", "limited", "limited"),
    ("613/2534040", "limited", "limited", "limited"),
    ("4/2207051", "account", "account", "account"),
    ("9/2207042", "waits", "waits", "waits"),
    ("1", "maybe", "again", "maybe"),
    ("2", "maybe", "again", "maybe"),
    ("-1/2207001", "maybe", "again", "maybe"),
    ("-1/2207032", "maybe", "again", "maybe"),
    ("-2/2207003", "maybe", "again", "maybe"),
    ("1/1357046", "maybe", "again", "maybe"),
    ("9007/2207027", "maybe", "again", "prepared"),
    ("24/2207008", "maybe", "again", "prepared"),
    // Another container is asked for, which meets the same refusal here.
    ("-2/2207020", "maybe", "again", "again"),
    ("24/2207006", "rejected", "rejected", "rejected"),
    ("9004/2207052", "rejected", "rejected", "rejected"),
    ("25/2207050", "account", "account", "account"),
    ("36000/2207004", "rejected", "rejected", "rejected"),
    ("36001/2207005", "rejected", "rejected", "rejected"),
    ("36003/2207009", "rejected", "rejected", "rejected"),
    ("36004/2207010", "rejected", "rejected", "rejected"),
    ("100/2207028", "rejected", "rejected", "rejected"),
    ("100/2207040", "rejected", "rejected", "rejected"),
    ("transient", "maybe", "again", "maybe"),
    ("unavailable", "maybe", "again", "maybe"),
];

/// F14 to F17: no row of the provider's table is without an expectation, and each leads where it says.
#[tokio::test]
async fn every_refusal_leads_where_the_provider_says() {
    let (desk, sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let message = sender.render(PERSON, dm("¡Sí!")).expect("renders");
    let container = sender.render(FEED, post("Ten weeks")).expect("renders");
    let ready = prepared(&desk, &sender, &container).await;
    let played: BTreeSet<_> =
        refusals().filter(|(name, _)| *name == "instagram").map(|(_, refusal)| refusal.code).collect();
    assert_eq!(played, ROWS.iter().map(|(code, ..)| *code).collect());
    for (code, of_message, of_container, of_publication) in ROWS {
        desk.sandbox.set_faults([Fault::Refuse { code: (*code).to_owned() }.always()]);
        let steps = [
            (&message, &Past::default(), of_message),
            (&container, &Past::default(), of_container),
            (&container, &ready, of_publication),
        ];
        for (approved, past, expected) in steps {
            let result = sender.attempt(&transport, approved, past).await;
            assert_eq!(word(&result), *expected, "{code} {}: {result:?}", approved.path);
        }
    }
    assert_eq!(desk.accepted(), 0);
}

/// Everything a provider can do to an answer, with what it means for a message, a container and a publication, and whether a message
/// or publication was taken.
#[rstest]
#[case::latency(Fault::Latency { ms: 1 }, ["accepted", "prepared", "accepted"], 1)]
#[case::limited(Fault::RateLimited { retry_after: Some("7".to_owned()) }, ["limited"; 3], 0)]
#[case::limited_without_a_hint(Fault::RateLimited { retry_after: None }, ["limited"; 3], 0)]
#[case::quota(Fault::DailyQuota, ["waits"; 3], 0)]
#[case::unauthorized(Fault::Unauthorized, ["account"; 3], 0)]
#[case::redirect(Fault::Redirect { location: "http://127.0.0.1:9/".to_owned() }, ["account"; 3], 0)]
#[case::error_before(Fault::ErrorBeforeAccept, ["maybe", "again", "maybe"], 0)]
#[case::error_after(Fault::ErrorAfterAccept, ["maybe", "again", "maybe"], 1)]
#[case::reset_before(Fault::ResetBeforeAccept, ["broken"; 3], 0)]
#[case::reset_after(Fault::ResetAfterAccept, ["broken"; 3], 1)]
#[case::half_headers(Fault::HalfHeaders, ["broken"; 3], 1)]
#[case::half_body(Fault::HalfBody, ["broken"; 3], 1)]
#[case::html_page(Fault::HtmlPage, ["maybe", "again", "maybe"], 1)]
#[case::empty_body(Fault::EmptyBody, ["maybe", "again", "maybe"], 1)]
#[case::no_id(Fault::NoId, ["maybe", "again", "maybe"], 1)]
#[case::huge_body(Fault::HugeBody, ["broken"; 3], 1)]
#[case::huge_error(Fault::HugeError, ["broken"; 3], 0)]
#[case::gzip_body(Fault::GzipBody, ["broken"; 3], 1)]
#[case::hang_in_body(Fault::HangInBody, ["broken"; 3], 1)]
#[case::slow(Fault::Latency { ms: 3_600_000 }, ["broken"; 3], 0)]
#[tokio::test]
async fn a_fault_is_named_at_every_step(
    #[case] fault: Fault,
    #[case] expected: [&str; 3],
    #[case] accepted: usize,
) {
    let (desk, sender) = (Desk::new().await, sender());
    let message = sender.render(PERSON, dm("¡Sí!")).expect("renders");
    let container = sender.render(FEED, post("Ten weeks")).expect("renders");
    let (fresh, ready) = (Past::default(), prepared(&desk, &sender, &container).await);
    desk.sandbox.set_faults([fault.always()]);
    let steps =
        [(&message, &fresh, 1, accepted), (&container, &fresh, 3, 0), (&container, &ready, 2, accepted)];
    let (mut requests, mut taken) = (3, 0);
    for ((approved, past, asked, more), expected) in steps.into_iter().zip(expected) {
        // A held connection is not used again.
        let result = sender.attempt(&hasty(&desk.sandbox), approved, past).await;
        assert_eq!(word(&result), expected, "{} {past:?} {result:?}", approved.path);
        assert!(!format!("{result:?}").contains("canary"));
        (requests, taken) = (requests + asked, taken + more);
        crate::desk::until("the provider is done", || desk.accepted() == taken).await;
        assert_eq!(desk.sandbox.requests().count, requests);
    }
}

/// A post travels by its container, which is published once however often it is asked for.
#[tokio::test]
async fn a_container_is_published_once() {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(FEED, post("Ten weeks #1")).expect("renders");
    let ready = prepared(&desk, &sender, &approved).await;
    assert_eq!(desk.accepted(), 0);
    let first = sender.attempt(&desk.transport(), &approved, &ready).await;
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    let [entry] = &entries[..] else { panic!("one entry") };
    assert_eq!(first, Ok(Outcome::Accepted { provider_ref: Some(entry.id.clone()) }));
    assert_eq!(entry.to, [FEED]);
    // The container says so from here on, and not under which id.
    let again = sender.attempt(&desk.transport(), &approved, &ready).await;
    assert_eq!(again, Ok(Outcome::Accepted { provider_ref: None }));
    assert_eq!((desk.accepted(), desk.sandbox.requests().count), (1, 6));
}

/// A container that is not ready, has failed or has expired.
#[rstest]
#[case::in_progress("https://pictures.example/in-progress/", "prepared")]
#[case::error("https://pictures.example/error/", "rejected")]
#[case::expired("https://pictures.example/expired/", "prepared")]
#[tokio::test]
async fn a_container_that_cannot_be_published_is_not(#[case] pictures: &str, #[case] expected: &str) {
    let (desk, sender) = (Desk::new().await, sender_of(pictures));
    let approved = sender.render(FEED, post("Ten weeks")).expect("renders");
    let past = prepared(&desk, &sender, &approved).await;
    let result = sender.attempt(&desk.transport(), &approved, &past).await;
    assert_eq!((word(&result), desk.accepted()), (expected, 0), "{result:?}");
    if let Ok(Outcome::Prepared { handle, .. }) = result {
        let is_same = Some(handle) == past.handle;
        assert_eq!(is_same, pictures.ends_with("in-progress/"), "an expired one is made again");
    }
}

/// S10: the picture is fetched before its container is made, and anything but the approved one makes none; neither does a full day.
#[rstest]
#[case::another(200, b"\xff\xd8\xffanother", "rejected")]
#[case::gone(404, b"", "rejected")]
#[case::busy(503, b"", "waits")]
#[tokio::test]
async fn a_picture_is_looked_at_before_its_container(
    #[case] status: u16,
    #[case] body: &'static [u8],
    #[case] expected: &str,
) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(FEED, post("Ten weeks")).expect("renders");
    desk.sandbox.lays(&format!("/{PICTURE}.jpg"), status, body);
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!((word(&result), desk.sandbox.requests().count), (expected, 2), "{result:?}");
    let full = r#"{"data":[{"quota_usage":50,"config":{"quota_total":50,"quota_duration":86400}}]}"#;
    desk.sandbox.lays(&format!("/v25.0/{ACCOUNT}/content_publishing_limit"), 200, full);
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!((word(&result), desk.sandbox.requests().count), ("waits", 3), "{result:?}");
}

/// S10, S20: a picture may be longer than the answers of a provider, and one that is too long is another one.
#[rstest]
#[case::large(FILE_LIMIT_BYTES, "prepared")]
#[case::too_large(FILE_LIMIT_BYTES + 1, "rejected")]
#[tokio::test]
async fn a_picture_is_read_up_to_its_limit(#[case] bytes: usize, #[case] expected: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let mut file = b"\xff\xd8\xff".to_vec();
    file.resize(bytes, 7);
    let sha256 = PayloadHash::of(&file).to_string();
    desk.sandbox.lays(&format!("/{sha256}.jpg"), 200, file);
    let (action, text) = (InstagramAction::Post, "Ten weeks".to_owned());
    let parts = Parts::Instagram { action, text, image_sha256: Some(sha256), human_agent: false };
    let approved = sender.render(FEED, parts).expect("renders");
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!(word(&result), expected, "{result:?}");
}

/// R7: after a lost answer the container tells, and one that was only being made has published nothing.
#[rstest]
#[case::before(Fault::ResetBeforeAccept, "not_sent")]
#[case::after(Fault::ResetAfterAccept, "sent")]
#[tokio::test]
async fn a_lost_publication_is_looked_up(#[case] fault: Fault, #[case] expected: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(FEED, post("Ten weeks")).expect("renders");
    let past = prepared(&desk, &sender, &approved).await;
    desk.sandbox.set_faults([fault.always()]);
    assert_eq!(word(&sender.attempt(&desk.transport(), &approved, &past).await), "broken");
    let payload = sender.payload(FEED, post("Ten weeks"));
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId(Uuid::from_u128(2)),
        past: &past,
        first_wire_at: Timestamp::UNIX_EPOCH,
        age: Duration::from_mins(10),
    };
    let Lookup::Ask(question) = sender.channel.lookup(&case) else { panic!("it can be asked") };
    let answer = sender.ask(&desk.transport(), &question).await;
    let Lookup::Found(finding) = sender.channel.found(&case, &question, &answer) else { panic!("found") };
    assert_eq!(finding.as_str(), expected, "{finding:?}");
    if let Finding::Sent { provider_ref, .. } = finding {
        assert_eq!(provider_ref, None, "the container does not tell the id of its post");
    }
}

/// S10: words that try to be a header, a field or another path arrive as words, to the byte, and nothing else does.
#[rstest]
#[case("a\r\nauthorization: Bearer evil\r\n\r\nPOST / HTTP/1.1")]
#[case("a\u{0}b")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\"},\"tag\":\"HUMAN_AGENT\",\"x\":{\"y\":\"")]
#[case("&access_token=x&creation_id=1#%0d%0a")]
#[case("Grüße an bücher.example, 日本 🌱")]
#[tokio::test]
async fn hostile_words_arrive_as_words(#[case] text: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(PERSON, dm(text)).expect("renders");
    assert_eq!(word(&sender.attempt(&desk.transport(), &approved, &Past::default()).await), "accepted");
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    let [entry] = &entries[..] else { panic!("one entry") };
    assert_eq!((entry.body.as_str(), &entry.to[..]), (approved.body.as_str(), &[PERSON.to_owned()][..]));
    let body: serde_json::Value = serde_json::from_str(&entry.body).expect("JSON");
    assert_eq!(body, serde_json::json!({"message": {"text": text}, "recipient": {"id": PERSON}}));
    // A caption is in the container, which the sandbox does not keep; what is sent is what was rendered.
    let container: serde_json::Value =
        serde_json::from_str(&sender.render(FEED, post(text)).expect("renders").body).expect("JSON");
    let image = format!("https://pictures.example/{PICTURE}.jpg");
    assert_eq!(container, serde_json::json!({"caption": text, "image_url": image}));
    assert_eq!(desk.sandbox.requests().count, 1);
}

/// What the sandbox refuses: a caller or a request that Instagram would refuse.
#[tokio::test]
async fn the_sandbox_checks_what_instagram_checks() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let message = sender.render(PERSON, dm("Hola")).expect("renders");
    let container = sender.render(FEED, post("Hola")).expect("renders");
    let change = |approved: &Approved, from: &str, to: &str| {
        let mut changed = approved.clone();
        assert!(changed.body.contains(from), "{from}");
        changed.body = changed.body.replace(from, to);
        changed
    };
    let mut not_json = message.clone();
    not_json.content_type = "text/plain".to_owned();
    let cases = [
        change(&message, "Hola", &"x".repeat(1001)),
        change(&message, "recipient", "receiver"),
        change(&message, PERSON, "acme"),
        change(&message, r#"{"message""#, r#"{"tag":"ACCOUNT_UPDATE","message""#),
        not_json,
        change(&container, "https://", "http://"),
        change(&container, ".jpg", ".png"),
        change(&container, "Hola", &"x".repeat(2201)),
        change(&container, "image_url", "image"),
    ];
    for request in cases {
        let answer = sender.ask(&transport, &request).await;
        assert_eq!(answer.status, 400, "{request:?} {answer:?}");
    }
    sender.credential = "ig_bad";
    assert_eq!(word(&sender.attempt(&transport, &message, &Past::default()).await), "account");
    assert_eq!(desk.accepted(), 0);
}

#[tokio::test]
async fn a_credential_is_tried_by_reading_its_account() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let request = sender.channel.probe(&sender.settings).expect("a request");
    let answer = sender.ask(&desk.transport(), &request).await;
    assert_eq!(
        sender.channel.probed(&answer),
        Probe::Works { says: "the token is of @sandbox.account".to_owned() }
    );
    sender.credential = "ig_bad";
    let answer = sender.ask(&desk.transport(), &request).await;
    assert!(matches!(sender.channel.probed(&answer), Probe::Refused { .. }));
    sender.settings = std::iter::empty::<(&str, &str)>().collect();
    assert_eq!(sender.channel.probe(&sender.settings).expect_err("no account").field, "outbox");
}
