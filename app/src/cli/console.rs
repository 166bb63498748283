//! Opens the console, with the engine in the same process.
use std::sync::Arc;

use color_eyre::eyre::Result;
use countersign_core::company::Company;
use countersign_core::engine::Mode;
use countersign_core::engine::board::Board;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::{self, Backend, DispatcherState, EngineStatus, Places, Theme};
use crate::database::Database;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::session::Setup;
use crate::signals::Signals;

/// Connections of an engine, beside those its dispatcher has for itself.
pub(super) const CONNECTIONS: u32 = 7;

/// Connections of a console besides: one asks for news, one decides, and two read what the screen shows.
const RESERVED: u32 = 4;

/// Runs with an engine until somebody quits.
pub(super) async fn run(setup: &Setup) -> Result<Code> {
    let (database, company, theme) = open(setup).await?;
    show(setup, &setup.config, database, company, theme, Vec::new()).await
}

async fn open(setup: &Setup) -> Result<(Database, Company, Theme)> {
    // Before anything is started: without a terminal there is nothing to show.
    let theme = theme(setup)?;
    let database = Database::open(&setup.config, CONNECTIONS).await?;
    let Some(company) = setup.choose(&database.pool).await? else {
        let sentence = "there is no company yet. What to do next:\n\
            try it            countersign demo\n\
            add a company     countersign companies add acme --name 'Acme Renovation'\n\
            add a secret      countersign secrets set resend < key-file\n\
            add an outbox     countersign outboxes add main --channel email --from 'Ana <ana@example.com>' --secret secret://resend:latest --daily-cap 80 --zone Europe/Paris\n\
            allow recipients  countersign allowlist add @example.com\n\
            import drafts     countersign drafts import FILE.jsonl";
        return Err(Fault::usage(sentence).into());
    };
    Ok((database, company, theme))
}

/// Shows a company without an engine until somebody quits: another process sends.
pub(super) async fn attach(setup: &Setup) -> Result<Code> {
    let (database, company, theme) = open(setup).await?;
    let actor = setup.caller.actor(&database.pool, &company).await?;
    let pool = database.reserve(RESERVED).await?;
    let absent = engine::absent(&setup.config);
    let status = EngineStatus { dispatcher: DispatcherState::Elsewhere, absent, ..EngineStatus::default() };
    let (_say, status) = watch::channel(status);
    let board = Board::default();
    let backend = Backend {
        pool,
        company,
        actor,
        lines: engine::ways(&setup.config, None)?,
        wake: Arc::default(),
        edits: crate::kept::Folder::new(setup.paths.edits.clone()),
        status,
        board: board.clone(),
        places: places(setup, &database),
    };
    let watching = CancellationToken::new();
    let work = async {
        let result = console::run(backend, theme, CancellationToken::new()).await;
        watching.cancel();
        result
    };
    let (result, ()) = tokio::join!(work, database.watch(&board, watching.clone()));
    result.map(|()| Code::Done)
}

fn places(setup: &Setup, database: &Database) -> Places {
    Places {
        database: database.label.clone(),
        logs: setup.paths.logs.display().to_string(),
        config: setup.paths.config.display().to_string(),
    }
}

/// How the console will look, or why it cannot be shown.
pub(super) fn theme(setup: &Setup) -> Result<Theme> {
    let config = &setup.config;
    let theme = console::theme(&config.theme.name, config.borders, &setup.paths.themes(), setup.is_plain)?;
    Ok(theme.map_err(|error| Fault::usage(format!("{}{error}", config.theme.origin)))?)
}

/// Shows a company until somebody quits, then stops the engine: what is on the wire is finished and recorded.
pub(super) async fn show(
    setup: &Setup,
    config: &Config,
    database: Database,
    company: Company,
    theme: Theme,
    notes: Vec<String>,
) -> Result<Code> {
    let actor = setup.caller.actor(&database.pool, &company).await?;
    // Before the engine starts, which may use up what there is.
    let pool = database.reserve(RESERVED).await?;
    let stop = CancellationToken::new();
    let running =
        engine::start(config, &setup.paths, &database.pool, Mode::Console, Board::default(), &stop).await?;
    let board = running.board.clone();
    running.add_notes(notes);
    let backend = Backend {
        pool,
        company,
        actor,
        lines: running.lines.clone(),
        wake: running.wake.clone(),
        edits: crate::kept::Folder::new(setup.paths.edits.clone()),
        status: running.status.clone(),
        board: board.clone(),
        places: places(setup, &database),
    };
    let watching = CancellationToken::new();
    let work = async {
        let result = console::run(backend, theme, stop.clone()).await;
        // The screen is gone; another signal now asks to hurry.
        let mut signals = Signals::listen()?;
        tokio::select! {
            () = running.stop() => {}
            () = signals.hurry() => {
                crate::output::complain("stopped at once; what was on the wire is settled by the next start");
            }
        }
        watching.cancel();
        result
    };
    // The private server is watched to the very end: outcomes still have to be written.
    let (result, ()) = tokio::join!(work, database.watch(&board, watching.clone()));
    result.map(|()| Code::Done)
}
