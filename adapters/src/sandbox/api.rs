//! The provider's API: takes messages, answers in the provider's words, and fails where a fault says so.
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::clock;
use countersign_core::engine::board::Reporter;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::answer::Answer;
use super::control::{self, Seen};
use super::faults::{Drawn, Fault, Faults};
use super::ledger::{Entry, Ledger, LedgerError, Verdict};
use super::validate::{self, Message};
use super::wire::Cut;
use super::writer::Writer;

/// One more than the longest answer a client of ours reads.
const HUGE_BYTES: usize = crate::http::ANSWER_LIMIT_BYTES + 1;

/// The headers of a provider with a limit nobody reaches.
const LIMITS: &[(&str, &str)] = &[
    ("ratelimit-limit", "10000"),
    ("ratelimit-remaining", "9999"),
    ("ratelimit-reset", "1"),
    ("ratelimit-policy", "10000;w=1"),
];

/// Everything the connections of one sandbox share.
pub(super) struct Provider {
    faults: Faults,
    seen: Mutex<Seen>,
    running: Mutex<HashSet<String>>,
    writer: Writer,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Provider {
    pub(super) fn new(
        ledger: Ledger,
        reporter: Reporter,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            faults: Faults::new(),
            seen: Mutex::default(),
            running: Mutex::default(),
            writer: Writer::start(ledger, reporter, stop.clone(), &tasks),
            stop,
            tasks,
        }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn seen(&self) -> Seen {
        self.log().clone()
    }

    fn log(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ledger(&self) -> &Path {
        self.writer.path()
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Answers one request. `None` when the sandbox stops meanwhile.
    pub(super) async fn answer(self: Arc<Self>, head: Parts, body: Bytes) -> Option<Answer> {
        let path = head.uri.path().to_owned();
        if let Some(route) = path.strip_prefix(control::PREFIX) {
            return Some(control::answer(&self, &head.method, route, &body).await);
        }
        let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let number = self.log().note(key, clock::now());
        let mut answer = match (&head.method, path.strip_prefix("/emails")) {
            (&Method::POST, Some("")) => Arc::clone(&self).send_apart(head.headers, body).await?,
            (&Method::GET, Some(id)) if id.len() > 1 && id.starts_with('/') => {
                self.look_up(&head.headers, &id[1..]).await
            }
            (_, Some("")) => Answer::error(405, "method_not_allowed", "This endpoint takes POST"),
            _ => Answer::error(404, "not_found", "The requested endpoint does not exist"),
        };
        self.log().answered(number, &answer, clock::now());
        answer.headers.extend(LIMITS.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Some(answer)
    }

    /// Takes a message in a task of its own: a provider goes on also when its caller has gone.
    async fn send_apart(self: Arc<Self>, headers: HeaderMap, body: Bytes) -> Option<Answer> {
        let provider = Arc::clone(&self);
        let work = async move { provider.stop.run_until_cancelled(provider.send(&headers, &body)).await };
        self.tasks.spawn(work).await.ok().flatten()
    }

    async fn send(&self, headers: &HeaderMap, body: &Bytes) -> Answer {
        let mut drawn = self.faults.draw();
        if !drawn.latency.is_zero() {
            tokio::time::sleep(drawn.latency).await;
        }
        if let Some(answer) = drawn.fault.as_ref().and_then(before) {
            return answer;
        }
        let taken = self.take(headers, body, &mut drawn).await;
        after(taken.unwrap_or_else(|refused| refused), drawn)
    }

    /// Checks, then accepts. The key counts as running for as long as a fault holds the request.
    async fn take(&self, headers: &HeaderMap, body: &Bytes, drawn: &mut Drawn) -> Result<Answer, Answer> {
        validate::caller(headers)?;
        let key = validate::key(headers)?;
        let message = validate::message(headers, body)?;
        let _running = key.as_deref().map(|key| self.run(key)).transpose()?;
        if drawn.fault == Some(Fault::HangBeforeAccept) {
            drawn.released().await;
        }
        let answer = match self.writer.accept(entry(message, key.clone(), body)).await {
            Some(Verdict::Accepted(id)) => Answer::json(200, &json!({"id": id})),
            Some(Verdict::Conflict) => Answer::error(
                409,
                "invalid_idempotent_request",
                "This idempotency key has been used with another body",
            ),
            None => Answer::error(500, "application_error", "The ledger of the sandbox cannot be written"),
        };
        if drawn.fault == Some(Fault::HangAfterAccept) {
            drawn.released().await;
        }
        Ok(answer)
    }

    fn run(&self, key: &str) -> Result<Running<'_>, Answer> {
        if self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) {
            return Ok(Running { provider: self, key: key.to_owned() });
        }
        Err(Answer::error(
            409,
            "concurrent_idempotent_requests",
            "Another request with this idempotency key is in progress",
        ))
    }

    async fn look_up(&self, headers: &HeaderMap, id: &str) -> Answer {
        if let Err(refused) = validate::caller(headers) {
            return refused;
        }
        let (path, id) = (self.ledger().to_owned(), id.to_owned());
        let found = tokio::task::spawn_blocking(move || {
            let entries = Ledger::open(&path)?.entries()?;
            Ok::<_, LedgerError>(entries.into_iter().find(|entry| entry.id == id))
        });
        match found.await {
            Ok(Ok(Some(entry))) => Answer::json(200, &email(&entry)),
            Ok(Ok(None)) => Answer::error(404, "not_found", "Email not found"),
            _ => Answer::error(500, "application_error", "The ledger of the sandbox cannot be read"),
        }
    }
}

/// A key whose first request has not been answered.
struct Running<'a> {
    provider: &'a Provider,
    key: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.provider.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider makes its own ids; they are none of the product's")]
fn entry(message: Message, idempotency_key: Option<String>, body: &Bytes) -> Entry {
    Entry {
        at: clock::now(),
        id: Uuid::now_v7().to_string(),
        idempotency_key,
        body_sha256: PayloadHash::of(body).to_string(),
        activity_id: message.activity_id,
        to: message.to,
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

fn email(entry: &Entry) -> Value {
    let sent: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    json!({
        "object": "email",
        "id": entry.id,
        "to": entry.to,
        "from": sent["from"],
        "subject": sent["subject"],
        "text": sent["text"],
        "html": sent["html"],
        "tags": sent["tags"],
        "created_at": entry.at,
        "message_id": format!("<{}@sandbox.invalid>", entry.id),
        "last_event": "delivered",
    })
}

/// The answer of a fault that keeps the message from being looked at.
fn before(fault: &Fault) -> Option<Answer> {
    let answer = match fault {
        Fault::RateLimited { retry_after } => {
            let answer = Answer::error(429, "rate_limit_exceeded", "Too many requests");
            match retry_after {
                Some(wait) => answer.with_header("retry-after", wait),
                None => answer,
            }
        }
        Fault::DailyQuota => {
            Answer::error(429, "daily_quota_exceeded", "You have reached your daily email quota")
        }
        Fault::Unauthorized => Answer::error(401, "restricted_api_key", "This API key is restricted"),
        Fault::Redirect { location } => Answer::new(307, "text/plain", "").with_header("location", location),
        Fault::ErrorBeforeAccept => Answer::error(500, "application_error", "An unexpected error occurred"),
        Fault::ResetBeforeAccept => Answer::new(200, "text/plain", "").with_cut(Cut::Reset),
        _ => return None,
    };
    Some(answer)
}

/// What a fault makes of an answer on its way back.
fn after(answer: Answer, mut drawn: Drawn) -> Answer {
    match &drawn.fault {
        Some(Fault::ErrorAfterAccept) => {
            Answer::error(500, "application_error", "An unexpected error occurred")
        }
        Some(Fault::ResetAfterAccept) => answer.with_cut(Cut::Reset),
        Some(Fault::HalfHeaders) => answer.with_cut(Cut::InHead),
        Some(Fault::HalfBody) => answer.with_cut(Cut::InBody),
        Some(Fault::HangInBody) => answer.with_held_body(Box::pin(async move { drawn.released().await })),
        Some(Fault::HtmlPage) => {
            Answer::new(200, "text/html", "<html><body>Sign in to continue</body></html>")
        }
        Some(Fault::EmptyBody) => Answer::new(200, "application/json", ""),
        Some(Fault::NoId) => Answer::json(200, &json!({})),
        Some(Fault::HugeBody) => Answer::new(200, "application/json", vec![b' '; HUGE_BYTES]),
        Some(Fault::GzipBody) => answer.with_header("content-encoding", "gzip"),
        _ => answer,
    }
}
