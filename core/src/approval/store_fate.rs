//! SQL of what became of an item: where it stands, and who brought it there.
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::activity::status::Status;
use crate::activity::store::read_status;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Where an item stands, and the last thing people, agents or its expiry did to it. What the dispatcher did since is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Where it stands.
    pub status: Status,
    /// What was done last, as the audit log names it: `approval.approve`, `draft.revise`.
    pub action: String,
    /// `operator`, `agent` or `engine`.
    pub actor_kind: String,
    /// Who did it; foreign text.
    pub by: String,
    /// Why; foreign text where a person said it, a code where the engine did.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Reads what became of an item.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn fate(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Fate>, Error> {
    let row = sqlx::query!(
        r#"SELECT a.status, l.action, l.actor_kind, l.actor_name, l.at, l.reason
        FROM crm_activities a
        JOIN crm_audit_log l ON l.company_id = a.company_id AND l.subject_id = a.id
        WHERE a.company_id = $1 AND a.id = $2 AND (l.action LIKE 'approval.%' OR l.action LIKE 'draft.%' OR l.action = 'activity.withdraw')
        ORDER BY l.at DESC, l.id DESC LIMIT 1"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Fate {
            status: read_status(&row.status, id)?,
            action: row.action,
            actor_kind: row.actor_kind,
            by: row.actor_name,
            reason: row.reason,
            at: row.at.to_jiff(),
        })
    })
    .transpose()
}
