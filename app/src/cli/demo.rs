//! `countersign demo` and `countersign sandbox`.
use color_eyre::eyre::Result;
use countersign_core::demo;
use countersign_core::engine::board::Board;
use tokio_util::sync::CancellationToken;

use super::console::{CONNECTIONS, show, theme};
use crate::database::Database;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::meter::{self, Meter};
use crate::output::Output;
use crate::session::{Setup, user};
use crate::signals::Signals;

/// What the demo says about itself.
const SANDBOX: &str = "demo: all five channels lead to the built-in sandbox; nothing leaves this machine";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Start over: drop the demo's database and fill it anew.
    #[arg(long)]
    fresh: bool,
    /// Fill the database and exit.
    #[arg(long)]
    seed_only: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SandboxArguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N")]
    port: u16,
}

/// Fills the demo's database and opens the console on it.
pub(super) async fn run(setup: &Setup, arguments: &Arguments, output: Output) -> Result<Code> {
    let theme = if arguments.seed_only { None } else { Some(theme(setup)?) };
    let database = Database::open_demo(arguments.fresh, CONNECTIONS).await?;
    if arguments.fresh {
        engine::clear_sandbox(&setup.paths)?;
    }
    let key = engine::master_key(&setup.config, &setup.paths)?;
    let lines = engine::ways(&setup.config, None)?;
    let (pool, user) = (&database.pool, user()?);
    let filled = meter::around("filling the demo company", None, async |meter: &Meter| {
        demo::fill(pool, &key, &lines, &user, &|done, total| meter.set_of(done, total)).await
    })
    .await
    .map_err(Fault::from)?;
    let Some(theme) = theme else {
        output.line(said(&filled))?;
        output.line(SANDBOX)?;
        return Ok(Code::Done);
    };
    // Nobody calls a made-up company, and its real neighbour may want the port.
    let mut config = setup.config.clone();
    config.listener.place = None;
    show(setup, &config, database, filled.company, theme, vec![SANDBOX.to_owned()]).await
}

/// What a fill did, in words.
fn said(filled: &demo::Filled) -> String {
    let made = &filled.made;
    if *made == demo::Made::default() {
        return format!("{} is filled already; `countersign demo --fresh` starts over", filled.company.name);
    }
    format!(
        "{}: {} outboxes, {} contacts in {} accounts, {} pending drafts, {} holding, {} uncertain, {} messages of history",
        filled.company.name,
        made.outboxes,
        made.contacts,
        made.accounts,
        made.pending,
        made.holding,
        made.uncertain,
        made.history
    )
}

/// Runs the sandbox provider until a signal ends it.
pub(super) async fn sandbox(setup: &Setup, arguments: &SandboxArguments, output: Output) -> Result<Code> {
    let stop = CancellationToken::new();
    let mut signals = Signals::listen()?;
    let sandbox =
        engine::start_sandbox(&setup.paths.sandbox_ledger(), arguments.port, Board::default()).await?;
    output.line(format!(
        "sandbox provider on {}, ledger {}",
        sandbox.base_url(),
        setup.paths.sandbox_ledger().display()
    ))?;
    output.line("faults: PUT /_sandbox/faults; what was accepted: GET /_sandbox/ledger; what was asked: GET /_sandbox/requests")?;
    signals.around(&stop, stop.cancelled()).await;
    sandbox.stop().await;
    Ok(Code::Done)
}
