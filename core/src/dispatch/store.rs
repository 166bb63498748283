//! SQL of the dispatcher. Every statement names its conditions again, so that it is right by itself.
//!
//! Claim and wire change no indexed column, so that they stay HOT; a test counts.
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Settings;
use super::claim::Claimed;
use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::activity::store::{read_hash, read_kind, read_status};
use crate::contact::allowlist::normalise;
use crate::error::Error;
use crate::gate::store::Row;
use crate::ids::{ActivityId, ClaimId, CompanyId, ContactId, OutboxId};
use crate::outbox::store::OutboxSettings;

/// An outbox with something to do.
#[derive(Clone, Debug)]
pub(crate) struct DueOutbox {
    pub(crate) company: CompanyId,
    pub(crate) outbox: OutboxId,
    pub(crate) sandbox: bool,
    /// Id of the secret its provider is addressed with.
    pub(crate) credential: String,
}

/// Finds outboxes with due rows: open, not asked to wait, and with quota left. The limit of one keeps the planner from reading
/// the whole queue at once; a drained outbox is not looked into at all.
pub(crate) async fn due_outboxes(conn: &mut PgConnection) -> Result<Vec<DueOutbox>, Error> {
    let rows = sqlx::query_as!(
        DueOutbox,
        r#"SELECT o.company_id AS "company: CompanyId", o.id AS "outbox: OutboxId", y.sandbox,
          split_part(substr(o.secret_ref, 10), ':', 1) AS "credential!"
        FROM crm_outboxes o
        JOIN crm_companies y ON y.id = o.company_id
        JOIN crm_credential_buckets b ON b.company_id = o.company_id AND b.outbox_id = o.id
        CROSS JOIN LATERAL (SELECT a.id FROM crm_activities a
          WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.stage = 'queue' AND a.send_after <= now()
            AND a.status IN ('approved', 'blocked_by_quota')
            AND (b.sent_today < b.daily_cap OR b.day < (now() AT TIME ZONE o.zone)::date) LIMIT 1) AS one
        WHERE o.enabled AND (o.cool_until IS NULL OR o.cool_until <= now()) AND (o.spaced_until IS NULL OR o.spaced_until <= now())
          AND NOT EXISTS (SELECT FROM crm_kill_switches k WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel))
        ORDER BY o.company_id, o.id LIMIT 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Finds outboxes with attempts to repeat. They hold their quota, so a drained outbox counts as well; because that means a look
/// through all its due rows, it is asked less often.
pub(crate) async fn replay_outboxes(conn: &mut PgConnection) -> Result<Vec<DueOutbox>, Error> {
    let rows = sqlx::query_as!(
        DueOutbox,
        r#"SELECT o.company_id AS "company: CompanyId", o.id AS "outbox: OutboxId", y.sandbox,
          split_part(substr(o.secret_ref, 10), ':', 1) AS "credential!"
        FROM crm_outboxes o
        JOIN crm_companies y ON y.id = o.company_id
        CROSS JOIN LATERAL (SELECT a.id FROM crm_activities a
          WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.stage = 'queue' AND a.send_after <= now()
            AND a.status = 'dispatching' AND a.claim_id = '00000000-0000-0000-0000-000000000000' LIMIT 1) AS one
        WHERE o.enabled AND (o.cool_until IS NULL OR o.cool_until <= now()) AND (o.spaced_until IS NULL OR o.spaced_until <= now())
          AND NOT EXISTS (SELECT FROM crm_kill_switches k WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel))
        ORDER BY o.company_id, o.id LIMIT 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The settings of one outbox.
pub(super) async fn outbox(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Option<OutboxSettings>, Error> {
    Ok(crate::outbox::store::settings(conn, company, Some(outbox)).await?.pop())
}

/// Locks due rows, next first, and passes over what others hold. A dry-run process leaves rows alone that a real attempt may have
/// sent: it could not tell. The lock comes first and alone: what is read about the rows afterwards is then at least as new. Returns the
/// time of this transaction with them.
pub(super) async fn lock_due(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    is_dry_run: bool,
    limit: usize,
) -> Result<Option<(Timestamp, Vec<Row>)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.contact_id AS "contact: ContactId", a.kind, a.status, a.round, a.attempt,
          a.payload_sha256 AS "payload_sha256!", a.send_after, a.expires_at, a.first_wire_at, a.quota_day, now() AS "now!"
        FROM crm_activities a
        WHERE a.company_id = $1 AND a.outbox_id = $2 AND a.stage = 'queue' AND a.send_after <= now()
          AND (a.status IN ('approved', 'blocked_by_quota')
            OR a.status = 'dispatching' AND a.claim_id = '00000000-0000-0000-0000-000000000000' AND NOT $3)
        ORDER BY a.send_after, a.id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED"#,
        company.0,
        outbox.0,
        is_dry_run,
        i64::try_from(limit).unwrap_or(1)
    )
    .fetch_all(conn)
    .await?;
    let Some(now) = rows.first().map(|row| row.now.to_jiff()) else {
        return Ok(None);
    };
    let rows: Result<Vec<Row>, Error> = rows
        .into_iter()
        .map(|row| {
            Ok(Row {
                contact: row.contact,
                kind: read_kind(&row.kind, row.id)?,
                status: read_status(&row.status, row.id)?,
                round: row.round,
                attempt: row.attempt,
                payload_sha256: read_hash(&row.payload_sha256, row.id)?,
                send_after: row.send_after.to_jiff(),
                expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
                first_wire_at: row.first_wire_at.map(jiff_sqlx::Timestamp::to_jiff),
                quota_day: row.quota_day.map(jiff_sqlx::Date::to_jiff),
                id: row.id,
            })
        })
        .collect();
    Ok(Some((now, rows?)))
}

/// Whether anything of an outbox is claimed or on the wire.
pub(super) async fn is_under_way(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM crm_dispatch_claims WHERE company_id = $1 AND outbox_id = $2) AS "found!""#,
        company.0,
        outbox.0
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// A row that waits longer or stops.
pub(super) struct Held {
    pub(super) id: ActivityId,
    pub(super) was: Status,
    pub(super) payload_sha256: PayloadHash,
    pub(super) round: i32,
    pub(super) status: Status,
    pub(super) code: String,
    pub(super) send_after: Timestamp,
}

/// Writes all verdicts that are not "go".
pub(super) async fn hold(conn: &mut PgConnection, company: CompanyId, held: &[Held]) -> Result<(), Error> {
    if held.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = held.iter().map(|held| held.id.0).collect();
    let was: Vec<String> = held.iter().map(|held| held.was.as_str().to_owned()).collect();
    let statuses: Vec<String> = held.iter().map(|held| held.status.as_str().to_owned()).collect();
    let codes: Vec<String> = held.iter().map(|held| held.code.clone()).collect();
    let send_afters: Vec<jiff_sqlx::Timestamp> = held.iter().map(|held| held.send_after.into()).collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = h.status, hold_code = h.code, send_after = h.send_after,
          round = a.round + CASE WHEN h.status = 'draft_pending_approval' THEN 1 ELSE 0 END,
          claim_id = CASE WHEN h.status = 'dispatching' THEN a.claim_id END,
          closed_at = CASE WHEN h.status = 'expired' THEN now() END
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) AS h (id, was, status, code, send_after)
        WHERE a.company_id = $1 AND a.id = h.id AND a.status = h.was"#,
        company.0,
        &ids,
        &was,
        &statuses,
        &codes,
        &send_afters as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Rows that waited for quota and got it.
pub(super) async fn release_from_quota(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "UPDATE crm_activities SET status = 'approved' WHERE company_id = $1 AND id = ANY ($2) AND status = 'blocked_by_quota'",
        company.0,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts the token on rows, each in the round that was judged. A repeated one keeps `wire_at` and the day its quota was taken.
pub(super) async fn claim(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ClaimId,
    items: &[Claimed],
    today: Date,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.id.0).collect();
    let rounds: Vec<i32> = items.iter().map(|item| item.round).collect();
    let done = sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'dispatching', claim_id = $2, attempt = a.attempt + 1,
          quota_day = CASE WHEN a.status = 'approved' THEN $5 ELSE a.quota_day END
        FROM unnest($3::uuid[], $4::int[]) AS j (id, round)
        WHERE a.company_id = $1 AND a.id = j.id AND a.round = j.round
          AND (a.status = 'approved' OR a.status = 'dispatching' AND a.claim_id = '00000000-0000-0000-0000-000000000000')"#,
        company.0,
        id.0,
        &ids,
        &rounds,
        jiff_sqlx::Date::from(today) as _
    )
    .execute(conn)
    .await?;
    if usize::try_from(done.rows_affected()) == Ok(items.len()) {
        Ok(())
    } else {
        Err(Error::Conflict("a row changed under its lock; the claim was given up".to_owned()))
    }
}

