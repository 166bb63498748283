//! The built-in sandbox provider: plays the providers over real HTTP on loopback, and fails on demand.
//!
//! Companies marked `sandbox` are served by it and by nothing else, and tests use it as the other end of the wire. Several of
//! them, in several processes, may share one ledger file; a key accepted by one is known to all. It never sends anything.
mod answer;
mod api;
mod calcom;
mod control;
mod faults;
pub mod hooks;
mod instagram;
mod ledger;
mod linkedin;
mod play;
mod resend;
mod server;
mod twilio;
mod web;
mod wire;
mod writer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::engine::board::Board;
use countersign_core::engine::keep;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::api::Provider;
pub use self::api::refusals;
pub use self::control::{Asked, Seen};
pub use self::faults::{Fault, FaultError, FaultRule};
pub use self::ledger::{Entry, Ledger, LedgerError};
pub use self::play::Refusal;

/// Where a sandbox listens and what it remembers.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// A loopback address; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The file that accepted messages are appended to.
    pub ledger: PathBuf,
    /// Where its tasks say how they are; one that panics is started again.
    pub board: Board,
}

/// A sandbox that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It accepts any credential, so nobody else may reach it.
    #[error("the sandbox cannot listen on {0}; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The port is taken, or not ours to take.
    #[error("the sandbox cannot listen on {addr}; choose another port")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The sandbox provider.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Starts a sandbox in the background of the running runtime.
    ///
    /// # Errors
    /// When the address is not on this machine or taken, or the ledger cannot be opened.
    pub async fn start(options: SandboxOptions) -> Result<SandboxHandle, SandboxError> {
        let SandboxOptions { addr, ledger, board } = options;
        if !addr.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(addr));
        }
        let ledger = Ledger::open(&ledger)?;
        let listen = |source| SandboxError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (listening, writing) = (board.task("sandbox provider"), board.task("sandbox ledger"));
        let provider = Arc::new(Provider::new(ledger, writing, stop.clone(), tasks.clone()));
        let (listener, shared, until) = (Arc::new(listener), Arc::clone(&provider), stop.clone());
        tasks.spawn(async move {
            let life = || server::serve(Arc::clone(&listener), Arc::clone(&shared), listening.clone());
            keep(&listening, &until, life).await;
            listening.off();
        });
        Ok(SandboxHandle { addr, provider, tasks, stop: stop.drop_guard() })
    }
}

/// A running sandbox; dropping it stops it without waiting.
pub struct SandboxHandle {
    addr: SocketAddr,
    provider: Arc<Provider>,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl SandboxHandle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a base URL for configuration.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Replaces the faults and lets go of every request an earlier one holds. An empty list is a healthy provider.
    pub fn set_faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        self.provider.faults().set(rules.into_iter().collect());
    }

    /// Puts an answer where only reading leads: a template, a picture. It counts from the next question on, and nothing else is read there.
    pub fn lays(&self, path: &str, status: u16, body: impl Into<Bytes>) {
        self.provider.lay(path, status, body.into());
    }

    /// What was asked of the provider so far, whatever it answered.
    #[must_use]
    pub fn requests(&self) -> Seen {
        self.provider.seen()
    }

    /// Closes the listener and every connection, and waits until the ledger is at rest.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}
