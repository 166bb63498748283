//! LinkedIn over real HTTP: every row of its table of errors, everything that can happen to an answer, and words that try to be more.
use std::collections::BTreeSet;

use countersign_adapters::sandbox::{Fault, Ledger, refusals};
use countersign_core::activity::payload::{LinkedinAction, Parts};
use countersign_core::channel::{ChannelName, Outcome, Past, Probe};
use rstest::rstest;

use crate::desk::{Desk, hasty};
use crate::steps::{Sender, word};

const AUTHOR: &str = "urn:li:person:ana-1";
const FEED: &str = "feed:urn:li:person:ana-1";
const SHARE: &str = "urn:li:share:7000000000000000101";
const MEMBER: &str = "urn:li:person:bo-2";

fn sender() -> Sender {
    Sender::new(ChannelName::Linkedin, AUTHOR, &[("author_urn", AUTHOR), ("partner_messages", "yes")])
}

fn parts(action: LinkedinAction, text: &str) -> Parts {
    Parts::Linkedin { action, text: text.to_owned(), thread: None }
}

fn doubtful() -> Past {
    Past { handle: None, may_be_accepted: true, may_be_these_words: true }
}

/// What the provider documents, row by row: for a first attempt, and after one of which nobody knows.
const ROWS: &[(&str, &str, &str)] = &[
    ("illegal_argument", "rejected", "rejected"),
    ("revoked", "account", "account"),
    ("not_a_partner", "account", "account"),
    ("role_lost", "account", "account"),
    ("not_found", "rejected", "rejected"),
    ("conflict", "waits", "waits"),
    ("duplicate_share", "rejected", "accepted"),
    ("duplicate_ugc_post", "rejected", "accepted"),
    ("duplicate_person", "rejected", "maybe"),
    ("duplicate_activity", "rejected", "maybe"),
    ("duplicate_unnamed", "rejected", "maybe"),
    ("unprocessable", "rejected", "rejected"),
    ("old_version", "account", "account"),
    ("throttled", "limited", "limited"),
    ("internal", "maybe", "maybe"),
    ("bad_gateway", "maybe", "maybe"),
    ("unavailable", "maybe", "maybe"),
    ("gateway_timeout", "maybe", "maybe"),
];

/// F14 to F17: no row of the provider's table is without an expectation, and each leads where it says.
#[tokio::test]
async fn every_refusal_leads_where_the_provider_says() {
    let (desk, sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let approved = sender.render(FEED, parts(LinkedinAction::Post, "News")).expect("renders");
    let played: BTreeSet<_> =
        refusals().filter(|(name, _)| *name == "linkedin").map(|(_, refusal)| refusal.code).collect();
    assert_eq!(played, ROWS.iter().map(|(code, ..)| *code).collect());
    for (code, first, later) in ROWS {
        desk.sandbox.set_faults([Fault::Refuse { code: (*code).to_owned() }.always()]);
        for (past, expected) in [(Past::default(), first), (doubtful(), later)] {
            let result = sender.attempt(&transport, &approved, &past).await;
            assert_eq!(word(&result), *expected, "{code} {past:?}: {result:?}");
        }
    }
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (2 * ROWS.len() as u64, 0));
}

