//! What providers ask before they send: answered to whom it belongs, and to nobody else.
use countersign_adapters::webhook;
use countersign_core::inbound::provider::{Provider, Refusal, Welcome};
use rstest::rstest;
use sha2::{Digest as _, Sha256};

use crate::desk::Endpoint;

fn ask(endpoint: &Endpoint, query: &str) -> Result<Welcome, Refusal> {
    endpoint.trusting(|trust| webhook(endpoint.provider).welcome(query, trust))
}

fn instagram(token: Option<&str>) -> Endpoint {
    let mut endpoint = Endpoint::new(Provider::Instagram, "secret", 0);
    endpoint.verify_sha256 = token.map(|token| Sha256::digest(token.as_bytes()).into());
    endpoint
}

#[test]
fn meta_gets_its_number_back() {
    let told = ask(
        &instagram(Some("to ken")),
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=to%20ken",
    );
    let welcome = Welcome { content_type: "text/plain; charset=utf-8", body: "1158201444".to_owned() };
    assert_eq!(told, Ok(welcome));
}

/// S34.
#[rstest]
#[case::nothing("")]
#[case::wrong_token("hub.mode=subscribe&hub.verify_token=tokem&hub.challenge=1")]
#[case::empty_token("hub.mode=subscribe&hub.verify_token=&hub.challenge=1")]
#[case::no_token("hub.mode=subscribe&hub.challenge=1")]
#[case::longer_token("hub.mode=subscribe&hub.verify_token=token0&hub.challenge=1")]
#[case::two_tokens("hub.mode=subscribe&hub.verify_token=token&hub.verify_token=x&hub.challenge=1")]
#[case::its_hash(
    "hub.mode=subscribe&hub.verify_token=3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0&hub.challenge=1"
)]
#[case::other_mode("hub.mode=unsubscribe&hub.verify_token=token&hub.challenge=1")]
#[case::no_mode("hub.verify_token=token&hub.challenge=1")]
#[case::no_challenge("hub.mode=subscribe&hub.verify_token=token")]
#[case::two_challenges("hub.mode=subscribe&hub.verify_token=token&hub.challenge=1&hub.challenge=2")]
#[case::empty_challenge("hub.mode=subscribe&hub.verify_token=token&hub.challenge=")]
#[case::a_script("hub.mode=subscribe&hub.verify_token=token&hub.challenge=%3Cscript%3E")]
#[case::a_line("hub.mode=subscribe&hub.verify_token=token&hub.challenge=1%0A2")]
#[case::foreign_digits("hub.mode=subscribe&hub.verify_token=token&hub.challenge=%D9%A1")]
#[case::negative("hub.mode=subscribe&hub.verify_token=token&hub.challenge=-1")]
#[case::too_long(
    "hub.mode=subscribe&hub.verify_token=token&hub.challenge=11111111111111111111111111111111111111111"
)]
#[case::linkedin("challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0")]
fn meta_gets_nothing_else(#[case] query: &str) {
    assert_eq!(ask(&instagram(Some("token")), query), Err(Refusal::Handshake));
}

/// S34: where no token is set, none is right, nor is an empty one.
#[test]
fn without_a_token_nobody_is_welcome() {
    for token in ["token", ""] {
        let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1");
        assert_eq!(ask(&instagram(None), &query), Err(Refusal::Handshake));
        assert_eq!(ask(&instagram(Some("")), &query), Err(Refusal::Handshake));
    }
}

const CODE: &str = "890e4665-4dfe-4ab1-b689-ed553bceeed0";

#[rstest]
#[case(format!("challengeCode={CODE}"))]
#[case(format!("challengeCode={CODE}&applicationId=12345"))]
#[case(format!("applicationId=12345&challengeCode={CODE}"))]
fn linkedin_gets_its_challenge_answered(#[case] query: String) {
    let endpoint = Endpoint::new(Provider::Linkedin, "li-client-secret", 0);
    let told = ask(&endpoint, &query).unwrap();
    assert_eq!(told.content_type, "application/json");
    let answer: serde_json::Value = serde_json::from_str(&told.body).unwrap();
    let response = "313e20a5110164b82333ba6cb7cdad9e864a8e809bb93b22935d24b57f42823f";
    assert_eq!(answer, serde_json::json!({"challengeCode": CODE, "challengeResponse": response}));
    // The first of several secrets is the one in force.
    let rotating = endpoint.clone().with_secrets(&["li-client-secret", "older"]);
    assert_eq!(ask(&rotating, &query).unwrap(), told);
    assert_eq!(ask(&endpoint.with_secrets(&[]), &query), Err(Refusal::NoSecret));
}

/// S34: nothing but a UUID is signed or repeated in our name.
#[rstest]
#[case("")]
#[case("challengeCode=")]
#[case("challengeCode=%7B%22type%22%3A1%7D")]
#[case("challengeCode=890e46654dfe4ab1b689ed553bceeed0")]
#[case("challengeCode=%7B890e4665-4dfe-4ab1-b689-ed553bceeed0%7D")]
#[case("challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0%22")]
#[case("challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeedg")]
#[case(
    "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0&challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0"
)]
#[case("hub.mode=subscribe&hub.verify_token=token&hub.challenge=1")]
fn linkedin_gets_nothing_else_answered(#[case] query: &str) {
    let endpoint = Endpoint::new(Provider::Linkedin, "li-client-secret", 0);
    assert_eq!(ask(&endpoint, query), Err(Refusal::Handshake));
}

#[rstest]
#[case(Provider::Resend)]
#[case(Provider::Twilio)]
#[case(Provider::CalCom)]
#[case(Provider::Calendly)]
fn others_ask_for_nothing(#[case] provider: Provider) {
    let query = format!("challengeCode={CODE}&hub.mode=subscribe&hub.verify_token=&hub.challenge=1");
    assert_eq!(ask(&Endpoint::new(provider, "secret", 0), &query), Err(Refusal::Handshake));
}
