//! What a container says about a post whose end nobody knows.
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countersign_core::activity::payload::{InstagramAction, Kind, Parts, Payload};
use countersign_core::channel::{
    Case, Channel as _, ChannelName, Finding, Lookup, Past, Probe, Request, Response,
};
use countersign_core::ids::{ActivityId, OutboxId};
use jiff::Timestamp;
use rstest::rstest;
use uuid::Uuid;

use super::probed;
use crate::instagram::Instagram;

fn payload(action: InstagramAction) -> Payload {
    Payload {
        channel: ChannelName::Instagram,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "instagram".to_owned(),
        kind: Kind::Post,
        from: "acme".to_owned(),
        to: "feed:1".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Instagram { action, text: "x".to_owned(), image_sha256: None, human_agent: false },
    }
}

/// Looks a case up; the provider answers once.
fn look(
    action: InstagramAction,
    handle: Option<&str>,
    age: u64,
    answer: &Response,
) -> (Option<String>, Finding) {
    let (channel, payload) = (Instagram::new(None), payload(action));
    let approved = Request::json("/v25.0/1/media", "{}".to_owned());
    let past = Past { handle: handle.map(str::to_owned), may_be_accepted: true };
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId(Uuid::from_u128(2)),
        past: &past,
        first_wire_at: Timestamp::UNIX_EPOCH,
        age: Duration::from_secs(age),
    };
    let question = match channel.lookup(&case) {
        Lookup::Found(finding) => return (None, finding),
        Lookup::Ask(question) => question,
    };
    match channel.found(&case, &question, answer) {
        Lookup::Found(finding) => (Some(question.path), finding),
        Lookup::Ask(_) => panic!("one question is enough"),
    }
}

fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// R7.
#[rstest]
#[case("PUBLISHED", 0, "sent")]
#[case("FINISHED", 299, "unclear")]
#[case("FINISHED", 300, "not_sent")]
#[case("EXPIRED", 0, "not_sent")]
#[case("ERROR", 0, "not_sent")]
#[case("IN_PROGRESS", 9_000, "unclear")]
#[case("RESTING", 9_000, "unclear")]
fn a_container_tells_of_its_post(#[case] state: &str, #[case] age: u64, #[case] expected: &str) {
    let body = serde_json::json!({"status_code": state, "status": "\0"}).to_string();
    let (asked, finding) = look(InstagramAction::Post, Some("7@1"), age, &answer(200, &body));
    assert_eq!(
        (asked.as_deref(), finding.as_str()),
        (Some("/v25.0/7?fields=status_code,status"), expected),
        "{finding:?}"
    );
    assert!(!finding.why().contains('\0'));
    if let Finding::Sent { provider_ref, .. } = finding {
        assert_eq!(provider_ref.as_deref(), Some("7"));
    }
}

#[rstest]
#[case(200, "<html>Sign in</html>")]
#[case(200, "{}")]
#[case(400, r#"{"error":{"code":100,"error_subcode":33,"message":"no such object"}}"#)]
#[case(400, r#"{"error":{"code":190,"message":"expired"}}"#)]
#[case(502, "")]
fn a_container_that_does_not_answer_proves_nothing(#[case] status: u16, #[case] body: &str) {
    let (_, finding) = look(InstagramAction::Post, Some("7"), 9_000, &answer(status, body));
    assert_eq!(finding.as_str(), "unclear");
}

/// R7: without a container nothing was published; of a message only a person or its echo tells.
#[rstest]
#[case(InstagramAction::Post, None, "not_sent")]
#[case(InstagramAction::Dm, None, "impossible")]
#[case(InstagramAction::Dm, Some("7"), "impossible")]
fn what_cannot_be_asked_is_said_at_once(
    #[case] action: InstagramAction,
    #[case] handle: Option<&str>,
    #[case] expected: &str,
) {
    let (asked, finding) = look(action, handle, 9_000, &answer(200, ""));
    assert_eq!((asked, finding.as_str()), (None, expected));
}

#[rstest]
#[case(200, r#"{"username":"acme.renovacion","id":"1"}"#, "works")]
#[case(200, "{}", "unclear")]
#[case(400, r#"{"error":{"code":190,"message":"expired"}}"#, "refused")]
#[case(400, r#"{"error":{"code":100,"message":"no such object"}}"#, "unclear")]
#[case(400, r#"{"error":{"code":4,"message":"too many"}}"#, "unclear")]
#[case(502, "", "unclear")]
fn a_probe_says_what_the_answer_proves(#[case] status: u16, #[case] body: &str, #[case] word: &str) {
    let said = match probed(&answer(status, body)) {
        Probe::Works { .. } => "works",
        Probe::Refused { .. } => "refused",
        Probe::Unclear { .. } => "unclear",
    };
    assert_eq!(said, word);
}