/// R4, S19, S20, F12 to F16: one request, whatever happens to it, and nothing that may have been taken is called anything else.
#[rstest]
#[case::latency(Fault::Latency { ms: 1 }, "accepted", 1)]
#[case::limited(Fault::RateLimited { retry_after: Some("7".to_owned()) }, "limited", 0)]
#[case::limited_without_a_hint(Fault::RateLimited { retry_after: None }, "limited", 0)]
#[case::quota(Fault::DailyQuota, "limited", 0)]
#[case::unauthorized(Fault::Unauthorized, "account", 0)]
#[case::redirect(Fault::Redirect { location: "http://127.0.0.1:9/".to_owned() }, "account", 0)]
#[case::error_before(Fault::ErrorBeforeAccept, "maybe", 0)]
#[case::error_after(Fault::ErrorAfterAccept, "maybe", 1)]
#[case::reset_before(Fault::ResetBeforeAccept, "broken", 0)]
#[case::reset_after(Fault::ResetAfterAccept, "broken", 1)]
#[case::half_headers(Fault::HalfHeaders, "broken", 1)]
#[case::half_body(Fault::HalfBody, "broken", 1)]
#[case::html_page(Fault::HtmlPage, "maybe", 1)]
#[case::empty_body(Fault::EmptyBody, "maybe", 1)]
#[case::no_id(Fault::NoId, "maybe", 1)]
#[case::huge_body(Fault::HugeBody, "broken", 1)]
#[case::huge_error(Fault::HugeError, "broken", 0)]
#[case::gzip_body(Fault::GzipBody, "broken", 1)]
#[case::hang_before(Fault::HangBeforeAccept, "broken", 0)]
#[case::hang_after(Fault::HangAfterAccept, "broken", 1)]
#[case::hang_in_body(Fault::HangInBody, "broken", 1)]
#[tokio::test]
async fn a_fault_costs_one_request_and_is_named(
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] accepted: usize,
) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(SHARE, parts(LinkedinAction::Comment, "Good point")).expect("renders");
    desk.sandbox.set_faults([fault.always()]);
    let result = sender.attempt(&hasty(&desk.sandbox), &approved, &Past::default()).await;
    assert_eq!(word(&result), expected, "{result:?}");
    crate::desk::until("the provider is done", || desk.accepted() == accepted).await;
    assert_eq!(desk.sandbox.requests().count, 1);
    assert!(!format!("{result:?}").contains("canary"));
}

