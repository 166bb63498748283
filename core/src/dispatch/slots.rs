//! How many calls may be under way, and how much may be claimed before there is room for it.
//!
//! A row holds a place from the wire on, and its call a slot; there are some more places than slots. A call that takes long leaves its slot to others and counts against its credential instead, so that a provider
//! that hangs holds its own messages up and nobody else's: its credential gets no new slot before some of those calls have ended.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock;
use crate::ids::CompanyId;

/// As many times the slots may calls be under way at most, the slow ones included.
const MOST_TIMES: usize = 4;

/// Calls that ended within this time say how many will end within it next.
const WINDOW: Duration = Duration::from_millis(250);

/// Who pays for a call that takes long.
pub(super) type Credential = (CompanyId, String);

/// While this share of the slots is in use, so many more rows may be on the wire and wait for the next one to come free: a slot is then
/// taken again at once, instead of staying empty for a commit.
const AHEAD: usize = 4;

/// How long a few places wait to become more, so that rows go on the wire together.
const GATHER: Duration = Duration::from_millis(3);

/// A row that is on the wire waits this long for a slot; then it is known not to have left, and comes again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The slots of one process.
#[derive(Clone)]
pub(super) struct Slots(Arc<Shared>);

struct Shared {
    /// For rows on the wire: the slots, and some that wait for one.
    places: Arc<Semaphore>,
    /// For calls.
    free: Arc<Semaphore>,
    /// Calls that take long: each holds one, so that they have a bound of their own.
    beside: Arc<Semaphore>,
    most: usize,
    patience: Duration,
    gather: Duration,
    slow: Mutex<HashMap<Credential, usize>>,
    pace: Mutex<Pace>,
}

/// What a row holds from the wire on.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    slots: Slots,
}

/// What a call holds while it is under way.
pub(super) struct Slot {
    place: Option<Place>,
    permit: OwnedSemaphorePermit,
    slots: Slots,
    slow: Option<Credential>,
}

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        Self::with(most, PATIENCE, GATHER)
    }

    fn with(most: usize, patience: Duration, gather: Duration) -> Self {
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(most + most / AHEAD)),
            free: Arc::new(Semaphore::new(most)),
            beside: Arc::new(Semaphore::new(most.saturating_mul(MOST_TIMES - 1))),
            most,
            patience,
            gather,
            slow: Mutex::default(),
            pace: Mutex::new(Pace::new(clock::monotonic())),
        }))
    }

    /// Waits for one place and takes what else is free, up to that many. Where rows wait ahead of a slot, a few more are waited for.
    pub(super) async fn take(&self, at_most: usize) -> Vec<Place> {
        let worthwhile = at_most.min(self.0.most / AHEAD / 2);
        let mut taken = Vec::new();
        taken.extend(self.place().await);
        while taken.len() < at_most
            && let Ok(permit) = Arc::clone(&self.0.places).try_acquire_owned()
        {
            taken.push(Place { _permit: permit, slots: self.clone() });
        }
        let more = async {
            while taken.len() < worthwhile {
                taken.extend(self.place().await);
            }
        };
        let _few_are_enough = tokio::time::timeout(self.0.gather, more).await;
        taken
    }

    async fn place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.0.places).acquire_owned().await.ok()?;
        Some(Place { _permit: permit, slots: self.clone() })
    }

    /// How many more calls a credential may have: slow ones leave room for as many as there are slots, and no more.
    pub(super) fn room(&self, credential: &Credential) -> usize {
        self.0.most.saturating_sub(lock(&self.0.slow).get(credential).copied().unwrap_or(0))
    }

    /// How many calls end in the next moment, judging by the last one; so many rows may be claimed before there is a slot for them.
    pub(super) fn soon(&self) -> usize {
        lock(&self.0.pace).soon(clock::monotonic())
    }

    /// Notes that a call ended.
    pub(super) fn note_end(&self) {
        lock(&self.0.pace).note(clock::monotonic());
    }
}

impl Place {
    /// Waits for a slot; `None` if none came free in time.
    pub(super) async fn begin(self) -> Option<Slot> {
        let free = Arc::clone(&self.slots.0.free).acquire_owned();
        let permit = tokio::time::timeout(self.slots.0.patience, free).await.ok()?.ok()?;
        Some(Slot { permit, slots: self.slots.clone(), place: Some(self), slow: None })
    }
}

