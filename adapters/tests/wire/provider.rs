//! The sandbox plays the provider as documented, and remembers over restarts and between instances.
use countersign_adapters::sandbox::{Entry, Fault, Sandbox, SandboxError, SandboxOptions, Seen};
use countersign_adapters::{Given, Reached, Settings, lines};
use countersign_core::channel::{ChannelName, Response, Transport};
use countersign_core::engine::board::Board;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::desk::{Desk, MAIL, call, id, send, start, transport};

fn name(response: &Response) -> String {
    let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(body["statusCode"], response.status);
    body["name"].as_str().expect("a name").to_owned()
}

#[tokio::test]
async fn a_mail_is_accepted_and_found_again() {
    let desk = Desk::new().await;
    let transport = desk.transport();
    let response = send(&transport, "k").await.expect("answers");
    assert_eq!(response.status, 200);
    assert!(response.header("ratelimit-limit").is_some() && response.header("date").is_some());
    let found = transport.exchange(call("GET", &format!("/emails/{}", id(&response)), "", "re_x", "")).await;
    let found: serde_json::Value = serde_json::from_slice(&found.expect("answers").body).expect("JSON");
    assert_eq!((&found["id"], &found["subject"]), (&id(&response).into(), &"Hello".into()));
    let missing = transport.exchange(call("GET", "/emails/none", "", "re_x", "")).await.expect("answers");
    assert_eq!((missing.status, name(&missing).as_str()), (404, "not_found"));
}

/// One character more than the provider takes.
const LONG_KEY: &str = match str::from_utf8(&[b'k'; 257]) {
    Ok(key) => key,
    Err(_) => panic!("ASCII"),
};

#[rstest]
#[case::bad_key("POST", "/emails", MAIL, "re_bad_1", "k", 403, "invalid_api_key")]
#[case::no_key("POST", "/emails", MAIL, "", "k", 401, "missing_api_key")]
#[case::long_idempotency_key("POST", "/emails", MAIL, "re_x", LONG_KEY, 400, "invalid_idempotency_key")]
#[case::empty_idempotency_key("POST", "/emails", MAIL, "re_x", "", 400, "invalid_idempotency_key")]
#[case::not_json("POST", "/emails", "{", "re_x", "k", 400, "validation_error")]
#[case::no_from(
    "POST",
    "/emails",
    r#"{"to":["b@x"],"subject":"s"}"#,
    "re_x",
    "k",
    422,
    "missing_required_field"
)]
#[case::no_to(
    "POST",
    "/emails",
    r#"{"from":"a@x","subject":"s"}"#,
    "re_x",
    "k",
    422,
    "missing_required_field"
)]
#[case::no_subject(
    "POST",
    "/emails",
    r#"{"from":"a@x","to":["b@x"]}"#,
    "re_x",
    "k",
    422,
    "missing_required_field"
)]
#[case::bad_from(
    "POST",
    "/emails",
    r#"{"from":"a","to":["b@x"],"subject":"s"}"#,
    "re_x",
    "k",
    422,
    "invalid_from_address"
)]
#[case::to_is_a_number(
    "POST",
    "/emails",
    r#"{"from":"a@x","to":5,"subject":"s"}"#,
    "re_x",
    "k",
    400,
    "validation_error"
)]
#[case::to_is_empty(
    "POST",
    "/emails",
    r#"{"from":"a@x","to":[],"subject":"s"}"#,
    "re_x",
    "k",
    400,
    "validation_error"
)]
#[case::bad_tag(
    "POST",
    "/emails",
    r#"{"from":"a@x","to":["b@x"],"subject":"s","tags":[{"name":"a b","value":"c"}]}"#,
    "re_x",
    "k",
    400,
    "validation_error"
)]
#[case::elsewhere("POST", "/mails", MAIL, "re_x", "k", 404, "not_found")]
#[case::other_method("DELETE", "/emails", "", "re_x", "k", 405, "method_not_allowed")]
#[tokio::test]
async fn an_invalid_request_is_refused_in_the_providers_words(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
    #[case] credential: &str,
    #[case] key: &str,
    #[case] status: u16,
    #[case] expected: &str,
) {
    let desk = Desk::new().await;
    let response =
        desk.transport().exchange(call(method, path, body, credential, key)).await.expect("answers");
    assert_eq!((response.status, name(&response).as_str()), (status, expected));
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (1, 0));
}

