//! A dispatcher on a runtime of its own, so that it can be stopped politely or lost in the middle of a call.
use std::sync::Arc;
use std::time::Duration;

use countersign_core::channel::Lines;
use countersign_core::db;
use countersign_core::dispatch::{Dispatcher, Engine, Settings};
use countersign_core::engine::board::Board;
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Settings that let a test end soon: look often, and call a silent worker lost after a few seconds.
#[must_use]
pub fn quick() -> Settings {
    Settings {
        lease: Duration::from_secs(20),
        max_in_flight: 16,
        batch: 50,
        poll: Duration::from_millis(40),
        worker: "test".to_owned(),
        slow_after: Duration::from_secs(2),
        looks: countersign_core::dispatch::evidence::LOOKS,
    }
}

/// A running dispatcher.
pub struct Worker {
    /// What its tasks say about themselves.
    pub board: Board,
    runtime: Option<Runtime>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a dispatcher on the database of that world.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn start(world: &World, lines: Lines, settings: Settings) -> Self {
        Self::start_by(world.options(), world, lines, settings)
    }

    /// Starts a dispatcher that reaches the database of that world another way.
    ///
    /// # Panics
    /// When it cannot connect.
    #[must_use]
    pub fn start_by(options: PgConnectOptions, world: &World, lines: Lines, settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let (key, stop, board) = (world.key.clone(), CancellationToken::new(), Board::default());
        let (token, told) = (stop.clone(), board.clone());
        // The pool is made on that runtime too: with the runtime its connections break, as those of a killed process do.
        let task = runtime.spawn(async move {
            let pool = db::steady(&db::connect(options, 1).await.expect("the database answers"));
            let wake = Arc::new(Notify::new());
            let engine = Engine { pool: pool.clone(), lines, key, settings, wake, board: told };
            Dispatcher::new(engine).run(token).await.expect("no task of the dispatcher dies");
            pool.close().await;
        });
        Self { board, runtime: Some(runtime), stop, task: Some(task) }
    }

    /// Tells it to stop and waits until what is on the wire is recorded.
    ///
    /// # Panics
    /// When it panicked, or does not end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let ended = tokio::time::timeout(crate::DEADLINE, task).await.expect("the dispatcher ends");
            ended.expect("the dispatcher does not panic");
        }
    }

    /// Loses it wherever it is: nothing is finished, nothing is written any more.
    pub fn lose(self) {
        drop(self);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
