//! A message of the demo and its life so far. Times are fixed here; nothing in this file decides them.
use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use uuid::Uuid;

use crate::activity::payload::Kind;
use crate::activity::status::Status;
use crate::draft::DraftInput;
use crate::ids::{ActivityId, ClaimId};

/// A draft that came in at some time, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: ActivityId,
    pub(super) contact: usize,
    pub(super) outbox: usize,
    pub(super) kind: Kind,
    pub(super) input: DraftInput,
    pub(super) created_at: Timestamp,
    pub(super) send_after: Timestamp,
    pub(super) life: Life,
}

/// Who decided, by name, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) by: &'static str,
    pub(super) at: Timestamp,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub(super) enum Life {
    Pending,
    Rejected {
        decided: Decided,
        reason: &'static str,
    },
    Expired {
        at: Timestamp,
    },
    Holding {
        decided: Decided,
        code: &'static str,
    },
    Blocked {
        decided: Decided,
        at: Timestamp,
        code: &'static str,
    },
    Left {
        decided: Decided,
        tries: Vec<Try>,
        end: Status,
    },
    /// Came in, or was noted by hand: no decision, no wire.
    Noted {
        status: Status,
    },
}

/// One attempt on the wire.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) claim: ClaimId,
    pub(super) wire_at: Timestamp,
    pub(super) closed_at: Timestamp,
    pub(super) outcome: &'static str,
    pub(super) provider_ref: Option<String>,
    pub(super) code: Option<&'static str>,
    pub(super) detail: Option<&'static str>,
}

impl Life {
    /// The decision that ended the draft, if a person made one.
    pub(super) fn decided(&self) -> Option<Decided> {
        match self {
            Self::Rejected { decided, .. }
            | Self::Holding { decided, .. }
            | Self::Blocked { decided, .. }
            | Self::Left { decided, .. } => Some(*decided),
            Self::Pending | Self::Expired { .. } | Self::Noted { .. } => None,
        }
    }

    /// Whether it was approved.
    pub(super) fn is_approved(&self) -> bool {
        matches!(self, Self::Holding { .. } | Self::Blocked { .. } | Self::Left { .. })
    }

    /// Where it stands now.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Pending => Status::DraftPendingApproval,
            Self::Rejected { .. } => Status::Rejected,
            Self::Expired { .. } => Status::Expired,
            Self::Holding { .. } => Status::Approved,
            Self::Blocked { .. } => Status::BlockedByAllowlist,
            Self::Left { end, .. } => *end,
            Self::Noted { status } => *status,
        }
    }
}

/// A time-ordered id as it would have been made at that time.
pub(super) fn id_at(at: Timestamp, rng: &mut Rng) -> Uuid {
    let mut random = [0_u8; 10];
    rng.fill(&mut random);
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// A life that ended with one attempt which the provider took: decided, a breath after the undo window on the wire.
pub(super) fn sent(wire_at: Timestamp, rng: &mut Rng) -> (Decided, Try) {
    let by = if rng.u8(0..10) < 6 { "ana" } else { "ben" };
    let decided = Decided { by, at: wire_at - SignedDuration::from_millis(30_200 + rng.i64(0..1500)) };
    let id = uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid();
    let attempt = Try {
        claim: ClaimId(id_at(wire_at, rng)),
        wire_at,
        closed_at: wire_at + SignedDuration::from_millis(rng.i64(140..900)),
        outcome: "accepted",
        provider_ref: Some(id.to_string()),
        code: None,
        detail: None,
    };
    (decided, attempt)
}

/// A time in office hours so many days ago, in the outbox's zone; `None` at a weekend and when it has not come yet.
pub(super) fn office_time(now: Timestamp, zone: &str, days_ago: i32, rng: &mut Rng) -> Option<Timestamp> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let date = now.to_zoned(zone.clone()).date().checked_sub(days_ago.days()).ok()?;
    let minute = rng.i64(0..510);
    if date.weekday().to_monday_zero_offset() >= 5 {
        return None;
    }
    let start = date.at(8, 0, 0, 0).to_zoned(zone).ok()?.timestamp();
    let at = start + SignedDuration::from_mins(minute) + SignedDuration::from_millis(rng.i64(0..60_000));
    Some(at).filter(|at| *at < now - SignedDuration::from_mins(25))
}

/// The same, on the last working day at least so many days ago.
pub(super) fn working_time(now: Timestamp, zone: &str, days_ago: i32, rng: &mut Rng) -> Timestamp {
    (days_ago..days_ago + 4)
        .find_map(|days| office_time(now, zone, days, rng))
        .unwrap_or_else(|| now - SignedDuration::from_hours(24 * i64::from(days_ago)))
}
