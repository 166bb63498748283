//! One turn for one outbox: rows are claimed, put on the wire as places come free, and called as slots do.
//!
//! While calls run, the next rows are claimed already, so that a free slot waits for one commit and not for a whole claim. Of those
//! rows there are only as many as leave within a moment, and they go on the wire, where the stop facts are asked again, when there is
//! a slot for them.
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::Dispatcher;
use super::active::Active;
use super::claim::{Batch, Claim, Claimed, claim};
use super::run::Done;
use super::slots::Place;
use super::store::DueOutbox;
use super::wire::{self, Arrival, Departure};
use crate::channel::{Outcome, Replay};
use crate::error::Error;
use crate::ids::{ClaimId, CompanyId};

/// Claimed rows wait this long for a slot; then they are given back, because what they waited behind hangs.
const PATIENCE: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// Claims rows of one outbox and sends them on their way; says whether there was something to do.
    pub(super) async fn serve(
        &self,
        due: &DueOutbox,
        done: &Done,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let settings = &self.engine.settings;
        let credential = (due.company, due.credential.clone());
        let room = || self.slots.room(&credential).min(settings.batch);
        if room() == 0 {
            return Ok(false);
        }
        // Nothing is claimed that could not leave in a moment. What is free is left to those who have rows for it meanwhile.
        let free = tokio::select! {
            places = self.slots.take(room()) => places.len(),
            () = stop.cancelled() => return Ok(false),
        };
        // Waiting may have shown that its calls hang.
        let room = room();
        if room == 0 {
            return Ok(false);
        }
        let limit = free.max(self.slots.soon()).min(room);
        let claimed =
            claim(&self.engine.pool, settings, &self.engine.lines, &self.engine.key, due, limit).await?;
        match claimed {
            Claim::Nothing => Ok(false),
            Claim::HeldOnly => Ok(true),
            Claim::Batch(mut batch) => {
                self.active.open(&batch);
                crate::fault::point("claimed").await;
                let items = std::mem::take(&mut batch.items);
                self.send_off(&batch, items, done, stop).await
            }
        }
    }

    /// Puts rows on the wire, as many at a time as have a place. Says whether all of them went.
    async fn send_off(
        &self,
        batch: &Batch,
        mut items: Vec<Claimed>,
        done: &Done,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        while !items.is_empty() {
            let places = tokio::select! {
                places = self.slots.take(items.len()) => places,
                () = tokio::time::sleep(PATIENCE) => Vec::new(),
                () = stop.cancelled() => Vec::new(),
            };
            if places.is_empty() || self.active.is_cooling(batch) {
                drop(places);
                self.give_back(batch, &items).await?;
                return Ok(false);
            }
            let later = items.split_off(places.len().min(items.len()));
            let mut places = places.into_iter();
            let (reading, ready): (Vec<_>, Vec<_>) =
                items.into_iter().map(|item| Departure::of(batch, item)).partition(Departure::reads_first);
            for (departure, place) in reading.into_iter().zip(places.by_ref()) {
                tokio::spawn(self.call(departure, place, done.clone()));
            }
            let count = ready.len();
            match wire::depart(&self.engine.pool, ready).await {
                Ok(departures) => {
                    let stopped = count - departures.len();
                    for (departure, place) in departures.into_iter().zip(places) {
                        tokio::spawn(self.call(departure, place, done.clone()));
                    }
                    self.leave(batch.company, batch.id, stopped).await;
                }
                Err(error) => {
                    // Whether `wire_at` was committed is not known, so nothing is called; the lease tells the next one.
                    self.leave(batch.company, batch.id, count + later.len()).await;
                    return Err(error);
                }
            }
            items = later;
        }
        Ok(true)
    }

    async fn give_back(&self, batch: &Batch, items: &[Claimed]) -> Result<(), Error> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let given_back =
            wire::give_back(&self.engine.pool, batch.company, batch.outbox, batch.id, &ids).await;
        self.leave(batch.company, batch.id, ids.len()).await;
        given_back
    }

    /// Notes that so many rows of a batch will not be called, and closes the batch if they were the last.
    async fn leave(&self, company: CompanyId, claim: ClaimId, count: usize) {
        leave(&self.engine.pool, &self.active, company, claim, count).await;
    }

    /// Closes batches whose end nobody could foresee. Left open, one is taken for that of a lost worker when its lease runs out.
    pub(super) async fn close(&self, company: CompanyId, claims: Vec<ClaimId>) {
        close(&self.engine.pool, company, &claims).await;
    }

    /// Makes one call, once there is a slot, and hands in what came of it.
    fn call(&self, mut departure: Departure, place: Place, done: Done) -> impl Future<Output = ()> + use<> {
        let (pool, active, slots) = (self.engine.pool.clone(), self.active.clone(), self.slots.clone());
        let slow_after = self.engine.settings.slow_after;
        async move {
            let mut slot = place.begin().await;
            let called = match &mut slot {
                None => Ok(Some(wire::late("no call ended that could have made room; nothing was sent"))),
                Some(slot) => {
                    let payer = (departure.company, departure.credential_id.clone());
                    let mut call = pin!(guarded(&pool, &mut departure));
                    match tokio::time::timeout(slow_after, &mut call).await {
                        Ok(called) => called,
                        Err(_) => {
                            slot.give_way(payer);
                            call.await
                        }
                    }
                }
            };
            let outcome = match called {
                Ok(Some(outcome)) => outcome,
                Ok(None) => return leave(&pool, &active, departure.company, departure.claim, 1).await,
                Err(error) => {
                    // Whether `wire_at` was committed is not known; the lease tells the next one.
                    tracing::warn!(activity = %departure.item.id, "a message could not be put on the wire: {error}");
                    return leave(&pool, &active, departure.company, departure.claim, 1).await;
                }
            };
            let arrival = Arrival { departure, outcome };
            active.note_wait(&arrival);
            if slot.is_some() {
                slots.note_end();
            }
            // The slot stays taken until the writer has room, so that a slow database slows the wire down.
            if !done.send(arrival).await {
                tracing::error!("an outcome had nowhere to go; its lease will tell");
            }
            drop(slot);
        }
    }
}

/// Notes that so many rows of a batch will not be called, and closes the batch if they were the last.
async fn leave(pool: &PgPool, active: &Active, company: CompanyId, claim: ClaimId, count: usize) {
    if active.leave((company, claim), count) {
        close(pool, company, &[claim]).await;
    }
}

async fn close(pool: &PgPool, company: CompanyId, claims: &[ClaimId]) {
    if claims.is_empty() {
        return;
    }
    if let Err(error) = wire::close(pool, company, claims).await {
        tracing::warn!("a batch stays open until its lease runs out: {error}");
    }
}

/// A panic stays in the call: that one message may have been sent if it was on the wire, the others go on.
async fn guarded(pool: &PgPool, departure: &mut Departure) -> Result<Option<Outcome>, Error> {
    let called = {
        let mut call = pin!(wire::call(pool, departure));
        std::future::poll_fn(|context| {
            // After a panic the call is not polled again, so what it left half done is not seen.
            match std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
                Ok(poll) => poll.map(Some),
                Err(_) => Poll::Ready(None),
            }
        })
        .await
    };
    called.unwrap_or_else(|| {
        tracing::error!(activity = %departure.item.id, "a call ended by a fault of its adapter");
        let code = "adapter_fault".to_owned();
        let detail = "the adapter failed during the call; the log says more".to_owned();
        Ok(Some(match departure.wire_at {
            Some(_) => Outcome::MaybeSent { code, detail, replay: Replay::Never },
            None => Outcome::Retry { code, detail, after: None },
        }))
    })
}
