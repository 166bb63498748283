//! One message: the row, its attempts, its decisions, and what only the model knows about it.
use std::sync::LazyLock;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::ids::ActivityId;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::{ITEMS, Model, WORDINGS};

/// Who holds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Nobody.
    None,
    /// Nobody; it was on the wire and waits to be repeated.
    Waiting,
    /// The batch of this number.
    By(u32),
}

/// One attempt on record.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its number.
    pub number: i16,
    /// The word stored with it.
    pub outcome: &'static str,
    pub(super) round: i32,
    pub(super) wire_at: Timestamp,
    pub(super) credential: i32,
}

/// One decision on record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) round: i32,
    pub(super) words: u8,
    pub(super) verdict: &'static str,
    pub(super) at: Timestamp,
    /// Whoever took it back did so although the contact wrote: the words still hold.
    pub(super) holds: bool,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place among those that were filed, from 1; 0 while it is not filed.
    pub order: u8,
    /// The outbox it leaves by.
    pub outbox: usize,
    /// Where it stands.
    pub status: Status,
    /// Round of decisions.
    pub round: i32,
    /// Which wording it has.
    pub words: u8,
    /// When it stops being worth sending.
    pub expires_at: Timestamp,
    /// Not before.
    pub send_after: Timestamp,
    /// Why it waits or stopped.
    pub hold: Option<&'static str>,
    /// Who holds it.
    pub token: Token,
    /// Attempts so far.
    pub attempt: i16,
    /// When its last attempt went on the wire.
    pub wire_at: Option<Timestamp>,
    /// When its first attempt of the round did.
    pub first_wire_at: Option<Timestamp>,
    /// The local day whose quota it holds.
    pub quota_day: Option<Date>,
    /// Attempts on record.
    pub attempts: Vec<Attempt>,
    /// When its contact last wrote.
    pub replied_at: Option<Timestamp>,
    /// Whether its contact is suppressed.
    pub is_suppressed: bool,
    pub(super) decisions: Vec<Decision>,
    /// When each wording was put on file.
    pub(super) worded: [Option<Timestamp>; WORDINGS as usize],
    /// The day of the bucket, counted by the model, whose quota it holds.
    pub(super) quota_epoch: Option<u32>,
    /// The round in which it may have been taken without anybody knowing; 0 for none.
    pub(super) ambiguous_in: i32,
    /// A bit for each round a person settled.
    pub(super) settled: u64,
    pub(super) index: usize,
}

impl Item {
    pub(super) fn unfiled(index: usize, outbox: usize, now: Timestamp) -> Self {
        Self {
            order: 0,
            outbox,
            status: Status::DraftPendingApproval,
            round: 1,
            words: 0,
            expires_at: now,
            send_after: now,
            hold: None,
            token: Token::None,
            attempt: 0,
            wire_at: None,
            first_wire_at: None,
            quota_day: None,
            attempts: Vec::new(),
            replied_at: None,
            is_suppressed: false,
            decisions: Vec::new(),
            worded: [None; WORDINGS as usize],
            quota_epoch: None,
            ambiguous_in: 0,
            settled: 0,
            index,
        }
    }

    /// Whether it exists.
    #[must_use]
    pub fn is_filed(&self) -> bool {
        self.order > 0
    }

    /// The id the model gives it.
    pub(super) fn id(index: usize) -> ActivityId {
        ActivityId(Uuid::from_u128(0x7000 + index as u128))
    }

    pub(super) fn hash(&self) -> PayloadHash {
        hash(self.index, self.words)
    }

    /// The words that were approved in a round.
    pub(super) fn approved_words(&self, round: i32) -> Option<u8> {
        let is_it = |decision: &&Decision| decision.round == round && decision.verdict == "approve";
        self.decisions.iter().find(is_it).map(|decision| decision.words)
    }

    /// Puts its words on file. Words that were there before stay from then.
    pub(super) fn note_worded(&mut self, now: Timestamp) {
        self.worded[usize::from(self.words)].get_or_insert(now);
    }

    /// When its words were put on file, or somebody said that they still hold.
    pub(super) fn worded_at(&self) -> Timestamp {
        let worded = self.worded[usize::from(self.words)].unwrap_or(Timestamp::MAX);
        let held = self.decisions.iter().filter(|decision| decision.holds).map(|decision| decision.at).max();
        if self.replied_at.is_some_and(|at| at > worded) {
            worded.max(held.unwrap_or(worded))
        } else {
            worded
        }
    }

    pub(super) fn is_dispatching_by(&self, token: u32) -> bool {
        self.status == Status::Dispatching && self.token == Token::By(token)
    }

    /// Whether bytes of it may have left without a proof of what came of it.
    pub(super) fn is_ambiguous_or_on_the_wire(&self) -> bool {
        self.is_filed() && self.status == Status::Dispatching && self.wire_at.is_some()
    }

    pub(super) fn is_settled(&self, round: i32) -> bool {
        self.settled & (1 << (round % 64)) != 0
    }

    pub(super) fn note_settled(&mut self) {
        self.settled |= 1 << (self.round % 64);
    }

    /// What the database does to a row whose claim is taken back before it went on the wire. True if its quota is free again.
    pub(super) fn give_back(&mut self) -> bool {
        self.attempt -= 1;
        if self.wire_at.is_some() {
            self.token = Token::Waiting;
            return false;
        }
        self.token = Token::None;
        true
    }

    pub(super) fn record(&mut self, attempt: Attempt) {
        if self.attempts.iter().all(|before| before.number != attempt.number) {
            self.attempts.push(attempt);
        }
    }

    /// A draft again.
    pub(super) fn reopen(&mut self, now: Timestamp) {
        self.round += 1;
        if self.hold != Some("scheduled") {
            self.send_after = self.send_after.min(now);
        }
        self.hold = None;
        self.token = Token::None;
        self.wire_at = None;
        self.first_wire_at = None;
        self.quota_day = None;
    }
}

impl Model {
    /// Moves an item on. The product's table of transitions says whether it may.
    pub(super) fn go(&mut self, item: usize, status: Status) {
        if !self.items[item].status.may_become(status) {
            self.breach("I5: an illegal transition", item);
        }
        self.items[item].status = status;
    }
}

/// The hash of a wording.
pub(super) fn hash(item: usize, words: u8) -> PayloadHash {
    static HASHES: LazyLock<[[PayloadHash; WORDINGS as usize]; ITEMS]> = LazyLock::new(|| {
        std::array::from_fn(|item| {
            std::array::from_fn(|words| PayloadHash::of(format!("{item} {words}").as_bytes()))
        })
    });
    HASHES[item][usize::from(words)]
}

/// The wording after this one.
pub(super) fn next(words: u8) -> u8 {
    (words + 1) % WORDINGS
}

/// The hash of other words than the item has.
pub(super) fn stale_hash(item: &Item) -> PayloadHash {
    hash(item.index, next(item.words))
}
