//! What must hold after every step, whatever happened: the checks C1 to C6 in the words of the model.
use std::fmt;

use countersign_core::activity::status::Status;

use super::provider::Request;
use super::{Item, Model, Token, WINDOW};

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: &'static str,
    /// Of which item, if of one.
    pub item: Option<usize>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule)?;
        self.item.map_or(Ok(()), |item| write!(f, " (item {item})"))
    }
}

type Rule<T> = (&'static str, fn(&Model, &T) -> bool);

/// What holds for every message.
const OF_ITEMS: &[Rule<Item>] = &[
    ("C2: a row is claimed and has no lease", |model, item| match item.token {
        Token::By(token) => model.has_lease(token),
        Token::None | Token::Waiting => true,
    }),
    ("C2: a row is dispatching and nobody holds it, or the other way round", |_, item| {
        (item.status == Status::Dispatching) == (item.token != Token::None)
    }),
    ("C3: a row was decided on other words than it has", |_, item| {
        !is_decided(item.status) || item.approved_words(item.round) == Some(item.words)
    }),
    ("C5: called sent and never accepted", |model, item| {
        item.status != Status::Sent || item.is_settled(item.round) || model.was_accepted(item, item.round)
    }),
    ("C5: uncertain without a fault", |_, item| {
        item.status != Status::Uncertain || item.ambiguous_in == item.round
    }),
    ("C5: it may have been sent, and is called something else", |_, item| {
        item.ambiguous_in != item.round || item.is_settled(item.round) || may_be_sent(item.status)
    }),
    ("C6: it holds quota it should not, or the other way round", |_, item| {
        item.quota_day.is_some() == may_be_sent(item.status)
    }),
];

fn is_decided(status: Status) -> bool {
    may_be_sent(status) || matches!(status, Status::Approved | Status::BlockedByQuota | Status::Failed)
}

/// Where a message stands that was sent, is being sent, or may have been.
fn may_be_sent(status: Status) -> bool {
    matches!(status, Status::Dispatching | Status::Sent | Status::Uncertain)
}

/// Checks everything.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(model: &Model) -> Result<(), Breach> {
    for item in model.filed() {
        for (rule, holds) in OF_ITEMS {
            if !holds(model, item) {
                return Err(Breach { rule, item: Some(item.index) });
            }
        }
    }
    for line in &model.provider.ledger {
        check_acceptance(model, line.request)
            .map_or(Ok(()), |rule| Err(Breach { rule, item: Some(line.request.item) }))?;
    }
    (0..model.outboxes.len())
        .find_map(|outbox| check_quota(model, outbox))
        .map_or(Ok(()), |rule| Err(Breach { rule, item: None }))
}

/// What holds for every message the provider took.
fn check_acceptance(model: &Model, taken: Request) -> Option<&'static str> {
    let item = &model.items[taken.item];
    let same = |other: &&Request| (other.item, other.round) == (taken.item, taken.round);
    if model.provider.ledger.iter().map(|line| &line.request).filter(same).count() > 1 {
        return Some("C1: accepted twice for one approval");
    }
    match item.approved_words(taken.round) {
        None => return Some("C4: accepted and never approved"),
        Some(words) if words != taken.words => return Some("C3: accepted in other words than were approved"),
        Some(_) => {}
    }
    let is_told = if item.round == taken.round { may_be_sent(item.status) } else { false };
    (!is_told && !item.is_settled(taken.round)).then_some("C5: accepted, and called something else")
}

fn check_quota(model: &Model, outbox: usize) -> Option<&'static str> {
    let own = &model.outboxes[outbox];
    if !(0..=own.bucket_cap).contains(&own.sent_today) {
        return Some("I3: a bucket is out of its bounds");
    }
    let holders = model.filed().filter(|item| item.outbox == outbox && item.quota_epoch == Some(own.epoch));
    let held = i32::try_from(holders.count()).unwrap_or(i32::MAX) + own.unreturned;
    (held != own.sent_today).then_some("C6: the bucket counts otherwise than the messages")
}

impl Model {
    fn was_accepted(&self, item: &Item, round: i32) -> bool {
        self.provider.ledger.iter().any(|line| (line.request.item, line.request.round) == (item.index, round))
    }

    /// C4: what holds for a message at the moment its bytes may leave.
    pub(super) fn check_departure(&mut self, leaving: Request) {
        let item = &self.items[leaving.item];
        let own = &self.outboxes[item.outbox];
        let was_on_the_wire = item.first_wire_at != Some(self.now);
        let rule = if !own.enabled {
            "C4: it leaves a stopped outbox"
        } else if own.cool_until.is_some_and(|until| until > self.now) {
            "C9: it leaves before the provider said"
        } else if item.expires_at <= self.now && !was_on_the_wire {
            "C4: it leaves though it has expired"
        } else if was_on_the_wire && item.first_wire_at.is_some_and(|at| at <= self.now - WINDOW) {
            "R3: it is repeated after its window has closed"
        } else if item.is_suppressed {
            "C4: it leaves for somebody who is suppressed"
        } else if item.replied_at.is_some_and(|at| at > item.worded_at()) {
            "C4: it leaves though the contact wrote after its words were written"
        } else if item.quota_day.is_none() {
            "C4: it leaves without quota"
        } else if item.approved_words(item.round) != Some(leaving.words) || item.round != leaving.round {
            "C4: it leaves without a decision on its words"
        } else {
            return;
        };
        self.breach(rule, leaving.item);
    }
}
