//! SQL of reading lists: how far each was read, and who reads it now.
use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::inbound::provider::Provider;

/// How far a list was read, under a lease.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    pub(super) outbox: OutboxId,
    pub(super) list: String,
    /// Everything older is known.
    pub(super) seen_until: Timestamp,
    /// Where the page before ended, in the middle of a list.
    pub(super) place: Option<String>,
    pub(super) tries: i16,
    pub(super) secret_version: Option<i32>,
    /// The version of the credential that the provider refused in the last day.
    pub(super) shut_version: Option<i32>,
    /// Tells whose lease it is.
    lease: Timestamp,
}

/// How a list goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Step<'a> {
    /// How long it is left alone.
    pub(super) pause: Duration,
    pub(super) place: Option<&'a str>,
    pub(super) is_finished: bool,
    pub(super) error: Option<&'a str>,
    pub(super) shut_version: Option<i32>,
    pub(super) gives_up_place: bool,
}

impl<'a> Step<'a> {
    /// Nothing was read.
    pub(super) fn rest(pause: Duration) -> Self {
        Self { pause, ..Self::default() }
    }

    /// A page was read, and there are more.
    pub(super) fn onward(pause: Duration, place: &'a str) -> Self {
        Self { pause, place: Some(place), ..Self::default() }
    }

    /// The last page was read.
    pub(super) fn finished(pause: Duration) -> Self {
        Self { pause, is_finished: true, ..Self::default() }
    }
}

