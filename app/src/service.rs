//! What a service manager is told, by systemd's notification protocol; where none listens, nothing is said.
use std::time::Duration;

use countersign_core::clock;
use countersign_core::engine::board::{Board, Health};
use sd_notify::NotifyState;

/// A task that has not even tried for so long counts as stuck. Its statements end after 5 s, its pauses are shorter still.
const STUCK_SECS: i64 = 60;

/// The service works.
pub(crate) fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The service ends.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("finishing what is on the wire")]);
}

/// How often the service manager wants a sign of life, if it does: half of what it waits for.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Gives a sign of life, unless the upkeep is stuck: then the service manager does what it was told to.
pub(crate) fn alive(board: &Board) {
    if is_stuck(board) {
        tracing::error!("the upkeep has not tried for {STUCK_SECS} s; the service manager is told nothing");
    } else {
        notify(&[NotifyState::Watchdog]);
    }
}

fn is_stuck(board: &Board) -> bool {
    let now = clock::now();
    board.tasks().iter().any(|task| {
        task.name == "upkeep"
            && matches!(task.health, Health::Ok | Health::Waiting)
            && task.tried_at.is_some_and(|tried| now.duration_since(tried).as_secs() > STUCK_SECS)
    })
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the service manager cannot be told: {error}");
    }
}
