//! SQL of the inbox: pages, one event in full, counts, and what people do about events.
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::inbox::{
    Concerned, Handled, InboxCounts, InboxCursor, InboxDetail, InboxFilter, InboxPage, InboxRow, State, told,
};
use super::provider::Provider;
use crate::activity::view::{COUNT_LIMIT, PAGE_LIMIT};
use crate::db::filter;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EndpointId, EventId};

/// Reads one page, at most [`PAGE_LIMIT`] rows, newest first.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn page(
    conn: &mut PgConnection,
    company: CompanyId,
    filter: &InboxFilter,
    after: Option<InboxCursor>,
    limit: usize,
) -> Result<InboxPage, Error> {
    let limit = limit.clamp(1, PAGE_LIMIT);
    let found = filter::events(company, filter, after, limit + 1).build().fetch_all(conn).await?;
    let rows = found.iter().take(limit).map(row).collect::<Result<Vec<_>, _>>()?;
    let last = rows.last().filter(|_| found.len() > limit);
    let next = last.map(|last| InboxCursor { at: last.received_at, id: last.id });
    Ok(InboxPage { rows, next })
}

fn row(found: &PgRow) -> Result<InboxRow, Error> {
    let id = EventId(found.try_get("id")?);
    let at = |name: &str| -> Result<Option<Timestamp>, Error> {
        let value: Option<jiff_sqlx::Timestamp> = found.try_get(name)?;
        Ok(value.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let always = |name: &str| -> Result<Timestamp, Error> {
        let value: jiff_sqlx::Timestamp = found.try_get(name)?;
        Ok(value.to_jiff())
    };
    let state = read_state(found.try_get("state")?, id)?;
    let contact: Option<uuid::Uuid> = found.try_get("contact_id")?;
    let name: Option<String> = found.try_get("contact")?;
    let activity: Option<uuid::Uuid> = found.try_get("activity_id")?;
    let reading: Option<serde_json::Value> = found.try_get("reading")?;
    let is_erased = reading.is_none();
    let (reading, _) = told(reading);
    Ok(InboxRow {
        id,
        source: read_source(found.try_get("source")?, id)?,
        kind: found.try_get("kind")?,
        occurred_at: at("occurred_at")?,
        received_at: always("received_at")?,
        state,
        contact: contact.map(|id| Concerned { id: ContactId(id), name: name.unwrap_or_default() }),
        activity: activity.map(ActivityId),
        from: reading.from,
        headline: reading.headline,
        did: found.try_get("did")?,
        error: found.try_get("error")?,
        tries: found.try_get("tries")?,
        look_at: at("look_at")?.filter(|_| state == State::Stored),
        sig_ok: found.try_get("sig_ok")?,
        is_erased,
    })
}

/// Reads one event in full.
pub(super) async fn detail(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<InboxDetail>, Error> {
    let found = sqlx::query!(
        r#"SELECT e.source, e.kind, e.occurred_at, e.received_at, e.state, e.contact_id AS "contact_id: ContactId", c.name AS "contact?",
          e.activity_id AS "activity_id: ActivityId", e.reading, e.did, e.error, e.tries, e.look_at, e.sig_ok,
          e.endpoint_id AS "endpoint_id: EndpointId", e.external_id, e.applied_at
        FROM crm_inbound_events e LEFT JOIN crm_contacts c ON c.company_id = e.company_id AND c.id = e.contact_id
        WHERE e.company_id = $1 AND e.id = $2"#,
        company.0,
        id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let state = read_state(&found.state, id)?;
    let is_erased = found.reading.is_none();
    let (reading, event) = told(found.reading);
    let row = InboxRow {
        id,
        source: read_source(&found.source, id)?,
        kind: found.kind,
        occurred_at: found.occurred_at.map(jiff_sqlx::Timestamp::to_jiff),
        received_at: found.received_at.to_jiff(),
        state,
        contact: found.contact_id.map(|id| Concerned { id, name: found.contact.unwrap_or_default() }),
        activity: found.activity_id,
        from: reading.from,
        headline: reading.headline,
        did: found.did,
        error: found.error,
        tries: found.tries,
        look_at: Some(found.look_at.to_jiff()).filter(|_| state == State::Stored),
        sig_ok: found.sig_ok,
        is_erased,
    };
    Ok(Some(InboxDetail {
        row,
        endpoint: found.endpoint_id,
        external_id: found.external_id,
        applied_at: found.applied_at.map(jiff_sqlx::Timestamp::to_jiff),
        event,
        handled: handled(conn, company, id).await?,
    }))
}

/// What people did about an event.
async fn handled(conn: &mut PgConnection, company: CompanyId, id: EventId) -> Result<Vec<Handled>, Error> {
    let rows = sqlx::query!(
        r#"SELECT action, actor_name, at, reason FROM crm_audit_log
        WHERE company_id = $1 AND subject_id = $2 AND action IN ('inbound.assign', 'inbound.dismiss', 'inbound.retry')
        ORDER BY at, id LIMIT 100"#,
        company.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| Handled {
        action: row.action,
        by: row.actor_name,
        at: row.at.to_jiff(),
        reason: row.reason,
    });
    Ok(read.collect())
}

/// Counts what waits, each number bounded by [`COUNT_LIMIT`].
pub(super) async fn counts(conn: &mut PgConnection, company: CompanyId) -> Result<InboxCounts, Error> {
    let row = sqlx::query!(
        r#"SELECT
          (SELECT count(*) FROM (SELECT FROM crm_inbound_events WHERE company_id = $1 AND state IN ('unmatched', 'failed') LIMIT $2) a)
            AS "attention!",
          (SELECT count(*) FROM (SELECT FROM crm_inbound_events WHERE company_id = $1 AND state = 'stored' LIMIT $2) s) AS "stored!",
          (SELECT count(*) FROM (SELECT FROM crm_inbound_events WHERE company_id = $1 AND state = 'stored'
            AND look_at < clock_timestamp() - interval '1 minute' LIMIT $2) o) AS "overdue!""#,
        company.0,
        COUNT_LIMIT
    )
    .fetch_one(conn)
    .await?;
    Ok(InboxCounts { attention: row.attention, stored: row.stored, overdue: row.overdue })
}

/// An event that a person does something about, under lock.
pub(super) struct Held {
    pub(super) state: State,
    pub(super) kind: String,
    pub(super) is_erased: bool,
}

/// Locks an event.
pub(super) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<Held>, Error> {
    let row = sqlx::query!(
        r#"SELECT state, kind, reading IS NULL AS "is_erased!" FROM crm_inbound_events
        WHERE company_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Held { state: read_state(&row.state, id)?, kind: row.kind, is_erased: row.is_erased }))
        .transpose()
}

/// Puts a locked event aside.
pub(super) async fn dismiss(conn: &mut PgConnection, company: CompanyId, id: EventId) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_inbound_events SET state = 'dismissed' WHERE company_id = $1 AND id = $2 AND state IN ('unmatched', 'failed')",
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a locked event back to whoever applies.
pub(super) async fn retry(conn: &mut PgConnection, company: CompanyId, id: EventId) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET state = 'stored', tries = 0, errors = 0, error = NULL, applied_at = NULL, look_at = clock_timestamp()
        WHERE company_id = $1 AND id = $2 AND state IN ('unmatched', 'failed')"#,
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn read_state(word: &str, id: EventId) -> Result<State, Error> {
    State::parse(word).ok_or_else(|| corrupt(id, format!("the state `{word}` is not known")))
}

fn read_source(word: &str, id: EventId) -> Result<Provider, Error> {
    Provider::parse(word).ok_or_else(|| corrupt(id, format!("the source `{word}` is not known")))
}

fn corrupt(id: EventId, problem: String) -> Error {
    Error::Corrupt { table: "crm_inbound_events", row: id.to_string(), problem }
}
