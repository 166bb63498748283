//! The engine around a console or a command: the sandbox provider, the ways to send, the dispatcher, the listener, and those that
//! apply what came in and ask for what did not, as supervised tasks.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::{Context as _, Result};
use countersign_adapters::sandbox::{Sandbox, SandboxHandle, SandboxOptions};
use countersign_adapters::{Settings, lines, webhook};
use countersign_core::channel::Lines;
use countersign_core::clock;
use countersign_core::db::{self, phase};
use countersign_core::dispatch::{Dispatcher, Engine};
use countersign_core::engine::board::{Board, Health};
use countersign_core::engine::{self, DISPATCHER, Heart, Mode, Pauses, Process};
use countersign_core::inbound::Applier;
use countersign_core::secret::MasterKey;
use countersign_core::server;
use countersign_core::sync::{self, Syncer};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::{DispatcherState, EngineStatus};
use crate::exit::{Code, Fault};
use crate::listener::{self, Standing};
use crate::meter::{self, Meter};
use crate::paths::Paths;

/// The task that applies what came in.
const INBOUND: &str = "inbound";

/// The task that asks providers for what their webhooks missed.
const SYNC: &str = "sync";

/// The engine at work.
pub(crate) struct Running {
    /// Ways to send, also needed to show what would be sent.
    pub(crate) lines: Lines,
    /// Wakes the dispatcher.
    pub(crate) wake: Arc<Notify>,
    /// What it says about itself.
    pub(crate) status: watch::Receiver<EngineStatus>,
    /// What its tasks say about themselves.
    pub(crate) board: Board,
    heart: Heart,
    tasks: Vec<JoinHandle<()>>,
    sandbox: Option<SandboxHandle>,
    stop: CancellationToken,
    say: watch::Sender<EngineStatus>,
}

impl Running {
    /// Says further things in the status.
    pub(crate) fn add_notes(&self, notes: Vec<String>) {
        self.say.send_modify(|status| status.notes.extend(notes));
    }

    /// The other processes with an engine that were heard from at the start.
    pub(crate) fn others(&self) -> &[Process] {
        self.heart.others()
    }

