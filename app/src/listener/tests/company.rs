//! The company API where it is served.
use std::time::Duration;

use countersign_core::agent;
use countersign_tests::world::draft;

use super::desk::{Desk, Reply};

/// An agent's token, and a draft it can send.
async fn prepare(desk: &Desk) -> (String, String) {
    let world = &desk.world;
    agent::add(&world.pool, &world.admin, world.company, "scout").await.expect("an agent");
    let life = Duration::from_secs(3600);
    let made = agent::token::make(&world.pool, &world.admin, world.company, "scout", "test", life).await;
    let mut line = draft(1);
    line.as_object_mut().expect("an object").remove("proposedBy");
    (made.expect("a token").text.expose().to_owned(), line.to_string())
}

async fn send(desk: &Desk, head: &str, body: &str) -> Reply {
    let path = format!("/api/companies/{}/crm/send", desk.world.company);
    let kind = "Content-Type: application/json\r\nConnection: close";
    desk.ask(format!("POST {path} HTTP/1.1\r\n{head}{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .await
}

/// S42: whoever has no token is nobody, and a page that a browser was led to is refused with the best of tokens.
#[tokio::test(flavor = "multi_thread")]
async fn only_bearers_who_mean_this_host_are_served() {
    let desk = Desk::open().await;
    let (token, body) = prepare(&desk).await;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let cases = [
        ("Host: 127.0.0.1\r\n".to_owned(), 401),
        (format!("Host: 127.0.0.1\r\nCookie: token={token}\r\n"), 401),
        (format!("Host: evil.example\r\n{bearer}"), 403),
        (format!("Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n{bearer}"), 403),
        (format!("Host: 127.0.0.1\r\nOrigin: null\r\n{bearer}"), 403),
        (format!("Host: crm.example.com\r\n{bearer}"), 200),
        (format!("Host: 127.0.0.1\r\n{bearer}"), 200),
    ];
    for (head, status) in cases {
        let reply = send(&desk, &head, &body).await;
        assert_eq!(reply.status, Some(status), "{head}: {reply:?}");
        let text = reply.text.to_ascii_lowercase();
        assert!(!text.contains("access-control-") && !text.contains("set-cookie"), "{reply:?}");
    }
    assert_eq!(desk.world.count("SELECT count(*) FROM crm_activities").await, 1);
    let from = "SELECT count(*) FROM crm_audit_log WHERE action = 'agent.token_use' AND detail ->> 'from' LIKE '%127.0.0.1'";
    assert_eq!(desk.world.count(from).await, 1);
}

/// The document is there for anyone, and a page of somebody else cannot ask before it asks.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served() {
    let desk = Desk::open().await;
    let ask = async |line: &str| {
        desk.ask(format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    };
    let reply = ask("GET /openapi.json").await;
    assert_eq!(reply.status, Some(200), "{reply:?}");
    assert!(reply.text.contains("/crm/approvals/bulk-approve"), "{reply:?}");
    let preflight = ask(&format!("OPTIONS /api/companies/{}/crm/send", desk.world.company)).await;
    assert_eq!(preflight.status, Some(405), "{preflight:?}");
    assert!(preflight.text.contains("wrong-method"), "{preflight:?}");
}
