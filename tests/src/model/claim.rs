//! Claim: due rows of one outbox are judged, quota is taken, a batch is opened.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::elapsed;
use countersign_core::dispatch::settle::may_replay;
use countersign_core::gate::Ruling;
use countersign_core::outbox::limits::circuit;
use countersign_core::quota::day::{local_day, next_reset};
use jiff::Timestamp;
use jiff::civil::Date;

use super::provider::Request;
use super::worker::{Slot, Worker};
use super::{ITEMS, LEASE, Lease, Model, Token};

impl Model {
    /// Whether the product would look into the outbox at all.
    pub(super) fn has_work(&self, outbox: usize, today: Date) -> bool {
        let own = &self.outboxes[outbox];
        own.enabled
            && !own.is_cooling(self.now)
            && self.items.iter().any(|item| {
                item.is_filed()
                    && item.outbox == outbox
                    && item.send_after <= self.now
                    && match item.status {
                        Status::Approved | Status::BlockedByQuota => own.has_quota(today),
                        Status::Dispatching => item.token == Token::Waiting,
                        _ => false,
                    }
            })
    }

    /// Whether the circuit of an outbox was open and something of it is under way: then nothing else is tried.
    pub(super) fn is_being_tried(&self, outbox: usize) -> bool {
        circuit(self.outboxes[outbox].fault_streak).is_some()
            && self.leases.iter().any(|lease| lease.outbox == outbox)
    }

    /// Due rows, next first.
    fn candidates(&self, outbox: usize, limit: usize) -> impl Iterator<Item = usize> + use<> {
        let mut due = [(Timestamp::MAX, u8::MAX, usize::MAX); ITEMS];
        for (place, item) in due.iter_mut().zip(&self.items) {
            let waits = matches!(item.status, Status::Approved | Status::BlockedByQuota)
                || item.status == Status::Dispatching && item.token == Token::Waiting;
            if item.is_filed() && item.outbox == outbox && item.send_after <= self.now && waits {
                *place = (item.send_after, item.order, item.index);
            }
        }
        due.sort_unstable();
        due.into_iter().take_while(|(.., index)| *index != usize::MAX).take(limit).map(|(.., index)| index)
    }

    pub(super) fn claim(&mut self, worker: usize, outbox: usize, limit: usize) {
        let today = local_day(self.now, self.outboxes[outbox].zone);
        if !self.has_work(outbox, today) {
            return;
        }
        // Where the circuit was open one call tells whether it may close.
        let is_probe = circuit(self.outboxes[outbox].fault_streak).is_some();
        if self.is_being_tried(outbox) {
            return;
        }
        let limit = if is_probe { 1 } else { limit };
        let mut ready = Vec::with_capacity(limit);
        for index in self.candidates(outbox, limit) {
            match self.objection_to_claim(index) {
                None => ready.push(index),
                Some((status, code, until)) => self.hold(index, status, code, until),
            }
        }
        let is_fresh = |model: &Self, index: &usize| model.items[*index].status != Status::Dispatching;
        let wanted = ready.iter().filter(|index| is_fresh(self, index)).count();
        let (mut left, today) = match i32::try_from(wanted) {
            Ok(0) | Err(_) => (0, today),
            Ok(wanted) => self.outboxes[outbox].take(today, wanted),
        };
        let tomorrow = next_reset(self.now, self.outboxes[outbox].zone);
        ready.retain(|index| {
            if !is_fresh(self, index) {
                return true;
            }
            left -= 1;
            if left < 0 {
                self.hold(*index, Status::BlockedByQuota, "quota_exhausted", tomorrow);
            }
            left >= 0
        });
        if !ready.is_empty() {
            self.open_batch(worker, outbox, &ready, today);
        }
        self.note_written();
    }

    /// Why a due row cannot be claimed: where it goes, the code, and when it is looked at again.
    fn objection_to_claim(&mut self, index: usize) -> Option<(Status, &'static str, Timestamp)> {
        let ruling = self.judge(index);
        let item = &self.items[index];
        let is_replay = item.status == Status::Dispatching;
        if let Some((ruling, code)) = ruling {
            return match ruling {
                Ruling::Block { .. } | Ruling::Reopen if is_replay => {
                    Some((Status::Uncertain, code, item.send_after))
                }
                Ruling::Block { status } => Some((status, code, item.send_after)),
                Ruling::Defer { until } => Some((item.status, code, until)),
                // Nothing in the model makes an approval lapse.
                Ruling::Pass | Ruling::Reopen => None,
            };
        }
        if !is_replay {
            return None;
        }
        let since = item.first_wire_at.map_or(Duration::ZERO, |at| elapsed(at, self.now));
        if !may_replay(self.keeps_keys_for(), since, self.tries(index) + 1) {
            return Some((Status::Uncertain, "window_closed", item.send_after));
        }
        let maybe = item.attempts.iter().filter(|one| one.round == item.round && one.outcome == "maybe_sent");
        let first = maybe.min_by_key(|attempt| attempt.number);
        let is_other = first.is_some_and(|attempt| attempt.credential != self.credential);
        is_other.then(|| (Status::Uncertain, "credential_changed", item.first_wire_at.unwrap_or_default()))
    }

    fn tries(&self, index: usize) -> i16 {
        let item = &self.items[index];
        let tries = item.attempts.iter().filter(|attempt| attempt.round == item.round).count();
        i16::try_from(tries).unwrap_or(i16::MAX)
    }

    fn hold(&mut self, index: usize, status: Status, code: &'static str, until: Timestamp) {
        self.go(index, status);
        let item = &mut self.items[index];
        item.hold = Some(code);
        item.send_after = until;
        if status != Status::Dispatching {
            item.token = Token::None;
        }
    }

    fn open_batch(&mut self, worker: usize, outbox: usize, ready: &[usize], today: Date) {
        self.tokens += 1;
        let token = self.tokens;
        let mut items = 0;
        let mut slots = std::mem::take(&mut self.workers[worker].slots);
        for index in ready.iter().copied() {
            items |= 1 << index;
            if !self.allowed {
                self.breach("C4: claimed for somebody who is not on the allowlist", index);
            }
            if self.items[index].is_suppressed {
                self.breach("C4: claimed for somebody who is suppressed", index);
            }
            let tries = self.tries(index) + 1;
            if self.items[index].status == Status::BlockedByQuota {
                self.go(index, Status::Approved);
            }
            let is_replay = self.items[index].status == Status::Dispatching;
            self.go(index, Status::Dispatching);
            let epoch = self.outboxes[outbox].epoch;
            let item = &mut self.items[index];
            item.token = Token::By(token);
            item.attempt += 1;
            if !is_replay {
                item.quota_day = Some(today);
                item.quota_epoch = Some(epoch);
            }
            slots.push(Slot {
                request: Request {
                    item: index,
                    round: item.round,
                    words: item.words,
                    credential: self.credential,
                },
                attempt: item.attempt,
                tries,
                is_replay,
                first_wire_at: item.first_wire_at,
                worded_at: item.worded_at(),
                wire_at: None,
                left: self.passed,
                answer: None,
            });
        }
        let is_doubtful = self.outboxes[outbox].fault_streak > 0;
        self.workers[worker] = Worker { token, outbox, is_doubtful, slots };
        self.leases.push(Lease {
            token,
            outbox,
            until: self.now + LEASE,
            credential: self.credential,
            items,
        });
    }
}
