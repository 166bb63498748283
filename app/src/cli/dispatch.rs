//! `countersign dispatch --until-idle`: sends what is due and returns.
use std::time::Duration;

use color_eyre::eyre::Result;
use countersign_core::dispatch::idle::{self, HORIZON_SECS, Load};
use countersign_core::engine::Mode;
use countersign_core::engine::board::Board;
use countersign_core::error::Error;
use tokio_util::sync::CancellationToken;

use super::console::CONNECTIONS;
use crate::database::Database;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::meter::{self, Meter};
use crate::output::Output;
use crate::session::Setup;
use crate::signals::Signals;

/// How often the load is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Looks that may fail one after another before this is given up.
const FAULTS_LIMIT: u32 = 60;

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
    let running =
        engine::start(&setup.config, &setup.paths, &database.pool, Mode::Dispatch, Board::default(), &stop)
            .await?;
    let board = running.board.clone();
    let is_dry_run = running.lines.is_dry_run();
    let work = async {
        let load = meter::around("sending", None, async |meter: &Meter| {
            tokio::select! {
                load = until_idle(&database, is_dry_run, &stop, meter) => load,
                halted = running.halted() => Err(halted),
            }
        })
        .await;
        // In any case: what is on the wire is finished and recorded.
        running.stop().await;
        // What is said is how things are afterwards, where that can still be read.
        match (load, look(&database, is_dry_run).await) {
            (Ok(_), Ok(after)) => Ok(after),
            (before, _) => before,
        }
    };
    let watched = async {
        tokio::select! {
            load = work => load,
            () = database.watch(&board, CancellationToken::new()) => Err(Fault::database("the database is no longer watched".to_owned())),
        }
    };
    let Some(load) = signals.around(&stop, watched).await else {
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

/// Looks until nothing is left to do, or a stop was asked for. A database that is away for a moment is waited for.
async fn until_idle(
    database: &Database,
    is_dry_run: bool,
    stop: &CancellationToken,
    meter: &Meter,
) -> Result<Load, Fault> {
    let mut faults = 0;
    let mut way = Way::default();
    loop {
        match look(database, is_dry_run).await {
            Ok(load) if load.is_idle() || stop.is_cancelled() => return Ok(load),
            Ok(load) => {
                faults = 0;
                let (done, total) = way.after(load);
                meter.set_of(done, total);
            }
            Err(Error::Unavailable(error)) if faults < FAULTS_LIMIT && !stop.is_cancelled() => {
                faults += 1;
                tracing::warn!("the load cannot be read: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// How far sending is, from what is left at each look. What several dispatchers do together counts; what was held or came in between
/// two looks and left again does not.
#[derive(Debug, Default)]
struct Way {
    done: usize,
    left: usize,
}

impl Way {
    fn after(&mut self, load: Load) -> (usize, usize) {
        let left = usize::try_from(load.dispatching + load.due).unwrap_or(0);
        self.done += self.left.saturating_sub(left);
        self.left = left;
        (self.done, self.done + left)
    }
}

async fn look(database: &Database, is_dry_run: bool) -> Result<Load, Error> {
    idle::load(&mut *database.pool.acquire().await?, is_dry_run).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_left_is_done() {
        let mut way = Way::default();
        let mut look = |due, dispatching| way.after(Load { due, dispatching, held: 0 });
        assert_eq!(look(8, 2), (0, 10));
        assert_eq!(look(4, 2), (4, 10));
        assert_eq!(look(9, 1), (4, 14), "more fell due");
        assert_eq!(look(0, 0), (14, 14));
    }
}
