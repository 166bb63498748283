//! The tasks of a dispatcher: claimers take work and put it on the wire (`serve`), calls run side by side within a bound (`slots`),
//! writers record outcomes in batches, one keeper renews leases, recovers what others left and expires drafts.
//!
//! A fault of the database makes every task wait and try again; nothing is decided from memory. On a stop no new work is claimed, calls
//! under way finish and are recorded.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::active::{Active, Ending};
use super::slots::Slots;
use super::wire::Arrival;
use super::{Settings, outcome, store};
use crate::channel::Lines;
use crate::clock;
use crate::db;
use crate::engine::board::Board;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::secret::MasterKey;
use crate::server;

/// Outcomes written by one transaction.
const OUTCOME_BATCH: usize = 200;

/// Tasks that claim. Two keep the server busy while one of them decides; more buy nothing on a small machine.
const CLAIMERS: usize = 2;

/// Tasks that write outcomes: while one waits for its commit, the other works.
const WRITERS: usize = 2;

/// Looking for what is to be repeated takes at most one part in so many of one claimer's time.
const REPLAYS_SHARE: u32 = 20;

/// How long a stop waits for a database that is away.
const PARTING: Duration = Duration::from_secs(30);

/// What a dispatcher needs.
#[derive(Clone)]
pub struct Engine {
    /// Connections.
    pub pool: PgPool,
    /// Ways to send.
    pub lines: Lines,
    /// Opens the credentials.
    pub key: MasterKey,
    /// How it works.
    pub settings: Settings,
    /// Wakes it early; the same handle goes to whoever approves in this process.
    pub wake: Arc<Notify>,
    /// Where its tasks say how they are.
    pub board: Board,
}

/// A dispatcher of this process. Any number of processes may run one on the same database.
pub struct Dispatcher {
    pub(super) engine: Engine,
    pub(super) slots: Slots,
    pub(super) active: Active,
    /// When the next look for what is to be repeated is due; one look serves all claimers.
    replays_at: Mutex<Instant>,
}

/// Where arrivals go: one way for each writer. All of a batch go the same way, so that one writer sees it end.
#[derive(Clone)]
pub(super) struct Done(Vec<mpsc::Sender<Arrival>>);

impl Done {
    /// Waits until the writer has room. Returns whether there still is a writer.
    pub(super) async fn send(&self, arrival: Arrival) -> bool {
        let lane = arrival.departure.claim.0.as_u128() % self.0.len().max(1) as u128;
        match self.0.get(usize::try_from(lane).unwrap_or(0)) {
            Some(writer) => writer.send(arrival).await.is_ok(),
            None => false,
        }
    }
}

