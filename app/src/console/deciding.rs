//! A decision on its way: one request after the other for as many items as there are. Data; what happens to it is in `update`.
use std::collections::{HashMap, HashSet, VecDeque};

use countersign_core::approval::{Item, ItemResult, Resolution};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

use super::msg::{Effect, Failure};
use crate::progress::Progress;

/// What a decision asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Approve,
    Reject,
    Undo,
    Resolve,
    Snooze,
    Wake,
}

/// What one request after the other asks for, besides the items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Approve,
    Reject(String),
    Undo,
    Resolve(ActivityId, Resolution, String),
    Snooze(Timestamp),
    Wake,
}

impl Request {
    /// The effect that asks for these items.
    pub(crate) fn effect(&self, generation: u64, items: &[Item]) -> Effect {
        let ids = || items.iter().map(|item| item.id).collect();
        match self {
            Self::Approve => Effect::Approve { generation, items: items.to_vec() },
            Self::Reject(reason) => {
                Effect::Reject { generation, items: items.to_vec(), reason: reason.clone() }
            }
            Self::Undo => Effect::Undo { generation, ids: ids() },
            Self::Resolve(id, resolution, reason) => {
                Effect::Resolve { generation, id: *id, resolution: *resolution, reason: reason.clone() }
            }
            Self::Snooze(until) => Effect::Snooze { generation, ids: ids(), until: Some(*until) },
            Self::Wake => Effect::Snooze { generation, ids: ids(), until: None },
        }
    }
}

/// A decision that is on its way.
#[derive(Debug)]
pub(crate) struct Deciding {
    pub(crate) generation: u64,
    pub(crate) request: Request,
    pub(crate) ids: HashSet<ActivityId>,
    /// How many items the request on its way carries.
    pub(crate) asked: usize,
    /// Requests that go out one after the other.
    pub(crate) waiting: VecDeque<Vec<Item>>,
    /// Nothing of what waits goes out any more.
    pub(crate) is_stopping: bool,
    pub(crate) results: Vec<ItemResult>,
    /// Requests that failed: how many items, and why.
    pub(crate) faults: Vec<(usize, Failure)>,
    pub(crate) progress: Progress,
    /// Left out, with the reason.
    pub(crate) skipped: Vec<(ActivityId, &'static str)>,
    /// How to call the items once they left the list.
    pub(crate) names: HashMap<ActivityId, SafeText>,
}

impl Deciding {
    pub(crate) fn verb(&self) -> Verb {
        match self.request {
            Request::Approve => Verb::Approve,
            Request::Reject(_) => Verb::Reject,
            Request::Undo => Verb::Undo,
            Request::Resolve(..) => Verb::Resolve,
            Request::Snooze(_) => Verb::Snooze,
            Request::Wake => Verb::Wake,
        }
    }

    /// How far it has come, if it takes more than one request: `approving 3 000 of 10 000 · 12 400/s · 1 s left`.
    pub(crate) fn words(&self, now: Timestamp) -> Option<String> {
        let word = match self.verb() {
            Verb::Approve => "approving",
            Verb::Reject => "rejecting",
            Verb::Undo => "taking back",
            Verb::Resolve => "settling",
            Verb::Snooze => "snoozing",
            Verb::Wake => "bringing back",
        };
        let is_long = !self.waiting.is_empty() || self.progress.done > 0;
        is_long.then(|| format!("{word} {}", self.progress.words(now)))
    }
}

/// The latest decision of this console that approved something.
#[derive(Debug)]
pub(crate) struct Latest {
    /// Its generation.
    pub(crate) decision: u64,
    /// It is being taken back, and so far.
    pub(crate) undoing: Option<Progress>,
    /// It was.
    pub(crate) is_undone: bool,
}

impl Latest {
    /// How far taking it back has come, in words.
    pub(crate) fn words(&self, now: Timestamp) -> Option<String> {
        let progress = self.undoing?;
        Some(match progress.total {
            None => "taking back your latest batch".to_owned(),
            Some(_) => format!("taking back {}", progress.words(now)),
        })
    }
}
