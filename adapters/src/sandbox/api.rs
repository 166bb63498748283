//! The providers' APIs: takes messages, answers in the words of the provider that was asked, and fails where a fault says so.
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::clock;
use countersign_core::engine::board::Reporter;
use hyper::http::request::Parts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Answer;
use super::calcom::Calcom;
use super::control::{self, Seen};
use super::faults::{Drawn, Fault, Faults};
use super::instagram::Instagram;
use super::ledger::{Entry, Ledger, LedgerError, Verdict};
use super::linkedin::Linkedin;
use super::play::{Act, Ask, Look, Message, Play, Refusal, Trouble};
use super::resend::Resend;
use super::twilio::Twilio;
use super::web::Web;
use super::wire::Cut;
use super::writer::Writer;

/// One more than the longest answer a client of ours reads.
const HUGE_BYTES: usize = crate::http::ANSWER_LIMIT_BYTES + 1;

/// Every provider the sandbox plays; their paths have nothing in common. What nobody knows the first one answers.
const PLAYS: &[&dyn Play] = &[&Resend, &Calcom, &Instagram, &Linkedin, &Twilio, &Web];

fn play(path: &str) -> &'static dyn Play {
    PLAYS.iter().find(|play| play.has(path)).copied().unwrap_or(&Resend)
}

/// The tables of errors of all providers, by the provider's name.
pub fn refusals() -> impl Iterator<Item = (&'static str, &'static Refusal)> {
    PLAYS.iter().flat_map(|play| play.refusals().iter().map(|refusal| (play.name(), refusal)))
}

/// Everything the connections of one sandbox share.
pub(super) struct Provider {
    faults: Faults,
    seen: Mutex<Seen>,
    running: Mutex<HashSet<String>>,
    laid: Mutex<HashMap<String, (u16, Bytes)>>,
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
            laid: Mutex::default(),
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