/// Makes rows of lists that have none. There is nothing to miss yet.
pub(super) async fn enrol(
    conn: &mut PgConnection,
    company: CompanyId,
    lists: &[(OutboxId, &'static str)],
    interval: Duration,
) -> Result<(), Error> {
    if lists.is_empty() {
        return Ok(());
    }
    let (outboxes, names): (Vec<Uuid>, Vec<String>) =
        lists.iter().map(|(outbox, name)| (outbox.0, (*name).to_owned())).unzip();
    sqlx::query!(
        r#"INSERT INTO crm_sync_cursors (company_id, outbox_id, list, look_at)
        SELECT $1, w.outbox, w.list, clock_timestamp() + make_interval(secs => $4)
        FROM unnest($2::uuid[], $3::text[]) AS w (outbox, list)
        WHERE NOT EXISTS (SELECT FROM crm_sync_cursors c WHERE c.company_id = $1 AND c.outbox_id = w.outbox AND c.list = w.list)
        ON CONFLICT DO NOTHING"#,
        company.0,
        &outboxes,
        &names,
        interval.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the next list that is due; nobody else takes it while the lease lasts. As a subquery it could be asked for once a row, and
/// take one each time.
pub(super) async fn take(
    conn: &mut PgConnection,
    company: CompanyId,
    lease: Duration,
) -> Result<Option<Cursor>, Error> {
    let row = sqlx::query!(
        r#"WITH due AS MATERIALIZED (SELECT outbox_id, list FROM crm_sync_cursors WHERE company_id = $1 AND look_at <= clock_timestamp()
          ORDER BY look_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE crm_sync_cursors c SET look_at = clock_timestamp() + make_interval(secs => $2),
          walk_until = coalesce(c.walk_until, clock_timestamp())
        FROM due
        WHERE c.company_id = $1 AND c.outbox_id = due.outbox_id AND c.list = due.list
        RETURNING c.outbox_id AS "outbox: OutboxId", c.list, c.seen_until, c.place, c.tries, c.secret_version,
          CASE WHEN c.shut_at > clock_timestamp() - interval '1 day' THEN c.shut_version END AS shut_version,
          c.look_at AS lease"#,
        company.0,
        lease.as_secs_f64()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Cursor {
        outbox: row.outbox,
        list: row.list,
        seen_until: row.seen_until.to_jiff(),
        place: row.place,
        tries: row.tries,
        secret_version: row.secret_version,
        shut_version: row.shut_version,
        lease: row.lease.to_jiff(),
    }))
}

/// Says how a list goes on; `false` if its lease is somebody else's by now, and nothing was written.
pub(super) async fn advance(
    conn: &mut PgConnection,
    company: CompanyId,
    cursor: &Cursor,
    step: &Step<'_>,
) -> Result<bool, Error> {
    let has_read = step.place.is_some() || step.is_finished;
    let done = sqlx::query!(
        r#"UPDATE crm_sync_cursors SET look_at = clock_timestamp() + make_interval(secs => $5),
          place = CASE WHEN $6 THEN $7 WHEN $8 THEN NULL ELSE place END,
          seen_until = CASE WHEN $9 THEN walk_until ELSE seen_until END,
          walk_until = CASE WHEN $9 OR $8 THEN NULL ELSE walk_until END,
          tries = CASE WHEN $6 THEN 0 WHEN $10::text IS NULL THEN tries ELSE least(tries, 32000) + 1 END,
          succeeded_at = CASE WHEN $9 THEN clock_timestamp() ELSE succeeded_at END,
          error = CASE WHEN $6 THEN NULL ELSE coalesce($10, error) END,
          shut_version = CASE WHEN $6 THEN NULL ELSE coalesce($11, shut_version) END,
          shut_at = CASE WHEN $6 THEN NULL WHEN $11::int IS NULL THEN shut_at ELSE clock_timestamp() END
        WHERE company_id = $1 AND outbox_id = $2 AND list = $3 AND look_at = $4"#,
        company.0,
        cursor.outbox.0,
        cursor.list,
        jiff_sqlx::Timestamp::from(cursor.lease) as _,
        step.pause.as_secs_f64(),
        has_read,
        step.place,
        step.gives_up_place,
        step.is_finished,
        step.error,
        step.shut_version
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps which version of a credential is used.
pub(super) async fn note_version(
    conn: &mut PgConnection,
    company: CompanyId,
    cursor: &Cursor,
    version: i32,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_sync_cursors SET secret_version = $4 WHERE company_id = $1 AND outbox_id = $2 AND list = $3",
        company.0,
        cursor.outbox.0,
        cursor.list,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of facts about messages by the provider's ids: those about messages of ours that are not known yet. That a mail came back for good
/// says as well that it came back.
pub(super) async fn news(
    conn: &mut PgConnection,
    company: CompanyId,
    told: &[(String, &'static str)],
) -> Result<HashSet<(String, String)>, Error> {
    let (ids, facts): (Vec<String>, Vec<String>) =
        told.iter().map(|(id, fact)| (id.clone(), (*fact).to_owned())).unzip();
    let rows = sqlx::query!(
        r#"SELECT w.id AS "id!", w.fact AS "fact!" FROM unnest($2::text[], $3::text[]) AS w (id, fact)
        WHERE EXISTS (SELECT FROM crm_dispatch_attempts x WHERE x.company_id = $1 AND x.provider_ref = w.id)
          AND NOT EXISTS (SELECT FROM crm_dispatch_attempts x
            JOIN crm_activity_facts f ON f.company_id = x.company_id AND f.activity_id = x.activity_id
              AND (f.fact = w.fact OR f.fact = 'bounced' AND w.fact = 'soft_bounced')
            WHERE x.company_id = $1 AND x.provider_ref = w.id)"#,
        company.0,
        &ids,
        &facts
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.fact)).collect())
}

/// A booking as a list tells it: its id, what became of it and when it begins, in the words in which it is stored.
pub(super) type Meeting = (String, Option<String>, Option<String>);

/// Of bookings: those that nobody has told yet as they are. The limit of one keeps the planner from reading all bookings for a page.
pub(super) async fn new_meetings(
    conn: &mut PgConnection,
    company: CompanyId,
    source: Provider,
    told: &[Meeting],
) -> Result<HashSet<Meeting>, Error> {
    let uids: Vec<String> = told.iter().map(|(uid, ..)| uid.clone()).collect();
    let phases: Vec<Option<String>> = told.iter().map(|(_, phase, _)| phase.clone()).collect();
    let starts: Vec<Option<String>> = told.iter().map(|(.., start)| start.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT w.uid AS "uid!", w.phase, w.starts_at FROM unnest($3::text[], $4::text[], $5::text[]) AS w (uid, phase, starts_at)
        LEFT JOIN LATERAL (SELECT e.id FROM crm_inbound_events e
          WHERE e.company_id = $1 AND e.source = $2 AND e.kind = 'booking' AND e.reading #>> '{what,uid}' = w.uid
            AND e.reading #>> '{what,phase}' IS NOT DISTINCT FROM w.phase
            AND e.reading #>> '{what,startsAt}' IS NOT DISTINCT FROM w.starts_at
          LIMIT 1) AS known ON true
        WHERE known.id IS NULL"#,
        company.0,
        source.as_str(),
        &uids,
        &phases as _,
        &starts as _
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uid, row.phase, row.starts_at)).collect())
}

/// How far a list was read, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CursorView {
    /// The outbox whose credential is used.
    pub outbox: String,
    /// The list.
    pub list: String,
    /// When it was last read to its end.
    pub succeeded_at: Option<Timestamp>,
    /// Why it is not read, if it is not.
    pub error: Option<String>,
    /// Whether the provider refuses the credential; it is asked again once there is another, and once a day.
    pub is_shut: bool,
}

/// How far every list of a company was read.
pub(super) async fn cursors(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<CursorView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.name, c.list, c.succeeded_at, c.error, c.shut_version IS NOT NULL AS "is_shut!" FROM crm_sync_cursors c
        JOIN crm_outboxes o ON o.company_id = c.company_id AND o.id = c.outbox_id
        WHERE c.company_id = $1 ORDER BY o.name, c.list"#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CursorView {
            outbox: row.name,
            list: row.list,
            succeeded_at: row.succeeded_at.map(jiff_sqlx::Timestamp::to_jiff),
            error: row.error,
            is_shut: row.is_shut,
        })
        .collect())
}

/// How many lists of each company were not read to their end for an hour: what webhooks miss is not known there.
///
/// # Errors
/// A database fault.
pub async fn stale(conn: &mut PgConnection) -> Result<Vec<(CompanyId, i64)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT company_id AS "company: CompanyId", count(*) AS "count!" FROM crm_sync_cursors
        WHERE coalesce(succeeded_at, seen_until) < clock_timestamp() - interval '1 hour' GROUP BY company_id ORDER BY company_id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.company, row.count)).collect())
}