/// F17: the key is bound to the bytes of its first body.
#[tokio::test]
async fn a_key_with_another_body_is_a_conflict() {
    let desk = Desk::new().await;
    let transport = desk.transport();
    let first = send(&transport, "k").await.expect("answers");
    assert_eq!(id(&send(&transport, "k").await.expect("answers")), id(&first));
    // The same JSON with a space more: what is compared is bytes.
    let other =
        transport.exchange(call("POST", "/emails", &format!("{MAIL} "), "re_x", "k")).await.expect("answers");
    assert_eq!((other.status, name(&other).as_str()), (409, "invalid_idempotent_request"));
    assert_eq!(desk.accepted(), 1);
}

/// F11: two sandboxes of two consoles on one ledger are one provider.
#[tokio::test]
async fn two_sandboxes_on_one_ledger_give_one_id() {
    let desk = Desk::new().await;
    let other = start(&desk.ledger()).await;
    let first = send(&desk.transport(), "k").await.expect("answers");
    assert_eq!(id(&send(&transport(&other), "k").await.expect("answers")), id(&first));
    assert_eq!(desk.accepted(), 1);
}

/// F13: what was accepted before a crash is accepted after it.
#[tokio::test]
async fn a_restarted_sandbox_knows_its_keys() {
    let Desk { sandbox, folder } = Desk::new().await;
    let first = send(&transport(&sandbox), "k").await.expect("answers");
    sandbox.stop().await;
    let desk = Desk { sandbox: start(&folder.path().join("ledger.jsonl")).await, folder };
    assert_eq!(id(&send(&desk.transport(), "k").await.expect("answers")), id(&first));
    assert_eq!(desk.accepted(), 1);
}

/// Stopping ends held requests and idle connections; nothing is left behind.
#[tokio::test]
async fn a_sandbox_stops_also_while_it_holds_requests() {
    let desk = Desk::new().await;
    let (idle, held) = (desk.transport(), desk.transport());
    send(&idle, "idle").await.expect("answers");
    desk.sandbox.set_faults([Fault::HangBeforeAccept.always()]);
    let held = tokio::spawn(async move { send(&held, "held").await });
    crate::desk::until("the request arrives", || desk.sandbox.requests().count == 2).await;
    let Desk { sandbox, folder } = desk;
    sandbox.stop().await;
    assert!(held.await.expect("ends").is_err());
    let ledger = std::fs::read_to_string(folder.path().join("ledger.jsonl")).expect("reads");
    assert_eq!(ledger.lines().count(), 1);
}

#[tokio::test]
async fn many_calls_at_once_are_accepted_once_each() {
    let desk = Desk::new().await;
    let transport = std::sync::Arc::new(desk.transport());
    let calls: Vec<_> = (0..300)
        .map(|n| {
            let transport = std::sync::Arc::clone(&transport);
            tokio::spawn(async move { send(&transport, &format!("k{n}")).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("ends").expect("answers").status, 200);
    }
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (300, 300));
}

/// The edge of the provider refuses callers that do not say who they are; our transport always does.
#[tokio::test]
async fn a_caller_without_user_agent_meets_the_edge() {
    let desk = Desk::new().await;
    let mut stream = TcpStream::connect(desk.sandbox.addr()).await.expect("connects");
    let request = format!(
        "POST /emails HTTP/1.1\r\nhost: x\r\nauthorization: Bearer re_x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{MAIL}",
        MAIL.len()
    );
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("error code: 1010"), "{answer}");
}

