//! Opens the console, with the engine in the same process.
use color_eyre::eyre::Result;
use tokio_util::sync::CancellationToken;

use crate::console::{self, Backend, Theme};
use crate::database::Database;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::session::Setup;
use crate::signals::Signals;

/// Connections of a console with its dispatcher.
pub(super) const CONNECTIONS: u32 = 12;

/// Runs until somebody quits.
pub(super) async fn run(setup: &Setup) -> Result<Code> {
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
    show(setup, database, company, theme, Vec::new()).await
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
    database: Database,
    company: countersign_core::company::Company,
    theme: Theme,
    notes: Vec<String>,
) -> Result<Code> {
    let actor = setup.caller.actor(&database.pool, &company).await?;
    let stop = CancellationToken::new();
    let running = engine::start(&setup.config, &setup.paths, &database.pool, &stop).await?;
    running.add_notes(notes);
    let backend = Backend {
        pool: database.pool.clone(),
        company,
        actor,
        lines: running.lines.clone(),
        wake: running.wake.clone(),
        edits: crate::kept::Folder::new(setup.paths.edits.clone()),
        status: running.status.clone(),
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
    let (result, ()) = tokio::join!(work, database.watch(watching.clone()));
    result.map(|()| Code::Done)
}
