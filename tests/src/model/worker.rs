//! Workers: claim, wire, call, write. What each holds in memory is lost with it.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::dispatch::settle::{Fate, History, is_unclear, settle, was_asked};
use countersign_core::dispatch::{elapsed, is_late};
use fastrand::Rng;
use jiff::Timestamp;

use super::item::Attempt;
use super::provider::{Request, Stray};
use super::reply::{Answer, Reply};
use super::{KEYS_KEPT, Model, Token, WINDOW};

/// A message in the hands of a worker: what it knew when it claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) request: Request,
    pub(super) attempt: i16,
    pub(super) tries: i16,
    pub(super) is_replay: bool,
    pub(super) first_wire_at: Option<Timestamp>,
    pub(super) worded_at: Timestamp,
    pub(super) wire_at: Option<Timestamp>,
    /// When it went on the wire, in time that really passed.
    pub(super) left: Duration,
    pub(super) answer: Option<Answer>,
}

/// A worker.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    pub(super) token: u32,
    pub(super) outbox: usize,
    /// Whether its outbox had calls without a clear answer when it claimed.
    pub(super) is_doubtful: bool,
    pub(super) slots: Vec<Slot>,
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Looks for work and claims.
    Claim,
    /// Puts its batch on the wire.
    Depart,
    /// Makes the call for that item.
    Call(usize),
    /// Comes so late to the call for that item that it does not make it.
    Skip(usize),
    /// Writes what is answered; `true` if that is the last of its batch.
    Write(bool),
}

impl Worker {
    /// Whether it has a batch that is not on the wire.
    #[must_use]
    pub fn has_claimed(&self) -> bool {
        self.slots.iter().any(|slot| slot.wire_at.is_none())
    }

    /// Whether it has anything in memory.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.slots.is_empty()
    }
}

impl Model {
    /// What that worker does next.
    #[must_use]
    pub fn next_move(&self, worker: usize, dice: u8) -> Move {
        let slots = &self.workers[worker].slots;
        if slots.is_empty() {
            return Move::Claim;
        }
        if self.workers[worker].has_claimed() {
            return Move::Depart;
        }
        let answered = slots.iter().filter(|slot| slot.answer.is_some()).count();
        match slots.iter().find(|slot| slot.answer.is_none()) {
            None => Move::Write(true),
            Some(_) if answered > 0 && dice % 2 == 1 => Move::Write(false),
            Some(slot) if is_late(slot.left, self.passed) => Move::Skip(slot.request.item),
            Some(slot) => Move::Call(slot.request.item),
        }
    }

    pub(super) fn work(&mut self, worker: usize, outbox: usize, limit: usize, reply: Reply, dice: u8) {
        let next = self.next_move(worker, dice);
        self.made = Some(next);
        match next {
            Move::Claim => self.claim(worker, outbox, limit),
            Move::Depart => self.depart(worker),
            Move::Call(item) => self.call(worker, item, reply),
            Move::Skip(item) => self.skip(worker, item),
            Move::Write(is_last) => self.write(worker, is_last, dice),
        }
    }

    /// What the call a worker just made, or is about to make, carries: round, wording, version of the credential.
    #[must_use]
    pub fn carried(&self, worker: usize, item: usize) -> Option<(i32, u8, i32)> {
        let slot = self.workers[worker].slots.iter().find(|slot| slot.request.item == item)?;
        Some((slot.request.round, slot.request.words, slot.request.credential))
    }

    /// How long ago, in time that really passed, the messages of a worker went on the wire.
    #[must_use]
    pub fn since_departure(&self, worker: usize) -> Duration {
        self.workers[worker].slots.first().map_or(Duration::ZERO, |slot| self.passed - slot.left)
    }

    /// For how long a key is known to be kept. Where nobody knows how much time passed, none is.
    pub(super) fn keeps_keys_for(&self) -> Option<Duration> {
        (self.setup.keeps_keys && !self.clock_went_back()).then_some(KEYS_KEPT)
    }

