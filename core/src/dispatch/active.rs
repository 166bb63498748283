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

/// Batches of this process.
#[derive(Clone, Default)]
pub(super) struct Active {
    batches: Arc<Mutex<HashMap<(CompanyId, ClaimId), Rows>>>,
    /// Credentials whose provider just asked to wait: the answer counts before it is in the database.
    cooling: Arc<Mutex<HashMap<(CompanyId, String), Instant>>>,
}

/// What a batch has under way.
struct Rows {
    /// Rows that are not written yet, called or not.
    left: usize,
    /// Whether every other row was written with an outcome that is committed, and so has given up its token for good.
    is_certain: bool,
}

/// Batches that have nothing under way any more once some calls are written.
#[derive(Default)]
pub(crate) struct Ending {
    /// Every row of these was or is being written.
    pub(crate) certain: Vec<ClaimId>,
    /// A row of these went another way, so the database is asked.
    pub(crate) doubtful: Vec<ClaimId>,
}

impl Ending {
    pub(super) fn contains(&self, claim: ClaimId) -> bool {
        self.certain.contains(&claim) || self.doubtful.contains(&claim)
    }
}

impl Active {
    pub(super) fn open(&self, batch: &Batch) {
        lock(&self.batches)
            .insert((batch.company, batch.id), Rows { left: batch.items.len(), is_certain: true });
    }

    /// Notes that so many rows of a batch will not be called; says whether nothing of it is under way any more.
    pub(super) fn leave(&self, key: (CompanyId, ClaimId), count: usize) -> bool {
        if count == 0 {
            return false;
        }
        self.doubt(key);
        less(&mut lock(&self.batches), key, count)
    }

    /// Notes that a row of a batch may keep its token.
    pub(super) fn doubt(&self, key: (CompanyId, ClaimId)) {
        if let Some(rows) = lock(&self.batches).get_mut(&key) {
            rows.is_certain = false;
        }
    }

    /// The batches that have nothing under way any more once these calls are written.
    pub(super) fn ending(&self, company: CompanyId, arrivals: &[Arrival]) -> Ending {
        self.ending_with(company, arrivals.iter().map(|arrival| arrival.departure.claim))
    }

    /// The same by the batches of the calls.
    fn ending_with(&self, company: CompanyId, calls: impl Iterator<Item = ClaimId>) -> Ending {
        let batches = lock(&self.batches);
        let mut over: HashMap<ClaimId, usize> = HashMap::new();
        for claim in calls {
            *over.entry(claim).or_default() += 1;
        }
        let mut ending = Ending::default();
        for (claim, calls) in over {
            match batches.get(&(company, claim)) {
                Some(rows) if rows.left == calls && rows.is_certain => ending.certain.push(claim),
                Some(rows) if rows.left == calls => ending.doubtful.push(claim),
                _ => {}
            }
        }
        ending
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
fn less(batches: &mut HashMap<(CompanyId, ClaimId), Rows>, key: (CompanyId, ClaimId), count: usize) -> bool {
    let Some(rows) = batches.get_mut(&key) else { return false };
    rows.left = rows.left.saturating_sub(count);
    let is_over = rows.left == 0;
    if is_over {
        batches.remove(&key);
    }
    is_over
}

/// A poisoned map is still a map: every change to it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: CompanyId = CompanyId(uuid::Uuid::nil());

    fn active(claim: ClaimId, left: usize) -> Active {
        let active = Active::default();
        lock(&active.batches).insert((COMPANY, claim), Rows { left, is_certain: true });
        active
    }

    fn ending(active: &Active, claim: ClaimId, calls: usize) -> (usize, usize) {
        let ending = active.ending_with(COMPANY, std::iter::repeat_n(claim, calls));
        (ending.certain.len(), ending.doubtful.len())
    }

    /// A batch is removed unseen only with its last row, and only if all of its rows were written.
    #[test]
    fn a_batch_of_which_a_row_went_another_way_is_asked_about() {
        let claim = ClaimId::new();
        let written = active(claim, 3);
        assert_eq!((ending(&written, claim, 2), ending(&written, claim, 3)), ((0, 0), (1, 0)));
        let given_back = active(claim, 3);
        assert!(!given_back.leave((COMPANY, claim), 1), "two are under way");
        assert_eq!(ending(&given_back, claim, 2), (0, 1));
        let refused = active(claim, 3);
        refused.doubt((COMPANY, claim));
        assert_eq!(ending(&refused, claim, 3), (0, 1));
        assert_eq!(ending(&refused, ClaimId::new(), 3), (0, 0), "not one of this process");
    }
}
