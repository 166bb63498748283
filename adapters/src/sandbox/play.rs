//! What the sandbox has to know of a provider to play it.
use bytes::Bytes;
use hyper::{HeaderMap, Method};

use super::answer::Answer;
use super::ledger::Entry;

/// One request.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    /// A header whose value is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a provider makes of a request that it understood.
pub(super) enum Act {
    /// Takes a message: it goes into the ledger and is answered with its id.
    Take(Message),
    /// Says something and takes nothing.
    Say(Answer),
    /// Looks into the ledger and takes nothing.
    Look(Look),
}

/// Makes an answer of what was accepted so far, in order.
pub(super) type Look = Box<dyn FnOnce(&[Entry]) -> Answer + Send>;

/// The facts of a valid message that the ledger keeps.
pub(super) struct Message {
    /// The id it gets.
    pub(super) id: String,
    /// What makes it the same as an earlier one: the idempotency key it came with, or what the provider goes by.
    pub(super) key: Option<String>,
    /// Who would receive it.
    pub(super) to: Vec<String>,
    /// The activity, where the request names it.
    pub(super) activity_id: Option<String>,
}

/// Trouble that any provider may have, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Too many requests.
    RateLimited,
    /// The quota of the day is used up.
    Quota,
    /// The credential may not do this.
    Unauthorized,
    /// Something inside failed.
    Broken,
    /// The key belongs to another body.
    KeyConflict,
    /// The first request with this key still runs.
    KeyRunning,
    /// There is no such place, or it takes another method.
    NoRoute,
}

/// A row of a provider's table of errors.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The code by which a test asks for it.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The whole body; empty where its provider makes one of the code.
    pub body: &'static str,
}

/// One provider.
pub(super) trait Play: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Whether a path is one of its API.
    fn has(&self, path: &str) -> bool;

    /// Checks a request as the provider does: the caller first, then what it wants.
    fn act(&self, ask: &Ask) -> Result<Act, Answer>;

    /// The answer to an accepted message.
    fn taken(&self, ask: &Ask, id: &str) -> Answer;

    /// The answer to a message that was accepted before, under the same key and with the same body.
    fn repeated(&self, ask: &Ask, id: &str) -> Answer {
        self.taken(ask, id)
    }

    /// The answer of trouble.
    fn trouble(&self, trouble: Trouble) -> Answer;

    /// Its table of errors.
    fn refusals(&self) -> &'static [Refusal];

    /// The answer of a row of that table.
    fn refuse(&self, refusal: &Refusal) -> Answer {
        let is_json = refusal.body.starts_with('{');
        Answer::new(refusal.status, if is_json { "application/json" } else { "text/plain" }, refusal.body)
    }

    /// Headers that come with every answer.
    fn limits(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}