impl Slot {
    /// Leaves the slot to others because the call takes long, unless too many do.
    pub(super) fn give_way(&mut self, credential: Credential) {
        if let Ok(beside) = Arc::clone(&self.slots.0.beside).try_acquire_owned() {
            self.permit = beside;
            self.place = None;
            *lock(&self.slots.0.slow).entry(credential.clone()).or_default() += 1;
            self.slow = Some(credential);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(credential) = &self.slow else { return };
        let mut slow = lock(&self.slots.0.slow);
        if let Some(calls) = slow.get_mut(credential) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                slow.remove(credential);
            }
        }
    }
}

/// Counts what ended in this window and in the one before.
struct Pace {
    since: Instant,
    now: usize,
    before: usize,
}

impl Pace {
    fn new(at: Instant) -> Self {
        Self { since: at, now: 0, before: 0 }
    }

    fn note(&mut self, at: Instant) {
        self.turn(at);
        self.now += 1;
    }

    fn soon(&mut self, at: Instant) -> usize {
        self.turn(at);
        self.before
    }

    fn turn(&mut self, at: Instant) {
        let passed = at.saturating_duration_since(self.since);
        if passed >= WINDOW {
            self.before = if passed < WINDOW * 2 { self.now } else { 0 };
            self.now = 0;
            self.since = at;
        }
    }
}

/// A poisoned lock still guards numbers: every change to them is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str) -> Credential {
        (CompanyId(uuid::Uuid::nil()), name.to_owned())
    }

    #[test]
    fn a_slow_call_leaves_its_slot_and_counts_against_its_credential() {
        let slots = Slots::new(2);
        let mut taken = begun(&slots, 5);
        assert_eq!(taken.len(), 2, "no more than there are");
        for slot in &mut taken {
            slot.give_way(credential("hangs"));
        }
        assert_eq!(begun(&slots, 5).len(), 2, "others get the slots");
        assert_eq!((slots.room(&credential("hangs")), slots.room(&credential("works"))), (0, 2));
        drop(taken);
        assert_eq!(slots.room(&credential("hangs")), 2);
    }

    #[test]
    fn slow_calls_have_a_bound_too() {
        let slots = Slots::new(1);
        let mut held = Vec::new();
        for _ in 1..MOST_TIMES {
            let mut taken = begun(&slots, 1);
            taken[0].give_way(credential("hangs"));
            held.append(&mut taken);
        }
        let mut last = begun(&slots, 1);
        last[0].give_way(credential("hangs"));
        assert!(slots.0.free.available_permits() == 0, "the last one keeps its slot");
    }

    /// Rows that are on the wire ahead of a slot are few, none of them is called before a slot is free, and none waits for ever.
    #[tokio::test]
    async fn a_row_ahead_waits_for_a_slot() {
        let slots = Slots::with(8, Duration::ZERO, GATHER);
        let mut places = slots.take(100).await;
        assert_eq!(places.len(), 8 + 8 / AHEAD);
        let mut ahead = places.split_off(8).into_iter();
        let mut calls = Vec::new();
        for place in places {
            calls.extend(place.begin().await);
        }
        assert_eq!(calls.len(), 8);
        assert!(ahead.next().unwrap().begin().await.is_none(), "nothing came free in time");
        calls.pop();
        assert!(ahead.next().unwrap().begin().await.is_some(), "one did");
    }

    /// Places that come free one by one are gathered for a moment, where they are few.
    #[tokio::test]
    async fn places_gather() {
        let slots = Slots::with(64, PATIENCE, Duration::MAX);
        let mut held = slots.take(100).await;
        assert_eq!(held.len(), 80);
        held.truncate(79);
        let (taken, ()) = tokio::join!(slots.take(100), async { held.truncate(40) });
        assert!(taken.len() >= 8, "as many as are worth a commit");
        let hurried = Slots::with(64, PATIENCE, Duration::ZERO);
        let mut held = hurried.take(100).await;
        held.pop();
        assert_eq!(hurried.take(100).await.len(), 1, "one goes alone when no other comes");
    }

    #[test]
    fn the_pace_is_that_of_the_last_window() {
        let start = clock::monotonic();
        let mut pace = Pace::new(start);
        (0..7).for_each(|_| pace.note(start));
        assert_eq!(pace.soon(start), 0, "the first window is not over");
        assert_eq!(pace.soon(start + WINDOW), 7);
        assert_eq!(pace.soon(start + WINDOW * 2), 0, "nothing ended in the second");
        (0..3).for_each(|_| pace.note(start + WINDOW * 2));
        assert_eq!(pace.soon(start + WINDOW * 5), 0, "that was long ago");
    }

    fn begun(slots: &Slots, at_most: usize) -> Vec<Slot> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut begun = Vec::new();
            for place in slots.take(at_most).await {
                begun.extend(place.begin().await);
            }
            begun
        })
    }
}