    pub(super) fn lay(&self, path: &str, status: u16, body: Bytes) {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), (status, body));
    }

    /// What was put in the place of an answer.
    fn laid(&self, path: &str) -> Option<Answer> {
        let laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        laid.get(path).map(|(status, body)| Answer::new(*status, "application/octet-stream", body.clone()))
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
        let play = play(&path);
        let query = head.uri.query().unwrap_or_default().to_owned();
        let ask = Ask { method: head.method, path, query, headers: head.headers, body };
        let number = self.log().note(ask.header("idempotency-key"), clock::now());
        let mut answer = Arc::clone(&self).answer_apart(play, ask).await?;
        self.log().answered(number, &answer, clock::now());
        answer.headers.extend(play.limits().iter().map(|(name, value)| (*name, (*value).to_owned())));
        Some(answer)
    }

    /// Works in a task of its own: a provider goes on also when its caller has gone.
    async fn answer_apart(self: Arc<Self>, play: &'static dyn Play, ask: Ask) -> Option<Answer> {
        let provider = Arc::clone(&self);
        let work = async move { provider.stop.run_until_cancelled(provider.serve(play, &ask)).await };
        self.tasks.spawn(work).await.ok().flatten()
    }

    async fn serve(&self, play: &dyn Play, ask: &Ask) -> Answer {
        if !play.has(&ask.path) {
            return play.trouble(Trouble::NoRoute);
        }
        // What only reads meets no fault, so that a test decides what happens to messages.
        if ask.method == hyper::Method::GET {
            if let Some(answer) = self.laid(&ask.path) {
                return answer;
            }
            return match play.act(ask) {
                Ok(Act::Look(look)) => self.look(play, look).await,
                Ok(Act::Say(answer)) | Err(answer) => answer,
                Ok(Act::Take(_)) => play.trouble(Trouble::NoRoute),
            };
        }
        let mut drawn = self.faults.draw();
        if !drawn.latency.is_zero() {
            tokio::time::sleep(drawn.latency).await;
        }
        if let Some(answer) = drawn.fault.as_ref().and_then(|fault| before(play, fault)) {
            return answer;
        }
        let taken = self.take(play, ask, &mut drawn).await;
        after(play, taken.unwrap_or_else(|refused| refused), drawn)
    }

    /// Checks, then accepts. The key counts as running for as long as a fault holds the request.
    async fn take(&self, play: &dyn Play, ask: &Ask, drawn: &mut Drawn) -> Result<Answer, Answer> {
        let message = match play.act(ask)? {
            Act::Take(message) => message,
            Act::Say(answer) => return Ok(answer),
            Act::Look(look) => return Ok(self.look(play, look).await),
        };
        let key = message.key.clone();
        let _running = key.as_deref().map(|key| self.run(play, key)).transpose()?;
        if drawn.fault == Some(Fault::HangBeforeAccept) {
            drawn.released().await;
        }
        let offered = message.id.clone();
        let answer = match self.writer.accept(entry(play, message, &ask.body)).await {
            Some(Verdict::Accepted(id)) if id == offered => play.taken(ask, &id),
            Some(Verdict::Accepted(id)) => play.repeated(ask, &id),
            Some(Verdict::Conflict) => play.trouble(Trouble::KeyConflict),
            // The ledger cannot be written.
            None => play.trouble(Trouble::Broken),
        };
        if drawn.fault == Some(Fault::HangAfterAccept) {
            drawn.released().await;
        }
        Ok(answer)
    }

    fn run(&self, play: &dyn Play, key: &str) -> Result<Running<'_>, Answer> {
        if self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) {
            return Ok(Running { provider: self, key: key.to_owned() });
        }
        Err(play.trouble(Trouble::KeyRunning))
    }

    async fn look(&self, play: &dyn Play, look: Look) -> Answer {
        let path = self.ledger().to_owned();
        let found =
            tokio::task::spawn_blocking(move || Ok::<_, LedgerError>(look(&Ledger::open(&path)?.entries()?)));
        match found.await {
            Ok(Ok(answer)) => answer,
            _ => play.trouble(Trouble::Broken),
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

fn entry(play: &dyn Play, message: Message, body: &Bytes) -> Entry {
    Entry {
        at: clock::now(),
        provider: Some(play.name().to_owned()),
        id: message.id,
        idempotency_key: message.key,
        body_sha256: PayloadHash::of(body).to_string(),
        activity_id: message.activity_id,
        to: message.to,
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

/// The answer of a fault that keeps the message from being looked at.
fn before(play: &dyn Play, fault: &Fault) -> Option<Answer> {
    let answer = match fault {
        Fault::RateLimited { retry_after } => {
            let answer = play.trouble(Trouble::RateLimited);
            match retry_after {
                Some(wait) => answer.with_header("retry-after", wait),
                None => answer,
            }
        }
        Fault::DailyQuota => play.trouble(Trouble::Quota),
        Fault::Unauthorized => play.trouble(Trouble::Unauthorized),
        Fault::Redirect { location } => Answer::new(307, "text/plain", "").with_header("location", location),
        Fault::ErrorBeforeAccept => play.trouble(Trouble::Broken),
        Fault::ResetBeforeAccept => Answer::new(200, "text/plain", "").with_cut(Cut::Reset),
        Fault::Refuse { code } => refuse(play, code),
        Fault::HugeError => Answer::new(400, "application/json", vec![b' '; HUGE_BYTES]),
        _ => return None,
    };
    Some(answer)
}

fn refuse(play: &dyn Play, code: &str) -> Answer {
    match play.refusals().iter().find(|refusal| refusal.code == code) {
        Some(refusal) => play.refuse(refusal),
        None => Answer::new(501, "text/plain", format!("{} has no such refusal", play.name())),
    }
}

/// What a fault makes of an answer on its way back.
fn after(play: &dyn Play, answer: Answer, mut drawn: Drawn) -> Answer {
    let status = answer.status;
    match &drawn.fault {
        Some(Fault::ErrorAfterAccept) => play.trouble(Trouble::Broken),
        Some(Fault::ResetAfterAccept) => answer.with_cut(Cut::Reset),
        Some(Fault::HalfHeaders) => answer.with_cut(Cut::InHead),
        Some(Fault::HalfBody) => answer.with_cut(Cut::InBody),
        Some(Fault::HangInBody) => answer.with_held_body(Box::pin(async move { drawn.released().await })),
        Some(Fault::HtmlPage) => {
            Answer::new(status, "text/html", "<html><body>Sign in to continue</body></html>")
        }
        Some(Fault::EmptyBody) => Answer::new(status, "application/json", ""),
        Some(Fault::NoId) => Answer::json(status, &serde_json::json!({})),
        Some(Fault::HugeBody) => Answer::new(status, "application/json", vec![b' '; HUGE_BYTES]),
        Some(Fault::GzipBody) => answer.with_header("content-encoding", "gzip"),
        _ => answer,
    }
}
