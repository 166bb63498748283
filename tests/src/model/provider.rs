//! The provider: what it took, under which key, and what it still knows of that.
use std::time::Duration;

use countersign_core::dispatch::idempotency_key;

use super::passing::UNDERWAY;
use super::{Item, KEYS_KEPT, Model};

/// A request as it travels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) item: usize,
    pub(super) round: i32,
    pub(super) words: u8,
    /// Version of the credential; for the provider that is the account.
    pub(super) credential: i32,
}

/// A request nobody waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) request: Request,
    /// When it left, in time that really passed.
    pub(super) left: Duration,
}

/// One message the provider took.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) request: Request,
    key: String,
    at: Duration,
}

/// The ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Provider {
    pub(super) ledger: Vec<Line>,
}

impl Model {
    /// The provider takes a message, unless it knows that it has.
    pub(super) fn accept(&mut self, request: Request) {
        let key = idempotency_key(Item::id(request.item), request.round);
        let is_known = self.setup.keeps_keys
            && self.provider.ledger.iter().any(|line| {
                line.key == key
                    && line.request.credential == request.credential
                    && self.passed - line.at < KEYS_KEPT
            });
        if !is_known {
            self.provider.ledger.push(Line { request, key, at: self.passed });
        }
    }

    /// The oldest stray request reaches the provider, or is lost.
    pub(super) fn land(&mut self, arrives: bool) {
        if !self.strays.is_empty() {
            let stray = self.strays.remove(0);
            if arrives && self.passed - stray.left <= UNDERWAY {
                self.accept(stray.request);
            }
        }
    }

    /// How many messages the provider took.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.provider.ledger.len()
    }
}
