//! `countersign serve`: the engine without a screen, for a service manager.
use std::io::IsTerminal as _;
use std::time::Duration;

use color_eyre::eyre::Result;
use countersign_core::engine::board::Board;
use countersign_core::engine::{Mode, Process};
use countersign_core::error::Error;
use countersign_core::safe_text::SafeText;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::console::CONNECTIONS;
use crate::config::{Config, parse_listen};
use crate::database::Database;
use crate::exit::{Code, Fault};
use crate::listener::Standing;
use crate::output::{Output, complain};
use crate::session::Setup;
use crate::signals::Signals;
use crate::{engine, service};

/// How often an installation without a company is looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write the log to standard error as well; without a terminal there that happens anyway.
    #[arg(long)]
    log_stderr: bool,
    /// Where to listen for providers and clients of the API, like 127.0.0.1:8787, or `off`; listener.listen if left out.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Arguments {
    /// Whether the log goes to standard error besides its file.
    pub(super) fn logs_to_stderr(&self) -> bool {
        self.log_stderr || !std::io::stderr().is_terminal()
    }
}

/// Works until a signal ends it: SIGTERM and SIGINT finish what is on the wire, a second one ends at once, SIGHUP changes nothing.
pub(super) async fn run(setup: &Setup, arguments: &Arguments, output: Output) -> Result<Code> {
    if setup.company.is_some() {
        return Err(Fault::usage("--company: the engine works for every company; leave it out").into());
    }
    let mut config = setup.config.clone();
    if let Some(text) = &arguments.listen {
        config.listener.place =
            parse_listen(text).map_err(|problem| Fault::usage(format!("--listen: {problem}")))?;
    }
    // Nobody looks at a screen here: what panics says so in the log.
    std::panic::set_hook(Box::new(|info| tracing::error!("a task panicked: {info}")));
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let database = Database::open(&config, CONNECTIONS).await?;
    let board = Board::default();
    let watching = CancellationToken::new();
    let work = async {
        let result = work(setup, &config, &database, board.clone(), &stop, output).await;
        watching.cancel();
        result
    };
    // The private server is watched to the very end: outcomes still have to be written.
    let both = async { tokio::join!(work, database.watch(&board, watching.clone())).0 };
    match signals.around_service(&stop, both).await {
        Some(result) => result.map(|()| Code::Done),
        None => {
            complain("stopped at once; what was on the wire is settled by the next start");
            Ok(Code::Failed)
        }
    }
}

async fn work(
    setup: &Setup,
    config: &Config,
    database: &Database,
    board: Board,
    stop: &CancellationToken,
    output: Output,
) -> Result<()> {
    if !await_company(database, &board, stop, output).await? {
        return Ok(());
    }
    let running = engine::start(config, &setup.paths, &database.pool, Mode::Serve, board, stop).await?;
    for sentence in also_running(running.others()) {
        tell(output, &sentence)?;
    }
    let pid = std::process::id();
    let parts: Vec<&str> =
        if running.has_sandbox() { vec!["dispatcher", "sandbox provider"] } else { vec!["dispatcher"] };
    let standing = running.status.borrow().listener;
    let (listener, said) = match standing {
        Standing::At(place) => (Some(place), format!(", {standing}")),
        Standing::Taken(_) => (None, format!(", {standing}")),
        Standing::Off => (None, String::new()),
    };
    let ready = format!("ready: {} on {}{said}, pid {pid}", parts.join(", "), database.label);
    if output.is_json {
        output.json(&serde_json::json!({
            "ready": true, "parts": parts, "database": database.label, "pid": pid, "listener": listener,
        }))?;
    } else {
        output.line(SafeText::line(&ready).as_str())?;
    }
    tracing::info!("{ready}");
    service::ready(&ready);
    let halted = tokio::select! {
        () = attend(&running, stop) => {
            tracing::info!("told to stop: nothing new is claimed, what is on the wire is finished");
            Ok(())
        }
        halted = running.halted() => Err(halted.into()),
    };
    service::stopping();
    running.stop().await;
    tracing::info!("stopped");
    halted
}

/// Gives signs of life until told to stop.
async fn attend(running: &engine::Running, stop: &CancellationToken) {
    let Some(pause) = service::watchdog() else {
        return stop.cancelled().await;
    };
    loop {
        service::alive(&running.board);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits until there is somebody to work for: a server may start before its first company. Says whether there is.
async fn await_company(
    database: &Database,
    board: &Board,
    stop: &CancellationToken,
    output: Output,
) -> Result<bool> {
    let mut is_told = false;
    while !stop.is_cancelled() {
        let companies =
            async { countersign_core::company::store::list(&mut *database.pool.acquire().await?).await };
        match companies.await {
            Ok(companies) if !companies.is_empty() => return Ok(true),
            Ok(_) | Err(Error::Unavailable(_)) if is_told => {}
            Ok(_) => {
                is_told = true;
                let words =
                    "waiting: there is no company yet; countersign companies add SLUG --name NAME makes one";
                tell(output, words)?;
                service::ready(words);
            }
            Err(Error::Unavailable(error)) => tracing::warn!("companies cannot be read: {error}"),
            Err(error) => return Err(Fault::from(error).into()),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if service::watchdog().is_some() {
            service::alive(board);
        }
    }
    Ok(false)
}

/// Says it to who reads standard output, and to the log.
fn tell(output: Output, sentence: &str) -> Result<()> {
    tracing::info!("{sentence}");
    if output.is_json { Ok(()) } else { output.line(SafeText::line(sentence).as_str()) }
}

/// A sentence for each other process that runs a dispatcher.
pub(super) fn also_running(others: &[Process]) -> Vec<String> {
    let zone = TimeZone::system();
    let others = others.iter().filter(|other| other.is_fresh && other.dispatcher().is_some());
    others
        .map(|other| {
            format!(
                "the dispatcher also runs in process {} on {} since {} ({}); both may work, nothing is sent twice",
                other.pid,
                SafeText::line(&other.host).truncated(64),
                other.started_at.to_zoned(zone.clone()).strftime("%-d %b %H:%M"),
                other.mode.as_str()
            )
        })
        .collect()
}
