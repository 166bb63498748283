//! Was the contact, or the contact's account, written to as often as the company allows? Counts over all channels and outboxes. Where
//! more is due than may leave, a reply goes before a booking, that before a follow-up, and that before a first touch.
use jiff::{SignedDuration, Timestamp};

use super::{Facts, Verdict};
use crate::activity::payload::Kind;
use crate::ids::ActivityId;

const GATE: &str = "frequency";

/// The span in which messages to one contact are counted.
pub(crate) const CONTACT_SPAN: SignedDuration = SignedDuration::from_hours(24);

/// The span in which messages to one account are counted.
pub(crate) const ACCOUNT_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How soon one is looked at again that waits for another one to leave.
const BEHIND_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What one contact or account got, and what else is about to leave for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// When messages left within the span.
    pub left_at: Vec<Timestamp>,
    /// Messages with the dispatcher.
    pub under_way: Vec<ActivityId>,
    /// Other messages that are due.
    pub due: Vec<Rival>,
}

/// Another message for the same contact or account that could leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Which.
    pub id: ActivityId,
    /// Kind of touch.
    pub kind: Kind,
    /// Since when it is due.
    pub send_after: Timestamp,
}

impl Touches {
    /// The same, seen from one of the messages.
    #[must_use]
    pub fn without(mut self, me: ActivityId) -> Self {
        self.under_way.retain(|id| *id != me);
        self.due.retain(|rival| rival.id != me);
        self
    }
}

impl Rival {
    fn order(&self) -> (u8, Timestamp, ActivityId) {
        let rank = match self.kind {
            Kind::Reply => 0,
            Kind::Booking => 1,
            Kind::FollowUp => 2,
            Kind::FirstTouch | Kind::Post => 3,
        };
        (rank, self.send_after, self.id)
    }
}

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if !facts.policy.caps_frequency() {
        return Verdict::pass(GATE, "no cap on how often one may be written to");
    }
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    let item = facts.item;
    let me = Rival { id: item.id, kind: item.kind, send_after: item.send_after };
    // A reply answers what the contact wrote; what was sent before that does not count against it.
    let since = if item.kind == Kind::Reply { item.replied_at } else { None };
    let contact = facts.policy.contact_per_day.and_then(|cap| {
        let until = wait(&item.contact_touches, me, since, cap, CONTACT_SPAN, facts.now)?;
        Some((until, "contact_frequency", format!("at most {cap} a day to one contact")))
    });
    let account = facts.policy.account_per_week.and_then(|cap| {
        let until = wait(&item.account_touches, me, since, cap, ACCOUNT_SPAN, facts.now)?;
        Some((until, "account_frequency", format!("at most {cap} a week to one account")))
    });
    // The one that lasts longest is the one that counts.
    match contact.into_iter().chain(account).max_by_key(|(until, ..)| *until) {
        Some((until, code, limit)) => {
            Verdict::defer(GATE, code, until, format!("{limit}; again at {until:.0}"))
        }
        None => Verdict::pass(GATE, "not written to too often"),
    }
}

/// Until when a message has to wait; `None` if it may go.
fn wait(
    touches: &Touches,
    me: Rival,
    since: Option<Timestamp>,
    cap: i32,
    span: SignedDuration,
    now: Timestamp,
) -> Option<Timestamp> {
    let cap = usize::try_from(cap).unwrap_or(0);
    let mut left_at: Vec<Timestamp> = touches
        .left_at
        .iter()
        .copied()
        .filter(|at| now.duration_since(*at) < span && since.is_none_or(|since| *at > since))
        .collect();
    left_at.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(oldest) = cap.checked_sub(1).and_then(|index| left_at.get(index)) {
        return Some(*oldest + span);
    }
    let ahead = touches.due.iter().filter(|rival| rival.order() < me.order()).count();
    (left_at.len() + touches.under_way.len() + ahead >= cap).then(|| now + BEHIND_AGAIN)
}