/// Opens the batch: its row is the lease.
pub(super) async fn open_batch(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ClaimId,
    outbox: OutboxId,
    settings: &Settings,
    secret_version: Option<i32>,
    items: &[Claimed],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids, secret_version)
        VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), $6, $7)"#,
        company.0,
        id.0,
        outbox.0,
        settings.worker,
        settings.lease.as_secs_f64(),
        &ids,
        secret_version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Commits that bytes may leave, unless a stop fact came up since the claim, the credential was revoked or the lease ran out, and returns
/// which rows may go and when that was. A suppression, a reply or a hold that is committed by now stops its row; one that is not comes after
/// the message. What may have been accepted before is repeated only within `window` of its first attempt.
pub(super) async fn wire(
    conn: &mut PgConnection,
    company: CompanyId,
    claim: ClaimId,
    outbox: OutboxId,
    items: &[&Claimed],
    credential: Option<(&str, i32)>,
    window: Option<Duration>,
) -> Result<Vec<(ActivityId, Timestamp)>, Error> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.id.0).collect();
    let worded: Vec<jiff_sqlx::Timestamp> = items.iter().map(|item| item.worded_at.into()).collect();
    let posts: Vec<bool> = items.iter().map(|item| item.is_post).collect();
    let mut canonical = Vec::with_capacity(items.len());
    let (mut readers, mut addresses) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for item in items {
        for recipient in &item.recipients {
            readers.push(item.id.0);
            addresses.push(normalise(recipient));
            canonical.push(crate::contact::suppression::canonical(recipient));
        }
    }
    let rows = sqlx::query!(
        r#"UPDATE crm_activities a SET wire_at = clock_timestamp(), first_wire_at = coalesce(a.first_wire_at, clock_timestamp())
        FROM unnest($2::uuid[], $7::timestamptz[], $11::bool[]) AS w (id, worded_at, is_post)
        WHERE a.company_id = $1 AND a.id = w.id AND a.claim_id = $3 AND a.status = 'dispatching'
          AND EXISTS (SELECT FROM crm_outboxes o WHERE o.company_id = $1 AND o.id = $4 AND o.enabled
            AND (o.cool_until IS NULL OR o.cool_until <= now())
            AND NOT EXISTS (SELECT FROM crm_kill_switches k WHERE k.company_id = $1 AND k.channel IN ('all', o.channel)))
          AND a.id <> ALL (ARRAY (SELECT r.id FROM unnest($8::uuid[], $12::text[]) AS r (id, canonical)
            JOIN crm_suppressions s ON s.company_id = $1 AND s.address = r.canonical))
          AND NOT EXISTS (SELECT FROM crm_contact_inbound i
            WHERE i.company_id = $1 AND i.contact_id = a.contact_id AND greatest(i.last_at, i.told_at) > w.worded_at AND NOT w.is_post)
          AND NOT EXISTS (SELECT FROM crm_contact_stops s
            WHERE s.company_id = $1 AND s.contact_id = a.contact_id AND s.at > w.worded_at AND NOT w.is_post
              AND (s.code = 'replied' OR a.kind IN ('first_touch', 'follow_up')))
          AND NOT EXISTS (SELECT FROM crm_contact_holds h
            WHERE h.company_id = $1 AND h.contact_id = a.contact_id AND h.until > clock_timestamp() AND NOT w.is_post)
          AND NOT EXISTS (SELECT FROM crm_consents s WHERE s.company_id = $1 AND s.contact_id = a.contact_id
            AND s.channel = a.channel AND s.state = 'withdrawn' AND NOT w.is_post)
          AND a.id <> ALL (ARRAY (SELECT r.id FROM unnest($8::uuid[], $9::text[]) AS r (id, address)
            JOIN crm_contact_addresses d ON d.company_id = $1 AND d.address = r.address
            JOIN crm_consents s ON s.company_id = $1 AND s.contact_id = d.contact_id AND s.state = 'withdrawn'
              AND s.channel = (SELECT o.channel FROM crm_outboxes o WHERE o.company_id = $1 AND o.id = $4)))
          AND EXISTS (SELECT FROM crm_dispatch_claims c WHERE c.company_id = $1 AND c.id = $3 AND c.lease_until > clock_timestamp())
          AND ($5::text IS NULL OR EXISTS (SELECT FROM crm_secrets s
            WHERE s.company_id = $1 AND s.secret_id = $5 AND s.version = $6 AND s.revoked_at IS NULL))
          AND (a.wire_at IS NOT NULL OR a.expires_at IS NULL OR a.expires_at > clock_timestamp())
          AND (a.wire_at IS NULL OR a.first_wire_at > clock_timestamp() - make_interval(secs => $10))
        RETURNING a.id AS "id: ActivityId", a.wire_at AS "wire_at!""#,
        company.0,
        &ids,
        claim.0,
        outbox.0,
        credential.map(|(id, _)| id),
        credential.map(|(_, version)| version),
        &worded as _,
        &readers,
        &addresses,
        window.map(|window| window.as_secs_f64()),
        &posts,
        &canonical
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.wire_at.to_jiff())).collect())
}

