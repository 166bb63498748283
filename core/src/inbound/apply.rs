//! Applies events that are stored, each once and in a transaction of its own, whoever else does the same. What has to be fetched is
//! fetched in between, while nothing leaves for its writer.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::effect::{self, Effect, INBOUND, PATIENCE};
use super::event::What;
use super::provider::{Completion, Provider, Webhook};
use super::store_apply::{self as store, Ending, Stored};
use super::store_effect;
use crate::audit::{self, Entry};
use crate::channel::Lines;
use crate::company;
use crate::db;
use crate::dispatch::claim::credential;
use crate::dispatch::evidence::read;
use crate::engine::board::Board;
use crate::error::Error;
use crate::ids::{CompanyId, EventId};
use crate::secret::MasterKey;

/// After so many tries an event that cannot be applied waits for a person.
const TRIES_LIMIT: i16 = 10;

/// What could not be fetched in this time counts as a person's reply: a stop too many is repaired more easily than a message too many.
const FETCH_PATIENCE: SignedDuration = SignedDuration::from_mins(30);

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
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.apply_due()).await {
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
            }
        }
    }

    /// Applies everything that is due, company by company, and returns how many events that were.
    ///
    /// # Errors
    /// A database fault.
    pub async fn apply_due(&self) -> Result<usize, Error> {
        let companies = company::store::list(&mut *self.pool.acquire().await?).await?;
        let mut count = 0;
        for company in companies {
            // Events of one company never keep those of another waiting for long.
            for _ in 0..100 {
                if !self.apply_next(company.id, company.sandbox).await? {
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

    async fn apply_next(&self, company: CompanyId, is_sandbox: bool) -> Result<bool, Error> {
        // The one that is being applied, so that it is known which one cannot be.
        let current = Mutex::new(None);
        let next = db::retry(|| async {
            let mut tx = self.pool.begin().await?;
            let Some(id) = store::lock_next(&mut tx, company).await? else { return Ok(None) };
            *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
            let Some(stored) = store::load(&mut tx, company, id).await? else { return Ok(None) };
            if needs_fetching(&stored) {
                // Whoever else looks leaves it alone meanwhile; should this process die, it is looked at again.
                store::again(&mut tx, company, stored.id, Duration::from_secs(60), None).await?;
                tx.commit().await?;
                return Ok(Some(stored));
            }
            finish(&mut tx, company, &stored).await?;
            crate::fault::point("applying").await;
            tx.commit().await?;
            crate::fault::point("applied").await;
            Ok(Some(stored))
        })
        .await;
        let stored = match next {
            Ok(None) => return Ok(false),
            Ok(Some(stored)) => stored,
            Err(error @ (Error::Unavailable(_) | Error::Contended { .. })) => return Err(error),
            // One event that cannot be applied keeps no other waiting.
            Err(error) => {
                let id = current.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(id) = id else { return Err(error) };
                self.put_off(company, id, &error).await?;
                return Ok(true);
            }
        };
        if needs_fetching(&stored) {
            self.fetch(company, is_sandbox, stored).await?;
        }
        Ok(true)
    }

    /// Asks the provider for the rest of an event and applies it.
    async fn fetch(&self, company: CompanyId, is_sandbox: bool, stored: Stored) -> Result<(), Error> {
        let hook = (self.hooks)(stored.source);
        let found = match hook.completes(&stored.event) {
            None => Completion::Never { why: "its provider has no way to ask for it".to_owned() },
            Some(request) => match self.ask(company, is_sandbox, stored.source, &request).await? {
                Ok(response) => hook.completed(&stored.event, &response),
                Err(why) => Completion::Later { why },
            },
        };
        let mut tx = self.pool.begin().await?;
        let Some(mut held) = store::load(&mut tx, company, stored.id).await? else { return Ok(()) };
        if held.state != "stored" || !needs_fetching(&held) {
            // Somebody else was quicker.
            return Ok(());
        }
        let is_overdue = held.now.duration_since(held.received_at) > FETCH_PATIENCE;
        match found {
            Completion::Whole(event) => {
                held.event = super::event::Event { raw: held.event.raw.clone(), ..*event };
                if let What::Message(letter) = &mut held.event.what {
                    letter.is_announced = false;
                }
                store::complete(&mut tx, company, held.id, &held.event).await?;
                finish(&mut tx, company, &held).await?;
            }
            Completion::Later { why } if !is_overdue => {
                let pause = Duration::from_secs(5 << u32::from(held.tries.clamp(0, 6).unsigned_abs()));
                store::again(&mut tx, company, held.id, pause, Some(&why)).await?;
            }
            // Nobody knows whether a person wrote it, so it counts as if one had (I11).
            Completion::Later { why } | Completion::Never { why } => {
                if let What::Message(letter) = &mut held.event.what {
                    letter.is_announced = false;
                }
                store::complete(&mut tx, company, held.id, &held.event).await?;
                let mut effect = effect::apply(&mut tx, company, &held).await?;
                let why = crate::safe_text::SafeText::line(&why).truncated(200);
                effect
                    .did
                    .push(format!("its words could not be fetched ({why}); it counts as a person's reply"));
                close(&mut tx, company, &held, &effect).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Asks with the credential of an outbox of the channel; the error is a sentence.
    async fn ask(
        &self,
        company: CompanyId,
        is_sandbox: bool,
        source: Provider,
        request: &crate::channel::Request,
    ) -> Result<Result<crate::channel::Response, String>, Error> {
        let channel = source.channel();
        let Some(line) = self.lines.line(channel, is_sandbox) else {
            return Ok(Err("this process has no way to its provider".to_owned()));
        };
        if self.lines.is_dry_run() {
            return Ok(Err("a dry run asks nobody".to_owned()));
        }
        let mut tx = self.pool.begin().await?;
        let outboxes = crate::outbox::store::settings(&mut tx, company, None).await?;
        let mut refused = format!("no outbox of {channel} has a credential to ask with");
        for outbox in outboxes.into_iter().filter(|outbox| outbox.channel == channel) {
            match credential(&mut tx, company, &self.key, &outbox).await? {
                Ok((secret, version)) => {
                    let detail = serde_json::json!({ "secret": outbox.secret_ref, "version": version });
                    let entry = Entry::new(&INBOUND, "inbound.fetch").subject(outbox.id).detail(detail);
                    audit::store::append(&mut tx, company, &[entry]).await?;
                    tx.commit().await?;
                    return Ok(read(line, &secret, request).await);
                }
                Err((_, sentence)) => refused = sentence,
            }
        }
        Ok(Err(refused))
    }

    /// Puts an event off that cannot be applied; after many tries it waits for a person.
    async fn put_off(&self, company: CompanyId, id: EventId, error: &Error) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let Some(tries) = store::tries(&mut tx, company, id).await? else { return Ok(()) };
        let why = error.to_string();
        tracing::warn!(event = %id, "an event could not be applied: {error}");
        if tries + 1 >= TRIES_LIMIT {
            let ending =
                Ending { state: "failed", contact: None, activity: None, did: &[], error: Some(&why) };
            store::end(&mut tx, company, id, &ending).await?;
            company::store::bump(&mut tx, company).await?;
        } else {
            let pause = Duration::from_secs(1 << u32::from(tries.clamp(0, 8).unsigned_abs()));
            store::again(&mut tx, company, id, pause, Some(&why)).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn needs_fetching(stored: &Stored) -> bool {
    matches!(&stored.event.what, What::Message(letter) if letter.is_announced)
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
    store_effect::release(conn, company, stored.id).await?;
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
