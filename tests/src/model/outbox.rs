//! Outboxes with their buckets: what the product's SQL does to quota, caps, zones and switches.
use countersign_core::outbox::limits::{CIRCUIT_OPENS_AT, circuit};
use countersign_core::outbox::store::CoolReason;
use countersign_core::quota::day::local_day;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Item, Model};
use countersign_core::activity::status::Status;

/// An outbox and its bucket.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The local day of the bucket.
    pub day: Date,
    /// What was taken of that day.
    pub sent_today: i32,
    /// The cap of that day.
    pub bucket_cap: i32,
    /// The cap of days to come.
    pub cap: i32,
    /// Its zone.
    pub zone: &'static str,
    /// Whether it is open.
    pub enabled: bool,
    /// Whether it is stopped for good.
    pub killed: bool,
    /// It waits until then.
    pub cool_until: Option<Timestamp>,
    /// Why it does, or did.
    pub cool_reason: Option<CoolReason>,
    /// Calls in a row without a clear answer.
    pub fault_streak: i32,
    /// Counts how often the bucket began anew.
    pub(super) epoch: u32,
    /// How much more the bucket counts than the messages hold, after moves to other zones.
    pub(super) unreturned: i32,
}

impl Outbox {
    pub(super) fn new(cap: i32, now: Timestamp) -> Self {
        Self {
            day: local_day(now, "UTC"),
            sent_today: 0,
            bucket_cap: cap,
            cap,
            zone: "UTC",
            enabled: true,
            killed: false,
            cool_until: None,
            cool_reason: None,
            fault_streak: 0,
            epoch: 0,
            unreturned: 0,
        }
    }

    pub(super) fn is_cooling(&self, now: Timestamp) -> bool {
        self.cool_until.is_some_and(|until| until > now)
    }

    /// The provider asked to wait.
    pub(super) fn cool(&mut self, until: Timestamp) {
        self.cool_until = self.cool_until.max(Some(until));
        self.cool_reason = Some(CoolReason::Provider);
    }

    /// Calls were written, so many of them without a clear answer; with none of those, one was clear.
    pub(super) fn count_faults(&mut self, now: Timestamp, faults: i32) {
        let is_open = self.cool_reason == Some(CoolReason::Circuit);
        if faults == 0 {
            self.fault_streak = 0;
            if is_open {
                self.cool_until = None;
            }
            return;
        }
        if is_open && self.is_cooling(now) {
            return;
        }
        self.fault_streak = if self.fault_streak < CIRCUIT_OPENS_AT {
            (self.fault_streak + faults).min(CIRCUIT_OPENS_AT)
        } else {
            self.fault_streak.min(1000) + 1
        };
        let until = circuit(self.fault_streak).map(|wait| now + wait);
        if until > self.cool_until {
            self.cool_until = until;
            self.cool_reason = Some(CoolReason::Circuit);
        }
    }

    pub(super) fn has_quota(&self, today: Date) -> bool {
        self.sent_today < self.bucket_cap || self.day < today
    }

    fn begin_day(&mut self, today: Date) {
        if self.day < today {
            self.day = today;
            self.sent_today = 0;
            self.bucket_cap = self.cap;
            self.epoch += 1;
            self.unreturned = 0;
        }
    }

    /// Takes up to `wanted` and says how many, and of which day.
    pub(super) fn take(&mut self, today: Date, wanted: i32) -> (i32, Date) {
        if self.day >= today && self.sent_today >= self.bucket_cap {
            return (0, today);
        }
        self.begin_day(today);
        let granted = wanted.min(self.bucket_cap - self.sent_today);
        self.sent_today += granted;
        (granted, self.day)
    }

    /// Gives one back that was taken of that day.
    pub(super) fn refund(&mut self, day: Date, epoch: Option<u32>) {
        if self.day == day && self.sent_today > 0 {
            self.sent_today -= 1;
            if epoch != Some(self.epoch) {
                // The outbox moved to a zone where an earlier date is on again. The product tells days by their dates, so what was
                // taken before the move comes back after it: the bucket then counts one less than the messages.
                self.unreturned -= 1;
            }
        } else if epoch == Some(self.epoch) {
            self.unreturned += 1;
        }
    }

    /// Another cap or zone. What was sent today stays counted.
    fn adjust(&mut self, today: Date, moves_to: Option<Date>) {
        self.begin_day(today);
        self.bucket_cap = self.cap.max(self.sent_today);
        self.day = moves_to.unwrap_or(self.day);
    }
}

impl Model {
    /// Gives the quota of an item back.
    pub(super) fn refund(&mut self, item: usize) {
        let Item { quota_day, quota_epoch, outbox, .. } = self.items[item];
        if let Some(day) = quota_day {
            self.outboxes[outbox].refund(day, quota_epoch);
        }
        self.items[item].quota_day = None;
        self.items[item].quota_epoch = None;
    }

    pub(super) fn set_cap(&mut self, outbox: usize, cap: i32) {
        if self.outboxes[outbox].cap != cap {
            self.look_again(outbox);
            let today = local_day(self.now, self.outboxes[outbox].zone);
            self.outboxes[outbox].cap = cap;
            self.outboxes[outbox].adjust(today, None);
            self.note_written();
        }
    }

    pub(super) fn set_zone(&mut self, outbox: usize, zone: &'static str) {
        let before = self.outboxes[outbox].zone;
        if before != zone {
            self.look_again(outbox);
            self.outboxes[outbox].zone = zone;
            let (today, moves_to) = (local_day(self.now, before), local_day(self.now, zone));
            self.outboxes[outbox].adjust(today, Some(moves_to));
            self.note_written();
        }
    }

    fn look_again(&mut self, outbox: usize) {
        for item in self.items.iter_mut().filter(|item| item.is_filed() && item.outbox == outbox) {
            if item.status == Status::BlockedByQuota {
                item.send_after = item.send_after.min(self.now);
            }
        }
    }

    pub(super) fn pause(&mut self, outbox: usize) {
        if !self.outboxes[outbox].killed {
            self.outboxes[outbox].enabled = false;
            self.note_written();
        }
    }

    pub(super) fn kill(&mut self, outbox: usize) {
        if !self.outboxes[outbox].killed {
            self.outboxes[outbox].enabled = false;
            self.outboxes[outbox].killed = true;
            self.note_written();
        }
    }

    /// Pause, kill and an open circuit go away; what the provider asked for stays. A row held by a stop would be due again, but a claim
    /// that meets a stop between looking and locking is nothing the model has.
    pub(super) fn resume(&mut self, outbox: usize) {
        let own = &mut self.outboxes[outbox];
        own.enabled = true;
        own.killed = false;
        own.fault_streak = 0;
        own.cool_until = own.cool_until.filter(|_| own.cool_reason == Some(CoolReason::Provider));
        self.note_written();
    }
}
