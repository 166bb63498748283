//! `countersign dispatch --until-idle`: sends what is due and returns.
use std::time::Duration;

use color_eyre::eyre::Result;
use countersign_core::dispatch::idle::{self, HORIZON_SECS, Load};
use tokio_util::sync::CancellationToken;

use super::console::CONNECTIONS;
use crate::database::Database;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;
use crate::signals::Signals;

/// How often the load is looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Return when nothing is being sent and nothing falls due within 120 s.
    #[arg(long, required = true)]
    until_idle: bool,
}

pub(super) async fn run(setup: &Setup, _arguments: &Arguments, output: Output) -> Result<Code> {
    let database = Database::open(&setup.config, CONNECTIONS).await?;
    let stop = CancellationToken::new();
    let mut signals = Signals::listen()?;
    let running = engine::start(&setup.config, &setup.paths, &database.pool, &stop).await?;
    let work = async {
        loop {
            let load = look(&database).await?;
            if load.is_idle() || stop.is_cancelled() {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        running.stop().await;
        // What was on the wire is recorded by now.
        look(&database).await
    };
    let Some(load) = signals.around(&stop, work).await else {
        return Ok(Code::Failed);
    };
    let load = load?;
    let value = serde_json::json!({ "dispatching": load.dispatching, "due": load.due, "held": load.held });
    if output.is_json {
        output.json(&value)?;
    } else if load.is_idle() {
        output.line(format!(
            "idle: nothing falls due within {HORIZON_SECS} s; {} held for longer",
            load.held
        ))?;
    } else {
        output.line(format!("stopped: {} under way, {} due", load.dispatching, load.due))?;
    }
    if !output.is_json && load.held > 0 {
        output.line("what holds them: countersign queue list")?;
    }
    // A stop that was asked for and left nothing half done is no failure.
    Ok(Code::Done)
}

async fn look(database: &Database) -> Result<Load, Fault> {
    let mut conn =
        database.pool.acquire().await.map_err(countersign_core::error::Error::from).map_err(Fault::from)?;
    idle::load(&mut conn).await.map_err(Fault::from)
}
