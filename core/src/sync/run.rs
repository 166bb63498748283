//! Reads the lists that are due, a page at a time.
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::store::{self, Cursor, Meeting, Step};
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::channel::{Channel, Line, Lines, List, Listed, Window};
use crate::company;
use crate::dispatch::backoff::full_jitter;
use crate::dispatch::claim::credential;
use crate::dispatch::evidence::read;
use crate::engine::board::Board;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::inbound::event::{Event, Reference, What};
use crate::inbound::{Origin, receive_in};
use crate::outbox::store::{OutboxSettings, settings};
use crate::safe_text::SafeText;
use crate::secret::MasterKey;

/// Who asks, in the audit log.
const SYNC: Actor = Actor::Engine("sync");

/// How long a list is left alone once it was read to its end.
pub const INTERVAL: Duration = Duration::from_mins(5);

/// Between two pages of one list: no provider is asked more often for it.
pub const BETWEEN_PAGES: Duration = Duration::from_secs(5);

/// How often it is looked whether a list is due.
const POLL: Duration = Duration::from_secs(15);

/// Whoever took a list and does not come back by then has died.
const LEASE: Duration = Duration::from_mins(2);

/// Pages of one company that are read before others have their turn.
const PAGES_AT_ONCE: usize = 100;

/// A place in a list that was refused so often is given up; the list is read from its beginning.
const PLACE_TRIES: i16 = 3;

/// How often what was asked is summed up in the log.
const SUMMARY: Duration = Duration::from_mins(15);

/// What looking brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Pages that were read.
    pub pages: usize,
    /// Events that nobody had told before.
    pub stored: usize,
    /// Pages that could not be read.
    pub failed: usize,
}

/// Reads lists.
#[derive(Clone)]
pub struct Syncer {
    /// The database.
    pub pool: PgPool,
    /// Ways to providers.
    pub lines: Lines,
    /// Opens credentials.
    pub key: MasterKey,
    /// How long a list is left alone; [`INTERVAL`] unless a test is in a hurry.
    pub interval: Duration,
    /// Between two pages of one list; [`BETWEEN_PAGES`] unless a test is in a hurry.
    pub between_pages: Duration,
    /// Wakes whoever applies events.
    pub wake: Arc<Notify>,
    /// Where it says how it is.
    pub board: Board,
}

