//! Applies events that are stored, each once and in a transaction of its own, whoever else does the same. What has to be fetched is
//! fetched beside that (`fetch`), while nothing leaves for its writer.
mod fetch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::fetch::Fetches;
use super::effect::{self, Effect, INBOUND, PATIENCE};
use super::event::What;
use super::provider::{Provider, Webhook};
use super::store_apply::{self as store, Ending, Stored};
use super::store_effect;
use crate::audit::{self, Entry};
use crate::channel::Lines;
use crate::company;
use crate::db;
use crate::engine::board::Board;
use crate::error::Error;
use crate::ids::{CompanyId, EventId};
use crate::secret::MasterKey;

/// After so many errors an event that cannot be applied waits for a person. That it had to wait for something else is none.
const ERRORS_LIMIT: i16 = 10;

/// How often it is looked without being woken.
const POLL: Duration = Duration::from_secs(1);

/// Applies what came in.
#[derive(Clone)]
pub struct Applier {
    /// The database.
    pub pool: PgPool,
    /// Ways to ask providers for what they only announced.
    pub lines: Lines,
    /// Opens credentials.
    pub key: MasterKey,
    /// How deliveries of a provider are read.
    pub hooks: fn(Provider) -> &'static dyn Webhook,
    /// Wakes it when something was stored.
    pub wake: Arc<Notify>,
    /// Where it says how it is.
    pub board: Board,
}

impl Applier {
    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let reporter = self.board.task("inbound");
        let mut fetches = Fetches::new();
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.pass(&mut fetches)).await {
                Some(Ok(count)) => {
                    self.board.tally().events(count);
                    reporter.ok();
                }
                Some(Err(error)) if reporter.waits(&error) => tracing::warn!("inbound events wait: {error}"),
                Some(Err(_)) | None => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                // There is room for another one.
                Some(ended) = fetches.join_next() => {
                    if let Err(error) = fetch::over(ended) && reporter.waits(&error) {
                        tracing::warn!("an announced message waits: {error}");
                    }
                }
            }
        }
    }

    /// Applies everything that is due, waits for all that has to be fetched for that, and returns how many events that were.
    ///
    /// # Errors
    /// A database fault.
    pub async fn apply_due(&self) -> Result<usize, Error> {
        let mut fetches = Fetches::new();
        let mut count = self.pass(&mut fetches).await?;
        while let Some(ended) = fetches.join_next().await {
            fetch::over(ended)?;
            count += self.pass(&mut fetches).await?;
        }
        Ok(count)
    }

    /// Begins to fetch where there is room for it, and applies what needs no fetching, company by company.
    async fn pass(&self, fetches: &mut Fetches) -> Result<usize, Error> {
        let (live, sandbox) = (self.askable(false), self.askable(true));
        let due = store::due(&mut *self.pool.acquire().await?, &live, &sandbox).await?;
        let (announced, whole): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.is_announced);
        let mut count = self.begin_fetches(fetches, announced).await?;
        for due in whole {
            // Events of one company never keep those of another waiting for long.
            for _ in 0..100 {
                if !self.apply_next(due.company).await? {
                    break;
                }
                count += 1;
            }
        }
        if count > 0 {
            // There may be more.
            self.wake.notify_one();
        }
        Ok(count)
    }

    async fn apply_next(&self, company: CompanyId) -> Result<bool, Error> {
        // The one that is being applied, so that it is known which one cannot be.
        let current = Mutex::new(None);
        let next = db::retry(|| async {
            let mut tx = self.pool.begin().await?;
            let Some(id) = store::lock_next(&mut tx, company).await? else { return Ok(false) };
            *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
            let Some(stored) = store::load(&mut tx, company, id).await? else { return Ok(false) };
            finish(&mut tx, company, &stored).await?;
            crate::fault::point("applying").await;
            tx.commit().await?;
            crate::fault::point("applied").await;
            Ok(true)
        })
        .await;
        match next {
            Err(error) if !passes(&error) => {
                let id = current.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(id) = id else { return Err(error) };
                self.put_off(company, id, &error).await?;
                Ok(true)
            }
            next => next,
        }
    }

    /// Puts an event off that cannot be applied, so that it keeps no other waiting; after many tries it waits for a person.
    async fn put_off(&self, company: CompanyId, id: EventId, error: &Error) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let Some(errors) = store::errors(&mut tx, company, id).await? else { return Ok(()) };
        let why = error.to_string();
        tracing::warn!(event = %id, "an event could not be applied: {error}");
        if errors + 1 >= ERRORS_LIMIT {
            let ending =
                Ending { state: "failed", contact: None, activity: None, did: &[], error: Some(&why) };
            store::end(&mut tx, company, id, &ending).await?;
            company::store::bump(&mut tx, company).await?;
        } else {
            let pause = Duration::from_secs(1 << u32::from(errors.clamp(0, 8).unsigned_abs()));
            store::stumble(&mut tx, company, id, pause, &why).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Whether a fault is that of the database, and no event's.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Contended { .. })
}

