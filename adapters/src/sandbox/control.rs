//! The routes by which a test in another process steers and questions a sandbox.
use std::collections::VecDeque;

use hyper::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::api::Provider;
use super::faults::FaultRule;
use super::ledger::Ledger;

/// Everything below this path is not the provider's API.
pub(super) const PREFIX: &str = "/_sandbox/";

/// How many requests are remembered; the count goes on.
const REMEMBERED: usize = 100_000;

/// What was asked of the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests of any kind, whatever was answered, without those that steer the sandbox.
    pub count: u64,
    /// The latest of them, in the order in which they came.
    pub log: VecDeque<Asked>,
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// When it had been read.
    pub at: Timestamp,
    /// The idempotency key it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When its answer was made; absent while there is none, as for a request that a fault holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// The status of the answer, whether or not it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For how long the caller was asked to wait, in the words of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}

impl Seen {
    /// Notes a request and returns its number.
    pub(super) fn note(&mut self, key: Option<&str>, at: Timestamp) -> u64 {
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        let key = key.map(str::to_owned);
        self.log.push_back(Asked { at, key, answered_at: None, status: None, retry_after: None });
        self.count += 1;
        self.count
    }

    /// Notes the answer to the request of that number, if it is still remembered.
    pub(super) fn answered(&mut self, number: u64, answer: &Answer, at: Timestamp) {
        let forgotten = self.count - self.log.len() as u64;
        let place = number.checked_sub(forgotten + 1).and_then(|place| usize::try_from(place).ok());
        if let Some(asked) = place.and_then(|place| self.log.get_mut(place)) {
            asked.answered_at = Some(at);
            asked.status = Some(answer.status);
            asked.retry_after =
                answer.headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, wait)| wait.clone());
        }
    }
}

/// Answers `PUT faults`, `GET faults`, `GET ledger` and `GET requests`.
pub(super) async fn answer(provider: &Provider, method: &Method, route: &str, body: &[u8]) -> Answer {
    match (method, route) {
        (&Method::PUT, "faults") => match FaultRule::parse_list(body) {
            Ok(rules) => {
                provider.faults().set(rules);
                faults(provider)
            }
            Err(error) => Answer::json(400, &json!({"error": error.to_string()})),
        },
        (&Method::GET, "faults") => faults(provider),
        (&Method::GET, "requests") => Answer::json(200, &json!(provider.seen())),
        (&Method::GET, "ledger") => {
            let path = provider.ledger().to_owned();
            match tokio::task::spawn_blocking(move || Ledger::open(&path)?.entries()).await {
                Ok(Ok(entries)) => Answer::json(200, &json!({"items": entries})),
                Ok(Err(error)) => Answer::json(500, &json!({"error": error.to_string()})),
                Err(_) => Answer::json(500, &json!({"error": "the reader of the ledger failed"})),
            }
        }
        _ => Answer::json(404, &json!({"error": "the sandbox has faults, ledger and requests"})),
    }
}

fn faults(provider: &Provider) -> Answer {
    Answer::json(200, &json!({"items": provider.faults().rules()}))
}
