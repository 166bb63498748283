//! Does outside what `update` asked for: reads, decisions, and the poll that notices other people's changes.
//!
//! Each effect is a task that answers with one message. The channel is bounded: when the screen does not keep up, tasks wait.
mod keeper;
mod read;
mod write;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::clock;
use countersign_core::company;
use countersign_core::db;
use countersign_core::error::Error;
use countersign_core::ids::BatchId;
use countersign_core::operator;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use self::keeper::Keeper;
use super::backend::Backend;
use super::msg::{Effect, Failure, Msg};

/// How often the change number is asked for.
const POLL: Duration = Duration::from_secs(1);
/// How long a read may take before the database counts as lost.
const READ: Duration = Duration::from_secs(5);
/// How long a decision may take before it is not known what became of it.
const WRITE: Duration = Duration::from_secs(10);
/// The same for one that is made in many steps.
const LONG_WRITE: Duration = Duration::from_secs(60);

/// The tasks of one console.
pub(super) struct Effects {
    backend: Arc<Backend>,
    replies: mpsc::Sender<Msg>,
    token: CancellationToken,
    /// Tells the decisions of this console from those of every other.
    session: BatchId,
    reads: JoinSet<()>,
    writes: JoinSet<()>,
    keeper: Keeper,
}

impl Effects {
    pub(super) fn new(backend: Arc<Backend>, replies: mpsc::Sender<Msg>, token: CancellationToken) -> Self {
        let keeper = Keeper::new(backend.edits.clone(), replies.clone());
        let (reads, writes) = (JoinSet::new(), JoinSet::new());
        Self { backend, replies, token, session: BatchId::new(), reads, writes, keeper }
    }

    /// Starts to ask for the change number.
    pub(super) fn start_polling(&mut self) {
        let (backend, replies, token) = (Arc::clone(&self.backend), self.replies.clone(), self.token.clone());
        self.reads.spawn(async move {
            token.run_until_cancelled(poll(&backend, &replies)).await.unwrap_or(());
        });
    }

    /// Starts one effect. `Copy`, `Mouse`, `Suspend`, `EditOutside` and `Quit` are the shell's.
    pub(super) fn start(&mut self, effect: Effect) {
        while self.reads.try_join_next().is_some() || self.writes.try_join_next().is_some() {}
        let (backend, replies, token) = (Arc::clone(&self.backend), self.replies.clone(), self.token.clone());
        match effect {
            Effect::KeepEdit { item, text } => self.keeper.keep(item, Some(text)),
            Effect::ForgetEdit { item } => self.keeper.keep(item, None),
            Effect::LoadAudit { .. }
            | Effect::LoadInbox { .. }
            | Effect::LoadEvent { .. }
            | Effect::LoadRuntime { .. }
            | Effect::LoadPage { .. }
            | Effect::LoadMatching { .. }
            | Effect::LoadFate { .. }
            | Effect::LoadSummary { .. }
            | Effect::LoadDetail { .. }
            | Effect::CheckKept { .. } => {
                self.reads.spawn(async move {
                    let work = async {
                        if let Some(msg) = read::run(&backend, effect).await {
                            let _ = replies.send(msg).await;
                        }
                    };
                    token.run_until_cancelled(work).await.unwrap_or(());
                });
            }
            // A decision that was begun is not cut off by leaving; `finish` waits for it.
            _ => {
                let session = self.session;
                self.writes.spawn(async move {
                    if let Some(msg) = write::run(&backend, session, effect, &replies).await {
                        let _ = replies.send(msg).await;
                    }
                });
            }
        }
    }

    /// Waits a moment for decisions that are on their way, and ends everything.
    pub(super) async fn finish(mut self, patience: Duration) {
        self.keeper.finish();
        let writes = async { while self.writes.join_next().await.is_some() {} };
        let _ = time::timeout(patience, writes).await;
        self.writes.abort_all();
        self.reads.abort_all();
    }
}

async fn poll(backend: &Backend, replies: &mpsc::Sender<Msg>) {
    loop {
        let answer = async {
            let mut conn = backend.pool.acquire().await?;
            // Whoever was shut out since does not go on looking.
            operator::check(&mut conn, &backend.actor, backend.company.id).await?;
            company::store::change_version(&mut conn, backend.company.id).await
        };
        let answer = within(READ, async {
            match answer.await {
                Err(error) => Err(db::explain(error, &backend.pool).await),
                known => known,
            }
        });
        let msg = match answer.await {
            Ok(version) => Msg::Polled(version),
            Err(failure) => Msg::PollFailed(failure),
        };
        if replies.send(msg).await.is_err() {
            return;
        }
        // Two consoles that started together drift apart; the clock's last digits are chance enough.
        let jitter = u64::from(clock::now().subsec_nanosecond().unsigned_abs() % 200);
        time::sleep(POLL + Duration::from_millis(jitter) - Duration::from_millis(100)).await;
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match time::timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error @ Error::Unavailable(_))) => Err(Failure::Unavailable(error.to_string())),
        Ok(Err(error)) => Err(Failure::Refused(error.to_string())),
        Err(_) => {
            Err(Failure::Unavailable(format!("no answer from the database within {} s", limit.as_secs())))
        }
    }
}
