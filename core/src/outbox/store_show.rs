//! SQL of everything about one outbox, for people who look into it.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::limits::Ramp;
use crate::activity::view::{COUNT_LIMIT, OutboxView};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, OutboxId};

/// Attempts that went wrong and are shown.
const ERRORS_LIMIT: i64 = 5;

/// Everything about one outbox.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxDetail {
    /// What lists show.
    #[serde(flatten)]
    pub view: OutboxView,
    /// Market segment.
    pub niche: Option<String>,
    /// Provider settings.
    pub config: serde_json::Value,
    /// The cap that counts today; above the daily cap after that was lowered below what had been sent.
    pub cap_today: i32,
    /// Who threw the kill switch that is on, be it the outbox's own or a wider one.
    pub killed_by: Option<String>,
    /// When that was.
    pub killed_at: Option<Timestamp>,
    /// When recipients are left alone, as it is set: `20:00-08:00,sat,sun`.
    pub quiet: Option<String>,
    /// Warm-up of a new sending identity.
    pub ramp: Option<Ramp>,
    /// Whether a contact must have consented to the channel.
    pub consent_required: bool,
    /// Limits that could be set and are not, in words for people.
    pub not_set: Vec<&'static str>,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Open messages by status, each number bounded by [`COUNT_LIMIT`].
    pub open: Vec<StatusCount>,
    /// The latest attempts that went wrong, of messages that are still open.
    pub last_errors: Vec<LastError>,
}

/// How many messages stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCount {
    /// Where.
    pub status: String,
    /// How many.
    pub count: i64,
}

/// An attempt that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// Of which message.
    pub activity_id: ActivityId,
    /// When.
    pub at: Timestamp,
    /// What the call proved.
    pub outcome: String,
    /// Stable code.
    pub code: String,
    /// In the provider's words; foreign text.
    pub detail: String,
}

/// Reads everything about one outbox; `None` if there is none of that name or id.
///
/// # Errors
/// A database fault.
pub async fn show(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &str,
) -> Result<Option<OutboxDetail>, Error> {
    let Some(view) = find(conn, company, wanted).await? else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"SELECT o.niche, o.config, coalesce(k.killed_by, o.killed_by) AS killed_by, coalesce(k.killed_at, o.killed_at) AS killed_at,
          o.created_at, o.updated_at, b.daily_cap AS cap_today
        FROM crm_outboxes o JOIN crm_credential_buckets b ON b.company_id = o.company_id AND b.outbox_id = o.id
        LEFT JOIN LATERAL (SELECT k.killed_by, k.killed_at FROM crm_kill_switches k
          WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel) ORDER BY k.channel <> 'all' LIMIT 1) k ON true
        WHERE o.company_id = $1 AND o.id = $2"#,
        company.0,
        view.id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    let settings = super::store::settings(conn, company, Some(view.id)).await?.pop();
    let limits = settings.map(|settings| settings.limits).unwrap_or_default();
    Ok(Some(OutboxDetail {
        not_set: limits.not_set(),
        quiet: Some(limits.quiet.to_string()).filter(|_| limits.quiet.is_set()),
        ramp: limits.ramp,
        consent_required: limits.consent_required,
        niche: row.niche,
        config: row.config,
        cap_today: row.cap_today,
        killed_by: row.killed_by,
        killed_at: row.killed_at.map(jiff_sqlx::Timestamp::to_jiff),
        created_at: row.created_at.to_jiff(),
        updated_at: row.updated_at.to_jiff(),
        open: open(conn, company, view.id).await?,
        last_errors: last_errors(conn, company, view.id).await?,
        view,
    }))
}

/// The outbox of that name or id.
///
/// # Errors
/// A database fault.
pub async fn find(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &str,
) -> Result<Option<OutboxView>, Error> {
    let all = super::store::list(conn, company).await?;
    Ok(all.into_iter().find(|outbox| outbox.name == wanted || outbox.id.to_string() == wanted))
}

async fn open(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Vec<StatusCount>, Error> {
    let rows = sqlx::query_as!(
        StatusCount,
        r#"SELECT status AS "status!", count(*) AS "count!" FROM (
          (SELECT status FROM crm_activities WHERE company_id = $1 AND outbox_id = $2 AND stage = 'draft' LIMIT $3)
          UNION ALL
          (SELECT status FROM crm_activities WHERE company_id = $1 AND outbox_id = $2 AND stage = 'queue' LIMIT $3)
          UNION ALL
          (SELECT status FROM crm_activities WHERE company_id = $1 AND outbox_id = $2 AND stage = 'attention' LIMIT $3)) AS open
        GROUP BY status ORDER BY status"#,
        company.0,
        outbox.0,
        COUNT_LIMIT
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

async fn last_errors(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Vec<LastError>, Error> {
    let rows = sqlx::query!(
        r#"SELECT x.activity_id AS "activity_id: ActivityId", x.closed_at, x.outcome,
          coalesce(x.evidence ->> 'code', '') AS "code!", coalesce(x.evidence ->> 'detail', '') AS "detail!"
        FROM crm_activities a
        JOIN crm_dispatch_attempts x ON x.company_id = a.company_id AND x.activity_id = a.id AND x.attempt = a.attempt
        WHERE a.company_id = $1 AND a.outbox_id = $2 AND a.stage IN ('queue', 'attention') AND x.outcome <> 'accepted'
        ORDER BY x.closed_at DESC, x.activity_id LIMIT $3"#,
        company.0,
        outbox.0,
        ERRORS_LIMIT
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LastError {
            activity_id: row.activity_id,
            at: row.closed_at.to_jiff(),
            outcome: row.outcome,
            code: row.code,
            detail: row.detail,
        })
        .collect())
}
