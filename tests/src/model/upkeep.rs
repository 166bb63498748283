//! Upkeep: leases renewed, lost batches taken over, drafts expired, windows closed.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::elapsed;
use countersign_core::dispatch::settle::may_replay;

use super::item::Attempt;
use super::provider::Request;
use super::{LEASE, Model, Token, WINDOW};

impl Model {
    pub(super) fn renew(&mut self, worker: usize) {
        let until = self.now + LEASE;
        let token = self.workers[worker].token;
        if self.workers[worker].is_busy()
            && let Some(lease) = self.leases.iter_mut().find(|lease| lease.token == token)
        {
            lease.until = until;
        }
    }

    /// Takes over the batch whose lease ran out first.
    pub(super) fn recover(&mut self) {
        let lost = self.leases.iter().filter(|lease| lease.is_lost(self.now));
        let Some(lease) = lost.min_by_key(|lease| (lease.until, lease.token)).copied() else { return };
        for index in 0..self.items.len() {
            if lease.items & (1 << index) == 0 || !self.items[index].is_dispatching_by(lease.token) {
                continue;
            }
            match self.stranded_at(index, lease.credential) {
                Some(attempt) => self.settle_stranded(index, attempt),
                None if self.items[index].give_back() => self.release(index),
                None => {}
            }
        }
        self.close_batch(lease.token);
        self.note_written();
    }

    /// The attempt of a row that was on the wire when its worker was lost. A row that is repeated and was not on the wire yet still has
    /// the time of the attempt before.
    fn stranded_at(&self, index: usize, credential: i32) -> Option<Attempt> {
        let item = &self.items[index];
        let wire_at = item.wire_at?;
        let was_before =
            item.attempts.iter().any(|before| before.number == item.attempt - 1 && before.wire_at == wire_at);
        (!was_before).then_some(Attempt {
            number: item.attempt,
            outcome: "maybe_sent",
            round: item.round,
            wire_at,
            credential,
        })
    }

    fn settle_stranded(&mut self, index: usize, attempt: Attempt) {
        let Attempt { round, credential, .. } = attempt;
        let words = self.items[index].words;
        self.note_ambiguous(Request { item: index, round, words, credential });
        self.items[index].record(attempt);
        let since = self.items[index].first_wire_at.map_or(Duration::MAX, |at| elapsed(at, self.now));
        let again = may_replay(self.keeps_keys_for(), since, 1);
        self.go(index, if again { Status::Dispatching } else { Status::Uncertain });
        let now = self.now;
        let item = &mut self.items[index];
        item.token = if again { Token::Waiting } else { Token::None };
        item.hold = Some(if again { "replay" } else { "worker_lost" });
        if again {
            item.send_after = now;
        }
    }

    pub(super) fn keep(&mut self) {
        let went_back = self.clock_went_back();
        for index in 0..self.items.len() {
            let item = &self.items[index];
            if !item.is_filed() {
                continue;
            }
            if item.status == Status::DraftPendingApproval && item.expires_at <= self.now {
                self.go(index, Status::Expired);
                self.items[index].hold = Some("expired");
                self.note_written();
            } else if self.setup.keeps_keys
                && self.items[index].status == Status::Dispatching
                && self.items[index].token == Token::Waiting
                && (went_back || self.items[index].first_wire_at.is_some_and(|at| at < self.now - WINDOW))
            {
                self.go(index, Status::Uncertain);
                let item = &mut self.items[index];
                item.token = Token::None;
                item.hold = Some("window_closed");
                self.note_written();
            }
        }
    }
}
