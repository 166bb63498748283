//! The inbox: what came in and what it did, for people, and what they do about what nobody could be found for or could not be applied.
//!
//! Applying is `apply`'s. Here an event is looked at, put aside for a reason, or given back to whoever applies.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgPool;

use super::event::Event;
use super::provider::Provider;
use super::reading::{Reading, read};
use super::{store_effect, store_inbox as store};
use crate::actor::{Actor, Role};
use crate::audit::{self, Entry};
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EndpointId, EventId};
use crate::operator;

/// The longest reason for putting an event aside, in characters.
pub const REASON_LIMIT: usize = 500;

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits to be applied.
    Stored,
    /// It did what it had to.
    Applied,
    /// Nobody could be found whom it concerns.
    Unmatched,
    /// It could not be applied.
    Failed,
    /// A person put it aside.
    Dismissed,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Stored, Self::Applied, Self::Unmatched, Self::Failed, Self::Dismissed];

    /// The word used in SQL, in the API and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Applied => "applied",
            Self::Unmatched => "unmatched",
            Self::Failed => "failed",
            Self::Dismissed => "dismissed",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == word)
    }

    /// Whether it waits for a person.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::Unmatched | Self::Failed)
    }
}

/// Which states are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// What waits for a person.
    Attention,
    /// One.
    One(State),
}

/// Which events are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxFilter {
    /// In which state.
    pub state: Wanted,
    /// Told by whom; everybody if there is none.
    pub source: Option<Provider>,
}

/// A place in the list: what comes after it is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    /// When the event came in.
    pub at: Timestamp,
    /// The event.
    pub id: EventId,
}

/// A contact that an event concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concerned {
    /// The contact.
    pub id: ContactId,
    /// Their name; foreign text.
    pub name: String,
}

/// An event as it stands in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxRow {
    /// The event.
    pub id: EventId,
    /// Who told it.
    pub source: Provider,
    /// What kind of event it is.
    pub kind: String,
    /// When it happened, as the provider says.
    pub occurred_at: Option<Timestamp>,
    /// When it came in.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Whom it concerns, where that is known.
    pub contact: Option<Concerned>,
    /// Which message it is about, where that is known.
    #[serde(rename = "activityId")]
    pub activity: Option<ActivityId>,
    /// Who wrote, or whose address it is about; foreign text.
    pub from: Option<String>,
    /// What it says in a line; foreign text, empty after erasure.
    pub headline: String,
    /// What it did, in sentences.
    pub did: Vec<String>,
    /// Why it could not be applied.
    pub error: Option<String>,
    /// How often that was tried.
    pub tries: i16,
    /// When it is tried next, while it waits.
    pub look_at: Option<Timestamp>,
    /// Whether it came in signed; otherwise it was found by asking the provider.
    pub sig_ok: bool,
    /// Whether what it said was erased.
    pub is_erased: bool,
}

/// A page, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InboxPage {
    /// Its rows.
    pub rows: Vec<InboxRow>,
    /// Where the rest begins; `None` at the end.
    pub next: Option<InboxCursor>,
}

/// An event in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxDetail {
    /// Its row.
    #[serde(flatten)]
    pub row: InboxRow,
    /// The endpoint it came in at; `None` for what was found by asking.
    #[serde(rename = "endpointId")]
    pub endpoint: Option<EndpointId>,
    /// The provider's id of it; foreign text.
    pub external_id: String,
    /// When it was applied, or given up.
    pub applied_at: Option<Timestamp>,
    /// What the provider said; `None` after erasure, or if this version cannot read it.
    pub event: Option<Event>,
    /// What people did about it, oldest first.
    pub handled: Vec<Handled>,
}

/// Something a person did about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    /// What, as the audit log names it.
    pub action: String,
    /// Who; foreign text.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why; foreign text.
    pub reason: Option<String>,
}

/// How much there is, each number bounded like every count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxCounts {
    /// What waits for a person.
    pub attention: i64,
    /// What waits to be applied.
    pub stored: i64,
    /// What of that should have been applied a minute ago.
    pub overdue: i64,
}