impl Syncer {
    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let reporter = self.board.task("sync");
        let sum = Mutex::new((crate::clock::monotonic(), Looks::default()));
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.look()).await {
                Some(Ok(looks)) => {
                    reporter.ok();
                    sum_up(&mut sum.lock().unwrap_or_else(PoisonError::into_inner), looks);
                }
                Some(Err(error)) if reporter.waits(&error) => {
                    tracing::warn!("providers are not asked: {error}");
                }
                Some(Err(_)) | None => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Reads a page of every list that is due, and on while pages are due at once.
    ///
    /// # Errors
    /// A database fault.
    pub async fn look(&self) -> Result<Looks, Error> {
        let mut looks = Looks::default();
        if self.lines.is_dry_run() {
            // It asks nobody for anything.
            return Ok(looks);
        }
        for company in company::store::list(&mut *self.pool.acquire().await?).await? {
            let lists = self.enrol(company.id, company.sandbox).await?;
            for _ in 0..PAGES_AT_ONCE {
                let cursor = store::take(&mut *self.pool.acquire().await?, company.id, LEASE).await?;
                let Some(cursor) = cursor else { break };
                let Some(found) = lists
                    .iter()
                    .find(|(outbox, _, list)| outbox.id == cursor.outbox && list.name == cursor.list)
                else {
                    // Its outbox asks no more, or this process has no way to its provider.
                    store::advance(
                        &mut *self.pool.acquire().await?,
                        company.id,
                        &cursor,
                        &Step::rest(self.interval),
                    )
                    .await?;
                    continue;
                };
                self.page(company.id, found, &cursor, &mut looks).await?;
            }
        }
        if looks.stored > 0 {
            self.wake.notify_one();
        }
        Ok(looks)
    }

    /// The lists of a company. Outboxes that share credential and account share their lists; the first of them asks.
    async fn enrol(
        &self,
        company: CompanyId,
        is_sandbox: bool,
    ) -> Result<Vec<(OutboxSettings, Line, &'static List)>, Error> {
        let mut conn = self.pool.acquire().await?;
        let mut outboxes = settings(&mut conn, company, None).await?;
        outboxes.sort_unstable_by_key(|outbox| outbox.id);
        let mut lists = Vec::new();
        let mut asked: Vec<(String, OutboxSettings)> = Vec::new();
        for outbox in outboxes {
            let is_asked = |(secret, other): &(String, OutboxSettings)| {
                *secret == outbox.secret_ref
                    && other.channel == outbox.channel
                    && other.provider == outbox.provider
            };
            let Some(line) = self.lines.line(outbox.channel, is_sandbox) else { continue };
            if asked.iter().any(is_asked) {
                continue;
            }
            asked.push((outbox.secret_ref.clone(), outbox.clone()));
            lists.extend(line.channel.lists().iter().map(|list| (outbox.clone(), line.clone(), list)));
        }
        let rows: Vec<_> = lists.iter().map(|(outbox, _, list)| (outbox.id, list.name)).collect();
        store::enrol(&mut conn, company, &rows, self.interval).await?;
        Ok(lists)
    }

    async fn page(
        &self,
        company: CompanyId,
        (outbox, line, list): &(OutboxSettings, Line, &'static List),
        cursor: &Cursor,
        looks: &mut Looks,
    ) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let (secret, version) = match credential(&mut tx, company, &self.key, outbox).await? {
            Ok(found) => found,
            Err((_, sentence)) => {
                tx.rollback().await?;
                looks.failed += 1;
                return self.put_off(company, cursor, &sentence, None).await;
            }
        };
        if cursor.shut_version == Some(version) {
            // The provider does not take this one; it is asked again once there is another, and once a day, for it may have been meant
            // otherwise, or what the credential may do was changed.
            tx.rollback().await?;
            let mut conn = self.pool.acquire().await?;
            return store::advance(&mut conn, company, cursor, &Step::rest(self.interval)).await.map(|_| ());
        }
        if cursor.secret_version != Some(version) {
            // The use of a secret is recorded before it is shown to anybody: once for each list and version, or the log would fill up.
            let detail =
                serde_json::json!({ "secret": outbox.secret_ref, "version": version, "list": list.name });
            let entry = Entry::new(&SYNC, "sync.ask").subject(outbox.id).detail(detail);
            audit::store::append(&mut tx, company, &[entry]).await?;
            store::note_version(&mut tx, company, cursor, version).await?;
        }
        tx.commit().await?;
        let since = cursor.seen_until.saturating_sub(list.overlap).unwrap_or(Timestamp::MIN);
        let window = Window { since, place: cursor.place.as_deref(), settings: &outbox.provider };
        let channel: &dyn Channel = &*line.channel;
        let listed = match channel.list(list, &window) {
            Ok(request) => match read(line, &secret, &request).await {
                Ok(response) => channel.listed(list, &window, &response),
                Err(why) => Listed::Later { why, after: None },
            },
            Err(error) => Listed::Later { why: format!("{}: {}", error.field, error.reason), after: None },
        };
        crate::fault::point("listed").await;
        match listed {
            Listed::Page { events, next } => {
                looks.pages += 1;
                let origin = Origin { company, provider: list.provider, endpoint: None };
                looks.stored += self.keep(origin, cursor, events, next.as_deref()).await?;
                Ok(())
            }
            Listed::Later { why, after } => {
                looks.failed += 1;
                self.put_off(company, cursor, &why, after).await
            }
            Listed::Shut { why } => {
                looks.failed += 1;
                let why = SafeText::line(&why).truncated(200);
                tracing::warn!(outbox = %outbox.name, list = list.name, "the provider refuses to be asked: {why}");
                let step =
                    Step { error: Some(&why), shut_version: Some(version), ..Step::rest(self.interval) };
                let mut conn = self.pool.acquire().await?;
                store::advance(&mut conn, company, cursor, &step).await.map(|_| ())
            }
        }
    }

    /// Stores a page and how far it reaches, both or neither.
    async fn keep(
        &self,
        origin: Origin,
        cursor: &Cursor,
        events: Vec<Event>,
        next: Option<&str>,
    ) -> Result<usize, Error> {
        let mut tx = self.pool.begin().await?;
        let step = match next {
            Some(place) => Step::onward(self.between_pages, place),
            None => Step::finished(self.interval),
        };
        if !store::advance(&mut tx, origin.company, cursor, &step).await? {
            // It took too long, and somebody else reads the list by now.
            return Ok(0);
        }
        let news = news(&mut tx, origin, events).await?;
        let received = receive_in(&mut tx, origin, &news).await?;
        tx.commit().await?;
        Ok(received.stored)
    }

    /// Asks later, further and further apart.
    async fn put_off(
        &self,
        company: CompanyId,
        cursor: &Cursor,
        why: &str,
        after: Option<Duration>,
    ) -> Result<(), Error> {
        // Up to five minutes at random, beside the interval.
        let pause = after.unwrap_or_default().max(self.interval)
            + full_jitter(cursor.tries.saturating_add(1), fastrand::f64());
        let why = SafeText::line(why).truncated(200);
        let is_lost = cursor.place.is_some() && cursor.tries + 1 >= PLACE_TRIES;
        let step = Step { error: Some(&why), gives_up_place: is_lost, ..Step::rest(pause) };
        let mut conn = self.pool.acquire().await?;
        store::advance(&mut conn, company, cursor, &step).await?;
        Ok(())
    }
}

