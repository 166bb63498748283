//! How long to wait before the next attempt: full jitter, 1 s to 5 min. Pure: the dice are an argument.
use std::time::Duration;

/// First and longest wait.
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(300);

/// Attempts that follow one another quickly.
pub(crate) const QUICK_TRIES: i16 = 8;

/// A random wait below `BASE · 2^(attempt − 1)`, at most `CAP`. `dice` is in 0 … 1.
pub(crate) fn full_jitter(attempt: i16, dice: f64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    BASE.saturating_mul(1 << doublings).min(CAP).mul_f64(dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_and_stays() {
        assert_eq!(full_jitter(1, 1.0), Duration::from_secs(1));
        assert_eq!(full_jitter(4, 1.0), Duration::from_secs(8));
        assert_eq!(full_jitter(30, 1.0), Duration::from_secs(300));
        assert_eq!(full_jitter(30, 0.0), Duration::ZERO);
    }
}