/// Lists events, newest first; at most [`crate::activity::view::PAGE_LIMIT`] of them.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is no operator, [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn list(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    filter: &InboxFilter,
    limit: usize,
    after: Option<InboxCursor>,
) -> Result<InboxPage, Error> {
    let mut conn = pool.acquire().await?;
    operator::authorise(&mut conn, actor, company, Role::Viewer, "read the inbox").await?;
    store::page(&mut conn, company, filter, after, limit).await
}

/// Reads one event in full.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is no operator, [`Error::NotFound`], [`Error::Corrupt`] for a row that makes no sense, or a database
/// fault.
pub async fn show(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: EventId,
) -> Result<InboxDetail, Error> {
    let mut conn = pool.acquire().await?;
    operator::authorise(&mut conn, actor, company, Role::Viewer, "read the inbox").await?;
    store::detail(&mut conn, company, id).await?.ok_or_else(|| unknown(id))
}

/// Counts what waits.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is no operator, or a database fault.
pub async fn counts(pool: &PgPool, actor: &Actor, company: CompanyId) -> Result<InboxCounts, Error> {
    let mut conn = pool.acquire().await?;
    operator::authorise(&mut conn, actor, company, Role::Viewer, "read the inbox").await?;
    store::counts(&mut conn, company).await
}

/// Puts an event aside that waits for a person. Whatever it held back is held no longer.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] for a bad reason, [`Error::NotFound`], [`Error::Conflict`] if it does not
/// wait for a person, or a database fault.
pub async fn dismiss(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: EventId,
    reason: &str,
) -> Result<(), Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_LIMIT || reason.contains('\0') {
        return Err(Error::Invalid {
            field: "reason".to_owned(),
            reason: format!("say why in at most {REASON_LIMIT} characters"),
        });
    }
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise_change(&mut tx, actor, company, Role::Approver, "dismiss an event").await?;
        let held = store::lock(&mut tx, company, id).await?.ok_or_else(|| unknown(id))?;
        if !held.state.needs_a_person() {
            return Err(settled(id, held.state, "dismissed"));
        }
        store::dismiss(&mut tx, company, id).await?;
        store_effect::release(&mut tx, company, id).await?;
        let entry = Entry::new(actor, "inbound.dismiss").subject(id).reason(Some(reason));
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// Has an event applied again that waits for a person. What it did before stays done.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::NotFound`], [`Error::Conflict`] if it does not wait for a person or cannot be applied
/// by trying again, or a database fault.
pub async fn retry(pool: &PgPool, actor: &Actor, company: CompanyId, id: EventId) -> Result<(), Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise_change(&mut tx, actor, company, Role::Approver, "retry an event").await?;
        let held = store::lock(&mut tx, company, id).await?.ok_or_else(|| unknown(id))?;
        if !held.state.needs_a_person() {
            return Err(settled(id, held.state, "tried again"));
        }
        if held.is_erased {
            return Err(Error::Conflict(format!("event {id} was erased and cannot be applied any more")));
        }
        if held.kind == "unreadable" {
            return Err(Error::Conflict(format!(
                "event {id} cannot be read, and another try changes nothing; dismiss it with a reason"
            )));
        }
        store::retry(&mut tx, company, id).await?;
        let entry = Entry::new(actor, "inbound.retry").subject(id);
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// What a stored reading says in a line, and from whom.
pub(super) fn told(reading: Option<serde_json::Value>) -> (Reading, Option<Event>) {
    let Some(reading) = reading else {
        return (Reading::default(), None);
    };
    match serde_json::from_value::<Event>(reading) {
        Ok(event) => (read(&event.what), Some(event)),
        // Written by another version of this program: the list goes on without it.
        Err(_) => {
            let headline = "(this version cannot read what was stored)".to_owned();
            (Reading { from: None, headline }, None)
        }
    }
}

fn unknown(id: EventId) -> Error {
    Error::NotFound { what: format!("event {id}"), hint: "; see `countersign inbox list`".to_owned() }
}

fn settled(id: EventId, state: State, what: &str) -> Error {
    let state = state.as_str();
    Error::Conflict(format!("event {id} is {state}; only what is unmatched or failed is {what}"))
}
