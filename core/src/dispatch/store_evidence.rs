//! SQL of looking up what became of uncertain messages.
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::activity::payload::Envelope;
use crate::activity::view::LookupView;
use crate::channel::Finding;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, OutboxId};

/// Messages looked up in one go.
const BATCH: i64 = 20;

/// An uncertain message with what its provider is asked about.
pub(super) struct Uncertain {
    pub(super) round: i32,
    pub(super) outbox: OutboxId,
    pub(super) is_sandbox: bool,
    /// `None` after erasure.
    pub(super) envelope: Option<Envelope>,
    pub(super) first_wire_at: Timestamp,
    pub(super) last_wire_at: Timestamp,
    /// Version of the credential that the last attempt left with.
    pub(super) secret_version: Option<i32>,
    /// Looks of this round so far.
    pub(super) looks: i64,
    pub(super) now: Timestamp,
}

/// Uncertain messages whose next look is due: the n-th comes so long after the attempt, and not at once after the one before. Those whose
/// credential was asked to wait wait too. Messages older than two months are past being looked up.
pub(super) async fn due(
    conn: &mut PgConnection,
    company: CompanyId,
    delays: &[Duration],
) -> Result<Vec<(ActivityId, OutboxId)>, Error> {
    let delays: Vec<f64> = delays.iter().map(Duration::as_secs_f64).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.outbox_id AS "outbox!: OutboxId"
        FROM crm_activities a
        JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
        CROSS JOIN LATERAL (SELECT count(*)::int AS count, max(l.at) AS last_at, bool_or(l.finding = 'impossible') AS is_over
          FROM crm_lookups l WHERE l.company_id = a.company_id AND l.activity_id = a.id AND l.round = a.round) l
        CROSS JOIN LATERAL (SELECT max(t.closed_at) AS last_at FROM crm_dispatch_attempts t
          WHERE t.company_id = a.company_id AND t.activity_id = a.id AND t.round = a.round) t
        WHERE a.company_id = $1 AND a.stage = 'attention' AND a.status = 'uncertain' AND a.created_at > now() - interval '60 days'
          AND l.is_over IS NOT TRUE AND l.count < cardinality($2::float8[]) AND coalesce(o.cool_until, now()) <= now()
          AND greatest(t.last_at + make_interval(secs => ($2::float8[])[l.count + 1]),
            l.last_at + make_interval(secs => ($2::float8[])[1])) <= now()
        ORDER BY coalesce(l.last_at, t.last_at), a.id LIMIT $3"#,
        company.0,
        &delays,
        BATCH
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.outbox)).collect())
}

/// How often a message was looked up in a round.
pub(super) async fn looks(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    round: i32,
) -> Result<i64, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM crm_lookups WHERE company_id = $1 AND activity_id = $2 AND round = $3"#,
        company.0,
        id.0,
        round
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// The other message that a provider's id belongs to.
pub(crate) async fn owner(
    conn: &mut PgConnection,
    company: CompanyId,
    provider_ref: &str,
    except: ActivityId,
) -> Result<Option<ActivityId>, Error> {
    let owner = sqlx::query_scalar!(
        r#"SELECT activity_id AS "id: ActivityId" FROM crm_dispatch_attempts
        WHERE company_id = $1 AND provider_ref = $2 AND activity_id <> $3 AND outcome IN ('accepted', 'maybe_sent') LIMIT 1"#,
        company.0,
        provider_ref,
        except.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(owner)
}

/// Reads one message; `None` if it is not uncertain, or nothing of it was ever on the wire.
pub(super) async fn uncertain(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Uncertain>, Error> {
    let row = sqlx::query!(
        r#"SELECT a.round, a.outbox_id AS "outbox!: OutboxId", y.sandbox, p.envelope, t.first_at, t.last_at, t.secret_version,
          (SELECT count(*) FROM crm_lookups l WHERE l.company_id = a.company_id AND l.activity_id = a.id AND l.round = a.round) AS "looks!",
          now() AS "now!"
        FROM crm_activities a
        JOIN crm_companies y ON y.id = a.company_id
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        CROSS JOIN LATERAL (SELECT min(t.wire_at) AS first_at, max(t.wire_at) AS last_at,
            (array_agg(t.secret_version ORDER BY t.attempt DESC))[1] AS secret_version FROM crm_dispatch_attempts t
          WHERE t.company_id = a.company_id AND t.activity_id = a.id AND t.round = a.round) t
        WHERE a.company_id = $1 AND a.id = $2 AND a.status = 'uncertain'"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (Some(first), Some(last)) = (row.first_at, row.last_at) else {
        return Ok(None);
    };
    let envelope = row.envelope.as_deref().map(Envelope::open).transpose().map_err(|error| {
        Error::Corrupt { table: "crm_payloads", row: id.to_string(), problem: error.to_string() }
    })?;
    Ok(Some(Uncertain {
        round: row.round,
        outbox: row.outbox,
        is_sandbox: row.sandbox,
        envelope,
        first_wire_at: first.to_jiff(),
        last_wire_at: last.to_jiff(),
        secret_version: row.secret_version,
        looks: row.looks,
        now: row.now.to_jiff(),
    }))
}

/// Adds what was found. Of two that asked at once both are kept.
pub(super) async fn add(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    round: i32,
    asked_by: &str,
    finding: &Finding,
) -> Result<(), Error> {
    let provider_ref = match finding {
        Finding::Sent { provider_ref, .. } => provider_ref.clone(),
        _ => None,
    };
    let why: String = finding.why().chars().filter(|c| *c != '\0').take(500).collect();
    sqlx::query!(
        r#"INSERT INTO crm_lookups (company_id, activity_id, round, number, asked_by, finding, provider_ref, why)
        SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7 FROM crm_lookups
        WHERE company_id = $1 AND activity_id = $2 AND round = $3"#,
        company.0,
        id.0,
        round,
        asked_by,
        finding.as_str(),
        provider_ref,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the last unclear attempt of a round the provider's id, so that what the provider reports later finds its message.
pub(crate) async fn identify(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    round: i32,
    provider_ref: &str,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_dispatch_attempts SET provider_ref = $4
        WHERE company_id = $1 AND activity_id = $2 AND round = $3 AND outcome = 'maybe_sent' AND provider_ref IS NULL
          AND attempt = (SELECT max(attempt) FROM crm_dispatch_attempts
            WHERE company_id = $1 AND activity_id = $2 AND round = $3 AND outcome = 'maybe_sent')"#,
        company.0,
        id.0,
        round,
        provider_ref
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was found about a message, the last hundred, oldest first.
///
/// # Errors
/// A database fault.
pub async fn lookups(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Vec<LookupView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT round, at, asked_by, finding, provider_ref, why FROM crm_lookups
        WHERE company_id = $1 AND activity_id = $2 ORDER BY round DESC, number DESC LIMIT 100"#,
        company.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .rev()
        .map(|row| LookupView {
            round: row.round,
            at: row.at.to_jiff(),
            asked_by: row.asked_by,
            finding: row.finding,
            provider_ref: row.provider_ref,
            why: row.why,
        })
        .collect())
}
