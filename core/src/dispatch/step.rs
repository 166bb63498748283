//! The phases of a dispatch one by one, for tests that decide what happens between them. Only test builds hold this.
//!
//! What a [`Stepper`] does is what the tasks of a [`Dispatcher`](super::Dispatcher) do; it owns neither tasks nor timers. A value
//! that is dropped between two phases is a worker that was lost there.
use std::collections::HashMap;
use std::time::Duration;

use super::active::Ending;
use super::claim::{Batch, Claim, claim};
use super::run::Engine;
use super::wire::{self, Arrival, Departure};
use super::{outcome, recover, store};
use crate::error::Error;
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};

/// Takes the steps of a dispatcher when it is told to.
#[derive(Clone)]
pub struct Stepper {
    engine: Engine,
}

/// Rows that were claimed and are not on the wire.
pub struct Claimed(Batch);

impl Claimed {
    /// The token the rows carry.
    #[must_use]
    pub fn token(&self) -> ClaimId {
        self.0.id
    }
}

/// One row on the wire, its call not made yet.
#[derive(Clone)]
pub struct OnTheWire(Departure);

impl OnTheWire {
    /// The activity.
    #[must_use]
    pub fn activity(&self) -> ActivityId {
        self.0.item.id
    }

    /// The same after the process stood still for so long between the wire and the call.
    #[must_use]
    pub fn stood_still(mut self, time: Duration) -> Self {
        self.0.departed_at = self.0.departed_at.saturating_sub(time);
        self
    }
}

/// One call that is over and not written yet.
pub struct Answered(Arrival);

impl Answered {
    /// The activity.
    #[must_use]
    pub fn activity(&self) -> ActivityId {
        self.0.departure.item.id
    }
}

impl Stepper {
    /// Prepares; nothing is done yet.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Looks for work and claims up to `limit` rows of that outbox. `None` if it has nothing to do, or all of it waits or stops.
    ///
    /// # Errors
    /// A database fault; nothing was claimed.
    pub async fn claim(
        &self,
        company: CompanyId,
        outbox: OutboxId,
        limit: usize,
    ) -> Result<Option<Claimed>, Error> {
        let Engine { pool, lines, key, settings, .. } = &self.engine;
        let mut conn = pool.acquire().await?;
        let mut due = store::due_outboxes(&mut conn).await?;
        due.extend(store::replay_outboxes(&mut conn).await?);
        drop(conn);
        let Some(due) = due.into_iter().find(|due| (due.company, due.outbox) == (company, outbox)) else {
            return Ok(None);
        };
        Ok(match claim(pool, settings, lines, key, &due, limit).await? {
            Claim::Batch(batch) => Some(Claimed(batch)),
            Claim::Nothing | Claim::HeldOnly => None,
        })
    }

    /// Puts a batch on the wire; what may not go any more is given back.
    ///
    /// # Errors
    /// A database fault; whether bytes may leave is not known.
    pub async fn depart(&self, claimed: Claimed) -> Result<Vec<OnTheWire>, Error> {
        let mut batch = claimed.0;
        let items = std::mem::take(&mut batch.items);
        let departures = items.into_iter().map(|item| Departure::of(&batch, item)).collect();
        let departures = wire::depart(&self.engine.pool, departures).await?;
        if departures.is_empty() {
            wire::close(&self.engine.pool, batch.company, &[batch.id]).await?;
        }
        Ok(departures.into_iter().map(OnTheWire).collect())
    }

    /// Gives a batch back that is not on the wire.
    ///
    /// # Errors
    /// A database fault; the lease tells.
    pub async fn give_back(&self, claimed: Claimed) -> Result<(), Error> {
        let Batch { company, outbox, id, items, .. } = claimed.0;
        let ids: Vec<ActivityId> = items.iter().map(|item| item.id).collect();
        wire::give_back(&self.engine.pool, company, outbox, id, &ids).await?;
        wire::close(&self.engine.pool, company, &[id]).await
    }

    /// Makes one call.
    ///
    /// # Panics
    /// Never: what is on the wire asks the database for nothing.
    pub async fn call(&self, on_the_wire: OnTheWire) -> Answered {
        let mut departure = on_the_wire.0;
        let called = wire::call(&self.engine.pool, &mut departure).await;
        let outcome = called.ok().flatten().expect("it is on the wire");
        Answered(Arrival { departure, outcome })
    }

    /// Writes what calls of one batch proved. `is_last`: nothing of the batch is under way any more.
    ///
    /// # Errors
    /// A database fault; nothing was written.
    pub async fn write(
        &self,
        answered: Vec<Answered>,
        is_last: bool,
        dice: &mut fastrand::Rng,
    ) -> Result<(), Error> {
        let mut by_batch: HashMap<(CompanyId, ClaimId), Vec<Arrival>> = HashMap::new();
        for Answered(arrival) in answered {
            by_batch.entry((arrival.departure.company, arrival.departure.claim)).or_default().push(arrival);
        }
        for ((company, claim), arrivals) in by_batch {
            // Whoever steps may have dropped calls of this batch, so the database is asked.
            let doubtful = if is_last { vec![claim] } else { Vec::new() };
            let finished = Ending { certain: Vec::new(), doubtful };
            outcome::write(&self.engine.pool, company, &arrivals, &finished, dice).await?;
        }
        Ok(())
    }

    /// Renews the lease of a batch.
    ///
    /// # Errors
    /// A database fault.
    pub async fn renew(&self, company: CompanyId, token: ClaimId) -> Result<(), Error> {
        let mut conn = self.engine.pool.acquire().await?;
        store::renew(&mut conn, &[(company, token)], &self.engine.settings).await
    }

    /// Takes over one batch whose lease has run out; says whether there was one.
    ///
    /// # Errors
    /// A database fault; nothing was taken over.
    pub async fn recover(&self) -> Result<bool, Error> {
        recover::recover_one(&self.engine.pool, &self.engine.lines).await
    }

    /// Expires drafts, and closes the windows of what cannot be repeated any more.
    ///
    /// # Errors
    /// A database fault.
    pub async fn keep(&self, company: CompanyId) -> Result<(), Error> {
        recover::expire(&self.engine.pool, company).await?;
        recover::close_windows(&self.engine.pool, &self.engine.lines, company).await
    }
}
