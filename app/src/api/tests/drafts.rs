//! Drafts over HTTP: filed once, whoever repeats it; refused in words that say what is wrong.
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::json;

use super::requests::own_line;
use super::{ROOT, Reply, Served};

/// The same key and body is the same draft; another body under the key is a conflict; without a key the words tell.
#[tokio::test]
async fn sending_again_files_nothing_new() {
    let served = Served::new().await;
    let line = own_line(1);
    let first = served.post(&served.agent, "/send", line.clone()).await.good();
    assert_eq!((&first["created"], &first["status"]), (&json!(true), &json!("draft_pending_approval")));
    let again = served.post(&served.agent, "/send", line.clone()).await.good();
    assert_eq!((&again["created"], &again["id"]), (&json!(false), &first["id"]));
    let mut other = line.clone();
    other["payload"]["text"] = json!("Other words.");
    served.post(&served.agent, "/send", other).await.is(409, "conflict");
    let mut keyless = own_line(2);
    keyless.as_object_mut().expect("an object").remove("clientDedupKey");
    let first = served.post(&served.agent, "/send", keyless.clone()).await.good();
    let again = served.post(&served.agent, "/send", keyless).await.good();
    assert_eq!((&again["created"], &again["id"]), (&json!(false), &first["id"]));
    assert_eq!(served.world.count("SELECT count(*) FROM crm_activities").await, 2);
}

/// A second open draft in the same place is a conflict unless it names the one it replaces.
#[tokio::test]
async fn a_place_has_one_open_draft() {
    let served = Served::new().await;
    let first = served.post(&served.agent, "/send", own_line(1)).await.good();
    let mut second = own_line(1);
    second["clientDedupKey"] = json!("another");
    second["payload"]["text"] = json!("Better words.");
    served.post(&served.agent, "/send", second.clone()).await.is(409, "conflict");
    second["supersedes"] = first["id"].clone();
    served.post(&served.agent, "/send", second).await.good();
}

/// What a gate has against a draft is advice: it is on file, and the answer says code and sentence.
#[tokio::test]
async fn a_gate_that_would_block_is_told() {
    let served = Served::new().await;
    let mut line = own_line(1);
    line["to"] = json!("somebody@elsewhere.example");
    let filed = served.post(&served.agent, "/send", line).await.good();
    let gate = filed["gates"].as_array().expect("gates").iter().find(|gate| gate["gate"] == "allowlist");
    let gate = gate.unwrap_or_else(|| panic!("{filed:#}"));
    assert_eq!(gate["ruling"]["status"], "blocked_by_allowlist");
    assert!(gate["code"].is_string() && gate["sentence"].is_string());
}

/// 422 names the field; nothing is written.
#[rstest::rstest]
#[case(json!({ "colour": "red" }), "colour")]
#[case(json!({ "channel": "fax" }), "channel")]
#[case(json!({ "to": "nobody" }), "to")]
#[case(json!({ "payload": { "subject": "a\r\nBcc: x@example.com", "text": "b" } }), "payload.subject")]
#[case(json!({ "proposedBy": "somebody" }), "proposedBy")]
#[case(json!({ "outbox": "none" }), "outbox")]
#[case(json!({ "clientDedupKey": "" }), "clientDedupKey")]
#[tokio::test]
async fn a_bad_draft_is_refused_by_its_field(#[case] change: serde_json::Value, #[case] field: &str) {
    let served = Served::new().await;
    let mut line = own_line(1);
    for (key, value) in change.as_object().expect("an object") {
        line[key] = value.clone();
    }
    let reply = served.post(&served.agent, "/send", line).await;
    reply.is(422, "invalid");
    assert!(reply.body["error"].as_str().is_some_and(|words| words.starts_with(field)), "{}", reply.body);
    assert_eq!(served.world.count("SELECT count(*) FROM crm_activities").await, 0);
}

/// Sends bytes as they are.
async fn raw(served: &Served, kind: &str, encoding: Option<&str>, body: Vec<u8>) -> Reply {
    let uri = format!("{}/send", ROOT.replace("{company}", &served.world.company.to_string()));
    let mut request = Request::post(uri)
        .header(AUTHORIZATION, format!("Bearer {}", served.agent))
        .header(CONTENT_TYPE, kind);
    if let Some(encoding) = encoding {
        request = request.header(CONTENT_ENCODING, encoding);
    }
    served.send(request.body(Body::from(body)).expect("a request")).await
}

/// S42: no form of a foreign page is read, nothing is unpacked, nothing is longer than it may be.
#[tokio::test]
async fn only_plain_json_of_good_size_is_read() {
    let served = Served::new().await;
    let good = own_line(1).to_string().into_bytes();
    raw(&served, "text/plain", None, good.clone()).await.is(415, "not-json");
    raw(&served, "application/x-www-form-urlencoded", None, good.clone()).await.is(415, "not-json");
    raw(&served, "application/json", Some("gzip"), good.clone()).await.is(415, "encoded");
    raw(&served, "application/json", None, vec![b' '; (1 << 20) + 1]).await.is(413, "too-long");
    raw(&served, "application/json", None, b"{\"channel\":".to_vec()).await.is(400, "malformed");
    raw(&served, "application/json", None, b"\xff\xfe".to_vec()).await.is(400, "malformed");
    raw(&served, "application/json", None, vec![b'['; 1 << 19]).await.is(400, "malformed");
    raw(&served, "application/json", None, b"[]".to_vec()).await.is(422, "invalid");
    let twice = br#"{"channel":"email","channel":"email"}"#.to_vec();
    raw(&served, "application/json", None, twice).await.is(422, "invalid");
    assert_eq!(served.world.count("SELECT count(*) FROM crm_activities").await, 0);
    raw(&served, "application/json", None, good).await.good();
}
