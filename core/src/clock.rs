//! The only reader of the machine's clocks.
//!
//! Leases, quotas and expiry use the database's clock. This one serves what people see and how long this process waits.
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Reads the wall clock of this machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Reads the monotonic clock, for intervals inside this process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Reads the clock that also counts while the machine sleeps, for what must not be done late.
#[must_use]
pub fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    rustix::time::clock_gettime(id).try_into().unwrap_or_default()
}
