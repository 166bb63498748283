//! SQL of decisions: a fixed number of statements for any number of items.
use std::collections::HashMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::verdict::{LastDecision, Standing};
use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::activity::store::{read_hash, read_status};
use crate::approval::risk::Risk;
use crate::error::Error;
use crate::ids::{ActivityId, BatchId, CompanyId, ContactId, DecisionId, OperatorId, OutboxId};

/// Items under lock, with the database's clock.
pub(super) struct Locked {
    pub(super) now: Timestamp,
    pub(super) rows: HashMap<ActivityId, LockedRow>,
}

/// One item under lock.
pub(super) struct LockedRow {
    pub(super) standing: Standing,
    pub(super) round: i32,
    pub(super) outbox: OutboxId,
    pub(super) contact: ContactId,
    pub(super) kind: crate::activity::payload::Kind,
    pub(super) send_after: Timestamp,
    pub(super) undo_window: SignedDuration,
    pub(super) quota_day: Option<Date>,
    /// Everyone who would receive it. `None` if it was filed before they were kept apart.
    pub(super) recipients: Option<Vec<String>>,
    pub(super) risk: Risk,
    /// Whether an operator drafted it: then whoever approves it is the second person.
    pub(super) is_by_operator: bool,
    /// Why it was stopped, if it was.
    pub(super) hold_code: Option<String>,
}

/// A decision to be written.
pub(crate) struct Decision {
    pub(super) id: DecisionId,
    pub(super) activity: ActivityId,
    pub(super) round: i32,
    pub(super) payload_sha256: PayloadHash,
    /// Doubts about its recipients that the person was told and decided against, each as a sentence.
    pub(super) confirmed: Vec<String>,
    /// Whether it needs no further one; false for the first of two, and for taking that back.
    pub(super) completes: bool,
    /// Why, where each has a reason of its own.
    pub(super) reason: Option<String>,
}

impl Decision {
    pub(crate) fn new(activity: ActivityId, round: i32, payload_sha256: PayloadHash) -> Self {
        Self {
            id: DecisionId::new(),
            activity,
            round,
            payload_sha256,
            confirmed: Vec::new(),
            completes: true,
            reason: None,
        }
    }
}

/// Locks items in id order, so that two requests can never wait for each other in a circle.
pub(super) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Locked, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // The locking read comes first and alone: what is read beside it below is then at least as new as the lock.
    sqlx::query!(
        r#"SELECT id FROM crm_activities WHERE company_id = $1 AND id = ANY ($2) AND outbox_id IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE"#,
        company.0,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.status, a.round, a.payload_sha256 AS "payload_sha256!", a.expires_at, a.send_after,
          a.outbox_id AS "outbox_id!: OutboxId", a.contact_id AS "contact_id: ContactId", a.kind, a.quota_day, o.undo_window_secs,
          CASE WHEN e.proposed_kind = 'operator' THEN e.proposed_id END AS proposed_by, e.recipients, e.risk, a.hold_code,
          ARRAY (SELECT v.actor_id FROM crm_decisions v WHERE v.company_id = a.company_id AND v.activity_id = a.id
            AND v.round = a.round AND v.payload_sha256 = a.payload_sha256 AND v.verdict = 'approve') AS "votes!: Vec<Uuid>",
          d.verdict AS "verdict?", d.payload_sha256 AS "decided_sha256?", d.actor_id AS "actor_id?", d.at AS "decided_at?",
          p.name AS "decider?"
        FROM crm_activities a
        JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
        JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id
        LEFT JOIN LATERAL (SELECT x.verdict, x.payload_sha256, x.actor_id, x.at FROM crm_decisions x
          WHERE x.company_id = a.company_id AND x.activity_id = a.id AND x.round = a.round
          ORDER BY x.at DESC, x.id DESC LIMIT 1) d ON true
        LEFT JOIN crm_operators p ON p.company_id = a.company_id AND p.id = d.actor_id
        WHERE a.company_id = $1 AND a.id = ANY ($2)"#,
        company.0,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    // Not now(): the transaction may have waited for the lock, and an undo window begins when the decision is made.
    let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(conn).await?.to_jiff();
    let mut locked = Locked { now, rows: HashMap::with_capacity(rows.len()) };
    for row in rows {
        let last = match (row.verdict, row.decided_sha256, row.actor_id, row.decided_at) {
            (Some(verdict), Some(sha256), Some(actor_id), Some(at)) => Some(LastDecision {
                verdict,
                payload_sha256: read_hash(&sha256, row.id)?,
                actor_id,
                by: row.decider.unwrap_or_else(|| actor_id.to_string()),
                at: at.to_jiff(),
            }),
            _ => None,
        };
        let standing = Standing {
            status: read_status(&row.status, row.id)?,
            payload_sha256: read_hash(&row.payload_sha256, row.id)?,
            round: row.round,
            expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            proposed_by: row.proposed_by,
            last,
            votes: row.votes,
        };
        let kind = crate::activity::store::read_kind(&row.kind, row.id)?;
        locked.rows.insert(
            row.id,
            LockedRow {
                standing,
                round: row.round,
                outbox: row.outbox_id,
                contact: row.contact_id,
                kind,
                send_after: row.send_after.to_jiff(),
                undo_window: SignedDuration::from_secs(i64::from(row.undo_window_secs)),
                quota_day: row.quota_day.map(jiff_sqlx::Date::to_jiff),
                is_by_operator: row.proposed_by.is_some(),
                recipients: row.recipients,
                risk: crate::gate::store_facts::read_risk(&row.risk, row.id)?,
                hold_code: row.hold_code,
            },
        );
    }
    Ok(locked)
}

