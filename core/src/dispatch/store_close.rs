//! SQL of what comes after the wire: outcomes and recovery.
use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::activity::store::read_hash;
use crate::error::Error;
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};

/// Locks the rows that still carry their token; the others were taken over by somebody else. The pairs are compared here: a join with
/// them is a plan that estimates one row and reads the whole table for each.
pub(super) async fn still_mine(
    conn: &mut PgConnection,
    company: CompanyId,
    pairs: &[(ActivityId, ClaimId)],
) -> Result<HashSet<(ActivityId, ClaimId)>, Error> {
    if pairs.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<Uuid> = pairs.iter().map(|(id, _)| id.0).collect();
    let claims: HashSet<Uuid> = pairs.iter().map(|(_, claim)| claim.0).collect();
    let claims: Vec<Uuid> = claims.into_iter().collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.claim_id AS "claim!: ClaimId" FROM crm_activities a
        WHERE a.company_id = $1 AND a.id = ANY ($2) AND a.claim_id = ANY ($3) AND a.status = 'dispatching'
        ORDER BY a.id FOR NO KEY UPDATE"#,
        company.0,
        &ids,
        &claims
    )
    .fetch_all(conn)
    .await?;
    let held: HashSet<(ActivityId, ClaimId)> = rows.into_iter().map(|row| (row.id, row.claim)).collect();
    Ok(pairs.iter().copied().filter(|pair| held.contains(pair)).collect())
}

/// A finished attempt.
pub(super) struct Attempt {
    pub(super) activity: ActivityId,
    pub(super) attempt: i16,
    pub(super) round: i32,
    pub(super) claim: ClaimId,
    pub(super) idempotency_key: String,
    pub(super) wire_at: Option<Timestamp>,
    pub(super) secret_version: Option<i32>,
    pub(super) provider_ref: Option<String>,
    pub(super) evidence: serde_json::Value,
    pub(super) outcome: &'static str,
}

