//! What this process has under way: its batches with their calls, and credentials whose provider just asked to wait.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::claim::Batch;
use super::wire::Arrival;
use crate::channel::Outcome;
use crate::clock;
use crate::ids::{ClaimId, CompanyId};

/// How long a broken account holds its credential in this process before the database says so.
const UNTIL_PAUSED: Duration = Duration::from_secs(2);

/// Batches of this process with the number of their rows that are not written yet, called or not.
#[derive(Clone, Default)]
pub(super) struct Active {
    batches: Arc<Mutex<HashMap<(CompanyId, ClaimId), usize>>>,
    /// Credentials whose provider just asked to wait: the answer counts before it is in the database.
    cooling: Arc<Mutex<HashMap<(CompanyId, String), Instant>>>,
}

impl Active {
    pub(super) fn open(&self, batch: &Batch) {
        lock(&self.batches).insert((batch.company, batch.id), batch.items.len());
    }

    /// Notes that so many rows of a batch will not be called; says whether nothing of it is under way any more.
    pub(super) fn leave(&self, key: (CompanyId, ClaimId), count: usize) -> bool {
        count > 0 && less(&mut lock(&self.batches), key, count)
    }

    /// The batches that have nothing under way any more once these calls are written.
    pub(super) fn ending(&self, company: CompanyId, arrivals: &[Arrival]) -> Vec<ClaimId> {
        let batches = lock(&self.batches);
        let mut over: HashMap<ClaimId, usize> = HashMap::new();
        for arrival in arrivals {
            *over.entry(arrival.departure.claim).or_default() += 1;
        }
        over.into_iter()
            .filter(|(claim, calls)| batches.get(&(company, *claim)) == Some(calls))
            .map(|(claim, _)| claim)
            .collect()
    }

    /// Notes calls as written and returns the batches that are over with them. Until then their batch is renewed, so that nobody
    /// repeats what has been answered.
    pub(super) fn finish(&self, company: CompanyId, arrivals: &[Arrival]) -> Vec<ClaimId> {
        let mut batches = lock(&self.batches);
        let claims = arrivals.iter().map(|arrival| arrival.departure.claim);
        claims.filter(|claim| less(&mut batches, (company, *claim), 1)).collect()
    }

    pub(super) fn keys(&self) -> Vec<(CompanyId, ClaimId)> {
        lock(&self.batches).keys().copied().collect()
    }

    pub(super) fn note_wait(&self, arrival: &Arrival) {
        let wait = match &arrival.outcome {
            Outcome::Retry { after: Some(after), .. } => *after,
            // The pause of the outbox is written in a moment; until then nobody else may run into the same wall.
            Outcome::AccountBroken { .. } => UNTIL_PAUSED,
            _ => return,
        };
        let until = clock::monotonic() + wait;
        let key = (arrival.departure.company, arrival.departure.credential_id.clone());
        lock(&self.cooling).entry(key).and_modify(|at| *at = until.max(*at)).or_insert(until);
    }

    pub(super) fn is_cooling(&self, batch: &Batch) -> bool {
        let now = clock::monotonic();
        let mut cooling = lock(&self.cooling);
        cooling.retain(|_, until| *until > now);
        cooling.contains_key(&(batch.company, batch.credential_id.clone()))
    }
}

/// Says whether that was the last of it.
fn less(batches: &mut HashMap<(CompanyId, ClaimId), usize>, key: (CompanyId, ClaimId), count: usize) -> bool {
    let Some(rows) = batches.get_mut(&key) else { return false };
    *rows = rows.saturating_sub(count);
    let is_over = *rows == 0;
    if is_over {
        batches.remove(&key);
    }
    is_over
}

/// A poisoned map is still a map: every change to it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
