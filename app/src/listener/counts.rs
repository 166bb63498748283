//! What happened at the listener since it started, in numbers.
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::inbound::provider::Provider;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Proven and stored.
    Accepted,
    /// Proven, with nothing in it that was not stored before.
    Repeated,
    /// Not proven.
    Refused,
    /// There is no such endpoint.
    Unknown,
    /// The endpoint has no secret that can be used, or lacks its address.
    Shut,
    /// Too long, or of a kind that is not taken.
    Unfit,
    /// It could not be stored now.
    Deferred,
}

impl Verdict {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::Accepted,
        Self::Repeated,
        Self::Refused,
        Self::Unknown,
        Self::Shut,
        Self::Unfit,
        Self::Deferred,
    ];

    /// The word in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Shut => "shut",
            Self::Unfit => "unfit",
            Self::Deferred => "deferred",
        }
    }
}

/// Counters that only grow.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    verdicts: [[AtomicU64; 7]; 6],
    /// Events that were stored.
    pub(crate) stored: Counter,
    /// Events that were there already.
    pub(crate) known: Counter,
    /// Connections that were taken.
    pub(crate) connections: Counter,
    /// Connections that were turned away: too many of them.
    pub(crate) turned_away: Counter,
    /// Requests that were answered.
    pub(crate) requests: Counter,
}

impl Counts {
    /// Counts a delivery.
    pub(crate) fn delivery(&self, provider: Provider, verdict: Verdict) {
        self.verdicts[provider as usize][verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many deliveries of a provider came to that.
    pub(crate) fn deliveries(&self, provider: Provider, verdict: Verdict) -> u64 {
        self.verdicts[provider as usize][verdict as usize].load(Ordering::Relaxed)
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts so many.
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// So many were counted.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_and_verdict_has_a_place_of_its_own() {
        let counts = Counts::default();
        let pairs = || Provider::ALL.iter().flat_map(|p| Verdict::ALL.iter().map(|v| (*p, *v)));
        for (provider, verdict) in pairs() {
            counts.delivery(provider, verdict);
        }
        assert!(pairs().all(|(provider, verdict)| counts.deliveries(provider, verdict) == 1));
    }
}
