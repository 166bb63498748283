//! The one task that writes to the ledger: takes everything that waits, locks once, answers all of it.
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_core::engine::board::Reporter;
use countersign_core::engine::keep;
use countersign_core::fault;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ledger::{Entry, Ledger, Verdict};

/// The most messages accepted under one lock; bounds how long another sandbox waits.
const BATCH: usize = 256;

/// After a ledger that could not be opened.
const AGAIN: Duration = Duration::from_secs(1);

type Offer = (Entry, oneshot::Sender<Verdict>);

/// What waits to be written; it outlives the task that takes from it.
type Offers = Arc<Mutex<mpsc::Receiver<Offer>>>;

/// Hands messages to the writing task.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: mpsc::Sender<Offer>,
}

impl Writer {
    pub(super) fn start(
        ledger: Ledger,
        reporter: Reporter,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let path = ledger.path().to_owned();
        // When it is full, requests wait for their turn, as at any busy provider.
        let (queue, offers) = mpsc::channel(BATCH);
        let (offers, place) = (Arc::new(Mutex::new(offers)), path.clone());
        let mut first = Some(ledger);
        tasks.spawn(async move {
            // What a life that ended in a panic knew of the file is not to be trusted; the next one reads it anew.
            let life =
                || write(first.take(), place.clone(), Arc::clone(&offers), reporter.clone(), stop.clone());
            keep(&reporter, &stop, life).await;
            reporter.off();
        });
        Self { path, queue }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `None` when the ledger could not be written or the sandbox stops: then nothing was accepted.
    pub(super) async fn accept(&self, entry: Entry) -> Option<Verdict> {
        let (answer, verdict) = oneshot::channel();
        self.queue.send((entry, answer)).await.ok()?;
        verdict.await.ok()
    }
}

async fn write(
    ledger: Option<Ledger>,
    path: PathBuf,
    offers: Offers,
    reporter: Reporter,
    stop: CancellationToken,
) {
    let mut offers = offers.lock().await;
    let opened = match ledger {
        Some(ledger) => Some(ledger),
        None => open(&path, &reporter, &stop).await,
    };
    let Some(mut ledger) = opened else { return };
    reporter.ok();
    let mut waiting = Vec::new();
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => break,
            received = offers.recv_many(&mut waiting, BATCH) => received,
        };
        if received == 0 {
            break;
        }
        let (batch, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let done = tokio::task::spawn_blocking(move || {
            fault::panic_point("sandbox_ledger");
            let result = ledger.accept(batch);
            (ledger, result)
        });
        let (returned, result) = match done.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            // The runtime ends.
            Err(_) => break,
        };
        ledger = returned;
        match result {
            Ok(verdicts) => {
                reporter.ok();
                for (answer, verdict) in answers.into_iter().zip(verdicts) {
                    // A caller that has gone will repeat with the same key.
                    let _gone = answer.send(verdict);
                }
            }
            Err(error) => {
                reporter.waits(&error);
                tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox accepted nothing");
            }
        }
    }
}

/// Opens the ledger once it can be opened; `None` when the sandbox stops before.
async fn open(path: &Path, reporter: &Reporter, stop: &CancellationToken) -> Option<Ledger> {
    loop {
        let error = match Ledger::open(path) {
            Ok(ledger) => return Some(ledger),
            Err(error) => error,
        };
        if reporter.waits(&error) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox waits for its ledger");
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
