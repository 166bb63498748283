//! How a process with an engine tells the others that it lives: a row at its start, a beat every half minute and whenever the state
//! of a task changes, no row after a clean end.
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::board::{Board, Reporter};
use super::{BEAT, Mode, Process, keep, store};
use crate::error::Error;

/// How long the farewell may take; a row that stays is swept by the next start.
const FAREWELL: Duration = Duration::from_secs(2);

/// After a beat that failed.
const AGAIN: Duration = Duration::from_secs(5);

/// The process as others see it.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) mode: Mode,
    pub(super) host: String,
    pub(super) pid: i32,
    pub(super) version: String,
}

/// The beating of one process.
pub struct Heart {
    id: Uuid,
    others: Vec<Process>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Heart {
    /// The row of this process.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The other processes that were heard from when this one began.
    #[must_use]
    pub fn others(&self) -> &[Process] {
        &self.others
    }

    /// Stops beating and takes the row away.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("the heartbeat ended: {error}");
        }
    }
}

/// Sweeps who was silent for too long, writes the row of this process, and begins to beat.
///
/// # Errors
/// A database fault; nothing beats then.
pub async fn announce(
    pool: &PgPool,
    mode: Mode,
    host: String,
    version: &str,
    board: &Board,
) -> Result<Heart, Error> {
    let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    let who = Who { mode, host, pid, version: version.to_owned() };
    let id = crate::ids::EngineId::new().0;
    let mut conn = pool.acquire().await?;
    let swept = store::sweep(&mut conn).await?;
    if swept > 0 {
        tracing::info!(swept, "processes that were not seen for two minutes are forgotten");
    }
    let others = store::list(&mut conn).await?;
    let reporter = board.task("heartbeat");
    store::beat(&mut conn, id, &who, &board.tasks()).await?;
    drop(conn);
    reporter.ok();
    let stop = CancellationToken::new();
    let (pool, board, until) = (pool.clone(), board.clone(), stop.clone());
    let task = tokio::spawn(async move {
        let beat = || go_on(pool.clone(), id, who.clone(), board.clone(), reporter.clone(), until.clone());
        keep(&reporter, &until, beat).await;
    });
    Ok(Heart { id, others, stop, task })
}

async fn go_on(pool: PgPool, id: Uuid, who: Who, board: Board, reporter: Reporter, stop: CancellationToken) {
    let mut watched = board.watch();
    loop {
        watched.mark_unchanged();
        let beat = async { store::beat(&mut *pool.acquire().await?, id, &who, &board.tasks()).await };
        let wait = match beat.await {
            Ok(()) => {
                reporter.ok();
                BEAT
            }
            Err(error) => {
                if reporter.waits(&error) {
                    tracing::warn!("the heartbeat waits: {error}");
                }
                AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
            // A flapping task costs one row a second and no more.
            Ok(()) = watched.changed(), if wait == BEAT => {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
            }
        }
    }
    let farewell = async { store::remove(&mut *pool.acquire().await?, id).await };
    if !matches!(tokio::time::timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
        tracing::warn!("the row of this process could not be taken away; the next start sweeps it");
    }
}