/// R7: the provider refuses what it has, naming it; a comment may be made twice.
#[tokio::test]
async fn the_same_post_is_refused_with_the_name_of_the_first() {
    let (desk, sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let approved = sender.render(FEED, parts(LinkedinAction::Post, "News of #1")).expect("renders");
    let first = sender.attempt(&transport, &approved, &Past::default()).await;
    let Ok(Outcome::Accepted { provider_ref: Some(urn) }) = &first else { panic!("{first:?}") };
    assert_eq!(word(&sender.attempt(&transport, &approved, &Past::default()).await), "rejected");
    let again = sender.attempt(&transport, &approved, &doubtful()).await;
    assert_eq!(again, Ok(Outcome::Accepted { provider_ref: Some(urn.clone()) }));
    assert_eq!(desk.accepted(), 1);
    let comment = sender.render(SHARE, parts(LinkedinAction::Comment, "Yes")).expect("renders");
    for _ in 0..2 {
        assert_eq!(word(&sender.attempt(&transport, &comment, &Past::default()).await), "accepted");
    }
    assert_eq!(desk.accepted(), 3);
}

/// S10: words that try to be a header, a field or another path arrive as words, to the byte, and nothing else does.
#[rstest]
#[case("a\r\nlinkedin-version: 200001\r\n\r\nGET / HTTP/1.1")]
#[case("a\u{0}b")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\",\"author\":\"urn:li:person:evil\",\"x\":\"")]
#[case("{hashtag|\\#|x} @[Evil](urn:li:person:evil)")]
#[case("Grüße an bücher.example, 日本 🌱")]
#[tokio::test]
async fn hostile_words_arrive_as_words(#[case] text: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let cases = [
        (LinkedinAction::Post, FEED, "/commentary"),
        (LinkedinAction::Comment, SHARE, "/message/text"),
        (LinkedinAction::Message, MEMBER, "/body"),
    ];
    for (action, to, place) in cases {
        let approved = sender.render(to, parts(action, text)).expect("renders");
        let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
        assert_eq!(word(&result), "accepted", "{result:?}");
        let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
        let entry = entries.last().expect("an entry");
        assert_eq!(
            (entry.body.as_str(), entry.to.as_slice()),
            (approved.body.as_str(), &[to.to_owned()][..])
        );
        let body: serde_json::Value = serde_json::from_str(&entry.body).expect("JSON");
        let arrived = body.pointer(place).and_then(|words| words.as_str()).expect("words");
        let read = if action == LinkedinAction::Post { unescaped(arrived) } else { arrived.to_owned() };
        assert_eq!(read, text);
        assert!(!body.to_string().contains(r#""author":"urn:li:person:evil""#));
    }
    assert_eq!(desk.sandbox.requests().count, 3);
}

/// Little text as people read it.
fn unescaped(text: &str) -> String {
    let mut signs = text.chars();
    std::iter::from_fn(|| {
        signs.next().map(|sign| if sign == '\\' { signs.next().expect("a sign") } else { sign })
    })
    .collect()
}

/// Addresses that would be another path, header or host are refused before anything is sent.
#[rstest]
#[case("urn:li:share:1\r\nx: y")]
#[case("urn:li:share:1\0")]
#[case("urn:li:share:1\u{2028}")]
#[case("urn:li:share:bücher.example")]
#[case("https://evil.example/")]
fn a_hostile_address_is_refused(#[case] to: &str) {
    let error = sender().render(to, parts(LinkedinAction::Comment, "x")).expect_err("refused");
    assert_eq!(error.field, "to");
}

/// The path of a comment holds the URN and nothing that leads elsewhere.
#[tokio::test]
async fn an_urn_cannot_leave_its_place_in_the_path() {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender
        .render("urn:li:share:../../v2/messages?x=1#y", parts(LinkedinAction::Comment, "x"))
        .expect("renders");
    assert_eq!(
        approved.path,
        "/rest/socialActions/urn%3Ali%3Ashare%3A..%2F..%2Fv2%2Fmessages%3Fx%3D1%23y/comments"
    );
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!((word(&result), desk.accepted()), ("rejected", 0));
}

/// What the sandbox refuses: a caller or a request that LinkedIn would refuse.
#[tokio::test]
async fn the_sandbox_checks_what_linkedin_checks() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let approved = sender.render(FEED, parts(LinkedinAction::Post, "News")).expect("renders");
    let change = |from: &str, to: &str| {
        let mut request = approved.clone();
        assert!(request.body.contains(from), "{from}");
        request.body = request.body.replace(from, to);
        request
    };
    let mut no_version = approved.clone();
    no_version.headers.remove("linkedin-version");
    let mut no_protocol = approved.clone();
    no_protocol.headers.remove("x-restli-protocol-version");
    let mut form = approved.clone();
    form.content_type = "application/x-www-form-urlencoded".to_owned();
    let mut old_version = approved.clone();
    old_version.headers.insert("linkedin-version".to_owned(), "202401".to_owned());
    let cases = [
        (no_version, "rejected"),
        (no_protocol, "rejected"),
        (form, "rejected"),
        (old_version, "account"),
        (change("News", "#News"), "rejected"),
        (change("News", &"x".repeat(3001)), "rejected"),
        (change("PUBLISHED", "DRAFT"), "rejected"),
        (change("MAIN_FEED", "NONE"), "rejected"),
        (change("author", "writer"), "rejected"),
    ];
    for (request, expected) in cases {
        let result = sender.attempt(&transport, &request, &Past::default()).await;
        assert_eq!(word(&result), expected, "{request:?} {result:?}");
    }
    sender.credential = "li_bad";
    assert_eq!(word(&sender.attempt(&transport, &approved, &Past::default()).await), "account");
    assert_eq!(desk.accepted(), 0);
}

#[tokio::test]
async fn a_credential_is_tried_by_reading_its_owner() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let request = sender.channel.probe(&sender.settings).expect("a request");
    let answer = sender.ask(&desk.transport(), &request).await;
    assert_eq!(
        sender.channel.probed(&answer),
        Probe::Works { says: "the token is of Sandbox Member".to_owned() }
    );
    sender.credential = "li_bad";
    let answer = sender.ask(&desk.transport(), &request).await;
    assert!(matches!(sender.channel.probed(&answer), Probe::Refused { .. }));
    assert_eq!(desk.accepted(), 0);
}
