//! The client's side: hold a lease, and see to it that a server runs.
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use super::error::PrivateError;
use super::hidden::{self, HIDDEN, SUPERVISE};
use super::location::Location;
use super::probe::{Answer, probe};
use super::stage::{Stage, Waiting};
use super::{cluster, locks};
use crate::clock;

/// How long the stop of an earlier server may take.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// How long a start may take, by what it has to do: make a cluster, recover after a crash, or just start.
const CREATE_PATIENCE: Duration = Duration::from_secs(60);
const RECOVER_PATIENCE: Duration = Duration::from_secs(120);
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long until another supervisor is tried when the last one ended without a word.
const RETRY_AFTER: Duration = Duration::from_millis(150);

/// How to start the supervisor: a program that calls [`run_hidden`](super::run_hidden), and its hidden words.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// The words before the folder and the flags.
    pub args: Vec<String>,
}

impl Launcher {
    /// The program that runs right now.
    #[must_use]
    pub fn own() -> Self {
        Self::program(hidden::own_program())
    }

    /// Another program that calls [`run_hidden`](super::run_hidden).
    #[must_use]
    pub fn program(program: PathBuf) -> Self {
        Self { program, args: vec![HIDDEN.to_owned(), SUPERVISE.to_owned()] }
    }
}

/// A claim on the server: it keeps running while any process holds one.
#[derive(Debug)]
pub struct Lease {
    location: Location,
    launcher: Launcher,
    // Never read: the kernel releases its lock when this process ends.
    _file: File,
}

/// Takes a lease and waits until the server takes connections. Blocks; not for an async thread. `tell` hears again and again what
/// it waits for.
///
/// # Errors
/// When the server cannot be started or a previous one does not stop; the error says what to do.
pub fn acquire(
    location: &Location,
    launcher: &Launcher,
    tell: &dyn Fn(Waiting),
) -> Result<Lease, PrivateError> {
    location.prepare_root()?;
    let path = location.lease_file();
    let file = locks::open(&path)?;
    let give_up = clock::monotonic() + STOP_PATIENCE;
    // Refused only while a supervisor stops its server.
    while !locks::granted(file.try_lock_shared(), &path)? {
        let now = clock::monotonic();
        tell(Waiting { stage: Stage::EarlierStops, left: give_up.saturating_duration_since(now) });
        if now >= give_up {
            let pid = super::supervisor::written_pid(&location.supervisor_lock_file());
            return Err(PrivateError::NotStopped {
                path: location.root().to_owned(),
                waited_secs: STOP_PATIENCE.as_secs(),
                pid: pid.map_or(0, |pid| pid.as_raw_nonzero().get()),
            });
        }
        thread::sleep(Duration::from_millis(10));
    }
    let lease = Lease { location: location.clone(), launcher: launcher.clone(), _file: file };
    lease.await_server(tell)?;
    Ok(lease)
}

impl Lease {
    /// The server this lease is for.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Waits until the server takes connections, and starts a supervisor if there is none. Blocks.
    ///
    /// To be called again when connections fail: somebody may have killed the server or its supervisor.
    ///
    /// # Errors
    /// When the server cannot be started; the error says what to do.
    pub fn ensure_running(&self) -> Result<(), PrivateError> {
        self.await_server(&|_| {})
    }

    fn await_server(&self, tell: &dyn Fn(Waiting)) -> Result<(), PrivateError> {
        let data = self.location.data_dir();
        let socket = self.location.socket_file();
        let supervisor_lock = self.location.supervisor_lock_file();
        let since = clock::monotonic();
        let is_first = cluster::data_version(&data).is_none();
        let mut patience = if is_first { CREATE_PATIENCE } else { START_PATIENCE };
        let mut next_try = since;
        let mut started: Option<Receiver<Output>> = None;
        let mut pause = Duration::from_millis(5);
        loop {
            let answer = probe(&socket);
            let supervised = locks::is_held(&supervisor_lock);
            if answer == Answer::Ready && supervised {
                return Ok(());
            }
            if answer == Answer::Busy {
                patience = RECOVER_PATIENCE;
            }
            if let Some(report) = started.take() {
                started = still_at_work(report)?;
            }
            let now = clock::monotonic();
            let stage = match answer {
                _ if is_first && cluster::data_version(&data).is_none() => Stage::MakesCluster,
                Answer::Busy => Stage::Recovers { is_first },
                Answer::Absent | Answer::Ready => Stage::Starts { is_first },
            };
            tell(Waiting { stage, left: (since + patience).saturating_duration_since(now) });
            if started.is_none() && !supervised && now >= next_try {
                started = Some(self.start_supervisor()?);
                next_try = now + RETRY_AFTER;
            }
            if now - since >= patience {
                return Err(PrivateError::NotReady {
                    path: self.location.root().to_owned(),
                    waited_secs: patience.as_secs(),
                    log: self.location.log_dir(),
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(40));
        }
    }

    /// Starts a supervisor; the receiver gets what it said when it ends.
    fn start_supervisor(&self) -> Result<Receiver<Output>, PrivateError> {
        let program = &self.launcher.program;
        let mut command = Command::new(program);
        hidden::clear_environment(&mut command);
        let child = command
            .args(&self.launcher.args)
            .args(hidden::supervise_arguments(&self.location))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(PrivateError::io("run", program))?;
        tracing::debug!(supervisor.pid = child.id(), "started the supervisor of the private database");
        let (sender, receiver) = mpsc::channel();
        // The thread also reaps the supervisor, should it end before this process.
        thread::Builder::new()
            .name("supervisor-watch".into())
            .spawn(move || {
                if let Ok(output) = child.wait_with_output() {
                    let _ = sender.send(output);
                }
            })
            .map_err(PrivateError::io("watch", program))?;
        Ok(receiver)
    }
}

/// Gives the receiver back while the supervisor runs, and turns its last words into an error.
///
/// One that found another at work says nothing, and neither does one that was killed: both are worth another try.
fn still_at_work(report: Receiver<Output>) -> Result<Option<Receiver<Output>>, PrivateError> {
    let output = match report.try_recv() {
        Err(TryRecvError::Empty) => return Ok(Some(report)),
        Err(TryRecvError::Disconnected) => return Ok(None),
        Ok(output) => output,
    };
    match output.status.code() {
        Some(0) | None => Ok(None),
        Some(code) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let report = match said.is_empty() {
                true => {
                    format!("the supervisor of the private database ended with code {code} and no reason")
                }
                false => said,
            };
            Err(PrivateError::Supervisor { report })
        }
    }
}
