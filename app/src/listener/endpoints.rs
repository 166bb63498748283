//! Endpoints as deliveries need them: remembered for a moment, so that a burst asks the database once, and no longer, so that a secret
//! that was revoked is dead within a second. Who was refused is counted here and written down every few seconds.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_core::clock;
use countersign_core::error::Error;
use countersign_core::ids::EndpointId;
use countersign_core::inbound::endpoint::{self, Known};
use jiff::Timestamp;

use super::state::State;

/// How long an endpoint is taken for what it was.
const FRESH: Duration = Duration::from_millis(500);

/// Most endpoints that are remembered. Only those that exist are.
const REMEMBERED: usize = 1000;

/// Wrong handshakes of an endpoint within a [`SPELL`]; after them none is answered for the rest of it.
const HANDSHAKES: u32 = 20;

/// The time that handshakes are counted for.
const SPELL: Duration = Duration::from_secs(60);

/// How often it is written down who was refused.
pub(super) const WRITTEN_EVERY: Duration = Duration::from_secs(10);

/// Endpoints that were asked for a moment ago, and who was refused there.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    known: Mutex<HashMap<EndpointId, (Instant, Arc<Known>)>>,
    refused: Mutex<HashMap<EndpointId, Refusals>>,
    handshakes: Mutex<HashMap<EndpointId, (Instant, u32)>>,
}

#[derive(Debug)]
struct Refusals {
    count: u32,
    at: Timestamp,
    why: String,
}

/// An endpoint, and whether it was read just now.
pub(super) struct Found {
    pub(super) known: Arc<Known>,
    pub(super) is_new: bool,
}

impl Endpoints {
    /// The endpoint of that id, as it is or was a moment ago.
    pub(super) async fn find(&self, state: &State, id: EndpointId) -> Result<Option<Found>, Error> {
        let now = clock::monotonic();
        let remembered = lock(&self.known).get(&id).cloned();
        match remembered {
            Some((at, known)) if now.duration_since(at) < FRESH => Ok(Some(Found { known, is_new: false })),
            _ => Ok(self.read(state, id).await?.map(|known| Found { known, is_new: true })),
        }
    }

    /// The endpoint of that id as it is.
    pub(super) async fn read(&self, state: &State, id: EndpointId) -> Result<Option<Arc<Known>>, Error> {
        // Before it is asked: the answer may be old when it comes.
        let now = clock::monotonic();
        // Whoever tries one id after the other does not take the connections of everybody else.
        let place = state.storing.acquire().await;
        let known = endpoint::trust(&mut *state.pool.acquire().await?, &state.key, id).await?.map(Arc::new);
        drop(place);
        let mut all = lock(&self.known);
        match &known {
            Some(known) => {
                if all.len() >= REMEMBERED {
                    all.retain(|_, (at, _)| now.duration_since(*at) < FRESH);
                }
                if all.len() < REMEMBERED {
                    all.insert(id, (now, Arc::clone(known)));
                }
            }
            None => {
                all.remove(&id);
            }
        }
        Ok(known)
    }

    /// Whether another handshake of an endpoint is answered: whoever guesses does not get far.
    pub(super) fn may_shake_hands(&self, id: EndpointId) -> bool {
        let now = clock::monotonic();
        let mut all = lock(&self.handshakes);
        all.retain(|_, (since, _)| now.duration_since(*since) < SPELL);
        all.get(&id).is_none_or(|(_, count)| *count < HANDSHAKES)
    }

    /// Counts a handshake that was wrong. Those that are right are the provider's, however many.
    pub(super) fn shook_wrong(&self, id: EndpointId) {
        let now = clock::monotonic();
        let mut all = lock(&self.handshakes);
        let (_, count) = all.entry(id).or_insert((now, 0));
        *count = count.saturating_add(1);
    }

    /// Counts a delivery that was not believed. The reason is in our own words.
    pub(super) fn refused(&self, id: EndpointId, why: String) {
        let at = clock::now();
        let mut all = lock(&self.refused);
        let refusals = all.entry(id).or_insert_with(|| Refusals { count: 0, at, why: String::new() });
        refusals.count = refusals.count.saturating_add(1);
        (refusals.at, refusals.why) = (at, why);
    }

    /// Writes down who was refused. What cannot be written now is kept for the next time.
    pub(super) async fn write(&self, state: &State) -> Result<(), Error> {
        let all = std::mem::take(&mut *lock(&self.refused));
        let mut failed = None;
        for (id, refusals) in all {
            if failed.is_none() {
                let Refusals { count, at, why } = &refusals;
                match endpoint::note_refused(&state.pool, id, *count, *at, why).await {
                    Ok(()) => continue,
                    Err(error) => failed = Some(error),
                }
            }
            let mut all = lock(&self.refused);
            let newer = all.remove(&id);
            let count = refusals.count.saturating_add(newer.as_ref().map_or(0, |newer| newer.count));
            all.insert(id, Refusals { count, ..newer.unwrap_or(refusals) });
        }
        failed.map_or(Ok(()), Err)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