/// A task of a dispatcher panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of the dispatcher ended by a fault")]
pub struct TaskDied(&'static str);

impl Dispatcher {
    /// Prepares a dispatcher; nothing runs yet.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let slots = Slots::new(engine.settings.max_in_flight);
        Self { engine, slots, active: Active::default(), replays_at: Mutex::new(clock::monotonic()) }
    }

    /// Works until told to stop, then finishes what is on the wire.
    ///
    /// # Errors
    /// [`TaskDied`] if one of its tasks panicked; the others were stopped in good order.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TaskDied> {
        // A task that dies stops its siblings, not whoever asked for a dispatcher.
        let stop = stop.child_token();
        let mut died = None;
        let this = Arc::new(self);
        let mut writers = JoinSet::new();
        let mut done = Done(Vec::new());
        for _ in 0..WRITERS {
            let (lane, arrivals) = mpsc::channel(this.engine.settings.max_in_flight.max(1));
            writers.spawn(Arc::clone(&this).writer(arrivals, stop.clone()));
            done.0.push(lane);
        }
        let mut tasks = JoinSet::new();
        for _ in 0..CLAIMERS {
            tasks.spawn(Arc::clone(&this).claimer(done.clone(), stop.clone()));
        }
        drop(done);
        // The writers end when the last call is over; the renewer holds the leases for as long as that takes.
        let written = CancellationToken::new();
        let renewer = tokio::spawn(Arc::clone(&this).renewer(stop.clone(), written.clone()));
        let keeper = tokio::spawn(Arc::clone(&this).keeper(stop.clone()));
        let seeker = tokio::spawn(Arc::clone(&this).seeker(stop.clone()));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a claimer ended: {error}");
                died = Some(TaskDied("claimer"));
                stop.cancel();
            }
        }
        while let Some(ended) = writers.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a writer ended: {error}");
                died = Some(TaskDied("writer"));
            }
        }
        written.cancel();
        for (name, task) in [("renewer", renewer), ("keeper", keeper), ("seeker", seeker)] {
            if let Err(error) = task.await {
                tracing::error!("the {name} ended: {error}");
                died = Some(TaskDied(name));
            }
        }
        died.map_or(Ok(()), Err)
    }

    async fn claimer(self: Arc<Self>, done: Done, stop: CancellationToken) {
        let mut dice = fastrand::Rng::new();
        let mut faults: i16 = 0;
        let reporter = self.engine.board.task(crate::engine::DISPATCHER);
        while !stop.is_cancelled() {
            crate::fault::panic_point("claimer");
            let began = clock::monotonic();
            let turned = self.turn(&done, &stop, &mut dice).await;
            self.engine.board.tally().turn(clock::monotonic().duration_since(began));
            let wait = match turned {
                Ok(true) => {
                    faults = 0;
                    recovered(&reporter);
                    continue;
                }
                Ok(false) => {
                    faults = 0;
                    recovered(&reporter);
                    self.engine.settings.poll.mul_f64(0.5 + dice.f64() / 2.0)
                }
                Err(error) => {
                    faults = faults.saturating_add(1);
                    let error = db::explain(error, &self.engine.pool).await;
                    if matches!(error, Error::AnotherServer(_)) {
                        if reporter.halts(&error) {
                            tracing::error!("dispatch halts: {error}");
                        }
                    } else if reporter.waits(&error) {
                        tracing::warn!("dispatch waits and tries again: {error}");
                    }
                    super::backoff::full_jitter(faults.min(3), dice.f64()).max(Duration::from_millis(100))
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.wake.notified(), if faults == 0 => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Goes once over all outboxes with work; says whether something was done.
    async fn turn(
        &self,
        done: &Done,
        stop: &CancellationToken,
        dice: &mut fastrand::Rng,
    ) -> Result<bool, Error> {
        let mut due = {
            let mut conn = self.engine.pool.acquire().await?;
            // Each time anew: a connection that broke may lead to another server when it comes back.
            server::confirm(&mut conn).await?;
            let mut due = store::due_outboxes(&mut conn).await?;
            if let Some(begin) = self.looks_for_replays() {
                due.extend(store::replay_outboxes(&mut conn).await?);
                // The look goes through everything that is due, so where that is much it comes less often.
                let now = clock::monotonic();
                let pause = self.engine.settings.poll.max((now - begin) * REPLAYS_SHARE);
                *lock(&self.replays_at) = now + pause;
                due.sort_unstable_by_key(|outbox| (outbox.company, outbox.outbox));
                due.dedup_by_key(|outbox| (outbox.company, outbox.outbox));
            }
            due
        };
        // Another order each time, so that no company waits behind another for long.
        dice.shuffle(&mut due);
        let mut worked = false;
        let mut fault = None;
        for outbox in due {
            if stop.is_cancelled() {
                return Ok(worked);
            }
            match self.serve(&outbox, done, stop).await {
                Ok(did) => worked |= did,
                Err(error @ Error::Unavailable(_)) => return Err(error),
                // The fault of one outbox is not that of the ones behind it.
                Err(error) => {
                    tracing::warn!(outbox = %outbox.outbox, "an outbox could not be served: {error}");
                    fault.get_or_insert(error);
                }
            }
        }
        if worked { Ok(true) } else { fault.map_or(Ok(false), Err) }
    }

    /// Says since when this claimer is the one to look for what is to be repeated, if it is. The others leave it alone meanwhile, and
    /// it comes again soon if the look fails.
    fn looks_for_replays(&self) -> Option<Instant> {
        let now = clock::monotonic();
        let mut at = lock(&self.replays_at);
        (now >= *at).then(|| {
            *at = now + self.engine.settings.poll;
            now
        })
    }

    async fn writer(self: Arc<Self>, mut arrivals: mpsc::Receiver<Arrival>, stop: CancellationToken) {
        // Without a writer nothing may be claimed.
        let _stop = stop.clone().drop_guard();
        let mut dice = fastrand::Rng::new();
        let reporter = self.engine.board.task("outcomes");
        reporter.ok();
        let mut buffer = Vec::with_capacity(OUTCOME_BATCH);
        while arrivals.recv_many(&mut buffer, OUTCOME_BATCH).await > 0 {
            let mut by_company: HashMap<CompanyId, Vec<Arrival>> = HashMap::new();
            for arrival in buffer.drain(..) {
                self.engine.board.tally().outcome(arrival.outcome.as_str());
                by_company.entry(arrival.departure.company).or_default().push(arrival);
            }
            for (company, arrivals) in by_company {
                let ending = self.active.ending(company, &arrivals);
                self.write(company, &arrivals, &ending, &mut dice, &stop).await;
                let over = self.active.finish(company, &arrivals);
                self.close(company, over.into_iter().filter(|claim| !ending.contains(*claim)).collect())
                    .await;
            }
            reporter.ok();
            self.engine.wake.notify_waiters();
        }
    }

    /// Tries until it is written: what a provider answered is not dropped while this process lives. Writing twice is harmless. What the
    /// database refuses is written one by one, so that one bad row cannot stop the others.
    async fn write(
        &self,
        company: CompanyId,
        arrivals: &[Arrival],
        finished: &Ending,
        dice: &mut fastrand::Rng,
        stop: &CancellationToken,
    ) {
        let Err(refused) = self.write_or_wait(company, arrivals, finished, dice, stop).await else {
            return;
        };
        tracing::error!(
            outcomes = arrivals.len(),
            "the database refused outcomes; each is written alone: {refused}"
        );
        for arrival in arrivals {
            let alone = std::slice::from_ref(arrival);
            if let Err(error) = self.write_or_wait(company, alone, &Ending::default(), dice, stop).await {
                self.active.doubt((company, arrival.departure.claim));
                // Its batch is no longer renewed; whoever recovers it repeats the message or calls it uncertain.
                tracing::error!(activity = %arrival.departure.item.id, "an outcome cannot be written: {error}");
            }
        }
    }

    /// Waits for a database that is away; returns what it refused three times. Once a stop was asked for, a database that stays away
    /// is given up: the leases tell whoever comes next.
    async fn write_or_wait(
        &self,
        company: CompanyId,
        arrivals: &[Arrival],
        finished: &Ending,
        dice: &mut fastrand::Rng,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut faults: i16 = 0;
        let mut refusals = 0;
        let mut given_up_at = None;
        while let Err(error) = outcome::write(&self.engine.pool, company, arrivals, finished, dice).await {
            faults = faults.saturating_add(1);
            if stop.is_cancelled() {
                let deadline = *given_up_at.get_or_insert_with(|| clock::monotonic() + PARTING);
                if clock::monotonic() >= deadline {
                    return Err(error);
                }
            }
            if !matches!(error, Error::Unavailable(_)) {
                refusals += 1;
                if refusals == 3 {
                    return Err(error);
                }
            }
            if self.engine.board.task("outcomes").waits(&error) {
                tracing::warn!(outcomes = arrivals.len(), "outcomes wait to be written: {error}");
            }
            tokio::time::sleep(
                super::backoff::full_jitter(faults.min(3), dice.f64()).max(Duration::from_millis(100)),
            )
            .await;
        }
        Ok(())
    }
}

/// Says once that the work goes on.
fn recovered(reporter: &crate::engine::board::Reporter) {
    if reporter.ok() {
        tracing::info!("the dispatcher works");
    }
}

/// A poisoned lock still guards a point in time.
fn lock(at: &Mutex<Instant>) -> std::sync::MutexGuard<'_, Instant> {
    at.lock().unwrap_or_else(PoisonError::into_inner)
}
