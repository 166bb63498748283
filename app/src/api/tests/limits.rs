//! How much may be asked for, and how fast a token dies.
use std::time::Duration;

use countersign_core::{agent, operator};
use serde_json::json;

use super::{DAY, Served};
use crate::api::limit::{Pace, Rates};
use crate::api::tests::requests::own_line;

/// A pace at which nothing comes back within a test.
const SLOW: Pace = Pace { every: Duration::from_secs(1_000), burst: 3 };

/// A token that asks too often waits; others do not.
#[tokio::test]
async fn a_token_that_asks_too_often_waits() {
    let served = Served::with(Rates { token: SLOW, ..Rates::default() }).await;
    for _ in 0..3 {
        served.get(&served.viewer, "/queue").await.good();
    }
    let reply = served.get(&served.viewer, "/queue").await;
    reply.is(429, "too-many-requests");
    let wait = reply.headers["retry-after"].to_str().expect("text").parse::<u64>().expect("seconds");
    assert!((900..=1_000).contains(&wait), "{wait}");
    served.get(&served.admin, "/queue").await.good();
}

/// S43: wrong tokens of one source are soon not judged any more, while who knows a token is let in.
#[tokio::test]
async fn guessing_is_slowed_down() {
    let served = Served::with(Rates { wrong: SLOW, ..Rates::default() }).await;
    let guess = |n: usize| format!("cst_{n:064x}");
    for n in 0..3 {
        served.get(&guess(n), "/queue").await.is(401, "unauthorized");
    }
    let reply = served.get(&guess(3), "/queue").await;
    reply.is(429, "too-many-requests");
    assert!(reply.headers.contains_key("retry-after"));
    served.get(&served.viewer, "/queue").await.good();
    let recorded = "SELECT count(*) FROM crm_audit_log WHERE action LIKE '%.token_refused'";
    assert_eq!(served.world.count(recorded).await, 0);
}

/// S43: a token that was revoked, or whose holder was disabled, is dead at the next request.
#[tokio::test]
async fn what_is_revoked_is_dead_at_once() {
    let served = Served::new().await;
    let world = &served.world;
    served.get(&served.viewer, "/queue").await.good();
    let listed = operator::token::list(&world.pool, &world.admin, world.company, "vic").await.expect("lists");
    operator::token::revoke(&world.pool, &world.admin, world.company, listed[0].id).await.expect("revokes");
    let reply = served.get(&served.viewer, "/queue").await;
    reply.is(401, "unauthorized");
    served.post(&served.agent, "/send", own_line(1)).await.good();
    agent::disable(&world.pool, &world.admin, world.company, "scout").await.expect("disables");
    served.post(&served.agent, "/send", own_line(2)).await.is(401, "unauthorized");
    served.get(&served.approver, "/queue").await.good();
    operator::disable(&world.pool, &world.admin, world.company, "ben").await.expect("disables");
    served.get(&served.approver, "/queue").await.is(401, "unauthorized");
}

/// A token counts for as long as it was made for.
#[tokio::test]
async fn an_expired_token_is_refused() {
    let served = Served::new().await;
    let world = &served.world;
    let made = agent::token::make(&world.pool, &world.admin, world.company, "scout", "short", DAY).await;
    let text = made.expect("a token").text.expose().to_owned();
    world
        .sql("UPDATE crm_agent_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'")
        .await;
    let reply = served.post(&text, "/send", json!(own_line(1))).await;
    reply.is(401, "unauthorized");
    assert!(reply.body["error"].as_str().is_some_and(|words| words.contains("expired")), "{}", reply.body);
}