    /// Wire: the stop facts are asked again; what may not go is given back.
    fn depart(&mut self, worker: usize) {
        let Worker { token, outbox, is_doubtful, mut slots } = std::mem::take(&mut self.workers[worker]);
        let claimed = slots.len();
        let own = &self.outboxes[outbox];
        let is_open = own.enabled
            && !own.is_cooling(self.now)
            && self.leases.iter().any(|lease| lease.token == token && lease.until > self.now);
        slots.retain_mut(|slot| {
            let item = &mut self.items[slot.request.item];
            if !item.is_dispatching_by(token) {
                return false;
            }
            let is_in_time = match item.first_wire_at.filter(|_| item.wire_at.is_some()) {
                None => item.expires_at > self.now,
                Some(at) => self.setup.keeps_keys && at > self.now - WINDOW,
            };
            let is_wanted = !item.is_suppressed && item.replied_at.is_none_or(|at| at <= slot.worded_at);
            if !is_open || !is_in_time || !is_wanted {
                if item.give_back() {
                    self.release(slot.request.item);
                }
                return false;
            }
            item.wire_at = Some(self.now);
            item.first_wire_at = item.first_wire_at.or(item.wire_at);
            slot.wire_at = item.wire_at;
            slot.left = self.passed;
            true
        });
        for slot in &slots {
            self.check_departure(slot.request);
        }
        if slots.len() < claimed {
            self.note_written();
        }
        if slots.is_empty() {
            self.close_batch(token);
        }
        self.workers[worker] = Worker { token, outbox, is_doubtful, slots };
    }

    /// A fresh claim that was taken back: approved again, its quota free.
    pub(super) fn release(&mut self, item: usize) {
        self.go(item, Status::Approved);
        self.refund(item);
    }

    pub(super) fn hand_back(&mut self, worker: usize) {
        if !self.workers[worker].has_claimed() {
            return;
        }
        let Worker { token, slots, .. } = std::mem::take(&mut self.workers[worker]);
        for slot in slots {
            if self.items[slot.request.item].is_dispatching_by(token)
                && self.items[slot.request.item].give_back()
            {
                self.release(slot.request.item);
            }
        }
        self.close_batch(token);
        self.note_written();
    }

    /// A batch goes away unless it still holds a row.
    pub(super) fn close_batch(&mut self, token: u32) {
        let items = &self.items;
        self.leases.retain(|lease| {
            lease.token != token
                || items
                    .iter()
                    .any(|item| lease.items & (1 << item.index) != 0 && item.is_dispatching_by(token))
        });
    }

    fn call(&mut self, worker: usize, item: usize, reply: Reply) {
        let slots = &mut self.workers[worker].slots;
        let Some(slot) = slots.iter_mut().find(|slot| slot.request.item == item && slot.answer.is_none())
        else {
            return;
        };
        slot.answer = Some(reply.answer());
        let slot = *slot;
        if reply == Reply::ArrivesLate {
            self.strays.push(Stray { request: slot.request, left: self.passed });
        }
        if reply.accepts() {
            self.accept(slot.request);
        }
        if reply.answer().is_ambiguous() {
            self.note_ambiguous(slot.request);
        }
    }

    /// The process or its machine stood still: the call is not begun, which is as good as a refused connection and says nothing about the
    /// provider.
    fn skip(&mut self, worker: usize, item: usize) {
        let slots = self.workers[worker].slots.iter_mut();
        for slot in slots.filter(|slot| slot.request.item == item) {
            slot.answer = Some(Answer::Late);
        }
    }

    /// From here on nobody may believe that this attempt was not taken.
    pub(super) fn note_ambiguous(&mut self, request: Request) {
        let item = &mut self.items[request.item];
        if item.round == request.round && !item.is_settled(item.round) {
            item.ambiguous_in = item.round;
        }
    }

