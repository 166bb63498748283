//! One turn for one outbox: rows are claimed, put on the wire as places come free, and called as slots do.
//!
//! While calls run, the next rows are claimed already, so that a free slot waits for one commit and not for a whole claim. Of those
//! rows there are only as many as leave within a moment, and they go on the wire, where the stop facts are asked again, when there is
//! a slot for them.
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Dispatcher;
use super::claim::{Batch, Claim, Claimed, claim};
use super::run::Done;
use super::slots::{Credential, Place};
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
            let count = items.len();
            match wire::depart(&self.engine.pool, batch, items).await {
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
        if self.active.leave((company, claim), count) {
            self.close(company, vec![claim]).await;
        }
    }

    /// Closes batches whose end nobody could foresee. Left open, one is taken for that of a lost worker when its lease runs out.
    pub(super) async fn close(&self, company: CompanyId, claims: Vec<ClaimId>) {
        if claims.is_empty() {
            return;
        }
        if let Err(error) = wire::close(&self.engine.pool, company, &claims).await {
            tracing::warn!("a batch stays open until its lease runs out: {error}");
        }
    }

    /// Makes one call, once there is a slot, and hands in what came of it.
    fn call(&self, departure: Departure, place: Place, done: Done) -> impl Future<Output = ()> + use<> {
        let (active, slots) = (self.active.clone(), self.slots.clone());
        let slow_after = self.engine.settings.slow_after;
        async move {
            let mut slot = place.begin().await;
            let outcome = match &mut slot {
                None => wire::late("no call ended that could have made room; nothing was sent"),
                Some(slot) => {
                    let mut call = pin!(guarded(&departure));
                    match tokio::time::timeout(slow_after, &mut call).await {
                        Ok(outcome) => outcome,
                        Err(_) => {
                            slot.give_way(payer(&departure));
                            call.await
                        }
                    }
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

fn payer(departure: &Departure) -> Credential {
    (departure.company, departure.credential_id.clone())
}

/// A panic stays in the call: that one message may have been sent, the others go on.
async fn guarded(departure: &Departure) -> Outcome {
    let mut call = pin!(wire::call(departure));
    std::future::poll_fn(|context| {
        // After a panic the call is not polled again, so what it left half done is not seen.
        match std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_) => {
                tracing::error!(activity = %departure.item.id, "a call ended by a fault of its adapter");
                Poll::Ready(Outcome::MaybeSent {
                    code: "adapter_fault".to_owned(),
                    detail: "the adapter failed during the call; the log says more".to_owned(),
                    replay: Replay::Never,
                })
            }
        }
    })
    .await
}
