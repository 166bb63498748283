//! The supervisor: PostgreSQL's parent, which ends when nobody needs the server any more.
//!
//! It runs on the main thread only, because the parent-death signal of its children follows that thread.
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::binaries::Binaries;
use super::error::PrivateError;
use super::location::Location;
use super::probe::{Answer, probe};
use super::{cluster, leftover, locks, server};
use crate::clock;

/// How long a start is repeated while remains of an earlier server are in the way.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// A server that ran this long was not broken from the start.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// How many servers in a row may end early.
const EARLY_ENDS: u32 = 5;

/// Runs the supervisor until the last client is gone. Ends at once when another one is at work.
pub(super) fn run(location: &Location) -> Result<(), PrivateError> {
    // Own session: a hang-up or Ctrl-C of the terminal that started us is not meant for the server.
    let _ = rustix::process::setsid();
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let _ = std::env::set_current_dir("/");
    location.prepare_root()?;
    let path = location.supervisor_lock_file();
    let lock = locks::open(&path)?;
    // Somebody who only looks holds the lock for an instant; a supervisor holds it for good.
    let mut granted = false;
    for _ in 0..10 {
        granted = locks::granted(lock.try_lock(), &path)?;
        if granted {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    if !granted {
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(PrivateError::io("start the supervisor of", location.root()))?
        .block_on(supervise(location, lock))
}

async fn supervise(location: &Location, mut lock: File) -> Result<(), PrivateError> {
    let lock_file = location.supervisor_lock_file();
    let mut told_to_stop = Signals::new().map_err(PrivateError::io("watch signals for", location.root()))?;
    let deserted = watch_leases(location)?;
    write_pid(&mut lock).map_err(PrivateError::io("write", &lock_file))?;

    let mut running = None;
    let mut lease = None;
    let outcome = tokio::select! {
        failure = keep_serving(location, &mut running) => failure,
        () = told_to_stop.next() => Ok(()),
        // Kept until the end, so that newcomers wait until the server is gone.
        held = deserted => { lease = held.ok(); Ok(()) }
    };
    if let Some(child) = running {
        stop(child).await;
    }
    for _ in 0..20 {
        if cluster::remove_unfinished(location.root()) {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let _ = std::fs::remove_dir_all(location.socket_dir());
    // First our lock, then the lease: whoever gets the lease next must find the supervisor's place free.
    let _ = lock.set_len(0);
    drop(lock);
    drop(lease);
    outcome
}

/// The signals that end a supervisor in an orderly way.
struct Signals([tokio::signal::unix::Signal; 3]);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Delivers the exclusively locked lease file when no client is left.
fn watch_leases(location: &Location) -> Result<oneshot::Receiver<File>, PrivateError> {
    let path = location.lease_file();
    let file = locks::open(&path)?;
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("leases".into())
        .spawn(move || {
            loop {
                match file.lock() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Without the lock nobody can be waited for: stop rather than run for ever.
                    _ => break,
                }
            }
            let _ = sender.send(file);
        })
        .map_err(PrivateError::io("watch", &path))?;
    Ok(receiver)
}

/// `db stop` reads the pid, and believes it only while the file is locked.
fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    writeln!(lock, "{}", std::process::id())
}

/// Keeps a server running in `running`; comes back only when that is hopeless.
async fn keep_serving(location: &Location, running: &mut Option<Child>) -> Result<(), PrivateError> {
    server::prepare(location)?;
    let binaries = cluster::ensure(location).await?;
    server::prune_logs(location, clock::now());
    let mut early_ends = 0;
    loop {
        start(location, &binaries, running).await?;
        let ready_since = clock::monotonic();
        if let Some(child) = running {
            let _ = child.wait().await;
        }
        *running = None;
        if clock::monotonic() - ready_since >= HEALTHY_AFTER {
            early_ends = 0;
        }
        early_ends += 1;
        if early_ends >= EARLY_ENDS {
            let output = server::last_words(location);
            return Err(PrivateError::KeepsStopping { path: location.data_dir(), times: early_ends, output });
        }
    }
}

/// Starts a server and waits until it takes connections.
async fn start(
    location: &Location,
    binaries: &Binaries,
    running: &mut Option<Child>,
) -> Result<(), PrivateError> {
    let data = location.data_dir();
    let socket = location.socket_file();
    let give_up = clock::monotonic() + START_PATIENCE;
    loop {
        leftover::clear(&data).await?;
        // What a killed server left of its socket names a process as well; nobody listens there any more.
        let _ = std::fs::remove_file(&socket);
        let _ = std::fs::remove_file(socket.with_added_extension("lock"));
        let mut command = tokio::process::Command::from(server::command(location, binaries)?);
        // In its place before the first await: whoever cancels this start has to stop the child.
        let child = running.insert(command.spawn().map_err(PrivateError::io("run", &binaries.postgres()))?);
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = sleep(Duration::from_millis(10)) => {}
            }
            if probe(&socket) == Answer::Ready {
                return Ok(());
            }
        };
        *running = None;
        let output = server::last_words(location);
        // Somebody who kills or stops it from outside does not show that it cannot run.
        let by_itself = ended.is_ok_and(|status| status.code().is_some_and(|code| code != 0));
        let worth_repeating = !by_itself || remains_in_the_way(&output);
        if !worth_repeating || clock::monotonic() >= give_up {
            return Err(PrivateError::NotStarted { path: data, output });
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// A killed server's processes take a moment to go; until then PostgreSQL refuses to start beside them.
fn remains_in_the_way(output: &str) -> bool {
    [
        "postmaster.pid\" already exists",
        "shared memory block",
        ".lock\" already exists",
        "Is another postmaster",
    ]
    .iter()
    .any(|sign| output.contains(sign))
}

/// Stops a server: politely, then at once, then by force.
async fn stop(mut child: Child) {
    for (wish, patience) in [(Signal::INT, 20), (Signal::QUIT, 10), (Signal::KILL, 5)] {
        // The child is ours and not reaped, so the number is still its own.
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let Some(pid) = pid else { return };
        let _ = kill_process(pid, wish);
        if timeout(Duration::from_secs(patience), child.wait()).await.is_ok() {
            return;
        }
    }
}

/// Reads the pid a supervisor wrote into its lock file.
pub(super) fn written_pid(lock_file: &Path) -> Option<Pid> {
    Pid::from_raw(std::fs::read_to_string(lock_file).ok()?.trim().parse().ok()?)
}
