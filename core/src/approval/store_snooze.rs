//! SQL of snoozes.
use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::activity::status::Status;
use crate::activity::store::read_status;
use crate::activity::view::COUNT_LIMIT;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, OperatorId};

/// What an item is like for the operator who asks.
pub(super) struct Standing {
    pub(super) status: Status,
    pub(super) is_snoozed: bool,
}

/// What an operator snoozed and is not due yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snoozes {
    /// How many drafts, bounded by [`COUNT_LIMIT`].
    pub count: i64,
    /// When the next of them is due.
    pub next_due: Option<Timestamp>,
}

/// Counts what an operator snoozed.
///
/// # Errors
/// A database fault.
pub async fn of_operator(
    conn: &mut PgConnection,
    company: CompanyId,
    operator: OperatorId,
) -> Result<Snoozes, Error> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!", min(d.until) AS next_due FROM (
          SELECT s.until FROM crm_snoozes s
          JOIN crm_activities a ON a.company_id = s.company_id AND a.id = s.activity_id AND a.stage = 'draft'
          WHERE s.company_id = $1 AND s.operator_id = $2 AND s.until > now() LIMIT $3) d"#,
        company.0,
        operator.0,
        COUNT_LIMIT
    )
    .fetch_one(conn)
    .await?;
    Ok(Snoozes { count: row.count, next_due: row.next_due.map(jiff_sqlx::Timestamp::to_jiff) })
}

pub(super) async fn standing(
    conn: &mut PgConnection,
    company: CompanyId,
    operator: OperatorId,
    ids: &[ActivityId],
) -> Result<HashMap<ActivityId, Standing>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.status, s.until > now() AS is_snoozed FROM crm_activities a
        LEFT JOIN crm_snoozes s ON s.company_id = a.company_id AND s.activity_id = a.id AND s.operator_id = $2
        WHERE a.company_id = $1 AND a.id = ANY ($3)"#,
        company.0,
        operator.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let status = read_status(&row.status, row.id)?;
            Ok((row.id, Standing { status, is_snoozed: row.is_snoozed.unwrap_or(false) }))
        })
        .collect()
}

/// Writes snoozes, and forgets those of the operator that are over.
pub(super) async fn set(
    conn: &mut PgConnection,
    company: CompanyId,
    operator: OperatorId,
    ids: &[ActivityId],
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM crm_snoozes WHERE company_id = $1 AND operator_id = $2 AND until <= now()",
        company.0,
        operator.0
    )
    .execute(&mut *conn)
    .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_snoozes (company_id, operator_id, activity_id, until)
        SELECT $1, $2, i.id, $4 FROM unnest($3::uuid[]) i (id)
        ON CONFLICT (company_id, operator_id, activity_id) DO UPDATE SET until = EXCLUDED.until"#,
        company.0,
        operator.0,
        &ids,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn remove(
    conn: &mut PgConnection,
    company: CompanyId,
    operator: OperatorId,
    ids: &[ActivityId],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "DELETE FROM crm_snoozes WHERE company_id = $1 AND operator_id = $2 AND activity_id = ANY ($3)",
        company.0,
        operator.0,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}