    /// Ends when the dispatcher may not send before a person says so, with the reason.
    pub(crate) async fn halted(&self) -> Fault {
        let mut watched = self.board.watch();
        loop {
            watched.mark_unchanged();
            if let Some(reason) = self.board.halted() {
                return Fault { code: Code::Refused, sentence: reason };
            }
            if watched.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether the sandbox provider runs in this process.
    pub(crate) fn has_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    /// Stops claiming, finishes what is on the wire, and ends.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let finish = async |_: &Meter| {
            for task in self.tasks {
                if let Err(error) = task.await {
                    tracing::error!("the keeper of a task ended: {error}");
                }
            }
            if let Some(sandbox) = self.sandbox {
                sandbox.stop().await;
            }
            self.heart.stop().await;
        };
        // A call that was made may take as long as a provider is waited for.
        meter::around("finishing what is on the wire", None, finish).await;
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
    let settings = Settings { channels: config.channels.clone(), sandbox, dry_run: config.dry_run };
    Ok(lines(&settings)?)
}

/// Starts the sandbox provider on a free loopback port.
pub(crate) async fn start_sandbox(ledger: &Path, port: u16, board: Board) -> Result<SandboxHandle> {
    if let Some(folder) = ledger.parent() {
        std::fs::create_dir_all(folder)
            .wrap_err_with(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Sandbox::start(SandboxOptions { addr, ledger: ledger.to_owned(), board })
        .await
        .wrap_err_with(|| format!("the sandbox provider cannot start on port {port}"))
}

/// Starts everything. A sandbox provider runs only if a company is marked for it.
pub(crate) async fn start(
    config: &Config,
    paths: &Paths,
    pool: &PgPool,
    mode: Mode,
    board: Board,
    stop: &CancellationToken,
) -> Result<Running> {
    let companies = {
        let mut conn = pool.acquire().await?;
        countersign_core::company::store::list(&mut conn).await.map_err(Fault::from)?
    };
    let sandbox = match companies.iter().any(|company| company.sandbox) {
        true => Some(start_sandbox(&paths.sandbox_ledger(), 0, board.clone()).await?),
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
    let is_live = companies.iter().any(|company| !company.sandbox);
    let led_elsewhere: Vec<String> = config
        .channels
        .iter()
        .filter(|_| is_live)
        .flat_map(|reached| {
            let templates = reached.templates.as_ref().map(|base| ("templates come from", base));
            let ways = std::iter::once(("goes to", &reached.base)).chain(templates);
            ways.filter(|(_, base)| base.is_loopback())
                .map(|(what, base)| format!("{} {what} {}", reached.channel, base.host_label()))
        })
        .collect();
    let absent = absent(config);
    let sends = absent.is_none();
    let (status, watched) = watch::channel(EngineStatus {
        dispatcher: if sends { DispatcherState::Starting } else { DispatcherState::Off },
        absent,
        deaf: deaf(config),
        sandbox: address,
        listener: Standing::Off,
        base_url_note: (!led_elsewhere.is_empty()).then(|| led_elsewhere.join(", ")),
        notes,
    });
    // A console is opened nevertheless: it shows why nothing leaves.
    if sends && mode != Mode::Console {
        server::confirm(&mut *pool.acquire().await?).await.map_err(Fault::from)?;
    }
    let place = match config.listener.place {
        // Whoever runs for a moment is not called.
        Some(place) if mode != Mode::Dispatch => Some(listener::take(place).await?),
        _ => None,
    };
    let engine = Engine {
        pool: db::steady(pool),
        lines: lines.clone(),
        key: key.clone(),
        settings: config.dispatcher.clone(),
        wake: Arc::clone(&wake),
        board: board.clone(),
    };
    // On the board before the first beat, so that others read at once what runs here.
    let _ = board.task(DISPATCHER);
    let heart =
        engine::announce(pool, mode, host(), env!("CARGO_PKG_VERSION"), &board).await.map_err(Fault::from)?;
    if let (Some(place), Mode::Serve) = (&place, mode)
        && let Err(fault) = listener::refuse_foreign(pool, place.standing, &host()).await
    {
        heart.stop().await;
        return Err(fault.into());
    }
    let stop = stop.child_token();
    let mut tasks = Vec::new();
    if sends {
        tasks.push(tokio::spawn(supervise(engine, status.clone(), stop.clone())));
    } else {
        // Without outboxes there is nothing to send.
        board.task(DISPATCHER).off();
    }
    let inbound = Arc::new(Notify::new());
    let takes_in = mode != Mode::Dispatch && !config.phases_off.contains(phase::INBOUND);
    if takes_in {
        let applier = Applier {
            pool: pool.clone(),
            lines: lines.clone(),
            key: key.clone(),
            hooks: webhook,
            wake: Arc::clone(&inbound),
            board: board.clone(),
        };
        let syncer = Syncer {
            pool: pool.clone(),
            lines: lines.clone(),
            key: key.clone(),
            interval: sync::INTERVAL,
            between_pages: sync::BETWEEN_PAGES,
            wake: Arc::clone(&inbound),
            board: board.clone(),
        };
        tasks.push(kept(INBOUND, &board, &stop, move |stop| applier.clone().run(stop)));
        tasks.push(kept(SYNC, &board, &stop, move |stop| syncer.clone().run(stop)));
    }
    if let Some(place) = place {
        let standing = place.standing;
        status.send_modify(|status| status.listener = standing);
        let state = listener::State::new(listener::Parts {
            pool: pool.clone(),
            key,
            lines: lines.clone(),
            board: board.clone(),
            phases_off: config.phases_off.clone(),
            config: config.listener.clone(),
            wake: Arc::clone(&wake),
            inbound,
            hooks: takes_in.then_some(webhook),
        });
        let say = status.clone();
        let say = move |standing| say.send_modify(|status| status.listener = standing);
        tasks.push(tokio::spawn(listener::run(place, state, say, stop.clone())));
    }
    Ok(Running { lines, wake, status: watched, board, heart, tasks, sandbox, stop, say: status })
}

/// Starts a task that is started again if it dies.
fn kept<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    board: &Board,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
) -> JoinHandle<()> {
    let (board, stop) = (board.clone(), stop.clone());
    tokio::spawn(async move {
        let reporter = board.task(name);
        engine::keep(&reporter, &stop, || work(stop.clone())).await;
        reporter.off();
    })
}

/// Why nothing can be sent with this configuration, if so.
pub(crate) fn absent(config: &Config) -> Option<String> {
    config.phases_off.require(phase::OUTBOXES).err().map(|error| error.to_string())
}

/// Why nothing comes in with this configuration, if so.
pub(crate) fn deaf(config: &Config) -> Option<String> {
    config.phases_off.require(phase::INBOUND).err().map(|error| error.to_string())
}

/// Keeps a dispatcher at work: one that dies is named in the status and started again.
async fn supervise(engine: Engine, status: watch::Sender<EngineStatus>, stop: CancellationToken) {
    let reporter = engine.board.task(DISPATCHER);
    let mut pauses = Pauses::default();
    while !stop.is_cancelled() {
        let started = clock::monotonic();
        let error = match work(&engine, &status, &stop).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        let pause = pauses.after(clock::monotonic().duration_since(started));
        tracing::error!("the dispatcher ended and starts again in {} s: {error}", pause.as_secs());
        reporter.restarts(&error);
        let reason = format!("{error}; it is started again, see 9 Activity and the log");
        status.send_modify(|status| status.dispatcher = DispatcherState::Failed { reason });
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    reporter.off();
}

/// Runs a dispatcher to its end. It counts as at work once it did something: a start alone proves nothing.
async fn work(
    engine: &Engine,
    status: &watch::Sender<EngineStatus>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let mut watched = engine.board.watch();
    let mut task = tokio::spawn(Dispatcher::new(engine.clone()).run(stop.clone()));
    loop {
        let told = watched.borrow_and_update().iter().find(|task| task.name == DISPATCHER).cloned();
        let told = told.unwrap_or_default();
        let state = match told.health {
            Health::Ok | Health::Waiting => Some(DispatcherState::Ok),
            Health::Halted => Some(DispatcherState::Halted { reason: told.error.unwrap_or_default() }),
            Health::Starting | Health::Restarting | Health::Off => None,
        };
        if let Some(state) = state {
            status.send_if_modified(|status| {
                let is_news = status.dispatcher != state;
                status.dispatcher = state;
                is_news
            });
        }
        tokio::select! {
            ended = &mut task => return match ended {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            Ok(()) = watched.changed() => {}
        }
    }
}

/// Name of this machine, for people who look from another one.
fn host() -> String {
    whoami::hostname().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
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