/// Takes a claim back from rows that did not go on the wire: a fresh one is approved again, a repeated one waits again. Returns the
/// days whose quota is free again.
pub(super) async fn give_back(
    conn: &mut PgConnection,
    company: CompanyId,
    claim: ClaimId,
    ids: &[ActivityId],
) -> Result<Vec<Date>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let fresh = sqlx::query_scalar!(
        r#"WITH mine AS (
          SELECT id, quota_day FROM crm_activities
          WHERE company_id = $1 AND id = ANY ($2) AND claim_id = $3 AND status = 'dispatching' AND wire_at IS NULL
          ORDER BY id FOR NO KEY UPDATE)
        UPDATE crm_activities a SET status = 'approved', claim_id = NULL, attempt = a.attempt - 1, quota_day = NULL
        FROM mine WHERE a.company_id = $1 AND a.id = mine.id
        RETURNING mine.quota_day"#,
        company.0,
        &ids,
        claim.0
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        r#"UPDATE crm_activities SET claim_id = '00000000-0000-0000-0000-000000000000', attempt = attempt - 1
        WHERE company_id = $1 AND id = ANY ($2) AND claim_id = $3 AND status = 'dispatching' AND wire_at IS NOT NULL"#,
        company.0,
        &ids,
        claim.0
    )
    .execute(conn)
    .await?;
    Ok(fresh.into_iter().flatten().map(jiff_sqlx::Date::to_jiff).collect())
}

