//! Fetches what a delivery only announced, a few at a time, and applies it then. Where this process cannot ask, it leaves what is
//! announced to others: nothing leaves for its writer until somebody could.
use std::collections::VecDeque;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::{JoinError, JoinSet};

use super::{Applier, INBOUND, close, finish, passes};
use crate::audit::{self, Entry};
use crate::channel::{Line, Request};
use crate::db;
use crate::dispatch::claim::credential;
use crate::dispatch::evidence::read;
use crate::error::Error;
use crate::ids::{CompanyId, EventId};
use crate::inbound::effect;
use crate::inbound::event::{Event, What};
use crate::inbound::provider::{Completion, Provider};
use crate::inbound::store_apply::{self as store, Due, Stored};
use crate::outbox::store::OutboxSettings;
use crate::safe_text::SafeText;

/// What is being fetched.
pub(super) type Fetches = JoinSet<Result<(), Error>>;

/// Events that are fetched at once, of all companies together.
const AT_ONCE: usize = 4;

/// Whoever fetches an event has it for so long with every question; should the process die, it is looked at again then. Longer than
/// an answer may take.
const LEASE: Duration = Duration::from_mins(1);

/// What could not be fetched in this time counts as a person's reply: a stop too many is repaired more easily than a message too many.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// What became of one that is over. A panic in it is one of whoever waits for it, as if it had been called.
pub(super) fn over(ended: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Nobody cancels one and asks what became of it.
        Err(Err(_)) => Ok(()),
    }
}

impl Applier {
    /// Sources that this process can ask for what they announced.
    pub(super) fn askable(&self, is_sandbox: bool) -> Vec<String> {
        if self.lines.is_dry_run() {
            return Vec::new();
        }
        let has_line = |source: &&Provider| self.lines.line(source.channel(), is_sandbox).is_some();
        Provider::ALL.iter().filter(has_line).map(|source| source.as_str().to_owned()).collect()
    }

    /// Takes announced events while there is room, of every company in turn, and returns how many.
    pub(super) async fn begin_fetches(
        &self,
        fetches: &mut Fetches,
        mut companies: Vec<Due>,
    ) -> Result<usize, Error> {
        // Another order each time, so that no company waits behind another for long.
        fastrand::shuffle(&mut companies);
        let mut companies = VecDeque::from(companies);
        let mut count = 0;
        while fetches.len() < AT_ONCE
            && let Some(Due { company, is_sandbox, .. }) = companies.pop_front()
        {
            let mut conn = self.pool.acquire().await?;
            let sources = self.askable(is_sandbox);
            let Some(id) = store::take_announced(&mut conn, company, &sources, LEASE).await? else {
                continue;
            };
            let applier = self.clone();
            fetches.spawn(async move { applier.fetch(company, is_sandbox, id).await });
            companies.push_back(Due { company, is_sandbox, is_announced: true });
            count += 1;
        }
        Ok(count)
    }

    /// Asks the provider for the rest of an event and applies it.
    async fn fetch(&self, company: CompanyId, is_sandbox: bool, id: EventId) -> Result<(), Error> {
        match self.complete(company, is_sandbox, id).await {
            Err(error) if !passes(&error) => self.put_off(company, id, &error).await,
            result => result,
        }
    }