/// What is worth storing. A list names every message of the account, also those of others, and what webhooks told long ago; a booking
/// comes again whenever somebody edits it.
async fn news(conn: &mut PgConnection, origin: Origin, events: Vec<Event>) -> Result<Vec<Event>, Error> {
    let facts: Vec<_> = events.iter().filter_map(fact).collect();
    let meetings: Vec<_> = events.iter().filter_map(meeting).collect();
    let new_facts = match facts.is_empty() {
        true => HashSet::new(),
        false => store::news(conn, origin.company, &facts).await?,
    };
    let new_meetings = match meetings.is_empty() {
        true => HashSet::new(),
        false => store::new_meetings(conn, origin.company, origin.provider, &meetings).await?,
    };
    let is_news = |event: &Event| {
        fact(event).is_none_or(|(id, fact)| new_facts.contains(&(id, fact.to_owned())))
            && meeting(event).is_none_or(|meeting| new_meetings.contains(&meeting))
    };
    Ok(events.into_iter().filter(is_news).collect())
}

/// What became of which message.
fn fact(event: &Event) -> Option<(String, &'static str)> {
    match (&event.what, event.about.first()) {
        (What::Status(progress), Some(Reference::Provider(id))) => Some((id.clone(), progress.fact.as_str())),
        _ => None,
    }
}

/// A booking as it would be stored.
fn meeting(event: &Event) -> Option<Meeting> {
    let What::Booking(booking) = &event.what else { return None };
    let stored = serde_json::to_value(booking).ok()?;
    let word = |name: &str| stored[name].as_str().map(str::to_owned);
    Some((booking.uid.clone(), word("phase"), word("startsAt")))
}

/// One line now and then, if there was anything to do.
fn sum_up((since, sum): &mut (std::time::Instant, Looks), looks: Looks) {
    sum.pages += looks.pages;
    sum.stored += looks.stored;
    sum.failed += looks.failed;
    let now = crate::clock::monotonic();
    if now.duration_since(*since) < SUMMARY {
        return;
    }
    if sum.pages + sum.failed > 0 {
        tracing::info!(
            pages = sum.pages,
            stored = sum.stored,
            failed = sum.failed,
            "providers were asked for what webhooks missed"
        );
    }
    (*since, *sum) = (now, Looks::default());
}
