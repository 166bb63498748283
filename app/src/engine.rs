//! The engine around a console or a command: the sandbox provider, the ways to send, and the dispatcher as a supervised task.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Context as _, Result};
use countersign_adapters::sandbox::{Sandbox, SandboxHandle, SandboxOptions};
use countersign_adapters::{Settings, lines};
use countersign_core::channel::Lines;
use countersign_core::db::phase;
use countersign_core::dispatch::{Dispatcher, Engine};
use countersign_core::secret::MasterKey;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::{DispatcherState, EngineStatus};
use crate::exit::Fault;
use crate::paths::Paths;

/// A restarted dispatcher waits this long, so that a fault at its start does not spin.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// The engine at work.
pub(crate) struct Running {
    /// Ways to send, also needed to show what would be sent.
    pub(crate) lines: Lines,
    /// Wakes the dispatcher.
    pub(crate) wake: Arc<Notify>,
    /// What it says about itself.
    pub(crate) status: watch::Receiver<EngineStatus>,
    task: JoinHandle<()>,
    sandbox: Option<SandboxHandle>,
    stop: CancellationToken,
    say: watch::Sender<EngineStatus>,
}

impl Running {
    /// Says further things in the status.
    pub(crate) fn add_notes(&self, notes: Vec<String>) {
        self.say.send_modify(|status| status.notes.extend(notes));
    }

    /// Stops claiming, finishes what is on the wire, and ends.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("the dispatcher's keeper ended: {error}");
        }
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

/// The key for secrets: from the environment, else from its file, which is made if there is none.
pub(crate) fn master_key(config: &Config, paths: &Paths) -> Result<MasterKey> {
    let key = match &config.master_key {
        Some(text) => MasterKey::from_text(text.expose(), "COUNTERSIGN_MASTER_KEY"),
        None => MasterKey::from_file(&paths.master_key()),
    };
    key.map_err(|error| Fault::from(countersign_core::error::Error::from(error)).into())
}

/// The ways to send as configured; `sandbox` is where the sandbox provider listens.
pub(crate) fn ways(config: &Config, sandbox: Option<SocketAddr>) -> Result<Lines> {
    let settings =
        Settings { email_base_url: config.email_base_url.clone(), sandbox, dry_run: config.dry_run };
    Ok(lines(&settings)?)
}

/// Starts the sandbox provider on a free loopback port.
pub(crate) async fn start_sandbox(ledger: &Path, port: u16) -> Result<SandboxHandle> {
    if let Some(folder) = ledger.parent() {
        std::fs::create_dir_all(folder)
            .wrap_err_with(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Sandbox::start(SandboxOptions { addr, ledger: ledger.to_owned() })
        .await
        .wrap_err_with(|| format!("the sandbox provider cannot start on port {port}"))
}

/// Starts everything. A sandbox provider runs only if a company is marked for it.
pub(crate) async fn start(
    config: &Config,
    paths: &Paths,
    pool: &PgPool,
    stop: &CancellationToken,
) -> Result<Running> {
    let companies = {
        let mut conn = pool.acquire().await?;
        countersign_core::company::store::list(&mut conn).await.map_err(Fault::from)?
    };
    let sandbox = match companies.iter().any(|company| company.sandbox) {
        true => Some(start_sandbox(&paths.sandbox_ledger(), 0).await?),
        false => None,
    };
    let address = sandbox.as_ref().map(SandboxHandle::addr);
    let lines = ways(config, address)?;
    let key = master_key(config, paths)?;
    let wake = Arc::new(Notify::new());
    let mut notes = Vec::new();
    if config.dry_run {
        notes.push("dry run: everything but the wire".to_owned());
    }
    // A sandbox company's mail goes to its sandbox, wherever the configuration leads.
    let base = &config.email_base_url;
    let is_led_elsewhere = base.is_loopback() && companies.iter().any(|company| !company.sandbox);
    let absent = config.phases_off.require(phase::OUTBOXES).err().map(|error| error.to_string());
    let sends = absent.is_none();
    let (status, watched) = watch::channel(EngineStatus {
        dispatcher: if sends { DispatcherState::Starting } else { DispatcherState::Off },
        absent,
        sandbox: address,
        base_url_note: is_led_elsewhere.then(|| format!("email goes to {}", base.host_label())),
        notes,
    });
    let engine = Engine {
        pool: pool.clone(),
        lines: lines.clone(),
        key,
        settings: config.dispatcher.clone(),
        wake: Arc::clone(&wake),
    };
    let stop = stop.child_token();
    let task = match sends {
        true => tokio::spawn(supervise(engine, status.clone(), stop.clone())),
        // Without outboxes there is nothing to send.
        false => tokio::spawn(async {}),
    };
    Ok(Running { lines, wake, status: watched, task, sandbox, stop, say: status })
}

/// Keeps a dispatcher at work: one that dies is named in the status and started again.
async fn supervise(engine: Engine, status: watch::Sender<EngineStatus>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        status.send_modify(|status| status.dispatcher = DispatcherState::Ok);
        let task = tokio::spawn(Dispatcher::new(engine.clone()).run(stop.clone()));
        match task.await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => tracing::error!("{error}"),
            Err(error) => tracing::error!("the dispatcher ended: {error}"),
        }
        let reason = "it ended by a fault and starts again; see the log".to_owned();
        status.send_modify(|status| status.dispatcher = DispatcherState::Failed { reason });
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RESTART_PAUSE) => {}
        }
    }
}

/// Forgets what the sandbox provider accepted. The file stays: a sandbox that runs elsewhere has it open.
pub(crate) fn clear_sandbox(paths: &Paths) -> Result<()> {
    let ledger = paths.sandbox_ledger();
    match std::fs::OpenOptions::new().write(true).truncate(true).open(&ledger) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(error).wrap_err_with(|| format!("the ledger {} cannot be cleared", ledger.display()))
        }
    }
}