/// Writes attempts. Insert only: what a recovering worker wrote stands.
pub(super) async fn insert_attempts(
    conn: &mut PgConnection,
    company: CompanyId,
    attempts: &[Attempt],
) -> Result<(), Error> {
    if attempts.is_empty() {
        return Ok(());
    }
    let activities: Vec<Uuid> = attempts.iter().map(|one| one.activity.0).collect();
    let numbers: Vec<i16> = attempts.iter().map(|one| one.attempt).collect();
    let rounds: Vec<i32> = attempts.iter().map(|one| one.round).collect();
    let claims: Vec<Uuid> = attempts.iter().map(|one| one.claim.0).collect();
    let keys: Vec<String> = attempts.iter().map(|one| one.idempotency_key.clone()).collect();
    let wired: Vec<Option<jiff_sqlx::Timestamp>> =
        attempts.iter().map(|one| one.wire_at.map(Into::into)).collect();
    let versions: Vec<Option<i32>> = attempts.iter().map(|one| one.secret_version).collect();
    let refs: Vec<Option<String>> = attempts.iter().map(|one| one.provider_ref.clone()).collect();
    let evidence: Vec<serde_json::Value> = attempts.iter().map(|one| one.evidence.clone()).collect();
    let outcomes: Vec<String> = attempts.iter().map(|one| one.outcome.to_owned()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_dispatch_attempts
          (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, secret_version, provider_ref, evidence, outcome)
        SELECT $1, * FROM unnest($2::uuid[], $3::smallint[], $4::int[], $5::uuid[], $6::text[], $7::timestamptz[], $8::int[],
          $9::text[], $10::jsonb[], $11::text[])
        ON CONFLICT (company_id, activity_id, attempt) DO NOTHING"#,
        company.0,
        &activities,
        &numbers,
        &rounds,
        &claims,
        &keys,
        &wired as _,
        &versions as &[Option<i32>],
        &refs as &[Option<String>],
        &evidence,
        &outcomes
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a row goes when its attempt is over.
pub(super) struct Closing {
    pub(super) id: ActivityId,
    pub(super) status: Status,
    pub(super) hold_code: Option<String>,
    /// Seconds from now; only for rows that come again.
    pub(super) wait_secs: Option<f64>,
    pub(super) keeps_quota: bool,
}

/// Closes rows of one batch that went as they should and still carry its token, and returns them: the many, so in one statement.
pub(super) async fn close_accepted(
    conn: &mut PgConnection,
    company: CompanyId,
    claim: ClaimId,
    status: Status,
    ids: &[ActivityId],
) -> Result<Vec<ActivityId>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let closed = sqlx::query_scalar!(
        r#"UPDATE crm_activities SET status = $4, hold_code = NULL, claim_id = NULL, closed_at = clock_timestamp()
        WHERE company_id = $1 AND id = ANY ($2) AND claim_id = $3 AND status = 'dispatching'
        RETURNING id AS "id: ActivityId""#,
        company.0,
        &ids,
        claim.0,
        status.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(closed)
}

/// Moves the other rows on, under the same lock.
pub(super) async fn close(
    conn: &mut PgConnection,
    company: CompanyId,
    closings: &[Closing],
) -> Result<(), Error> {
    if closings.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = closings.iter().map(|one| one.id.0).collect();
    let statuses: Vec<String> = closings.iter().map(|one| one.status.as_str().to_owned()).collect();
    let codes: Vec<Option<String>> = closings.iter().map(|one| one.hold_code.clone()).collect();
    let waits: Vec<Option<f64>> = closings.iter().map(|one| one.wait_secs).collect();
    let keeps: Vec<bool> = closings.iter().map(|one| one.keeps_quota).collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = f.status, hold_code = f.code,
          claim_id = CASE WHEN f.status = 'dispatching' THEN '00000000-0000-0000-0000-000000000000'::uuid END,
          send_after = CASE WHEN f.wait IS NULL THEN a.send_after ELSE clock_timestamp() + make_interval(secs => f.wait) END,
          wire_at = CASE WHEN f.status = 'approved' THEN NULL ELSE a.wire_at END,
          first_wire_at = CASE WHEN f.status = 'approved' THEN NULL ELSE a.first_wire_at END,
          quota_day = CASE WHEN f.keeps THEN a.quota_day END,
          closed_at = CASE WHEN f.status IN ('sent', 'sent_dryrun', 'failed') THEN clock_timestamp() END
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::float8[], $6::bool[]) AS f (id, status, code, wait, keeps)
        WHERE a.company_id = $1 AND a.id = ANY ($2) AND a.id = f.id AND a.status = 'dispatching'"#,
        company.0,
        &ids,
        &statuses,
        &codes as &[Option<String>],
        &waits as &[Option<f64>],
        &keeps
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A batch whose worker gave no sign of life.
pub(super) struct Expired {
    pub(super) company: CompanyId,
    pub(super) claim: ClaimId,
    pub(super) outbox: OutboxId,
    pub(super) worker: String,
    pub(super) activities: Vec<Uuid>,
    pub(super) secret_version: Option<i32>,
}

/// Locks one expired batch; another recovering worker passes it over. A lease that ends in more than an hour is one of a clock that went
/// back: waited for, it would end when nobody can tell any more how much time passed.
pub(super) async fn expired(conn: &mut PgConnection) -> Result<Option<Expired>, Error> {
    let row = sqlx::query!(
        r#"SELECT company_id AS "company: CompanyId", id AS "claim: ClaimId", outbox_id AS "outbox: OutboxId", worker, activity_ids,
          secret_version
        FROM crm_dispatch_claims
        WHERE lease_until < clock_timestamp() OR lease_until > clock_timestamp() + interval '1 hour'
        ORDER BY lease_until, id LIMIT 1 FOR UPDATE SKIP LOCKED"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Expired {
        company: row.company,
        claim: row.claim,
        outbox: row.outbox,
        worker: row.worker,
        activities: row.activity_ids,
        secret_version: row.secret_version,
    }))
}

/// A row a lost worker left behind.
pub(super) struct Left {
    pub(super) id: ActivityId,
    pub(super) channel: String,
    pub(super) round: i32,
    pub(super) attempt: i16,
    pub(super) payload_sha256: PayloadHash,
    /// When bytes of this attempt may have left; `None` if it never came to that.
    pub(super) wire_at: Option<Timestamp>,
    pub(super) first_wire_at: Option<Timestamp>,
}

