//! How much one caller may ask for. A bucket per token, refilled at a steady rate; and one per source for tokens that nobody has.
//! No clock of its own: whoever asks says when.
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_core::ids::TokenId;

use super::matrix::Method;

/// Most buckets that are kept. Above it those go that are full again, and then the fullest.
const BUCKETS: usize = 10_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Once in this time, on and on.
    pub(crate) every: Duration,
    /// So often at once, after a rest.
    pub(crate) burst: u32,
}

/// What is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Requests of one token.
    pub(crate) token: Pace,
    /// Wrong tokens of one source: who knows a token is never kept waiting by those who guess behind the same address.
    pub(crate) wrong: Pace,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            token: Pace { every: Duration::from_millis(20), burst: 100 },
            wrong: Pace { every: Duration::from_secs(2), burst: 20 },
        }
    }
}

/// How often the audit log is told of the same refusal.
const RECORDED: Pace = Pace { every: Duration::from_secs(60), burst: 1 };

/// What a token was refused: a route, or to be let in at all.
type Refused = (TokenId, Option<(Method, &'static str)>);

/// Every limit of the API.
pub(super) struct Limits {
    pub(super) tokens: Buckets<TokenId>,
    pub(super) recorded: Buckets<Refused>,
    pub(super) wrong: Buckets<Option<IpAddr>>,
}

impl Limits {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            tokens: Buckets::new(rates.token),
            recorded: Buckets::new(RECORDED),
            wrong: Buckets::new(rates.wrong),
        }
    }
}

/// Buckets of one pace.
pub(super) struct Buckets<K> {
    pace: Pace,
    levels: Mutex<HashMap<K, Level>>,
}

/// What was left in a bucket, and when.
#[derive(Clone, Copy)]
struct Level {
    left: f64,
    at: Instant,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    fn new(pace: Pace) -> Self {
        Self { pace, levels: Mutex::new(HashMap::new()) }
    }

    /// Takes one from the bucket of this key, or says how long to wait until there is one.
    pub(super) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= BUCKETS && !levels.contains_key(&key) {
            self.make_room(&mut levels, now);
        }
        let full = Level { left: f64::from(self.pace.burst), at: now };
        let level = levels.entry(key).or_insert(full);
        let left = self.refilled(level, now);
        *level = Level { left, at: now };
        if left < 1.0 {
            return Err(self.pace.every.mul_f64(1.0 - left));
        }
        level.left = left - 1.0;
        Ok(())
    }

    fn refilled(&self, level: &Level, now: Instant) -> f64 {
        let rest = now.saturating_duration_since(level.at).as_secs_f64();
        (level.left + rest / self.pace.every.as_secs_f64()).min(f64::from(self.pace.burst))
    }

    /// A bucket that is full again says nothing. Where all are in use, the one that was used least gives way.
    fn make_room(&self, levels: &mut HashMap<K, Level>, now: Instant) {
        levels.retain(|_, level| self.refilled(level, now) < f64::from(self.pace.burst));
        if levels.len() >= BUCKETS {
            let left = |level: &Level| self.refilled(level, now);
            let fullest = levels.iter().max_by(|a, b| left(a.1).total_cmp(&left(b.1))).map(|(key, _)| *key);
            fullest.map(|key| levels.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::clock;

    use super::*;

    fn buckets() -> Buckets<u32> {
        Buckets::new(Pace { every: Duration::from_millis(100), burst: 3 })
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let (buckets, start) = (buckets(), clock::monotonic());
        for _ in 0..3 {
            assert_eq!(buckets.take(1, start), Ok(()));
        }
        let wait = buckets.take(1, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(buckets.take(2, start), Ok(()));
        assert_eq!(buckets.take(1, start + wait), Ok(()));
        assert!(buckets.take(1, start + wait).is_err());
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| buckets.take(1, later).is_ok()).count(), 3);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (buckets, start) = (buckets(), clock::monotonic());
        let later = start + Duration::from_secs(1);
        assert_eq!((0..9).filter(|_| buckets.take(1, later).is_ok()).count(), 3);
        assert!(buckets.take(1, start).is_err());
    }

    #[test]
    fn buckets_are_bounded_and_an_empty_one_is_not_forgotten() {
        let (buckets, start) = (buckets(), clock::monotonic());
        while buckets.take(0, start).is_ok() {}
        for key in 1..=u32::try_from(BUCKETS).unwrap() * 2 {
            assert_eq!(buckets.take(key, start), Ok(()));
        }
        assert_eq!(buckets.levels.lock().unwrap().len(), BUCKETS);
        assert!(buckets.take(0, start).is_err());
    }
}