    pub(super) fn crash(&mut self, worker: usize, keeps_flying: bool) {
        let lost = std::mem::take(&mut self.workers[worker]);
        for slot in lost.slots {
            if slot.wire_at.is_none() {
                continue;
            }
            // What it heard and did not write is not known to anybody, if the rows are still its own.
            if self.items[slot.request.item].is_dispatching_by(lost.token) {
                self.note_ambiguous(slot.request);
            }
            if slot.answer.is_none() && keeps_flying {
                self.strays.push(Stray { request: slot.request, left: slot.left });
            }
        }
    }

    fn write(&mut self, worker: usize, is_last: bool, dice: u8) {
        let Worker { token, outbox, is_doubtful, mut slots } = std::mem::take(&mut self.workers[worker]);
        let mut dice = Rng::with_seed(dice.into());
        let mut cool: Option<Duration> = None;
        let (mut unclear, mut clear) = (0, 0);
        for slot in &slots {
            let index = slot.request.item;
            let Some(answer) = slot.answer else { continue };
            if !self.items[index].is_dispatching_by(token) {
                continue;
            }
            let outcome = answer.outcome();
            let since = slot.first_wire_at.or(slot.wire_at).unwrap_or(self.now);
            let history = History {
                tries: slot.tries,
                since_first_wire: elapsed(since, self.now),
                keeps_keys_for: self.keeps_keys_for(),
                is_replay: slot.is_replay,
                reaches_people: true,
            };
            let settled = settle(&outcome, &history, dice.f64());
            self.items[index].record(Attempt {
                number: slot.attempt,
                outcome: outcome.as_str(),
                round: slot.request.round,
                wire_at: slot.wire_at.unwrap_or(self.now),
                credential: slot.request.credential,
            });
            self.close(index, settled.fate, answer.code(), settled.pause.is_some());
            if settled.pause.is_some() {
                self.outboxes[outbox].enabled = false;
            }
            cool = cool.max(settled.cool);
            if was_asked(&outcome) {
                *(if is_unclear(&outcome) { &mut unclear } else { &mut clear }) += 1;
            }
        }
        if let Some(wait) = cool {
            let until = self.now + wait;
            for outbox in &mut self.outboxes {
                outbox.cool(until);
            }
        }
        // A clear answer closes the circuit; it is news only where another was expected.
        if clear > 0 && is_doubtful {
            self.outboxes[outbox].count_faults(self.now, 0);
        } else if clear == 0 && unclear > 0 {
            self.outboxes[outbox].count_faults(self.now, unclear);
        }
        slots.retain(|slot| slot.answer.is_none());
        if is_last {
            self.close_batch(token);
        }
        self.note_written();
        self.workers[worker] = Worker { token, outbox, is_doubtful, slots };
    }

    /// Moves a row on when its attempt is over.
    fn close(&mut self, index: usize, fate: Fate, code: &'static str, pauses: bool) {
        let (status, hold, wait) = match fate {
            Fate::Sent => (Status::Sent, None, None),
            Fate::SentDryrun => (Status::SentDryrun, None, None),
            Fate::Failed => (Status::Failed, Some(code), None),
            Fate::Uncertain => (Status::Uncertain, Some(code), None),
            Fate::Again { wait } => {
                (Status::Approved, Some(if pauses { "account_broken" } else { "retry" }), Some(wait))
            }
            Fate::Replay { wait } => (Status::Dispatching, Some("replay"), Some(wait)),
        };
        self.go(index, status);
        if matches!(fate, Fate::Failed | Fate::Again { .. }) {
            self.refund(index);
        }
        let now = self.now;
        let item = &mut self.items[index];
        item.hold = hold;
        item.token = if status == Status::Dispatching { Token::Waiting } else { Token::None };
        if let Some(wait) = wait {
            item.send_after = now + wait;
        }
        if status == Status::Approved {
            item.wire_at = None;
            item.first_wire_at = None;
        }
    }
}