/// Locks everything a batch still holds, in one statement: a wire that commits meanwhile is waited for and seen. A row that is
/// repeated and was not on the wire yet still has the time of the attempt before.
pub(super) async fn left_behind(conn: &mut PgConnection, expired: &Expired) -> Result<Vec<Left>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.channel, a.round, a.attempt, a.payload_sha256 AS "payload_sha256!", a.wire_at,
          a.first_wire_at
        FROM crm_activities a
        WHERE a.company_id = $1 AND a.id = ANY ($2) AND a.claim_id = $3 AND a.status = 'dispatching'
        ORDER BY a.id FOR NO KEY UPDATE"#,
        expired.company.0,
        &expired.activities,
        expired.claim.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let earlier = sqlx::query!(
        r#"SELECT x.activity_id AS "id: ActivityId", x.attempt, x.wire_at FROM crm_dispatch_attempts x
        WHERE x.company_id = $1 AND x.activity_id = ANY ($2)"#,
        expired.company.0,
        &expired.activities
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let was_before = earlier.iter().any(|before| {
                before.id == row.id && before.attempt == row.attempt - 1 && before.wire_at == row.wire_at
            });
            Ok(Left {
                payload_sha256: read_hash(&row.payload_sha256, row.id)?,
                id: row.id,
                channel: row.channel,
                round: row.round,
                attempt: row.attempt,
                wire_at: row.wire_at.filter(|_| !was_before).map(jiff_sqlx::Timestamp::to_jiff),
                first_wire_at: row.first_wire_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// Makes rows uncertain that wait to be repeated although their provider may have forgotten the key, whatever holds their outbox.
/// Without a window, because nobody knows how much time passed, that is all of them.
pub(super) async fn close_windows(
    conn: &mut PgConnection,
    company: CompanyId,
    channel: &str,
    window_secs: Option<f64>,
) -> Result<Vec<(ActivityId, PayloadHash)>, Error> {
    let rows = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'uncertain', claim_id = NULL, hold_code = 'window_closed'
        WHERE company_id = $1 AND channel = $2 AND stage = 'queue' AND status = 'dispatching'
          AND claim_id = '00000000-0000-0000-0000-000000000000'
          AND ($3::float8 IS NULL OR first_wire_at < now() - make_interval(secs => $3))
        RETURNING id AS "id: ActivityId", payload_sha256 AS "payload_sha256!""#,
        company.0,
        channel,
        window_secs
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, read_hash(&row.payload_sha256, row.id)?))).collect()
}

/// Which of these attempts are on record already.
pub(super) async fn recorded(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
    claims: &[ClaimId],
) -> Result<Vec<(ActivityId, ClaimId)>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let claims: Vec<Uuid> = claims.iter().map(|claim| claim.0).collect();
    let rows = sqlx::query!(
        r#"SELECT activity_id AS "id: ActivityId", claim_id AS "claim: ClaimId" FROM crm_dispatch_attempts
        WHERE company_id = $1 AND activity_id = ANY ($2) AND claim_id = ANY ($3) AND evidence ->> 'code' IS DISTINCT FROM 'worker_lost'"#,
        company.0,
        &ids,
        &claims
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.claim)).collect())
}

/// Closes drafts that nobody decided about in time and returns them.
pub(super) async fn expire_drafts(
    conn: &mut PgConnection,
    company: CompanyId,
) -> Result<Vec<(ActivityId, PayloadHash)>, Error> {
    let rows = sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'expired', closed_at = now(), hold_code = 'expired'
        FROM (SELECT id FROM crm_activities
          WHERE company_id = $1 AND stage = 'draft' AND expires_at <= now()
          ORDER BY expires_at, id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED) e
        WHERE a.company_id = $1 AND a.id = e.id AND a.status = 'draft_pending_approval'
        RETURNING a.id AS "id: ActivityId", a.payload_sha256 AS "payload_sha256!""#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, read_hash(&row.payload_sha256, row.id)?))).collect()
}