    async fn complete(&self, company: CompanyId, is_sandbox: bool, id: EventId) -> Result<(), Error> {
        let stored = store::load(&mut *self.pool.acquire().await?, company, id).await?;
        let Some(stored) = stored.filter(is_wanted) else { return Ok(()) };
        let found = self.ask(company, is_sandbox, &stored).await?;
        db::retry(|| async {
            let mut tx = self.pool.begin().await?;
            let held = store::load(&mut tx, company, id).await?;
            // Somebody else may have been quicker.
            let Some(mut held) = held.filter(is_wanted) else { return Ok(()) };
            let is_overdue = held.now.duration_since(held.received_at) > PATIENCE;
            match &found {
                Completion::Whole(event) => {
                    held.event = Event { raw: held.event.raw.clone(), ..(**event).clone() };
                    note_fetched(&mut held.event);
                    store::complete(&mut tx, company, id, &held.event).await?;
                    finish(&mut tx, company, &held).await?;
                }
                Completion::Later { why } if !is_overdue => {
                    let pause = Duration::from_secs(5 << u32::from(held.tries.clamp(0, 6).unsigned_abs()));
                    store::again(&mut tx, company, id, pause, Some(why)).await?;
                }
                // Nobody knows whether a person wrote it, so it counts as if one had (I11).
                Completion::Later { why } | Completion::Never { why } => {
                    note_fetched(&mut held.event);
                    store::complete(&mut tx, company, id, &held.event).await?;
                    let mut effect = effect::apply(&mut tx, company, &held).await?;
                    let why = SafeText::line(why).truncated(200);
                    effect.did.push(format!(
                        "its words could not be fetched ({why}); it counts as a person's reply"
                    ));
                    close(&mut tx, company, &held, &effect).await?;
                }
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Asks every account of the company, for nothing says which of them the event is of. It cannot be had if all of them say so.
    async fn ask(&self, company: CompanyId, is_sandbox: bool, stored: &Stored) -> Result<Completion, Error> {
        let hook = (self.hooks)(stored.source);
        let Some(request) = hook.completes(&stored.event) else {
            return Ok(Completion::Never { why: "its provider has no way to ask for it".to_owned() });
        };
        let channel = stored.source.channel();
        let Some(line) = self.lines.line(channel, is_sandbox) else {
            return Ok(Completion::Later { why: "this process has no way to its provider".to_owned() });
        };
        let mut outboxes =
            crate::outbox::store::settings(&mut *self.pool.acquire().await?, company, None).await?;
        outboxes.retain(|outbox| outbox.channel == channel);
        let mut asked: Vec<&OutboxSettings> = Vec::new();
        let (mut later, mut never) = (Vec::new(), Vec::new());
        for outbox in &outboxes {
            let is_asked = |other: &&OutboxSettings| {
                other.secret_ref == outbox.secret_ref && other.provider == outbox.provider
            };
            if asked.iter().any(is_asked) {
                continue;
            }
            asked.push(outbox);
            let (sentences, why) = match self.ask_as(company, outbox, line, stored, &request).await? {
                Completion::Whole(event) => return Ok(Completion::Whole(event)),
                Completion::Later { why } => (&mut later, why),
                Completion::Never { why } => (&mut never, why),
            };
            if !sentences.contains(&why) {
                sentences.push(why);
            }
        }
        Ok(match (later.is_empty(), never.is_empty()) {
            (true, true) => {
                Completion::Later { why: format!("no outbox of {channel} has a credential to ask with") }
            }
            (true, false) => Completion::Never { why: never.join("; ") },
            (false, _) => Completion::Later { why: later.join("; ") },
        })
    }

    /// Asks with the credential of an outbox.
    async fn ask_as(
        &self,
        company: CompanyId,
        outbox: &OutboxSettings,
        line: &Line,
        stored: &Stored,
        request: &Request,
    ) -> Result<Completion, Error> {
        let mut tx = self.pool.begin().await?;
        let (secret, version) = match credential(&mut tx, company, &self.key, outbox).await? {
            Ok(found) => found,
            // It may be the one that could have told.
            Err((_, why)) => return Ok(Completion::Later { why }),
        };
        store::keep(&mut tx, company, stored.id, LEASE).await?;
        // The use of a secret is recorded before it is shown to anybody.
        let detail = serde_json::json!({ "secret": outbox.secret_ref, "version": version });
        let entry = Entry::new(&INBOUND, "inbound.fetch").subject(outbox.id).detail(detail);
        audit::store::append(&mut tx, company, &[entry]).await?;
        tx.commit().await?;
        let hook = (self.hooks)(stored.source);
        Ok(match read(line, &secret, request).await {
            Ok(response) => hook.completed(&stored.event, &response),
            Err(why) => Completion::Later { why },
        })
    }
}

/// Whether an event still has to be fetched.
fn is_wanted(stored: &Stored) -> bool {
    stored.state == "stored" && matches!(&stored.event.what, What::Message(letter) if letter.is_announced)
}

fn note_fetched(event: &mut Event) {
    if let What::Message(letter) = &mut event.what {
        letter.is_announced = false;
    }
}