/// Removes batches that have nothing under way any more. One that still holds a row stays, and its lease tells.
pub(super) async fn close_batches(
    conn: &mut PgConnection,
    company: CompanyId,
    claims: &[ClaimId],
) -> Result<(), Error> {
    if claims.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.0).collect();
    sqlx::query!(
        r#"DELETE FROM crm_dispatch_claims c WHERE c.company_id = $1 AND c.id = ANY ($2) AND NOT EXISTS (
          SELECT FROM crm_activities a WHERE a.company_id = c.company_id AND a.id = ANY (c.activity_ids)
            AND a.claim_id = c.id AND a.status = 'dispatching')"#,
        company.0,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes batches whose every row was written by this worker, in transactions that are committed or in this one: none of them can
/// hold a row.
pub(super) async fn remove_batches(
    conn: &mut PgConnection,
    company: CompanyId,
    claims: &[ClaimId],
) -> Result<(), Error> {
    if claims.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.0).collect();
    sqlx::query!("DELETE FROM crm_dispatch_claims WHERE company_id = $1 AND id = ANY ($2)", company.0, &ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Renews the lease of batches under way. A batch that is gone stays gone.
pub(super) async fn renew(
    conn: &mut PgConnection,
    claims: &[(CompanyId, ClaimId)],
    settings: &Settings,
) -> Result<(), Error> {
    let companies: Vec<Uuid> = claims.iter().map(|(company, _)| company.0).collect();
    let ids: Vec<Uuid> = claims.iter().map(|(_, claim)| claim.0).collect();
    sqlx::query!(
        r#"UPDATE crm_dispatch_claims c SET lease_until = clock_timestamp() + make_interval(secs => $3)
        FROM unnest($1::uuid[], $2::uuid[]) AS w (company_id, id) WHERE c.company_id = w.company_id AND c.id = w.id"#,
        &companies,
        &ids,
        settings.lease.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}
