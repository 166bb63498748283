//! What a process did since it started, in numbers that only grow. They go with the process; what counts is in the database.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The numbers of a process.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counted>>);

/// Numbers as they were at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Calls of providers, by what they proved.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Times the dispatcher went over all outboxes.
    pub turns: u64,
    /// How long that took, all together.
    pub turning: Duration,
    /// Events that were taken in hand.
    pub events: u64,
}

impl Tally {
    /// Counts a call that proved this.
    pub fn outcome(&self, word: &'static str) {
        *self.lock().outcomes.entry(word).or_default() += 1;
    }

    /// Counts one round over all outboxes.
    pub fn turn(&self, took: Duration) {
        let mut counted = self.lock();
        counted.turns += 1;
        counted.turning += took;
    }

    /// Counts events that were taken in hand.
    pub fn events(&self, count: usize) {
        self.lock().events += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// The numbers now.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