fn activity_ids(decisions: &[Decision]) -> Vec<Uuid> {
    decisions.iter().map(|decision| decision.activity.0).collect()
}

/// Writes decisions. A first vote that was to be followed by a second one may come to complete the matter by itself, when the company
/// asks for two no longer.
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    verdict: &str,
    operator: OperatorId,
    batch: Option<BatchId>,
    decisions: &[Decision],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = decisions.iter().map(|decision| decision.id.0).collect();
    let completes: Vec<bool> = decisions.iter().map(|decision| decision.completes).collect();
    let reasons: Vec<Option<String>> = decisions.iter().map(|decision| decision.reason.clone()).collect();
    let rounds: Vec<i32> = decisions.iter().map(|decision| decision.round).collect();
    let hashes: Vec<Vec<u8>> =
        decisions.iter().map(|decision| decision.payload_sha256.as_bytes().to_vec()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_decisions
          (company_id, verdict, actor_kind, actor_id, batch_id, at, id, activity_id, round, payload_sha256, completes, reason)
        SELECT $1, $2, 'operator', $3, $4, clock_timestamp(), *
        FROM unnest($5::uuid[], $6::uuid[], $7::int[], $8::bytea[], $9::bool[], $10::text[])
        ON CONFLICT (company_id, activity_id, round, payload_sha256, verdict, actor_id)
        DO UPDATE SET completes = true, at = excluded.at, batch_id = excluded.batch_id
          WHERE excluded.completes AND NOT crm_decisions.completes"#,
        company.0,
        verdict,
        operator.0,
        batch.map(|batch| batch.0),
        &ids,
        &activity_ids(decisions),
        &rounds,
        &hashes,
        &completes,
        &reasons as &[Option<String>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Approves what needs no further vote. The rows are locked and were looked at; the conditions stand here again so that the statement is
/// right by itself.
pub(super) async fn set_approved(
    conn: &mut PgConnection,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<(), Error> {
    let decisions: Vec<&Decision> = decisions.iter().filter(|decision| decision.completes).collect();
    let ids: Vec<Uuid> = decisions.iter().map(|decision| decision.activity.0).collect();
    let hashes: Vec<Vec<u8>> =
        decisions.iter().map(|decision| decision.payload_sha256.as_bytes().to_vec()).collect();
    let done = sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'approved',
          send_after = greatest(a.send_after, clock_timestamp() + make_interval(secs => o.undo_window_secs)),
          hold_code = CASE WHEN a.send_after > clock_timestamp() + make_interval(secs => o.undo_window_secs)
            THEN 'scheduled' ELSE 'undo_window' END
        FROM crm_outboxes o, unnest($2::uuid[], $3::bytea[]) AS d (id, sha256)
        WHERE a.company_id = $1 AND o.company_id = $1 AND o.id = a.outbox_id AND a.id = d.id
          AND a.status = 'draft_pending_approval' AND a.payload_sha256 = d.sha256"#,
        company.0,
        &ids,
        &hashes
    )
    .execute(conn)
    .await?;
    expect_all(done.rows_affected(), decisions.len())
}

pub(super) async fn set_rejected(
    conn: &mut PgConnection,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<(), Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'rejected', closed_at = clock_timestamp()
        WHERE company_id = $1 AND id = ANY ($2) AND status = 'draft_pending_approval'"#,
        company.0,
        &activity_ids(decisions)
    )
    .execute(conn)
    .await?;
    expect_all(done.rows_affected(), decisions.len())
}

pub(super) async fn set_draft(
    conn: &mut PgConnection,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<(), Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'draft_pending_approval', round = round + 1, hold_code = NULL, closed_at = NULL,
          wire_at = NULL, first_wire_at = NULL, quota_day = NULL, 
          send_after = CASE WHEN hold_code = 'scheduled' THEN send_after ELSE least(send_after, now()) END
        WHERE company_id = $1 AND id = ANY ($2)
          AND status IN ('approved', 'blocked_by_quota', 'blocked_by_allowlist', 'blocked_by_policy', 'failed', 'uncertain')"#,
        company.0,
        &activity_ids(decisions)
    )
    .execute(conn)
    .await?;
    expect_all(done.rows_affected(), decisions.len())
}

