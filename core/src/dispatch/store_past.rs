//! SQL of what earlier attempts at a message left behind.
use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::claim::Claimed;
use crate::channel::Past;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Reads the past of claimed rows; rows without one are left out.
pub(super) async fn past(
    conn: &mut PgConnection,
    company: CompanyId,
    items: &[Claimed],
) -> Result<HashMap<ActivityId, Past>, Error> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.id.0).collect();
    let rounds: Vec<i32> = items.iter().map(|item| item.round).collect();
    past_of(conn, company, &ids, &rounds).await
}

/// Reads the past of activities in the rounds they are in. What was made ready for other words is not gone on with.
pub(super) async fn past_of(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[Uuid],
    rounds: &[i32],
) -> Result<HashMap<ActivityId, Past>, Error> {
    let rows = sqlx::query!(
        r#"SELECT t.activity_id AS "id: ActivityId", bool_or(t.outcome = 'maybe_sent') AS "may_be_accepted!",
          (array_agg(t.provider_ref ORDER BY t.attempt DESC)
            FILTER (WHERE t.round = i.round AND t.outcome = 'retry' AND t.provider_ref IS NOT NULL))[1] AS handle
        FROM unnest($2::uuid[], $3::int[]) AS i(id, round)
        JOIN crm_dispatch_attempts t ON t.company_id = $1 AND t.activity_id = i.id
        GROUP BY t.activity_id"#,
        company.0,
        ids,
        rounds
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, Past { handle: row.handle, may_be_accepted: row.may_be_accepted }))
        .collect())
}
