//! What an operator may ask of the private server from outside: how it is, and to stop.
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::error::PrivateError;
use super::location::Location;
use super::probe::{Answer, probe};
use super::supervisor::written_pid;
use super::{cluster, locks};
use crate::clock;

/// How long a stop may take: the supervisor itself turns to force after 30 s.
const PATIENCE: Duration = Duration::from_secs(45);

/// How a private server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it takes connections.
    pub running: bool,
    /// The process that watches over it.
    pub supervisor: Option<i32>,
    /// The major version of PostgreSQL that made the data, or `None` when there is no data yet.
    pub version: Option<u32>,
    /// Where the data is.
    pub data_dir: PathBuf,
    /// The size of the data on disk.
    pub data_bytes: u64,
}

/// What [`stop`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Nothing was running.
    WasNotRunning,
    /// The supervisor with this process id ended, and the server with it.
    Stopped {
        /// The process id.
        supervisor: i32,
    },
}

/// Looks at a private server without starting it or keeping it alive.
#[must_use]
pub fn status(location: &Location) -> Status {
    let lock = location.supervisor_lock_file();
    let supervisor = if locks::is_held(&lock) { written_pid(&lock) } else { None };
    let data_dir = location.data_dir();
    Status {
        running: probe(&location.socket_file()) == Answer::Ready,
        supervisor: supervisor.map(|pid| pid.as_raw_nonzero().get()),
        version: cluster::data_version(&data_dir),
        data_bytes: size_of(&data_dir),
        data_dir,
    }
}

/// Stops the private server even while clients use it, and waits until it is gone. Blocks.
///
/// Clients that are still alive may start it again.
///
/// # Errors
/// When it does not stop in time.
pub fn stop(location: &Location) -> Result<Stopped, PrivateError> {
    let lock = location.supervisor_lock_file();
    let give_up = clock::monotonic() + PATIENCE;
    let mut told: Option<Pid> = None;
    while locks::is_held(&lock) {
        match (written_pid(&lock), told) {
            // Another supervisor has taken over: ours is gone.
            (Some(now), Some(before)) if now != before => break,
            (Some(pid), None) if tell(pid) => told = Some(pid),
            // Not written yet, or not yet ended.
            _ => {}
        }
        if clock::monotonic() >= give_up {
            return Err(PrivateError::NotStopped {
                path: location.root().to_owned(),
                waited_secs: PATIENCE.as_secs(),
                pid: told.map_or(0, |pid| pid.as_raw_nonzero().get()),
            });
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(told.map_or(Stopped::WasNotRunning, |pid| Stopped::Stopped { supervisor: pid.as_raw_nonzero().get() }))
}

/// Asks a supervisor to stop. The number may be an old one, so the process has to look like a supervisor.
#[cfg(target_os = "linux")]
fn tell(pid: Pid) -> bool {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    // The descriptor comes first: after the check the number could already belong to another process.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
        return false;
    };
    let words = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let is_supervisor =
        words.split(|byte| *byte == 0).any(|word| word == super::hidden::SUPERVISE.as_bytes());
    is_supervisor && pidfd_send_signal(process, Signal::TERM).is_ok()
}

/// Asks a supervisor to stop.
#[cfg(not(target_os = "linux"))]
fn tell(pid: Pid) -> bool {
    rustix::process::kill_process(pid, Signal::TERM).is_ok()
}

/// Files come and go while the server runs; what cannot be read counts nothing.
fn size_of(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