/// Begins the next round of drafts whose first approval of two is taken back, so that it counts nowhere any more. A round begins when an
/// item becomes a draft again, so these stop being one for a moment that nobody sees.
pub(super) async fn start_round(
    conn: &mut PgConnection,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<(), Error> {
    let ids = activity_ids(decisions);
    sqlx::query!(
        r#"UPDATE crm_activities SET status = 'blocked_by_policy'
        WHERE company_id = $1 AND id = ANY ($2) AND status = 'draft_pending_approval'"#,
        company.0,
        &ids
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'draft_pending_approval', round = round + 1
        WHERE company_id = $1 AND id = ANY ($2) AND status = 'blocked_by_policy'"#,
        company.0,
        &ids
    )
    .execute(conn)
    .await?;
    expect_all(done.rows_affected(), decisions.len())
}

pub(super) async fn set_resolved(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    status: Status,
) -> Result<(), Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET status = $3, hold_code = NULL, closed_at = now(),
          quota_day = CASE WHEN $3 = 'sent' THEN quota_day END
        WHERE company_id = $1 AND id = $2 AND status = 'uncertain'"#,
        company.0,
        id.0,
        status.as_str()
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::Conflict(format!("activity {id} changed meanwhile")))
    }
}

/// Items of a batch of decisions that are approved and have not left, or wait for a second approval; at most `limit`, without those that
/// were tried already. What is on the wire is past taking back.
pub(super) async fn undoable(
    conn: &mut PgConnection,
    company: CompanyId,
    batch: BatchId,
    except: &[ActivityId],
    limit: usize,
) -> Result<Vec<ActivityId>, Error> {
    let except: Vec<Uuid> = except.iter().map(|id| id.0).collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT d.activity_id AS "id: ActivityId" FROM crm_decisions d
        JOIN crm_activities a ON a.company_id = d.company_id AND a.id = d.activity_id AND a.round = d.round
        WHERE d.company_id = $1 AND d.batch_id = $2 AND d.verdict = 'approve'
          AND CASE WHEN d.completes THEN a.status IN ('approved', 'blocked_by_quota')
            ELSE a.status = 'draft_pending_approval' AND d.payload_sha256 = a.payload_sha256 END
          AND d.activity_id <> ALL ($4)
        ORDER BY a.contact_id, a.outbox_id, a.kind, d.activity_id LIMIT $3"#,
        company.0,
        batch.0,
        i64::try_from(limit).unwrap_or(i64::MAX),
        &except
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// How many items a batch of decisions is about.
pub(super) async fn batch_size(
    conn: &mut PgConnection,
    company: CompanyId,
    batch: BatchId,
) -> Result<i64, Error> {
    let size = sqlx::query_scalar!(
        r#"SELECT count(*) AS "size!" FROM crm_decisions WHERE company_id = $1 AND batch_id = $2 AND verdict = 'approve'"#,
        company.0,
        batch.0
    )
    .fetch_one(conn)
    .await?;
    Ok(size)
}

/// Makes room for items that become drafts again: a newer open draft in the same place is superseded. Returns those.
pub(crate) async fn supersede_newer(
    conn: &mut PgConnection,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<Vec<ActivityId>, Error> {
    let superseded = sqlx::query_scalar!(
        r#"UPDATE crm_activities n SET status = 'superseded', closed_at = now()
        FROM crm_activities a
        WHERE a.company_id = $1 AND a.id = ANY ($2) AND n.company_id = $1 AND n.contact_id = a.contact_id
          AND n.outbox_id = a.outbox_id AND n.kind = a.kind AND n.stage = 'draft' AND n.status = 'draft_pending_approval'
          AND n.id <> a.id
        RETURNING n.id AS "id: ActivityId""#,
        company.0,
        &activity_ids(decisions)
    )
    .fetch_all(conn)
    .await?;
    Ok(superseded)
}

fn expect_all(changed: u64, expected: usize) -> Result<(), Error> {
    if usize::try_from(changed) == Ok(expected) {
        Ok(())
    } else {
        Err(Error::Conflict("an item changed under its lock; nothing was decided".to_owned()))
    }
}
