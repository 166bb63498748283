//! What people do: file, decide, edit, take back, settle.
use countersign_core::activity::status::Status;
use countersign_core::approval::verdict::{Asked, LastDecision, Standing, objection, objection_to_undo};
use countersign_core::approval::{Item, Resolution};
use countersign_core::ids::ActivityId;
use jiff::SignedDuration;
use uuid::Uuid;

use super::item::{Decision, hash, next, stale_hash};
use super::{Model, Setup};

/// The person who decides. Everybody else is an agent.
const APPROVER: Uuid = Uuid::from_u128(0xbe);

impl Model {
    pub(super) fn file(&mut self, item: usize, life_hours: u8, delay_hours: u8) {
        if self.items[item].is_filed() || delay_hours >= life_hours {
            return;
        }
        self.filed += 1;
        let (now, order) = (self.now, self.filed);
        let item = &mut self.items[item];
        item.order = order;
        item.expires_at = now + SignedDuration::from_hours(life_hours.into());
        item.send_after = now + SignedDuration::from_hours(delay_hours.into());
        item.note_worded(now);
        self.note_written();
    }

    /// What a decision looks at. `None` for what does not exist.
    fn standing(&self, item: usize) -> Option<Standing> {
        let item = &self.items[item];
        let last = item.decisions.iter().rev().find(|decision| decision.round == item.round);
        item.is_filed().then(|| Standing {
            status: item.status,
            payload_sha256: item.hash(),
            round: item.round,
            expires_at: Some(item.expires_at),
            proposed_by: None,
            last: last.map(|last| LastDecision {
                verdict: last.verdict.to_owned(),
                payload_sha256: hash(item.index, last.words),
                actor_id: APPROVER,
                by: String::new(),
                at: last.at,
            }),
            // The company of the model asks for one person.
            votes: Vec::new(),
        })
    }

    fn decide(&mut self, item: usize, verdict: &'static str) {
        let (round, words) = (self.items[item].round, self.items[item].words);
        let at = self.now;
        let holds = verdict == "undo" && self.items[item].hold == Some("replied");
        self.items[item].decisions.push(Decision { round, words, verdict, at, holds });
        self.note_written();
    }

    pub(super) fn approve(&mut self, item: usize, is_stale: bool) {
        let seen = if is_stale { stale_hash(&self.items[item]) } else { self.items[item].hash() };
        let standing = self.standing(item);
        if objection(
            Asked::Approve,
            standing.as_ref(),
            Item::seen(ActivityId(Uuid::nil()), seen),
            APPROVER,
            self.now,
        )
        .is_some()
        {
            return;
        }
        if seen != self.items[item].hash() {
            return self.breach("S8: words were approved that nobody saw", item);
        }
        if self.items[item].expires_at <= self.now {
            return self.breach("C4: an expired draft was approved", item);
        }
        self.decide(item, "approve");
        self.go(item, Status::Approved);
        let window = if self.setup.has_undo_window { Setup::UNDO_WINDOW_SECS } else { 0 };
        let until = self.now + SignedDuration::from_secs(window.into());
        let item = &mut self.items[item];
        item.hold = Some(if item.send_after > until { "scheduled" } else { "undo_window" });
        item.send_after = item.send_after.max(until);
    }

    pub(super) fn reject(&mut self, item: usize) {
        let (standing, seen) = (self.standing(item), self.items[item].hash());
        if objection(
            Asked::Reject,
            standing.as_ref(),
            Item::seen(ActivityId(Uuid::nil()), seen),
            APPROVER,
            self.now,
        )
        .is_none()
        {
            self.decide(item, "reject");
            self.go(item, Status::Rejected);
        }
    }

    pub(super) fn edit(&mut self, item: usize) {
        let now = self.now;
        let item = &mut self.items[item];
        if item.is_filed() && item.status == Status::DraftPendingApproval && item.expires_at > now {
            item.words = next(item.words);
            item.note_worded(now);
            self.note_written();
        }
    }

    pub(super) fn undo(&mut self, item: usize) {
        if objection_to_undo(self.standing(item).as_ref()).is_none() {
            self.decide(item, "undo");
            self.go(item, Status::DraftPendingApproval);
            self.items[item].reopen(self.now);
        }
    }

    /// A person says what became of an uncertain message. They may be wrong: then the books and the provider differ, by their word.
    pub(super) fn settle_by_hand(&mut self, item: usize, resolution: Resolution) {
        if !self.items[item].is_filed() || self.items[item].status != Status::Uncertain {
            return;
        }
        self.items[item].note_settled();
        match resolution {
            Resolution::WasSent => self.go(item, Status::Sent),
            Resolution::WasNotSent => {
                self.go(item, Status::Failed);
                self.refund(item);
            }
            Resolution::BackToDraft => {
                self.refund(item);
                self.go(item, Status::DraftPendingApproval);
                self.items[item].reopen(self.now);
            }
        }
        self.items[item].hold = None;
        self.note_written();
    }

    /// The recipients are put on the allowlist, or taken off.
    pub(super) fn allow(&mut self, allowed: bool) {
        if self.allowed != allowed {
            self.allowed = allowed;
            self.note_written();
        }
    }

    /// The contact of an item is suppressed, or that is lifted.
    pub(super) fn suppress(&mut self, item: usize, suppressed: bool) {
        if self.items[item].is_filed() && self.items[item].is_suppressed != suppressed {
            self.items[item].is_suppressed = suppressed;
            self.note_written();
        }
    }

    /// The contact of an item wrote.
    pub(super) fn hear(&mut self, item: usize) {
        if self.items[item].is_filed() {
            self.items[item].replied_at = self.items[item].replied_at.max(Some(self.now));
            self.note_written();
        }
    }
}
