//! SQL of applying events: what is due and what became of it.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::event::Event;
use super::provider::Provider;
use crate::activity::status::Status;
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EventId, OutboxId};

/// An event that waits to be applied, under lock.
pub(super) struct Stored {
    pub(super) id: EventId,
    pub(super) source: Provider,
    pub(super) event: Event,
    pub(super) received_at: Timestamp,
    pub(super) tries: i16,
    pub(super) state: String,
    /// The database's clock.
    pub(super) now: Timestamp,
}

/// A company with events that are due: such as can be applied, or such as are only announced and have to be fetched first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) company: CompanyId,
    pub(super) is_sandbox: bool,
    pub(super) is_announced: bool,
}

/// Finds companies with events that are due. Announced ones count where their source can be asked: `live` for ordinary companies,
/// `sandbox` for the others.
pub(super) async fn due(
    conn: &mut PgConnection,
    live: &[String],
    sandbox: &[String],
) -> Result<Vec<Due>, Error> {
    let rows = sqlx::query_as!(
        Due,
        r#"SELECT y.id AS "company: CompanyId", y.sandbox AS is_sandbox, w.is_announced AS "is_announced!"
        FROM crm_companies y
        CROSS JOIN (VALUES (false), (true)) AS w (is_announced)
        CROSS JOIN LATERAL (SELECT e.id FROM crm_inbound_events e
          WHERE e.company_id = y.id AND e.state = 'stored' AND e.is_announced = w.is_announced AND e.look_at <= now()
            AND (NOT w.is_announced OR e.source = ANY (CASE WHEN y.sandbox THEN $2::text[] ELSE $1::text[] END))
          ORDER BY e.look_at LIMIT 1) AS one
        ORDER BY y.id, w.is_announced LIMIT 2000"#,
        live,
        sandbox
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Locks the next event that is due, can be applied as it is, and that nobody else has.
pub(super) async fn lock_next(conn: &mut PgConnection, company: CompanyId) -> Result<Option<EventId>, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id: EventId" FROM crm_inbound_events
        WHERE company_id = $1 AND state = 'stored' AND is_announced = false AND look_at <= now()
        ORDER BY look_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"#,
        company.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Takes the next announced event of these sources that is due. Whoever else looks leaves it alone for so long. As a subquery it could be
/// asked for once a row, and take one each time.
pub(super) async fn take_announced(
    conn: &mut PgConnection,
    company: CompanyId,
    sources: &[String],
    lease: std::time::Duration,
) -> Result<Option<EventId>, Error> {
    let id = sqlx::query_scalar!(
        r#"WITH next AS MATERIALIZED (SELECT id FROM crm_inbound_events
          WHERE company_id = $1 AND state = 'stored' AND is_announced = true AND look_at <= now() AND source = ANY ($2)
          ORDER BY look_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE crm_inbound_events e SET look_at = clock_timestamp() + make_interval(secs => $3) FROM next
        WHERE e.company_id = $1 AND e.id = next.id
        RETURNING e.id AS "id: EventId""#,
        company.0,
        sources,
        lease.as_secs_f64()
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Keeps an event that was taken for longer.
pub(super) async fn keep(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    lease: std::time::Duration,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET look_at = clock_timestamp() + make_interval(secs => $3)
        WHERE company_id = $1 AND id = $2 AND state = 'stored'"#,
        company.0,
        id.0,
        lease.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads an event under lock, whatever its state.
pub(super) async fn load(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<Stored>, Error> {
    let row = sqlx::query!(
        r#"SELECT e.id AS "id: EventId", e.source, e.reading, e.raw, e.received_at, e.tries, e.state, clock_timestamp() AS "now!"
        FROM crm_inbound_events e WHERE e.company_id = $1 AND e.id = $2 FOR NO KEY UPDATE"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let corrupt =
        |problem: String| Error::Corrupt { table: "crm_inbound_events", row: row.id.to_string(), problem };
    let source = Provider::parse(&row.source)
        .ok_or_else(|| corrupt(format!("the source `{}` is not known", row.source)))?;
    let Some(reading) = row.reading else {
        return Err(corrupt("it was erased and cannot be applied any more".to_owned()));
    };
    let mut event: Event = serde_json::from_value(reading).map_err(|error| corrupt(error.to_string()))?;
    event.raw = row.raw.unwrap_or_default().into();
    Ok(Some(Stored {
        id: row.id,
        source,
        event,
        received_at: row.received_at.to_jiff(),
        tries: row.tries,
        state: row.state,
        now: row.now.to_jiff(),
    }))
}

/// What became of an event.
pub(super) struct Ending<'a> {
    pub(super) state: &'static str,
    pub(super) contact: Option<ContactId>,
    pub(super) activity: Option<ActivityId>,
    pub(super) did: &'a [String],
    pub(super) error: Option<&'a str>,
}

/// Writes what became of an event. What it did before stays said.
pub(super) async fn end(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    ending: &Ending<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET state = $3, contact_id = coalesce($4, contact_id), activity_id = coalesce($5, activity_id),
          did = did || $6, error = left($7, 500), applied_at = clock_timestamp(), tries = tries + 1
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        id.0,
        ending.state,
        ending.contact.map(|id| id.0),
        ending.activity.map(|id| id.0),
        ending.did,
        ending.error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Looks at an event again later.
pub(super) async fn again(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    after: std::time::Duration,
    why: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET tries = tries + 1, look_at = clock_timestamp() + make_interval(secs => $3), error = left($4, 500)
        WHERE company_id = $1 AND id = $2 AND state = 'stored'"#,
        company.0,
        id.0,
        after.as_secs_f64(),
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the whole of an event whose rest was fetched.
pub(super) async fn complete(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    event: &Event,
) -> Result<(), Error> {
    let reading = serde_json::to_value(event).map_err(|error| Error::Corrupt {
        table: "crm_inbound_events",
        row: id.to_string(),
        problem: error.to_string(),
    })?;
    sqlx::query!(
        "UPDATE crm_inbound_events SET reading = $3 WHERE company_id = $1 AND id = $2",
        company.0,
        id.0,
        reading
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How often an event that still waits failed.
pub(super) async fn errors(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<i16>, Error> {
    let errors = sqlx::query_scalar!(
        "SELECT errors FROM crm_inbound_events WHERE company_id = $1 AND id = $2 AND state = 'stored' FOR NO KEY UPDATE",
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(errors)
}

/// Looks at an event again later that failed.
pub(super) async fn stumble(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    after: std::time::Duration,
    why: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_inbound_events SET errors = errors + 1 WHERE company_id = $1 AND id = $2 AND state = 'stored'",
        company.0,
        id.0
    )
    .execute(&mut *conn)
    .await?;
    again(conn, company, id, after, Some(why)).await
}

/// A message of ours that an event is about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: ActivityId,
    pub(super) contact: ContactId,
    pub(super) outbox: Option<OutboxId>,
    pub(super) channel: ChannelName,
    pub(super) status: Status,
    pub(super) round: i32,
    pub(super) first_wire_at: Option<Timestamp>,
    /// The round of the attempt that a provider's id belongs to, if it was found by that.
    pub(super) named_round: Option<i32>,
}
