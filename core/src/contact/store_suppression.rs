//! SQL of the suppressions.
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::suppression::{Identity, Reason, canonical};
use crate::error::Error;
use crate::ids::CompanyId;

/// A suppression as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionView {
    /// `email`, `phone` or `handle`.
    pub kind: String,
    /// The normalised address.
    pub address: String,
    /// Why.
    pub reason: Reason,
    /// What was said about it; foreign text.
    pub note: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Who added it.
    pub created_by: String,
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    identity: &Identity,
    reason: Reason,
    note: Option<&str>,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_suppressions (company_id, kind, address, reason, note, created_by) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (company_id, address, kind) DO UPDATE SET reason = excluded.reason, note = excluded.note,
          created_at = now(), created_by = excluded.created_by
        WHERE array_position($7::text[], excluded.reason) > array_position($7::text[], crm_suppressions.reason)"#,
        company.0,
        identity.kind,
        identity.address,
        reason.as_str(),
        note,
        by,
        &BY_GRAVITY.map(|reason| reason.as_str().to_owned())
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A graver reason takes the place of a lesser one: whoever lifts it has to know of it.
const BY_GRAVITY: [Reason; 5] =
    [Reason::Manual, Reason::HardBounce, Reason::Unsubscribe, Reason::Complaint, Reason::Erased];

/// Removes a suppression and returns why it was there.
pub(super) async fn delete(
    conn: &mut PgConnection,
    company: CompanyId,
    identity: &Identity,
) -> Result<Option<String>, Error> {
    let was = sqlx::query_scalar!(
        "DELETE FROM crm_suppressions WHERE company_id = $1 AND kind = $2 AND address = $3 RETURNING reason",
        company.0,
        identity.kind,
        identity.address
    )
    .fetch_optional(conn)
    .await?;
    Ok(was)
}

/// Lists suppressions after `after`, in order of their address.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown reason, or a database fault.
pub async fn list(
    conn: &mut PgConnection,
    company: CompanyId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<SuppressionView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT kind, address, reason, note, created_at, created_by FROM crm_suppressions
        WHERE company_id = $1 AND ($2::text IS NULL OR address > $2) ORDER BY address, kind LIMIT $3"#,
        company.0,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(SuppressionView {
                reason: read_reason(&row.reason)?,
                kind: row.kind,
                address: row.address,
                note: row.note,
                created_at: row.created_at.to_jiff(),
                created_by: row.created_by,
            })
        })
        .collect()
}

/// Which of these recipients are suppressed, and why. Asks and answers in the normalised form.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown reason, or a database fault.
pub async fn suppressed(
    conn: &mut PgConnection,
    company: CompanyId,
    recipients: &[String],
) -> Result<HashMap<String, Reason>, Error> {
    let wanted: Vec<String> = recipients.iter().map(|recipient| canonical(recipient)).collect();
    let rows = sqlx::query!(
        "SELECT address, reason FROM crm_suppressions WHERE company_id = $1 AND address = ANY ($2)",
        company.0,
        &wanted
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.address, read_reason(&row.reason)?))).collect()
}

fn read_reason(word: &str) -> Result<Reason, Error> {
    Reason::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_suppressions",
        row: word.to_owned(),
        problem: "the reason is not known".to_owned(),
    })
}
