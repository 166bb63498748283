//! How much may be asked for, and how fast a token dies.
use std::time::Duration;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use countersign_core::{agent, operator};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::requests::{file, number, own_line, prepare, seen};
use super::{DAY, ROOT, Reply, Served};
use crate::api::limit::{Pace, Rates};
use crate::api::matrix::MATRIX;

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

/// What would be many times its length in memory is refused before it is kept.
#[tokio::test]
async fn a_body_has_so_many_values_and_no_more() {
    let served = Served::new().await;
    // The object, its list and an account with its name each.
    let accounts = |count: usize| json!({ "items": vec![json!({ "name": "Firm" }); count], "partial": true });
    served.post(&served.admin, "/accounts/import", accounts(4_998)).await.good();
    served.post(&served.admin, "/accounts/import", accounts(4_999)).await.is(413, "too-many-values");
}

/// A body of unknown length that says when it is read and never ends.
struct Endless(Option<mpsc::UnboundedSender<()>>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Once, however often it is asked.
        let _begun = self.0.take().map(|begun| begun.send(()));
        Poll::Pending
    }
}

fn request(served: &Served, token: &str, path: &str, body: Body) -> Request<Body> {
    let uri = format!("{}{path}", ROOT.replace("{company}", &served.world.company.to_string()));
    let request = Request::post(uri).header(AUTHORIZATION, format!("Bearer {token}"));
    request.header(CONTENT_TYPE, "application/json").body(body).expect("a request")
}

/// Long bodies are few at a time, whoever sends them; what is short and stops something never waits for them.
#[tokio::test]
async fn long_bodies_are_few_at_a_time_and_decisions_do_not_wait() {
    let served = Arc::new(Served::new().await);
    let item = file(&served.world, &served.world.second).await;
    let (begun, mut begins) = mpsc::unbounded_channel();
    let mut endless = JoinSet::new();
    for _ in 0..4 {
        let (served, begun) = (Arc::clone(&served), begun.clone());
        endless.spawn(async move {
            let body = Body::new(Endless(Some(begun)));
            served.send(request(&served, &served.approver, "/suppressions", body)).await
        });
    }
    for _ in 0..4 {
        begins.recv().await.expect("it is read");
    }
    let long = format!("{}{}", json!({ "items": [] }), " ".repeat(5_000));
    let bulk = || {
        let body = Body::from(long.clone());
        served.send(request(&served, &served.second, "/approvals/bulk-approve", body))
    };
    let busy = bulk().await;
    busy.is(503, "busy");
    assert!(busy.headers.contains_key("retry-after"));
    let approve = format!("/approvals/{}/approve", item.id);
    served.post(&served.approver, &approve, seen(item)).await.good();
    served.post(&served.approver, "/kill", json!({ "reason": "enough" })).await.good();
    endless.abort_all();
    while endless.join_next().await.is_some() {}
    bulk().await.good();
}

/// A body that does not come to its end is given up, and leaves its place.
#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let fast = Pace { every: Duration::from_micros(1), burst: 1_000_000 };
    let served = Served::patient(Rates { token: fast, wrong: fast }, Duration::from_millis(50)).await;
    for _ in 0..5 {
        let (begun, _begins) = mpsc::unbounded_channel();
        let body = Body::new(Endless(Some(begun)));
        served.send(request(&served, &served.approver, "/suppressions", body)).await.is(408, "too-slow");
    }
}

/// While an import is at work a draft waits for a moment, and those that wait leave the database to everybody else.
#[tokio::test]
async fn drafts_wait_for_an_import_for_a_moment_only() {
    let served = Arc::new(Served::new().await);
    let item = file(&served.world, &served.world.second).await;
    let mut import = served.world.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7))")
        .bind(served.world.company.0.to_string())
        .execute(&mut *import)
        .await
        .expect("the turn is taken");
    let mut sending: JoinSet<Reply> = JoinSet::new();
    for _ in 0..7 {
        let served = Arc::clone(&served);
        sending.spawn(async move { served.post(&served.agent, "/send", own_line(number())).await });
    }
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    served.world.until("they wait", async || served.world.count(waiting).await > 0).await;
    let approve = format!("/approvals/{}/approve", item.id);
    served.post(&served.approver, &approve, seen(item)).await.good();
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    while let Some(reply) = sending.join_next().await {
        let reply = reply.expect("no panic");
        assert_eq!(reply.status, 503, "{}", reply.body);
        assert!(reply.headers.contains_key("retry-after"));
        *codes.entry(reply.body["code"].to_string()).or_default() += 1;
    }
    // Two at a time, each of whom waits as long as the others wait for it.
    assert!(codes["\"busy\""] >= 3 && codes["\"contended\""] >= 2, "{codes:?}");
    assert_eq!(served.world.count("SELECT count(*) FROM crm_activities").await, 1);
    import.rollback().await.expect("rolls back");
    served.post(&served.agent, "/send", own_line(number())).await.good();
}

/// S32: a character of value zero, which no text of the database can hold, is a fault of whoever asks, wherever it stands.
#[tokio::test]
async fn a_zero_is_refused_and_never_a_fault_of_ours() {
    let served = Served::new().await;
    let ask = async |method: &Method, path: &str, body: Option<&Value>| {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request(&served, &served.admin, path, body);
        *request.method_mut() = method.clone();
        let reply = served.send(request).await;
        // A report of an import tells it of the item that has it.
        let is_told =
            reply.status == 200 && reply.body["errors"].as_array().is_some_and(|all| !all.is_empty());
        let is_told = is_told || (400..500).contains(&reply.status);
        assert!(is_told, "{method} {path}: {} {}", reply.status, reply.body);
    };
    for route in MATRIX {
        let method: Method = route.method.as_str().parse().expect("a method");
        let prepared = prepare(&served.world, route, &served.world.second).await;
        for parameter in route.asks.map(|asks| asks()).unwrap_or_default() {
            ask(&method, &format!("{}?{}=a%00b", route.path, parameter.name), None).await;
        }
        if let Some((before, _)) = route.path.split_once('{') {
            let after = route.path.split_once('}').map_or("", |(_, after)| after);
            ask(&method, &format!("{before}a%00b{after}"), prepared.body.as_ref()).await;
        }
        for body in prepared.body.iter().flat_map(zeroed) {
            ask(&method, &prepared.path, Some(&body)).await;
        }
    }
}

/// A body as often as it has texts, with a zero in one of them each.
fn zeroed(body: &Value) -> Vec<Value> {
    match body {
        Value::String(text) => vec![format!("{text}\0").into()],
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(at, item)| {
                zeroed(item).into_iter().map(move |zeroed| {
                    let mut items = items.clone();
                    items[at] = zeroed;
                    Value::Array(items)
                })
            })
            .collect()
        }
        Value::Object(fields) => {
            let each = fields.iter();
            each.flat_map(|(name, field)| {
                zeroed(field).into_iter().map(move |zeroed| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), zeroed);
                    Value::Object(fields)
                })
            })
            .collect()
        }
        _ => Vec::new(),
    }
}