/// The way a test in another process steers a sandbox.
#[tokio::test]
async fn a_sandbox_is_steered_over_http() {
    let desk = Desk::new().await;
    let transport = desk.transport();
    let control = async |method, route, body| {
        transport.exchange(call(method, &format!("/_sandbox/{route}"), body, "", "x")).await.expect("answers")
    };
    let set = control("PUT", "faults", r#"{"fault":"error-after-accept","times":1}"#).await;
    assert_eq!(set.status, 200);
    assert_eq!(send(&transport, "k").await.expect("answers").status, 500);
    assert_eq!(send(&transport, "k").await.expect("answers").status, 200);
    assert_eq!(control("PUT", "faults", r#"{"fault":"explode"}"#).await.status, 400);
    assert_eq!(control("PUT", "faults", r#"{"fault":null}"#).await.status, 200);

    let seen: Seen = serde_json::from_slice(&control("GET", "requests", "").await.body).expect("JSON");
    assert_eq!((seen.count, &seen), (2, &desk.sandbox.requests()));
    let answers: Vec<_> = seen.log.iter().map(|asked| (asked.key.as_deref(), asked.status)).collect();
    assert_eq!(answers, [(Some("k"), Some(500)), (Some("k"), Some(200))]);
    assert!(seen.log.iter().all(|asked| asked.answered_at >= Some(asked.at)));
    let ledger: serde_json::Value =
        serde_json::from_slice(&control("GET", "ledger", "").await.body).expect("JSON");
    let entries: Vec<Entry> = serde_json::from_value(ledger["items"].clone()).expect("entries");
    let [entry] = entries.as_slice() else { panic!("one entry, not {entries:?}") };
    assert_eq!(
        (entry.idempotency_key.as_deref(), entry.activity_id.as_deref(), entry.body.as_str()),
        (Some("k"), Some("a-1"), MAIL)
    );
    assert_eq!(entry.to, ["bo@example.org"]);
}

/// S17: it takes any credential, so nobody else may reach it.
#[tokio::test]
async fn a_sandbox_listens_on_this_machine_only() {
    let ledger = tempfile::tempdir().expect("a folder").path().join("ledger");
    let options =
        SandboxOptions { addr: "0.0.0.0:0".parse().expect("an address"), ledger, board: Board::default() };
    assert!(matches!(Sandbox::start(options).await, Err(SandboxError::NotLoopback(_))));
}

/// A company marked `sandbox` has no line to a real provider, and an ordinary one none to the sandbox.
#[tokio::test]
async fn each_company_has_the_lines_of_its_kind() {
    let desk = Desk::new().await;
    let live = Desk::new().await;
    let mut settings = Settings {
        channels: vec![
            Reached::read(
                ChannelName::Email,
                Given { base_url: Some(&live.sandbox.base_url()), ..Given::default() },
            )
            .expect("loopback"),
        ],
        sandbox: Some(desk.sandbox.addr()),
        dry_run: false,
    };
    for (company_is_sandbox, expected) in [(true, (1, 0)), (false, (1, 1))] {
        let all = lines(&settings).expect("lines");
        let line = all.line(ChannelName::Email, company_is_sandbox).expect("a line");
        assert!(line.channel.reaches_people());
        line.transport.exchange(call("POST", "/emails", MAIL, "re_x", "k")).await.expect("answers");
        assert_eq!((desk.accepted(), live.accepted()), expected);
        assert!(!all.line(ChannelName::DryRun, company_is_sandbox).expect("a line").channel.reaches_people());
        assert!(all.line(ChannelName::Linkedin, company_is_sandbox).is_none());
    }

    settings.sandbox = None;
    assert!(lines(&settings).expect("lines").line(ChannelName::Email, true).is_none());

    settings.dry_run = true;
    let all = lines(&settings).expect("lines");
    let line = all.line(ChannelName::Email, false).expect("a line");
    line.transport.exchange(call("POST", "/emails", MAIL, "re_x", "k2")).await.expect("answers");
    assert!(!line.channel.reaches_people());
    assert_eq!(all.renderer(ChannelName::Email).expect("a renderer").renderer(), "resend/1");
    assert_eq!((desk.accepted(), live.accepted()), (1, 1));
}