/// Applies an event, or puts it off if what it is about may still turn up.
async fn finish(conn: &mut sqlx::PgConnection, company: CompanyId, stored: &Stored) -> Result<(), Error> {
    let effect = effect::apply(conn, company, stored).await?;
    let waited = stored.now.duration_since(stored.received_at);
    let may_turn_up = matches!(stored.event.what, What::Status(_) | What::Echo(_) | What::Booking(_));
    if effect.is_unmatched && may_turn_up && waited < PATIENCE {
        // The call it is about may not be recorded yet (F42).
        let pause = Duration::from_millis(500 << u32::from(stored.tries.clamp(0, 9).unsigned_abs()));
        return store::again(conn, company, stored.id, pause, None).await;
    }
    close(conn, company, stored, &effect).await
}

/// Records what an event did.
async fn close(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    stored: &Stored,
    effect: &Effect,
) -> Result<(), Error> {
    if !effect.keeps_hold {
        store_effect::release(conn, company, stored.id).await?;
    }
    let unreadable = match &stored.event.what {
        What::Unreadable { why } => Some(why.as_str()),
        _ => None,
    };
    let state = match (unreadable, effect.is_unmatched) {
        (Some(_), _) => "failed",
        (None, true) => "unmatched",
        (None, false) => "applied",
    };
    let ending = Ending {
        state,
        contact: effect.contact,
        activity: effect.activity,
        did: &effect.did,
        error: unreadable,
    };
    store::end(conn, company, stored.id, &ending).await?;
    let detail = serde_json::json!({
        "source": stored.source, "kind": stored.event.what.as_str(), "state": state,
        "contact": effect.contact, "activity": effect.activity, "did": effect.did,
    });
    let entry = Entry::new(&INBOUND, "inbound.apply").subject(stored.id).detail(detail);
    audit::store::append(conn, company, &[entry]).await?;
    company::store::bump(conn, company).await
}

/// Applies one event again for a person who says whom it is from. What it did before stays done.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::NotFound`], [`Error::Conflict`] if it was applied, or a database fault.
pub async fn assign(
    pool: &PgPool,
    actor: &crate::actor::Actor,
    company: CompanyId,
    id: EventId,
    contact: crate::ids::ContactId,
) -> Result<Vec<String>, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        crate::operator::authorise_change(
            &mut tx,
            actor,
            company,
            crate::actor::Role::Approver,
            "assign an event",
        )
        .await?;
        let stored = store::load(&mut tx, company, id).await?.ok_or_else(|| Error::NotFound {
            what: format!("event {id}"),
            hint: "; see `countersign inbox list`".to_owned(),
        })?;
        if stored.state != "unmatched" {
            let state = &stored.state;
            return Err(Error::Conflict(format!(
                "event {id} is {state}; only one that nobody could be found for is assigned"
            )));
        }
        if store_effect::lock_contacts(&mut tx, company, &[contact], false).await?.is_empty() {
            return Err(Error::NotFound {
                what: format!("contact {contact}"),
                hint: "; see `countersign contacts list`".to_owned(),
            });
        }
        let effect = effect::apply_to(&mut tx, company, &stored, contact).await?;
        close(&mut tx, company, &stored, &effect).await?;
        let entry =
            Entry::new(actor, "inbound.assign").subject(id).detail(serde_json::json!({ "contact": contact }));
        audit::store::append(&mut tx, company, &[entry]).await?;
        tx.commit().await?;
        Ok(effect.did)
    })
    .await
}
