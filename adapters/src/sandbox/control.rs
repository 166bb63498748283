//! The routes by which a test in another process steers and questions a sandbox.
use std::collections::VecDeque;

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::api::Provider;
use super::faults::FaultRule;
use super::ledger::Ledger;

/// Everything below this path is not the provider's API.
pub(super) const PREFIX: &str = "/_sandbox/";

/// How many keys are remembered; the count goes on.
const KEYS: usize = 100_000;

/// What was asked of the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests of any kind, whatever was answered, without those that steer the sandbox.
    pub count: u64,
    /// The idempotency keys of the latest of them, in order, repeated as they came.
    pub keys: VecDeque<String>,
}

impl Seen {
    pub(super) fn note(&mut self, key: Option<&str>) {
        self.count += 1;
        if let Some(key) = key {
            if self.keys.len() == KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back(key.to_owned());
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
