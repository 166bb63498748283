//! The end of a run: faults stop, and everything has to come to rest.
use countersign_core::activity::status::Status;
use countersign_core::quota::day::local_day;

use super::{Breach, Model, Op, Reply};

/// A cap that every message of the model fits under.
const ENOUGH: u8 = 20;

impl Model {
    /// The next thing that puts matters right; `None` when everything is at rest.
    #[must_use]
    pub fn healing(&self) -> Option<Op> {
        self.mend_circumstances().or_else(|| self.go_on())
    }

    fn mend_circumstances(&self) -> Option<Op> {
        if !self.strays.is_empty() {
            return Some(Op::Land { arrives: true });
        }
        if !self.allowed {
            return Some(Op::Allow { allowed: true });
        }
        (0..).zip(&self.outboxes).find_map(|(outbox, own)| {
            if !own.enabled {
                Some(Op::Resume { outbox })
            } else if own.cap < ENOUGH.into() {
                Some(Op::Cap { outbox, cap: ENOUGH })
            } else {
                None
            }
        })
    }

    fn go_on(&self) -> Option<Op> {
        let work = |worker, outbox| Op::Work { worker, outbox, limit: 4, reply: Reply::Accepts, dice: 0 };
        if let Some((worker, _)) = (0..).zip(&self.workers).find(|(_, worker)| worker.is_busy()) {
            return Some(work(worker, 0));
        }
        if self.leases.iter().any(|lease| lease.is_lost(self.now)) {
            return Some(Op::Recover);
        }
        let is_draft = |status| status == Status::DraftPendingApproval;
        if self.filed().any(|item| is_draft(item.status) && item.expires_at <= self.now) {
            return Some(Op::Keep);
        }
        let has_work = |outbox: usize| {
            self.has_work(outbox, local_day(self.now, self.outboxes[outbox].zone))
                && !self.is_being_tried(outbox)
        };
        if let Some(outbox) =
            (0..).zip(&self.outboxes).map(|(outbox, _)| outbox).find(|outbox| has_work(usize::from(*outbox)))
        {
            return Some(work(0, outbox));
        }
        let waits = self.filed().filter(|item| is_queued(item.status)).map(|item| item.send_after);
        let times = waits
            .chain(self.leases.iter().map(|lease| lease.until))
            .chain(self.outboxes.iter().filter_map(|own| own.cool_until));
        let is_waiting = self.filed().any(|item| is_queued(item.status)) || !self.leases.is_empty();
        let next = times.filter(|at| *at >= self.now).min()?;
        let secs = next.duration_since(self.now).as_secs() + 1;
        is_waiting.then(|| Op::Wait { secs: u32::try_from(secs).unwrap_or(u32::MAX) })
    }

    /// C2: once everything is at rest, every message stands where somebody can read what became of it.
    ///
    /// # Errors
    /// What is still under way.
    pub fn check_rest(&self) -> Result<(), Breach> {
        if let Some(item) = self.filed().find(|item| is_queued(item.status)) {
            return Err(Breach {
                rule: "C2: it is under way and nothing will happen to it",
                item: Some(item.index),
            });
        }
        if self.leases.is_empty() {
            Ok(())
        } else {
            Err(Breach { rule: "C2: a batch is open and nobody works on it", item: None })
        }
    }
}

fn is_queued(status: Status) -> bool {
    matches!(status, Status::Approved | Status::BlockedByQuota | Status::Dispatching)
}
