//! Waiting for what has to happen.
use std::time::Duration;

use countersign_core::clock;

/// How long one step may take. Long, because a machine may be busy; runs that pass never use it up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How long between two looks at a condition.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// Looks until `found` finds something. After [`DEADLINE`] it fails with what was waited for.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let give_up = clock::monotonic() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(clock::monotonic() < give_up, "waited in vain: {what}");
        std::thread::sleep(GLANCE);
    }
}

/// Looks until the condition holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    wait(what, || holds().then_some(()));
}
