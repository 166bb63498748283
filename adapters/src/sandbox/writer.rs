//! The one task that writes to the ledger: takes everything that waits, locks once, answers all of it.
use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ledger::{Entry, Ledger, Verdict};

/// The most messages accepted under one lock; bounds how long another sandbox waits.
const BATCH: usize = 256;

type Offer = (Entry, oneshot::Sender<Verdict>);

/// Hands messages to the writing task.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: mpsc::Sender<Offer>,
}

impl Writer {
    pub(super) fn start(ledger: Ledger, stop: CancellationToken, tasks: &TaskTracker) -> Self {
        let path = ledger.path().to_owned();
        // When it is full, requests wait for their turn, as at any busy provider.
        let (queue, offers) = mpsc::channel(BATCH);
        tasks.spawn(write(ledger, offers, stop));
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

async fn write(mut ledger: Ledger, mut offers: mpsc::Receiver<Offer>, stop: CancellationToken) {
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
            let result = ledger.accept(batch);
            (ledger, result)
        });
        let Ok((returned, result)) = done.await else { break };
        ledger = returned;
        match result {
            Ok(verdicts) => {
                for (answer, verdict) in answers.into_iter().zip(verdicts) {
                    // A caller that has gone will repeat with the same key.
                    let _gone = answer.send(verdict);
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox accepted nothing");
            }
        }
    }
}
