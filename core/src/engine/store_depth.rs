//! SQL of how much lies before an engine.
use sqlx::PgConnection;

use crate::error::Error;
use crate::ids::CompanyId;

/// Up to here it is counted, for each company and stage: an exact count of a large queue takes longer than anybody wants to wait.
pub const COUNTED: i64 = 100_000;

/// Messages of a company that are in the same state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Whose.
    pub company: CompanyId,
    /// On which channel.
    pub channel: String,
    /// In which state.
    pub status: String,
    /// How many.
    pub count: i64,
    /// For how long the oldest of them could have left, in seconds; zero if none could.
    pub overdue_secs: i64,
}

/// Counts what waits for a decision, for its time, or for a person.
///
/// # Errors
/// A database fault.
pub async fn depths(conn: &mut PgConnection) -> Result<Vec<Depth>, Error> {
    let rows = sqlx::query_as!(
        Depth,
        r#"SELECT c.id AS "company: CompanyId", w.channel AS "channel!", w.status AS "status!", count(*) AS "count!",
          coalesce(extract(epoch FROM now() - min(w.send_after) FILTER (WHERE w.status = 'approved' AND w.send_after <= now())), 0)::bigint
            AS "overdue_secs!"
        FROM crm_companies c
        CROSS JOIN LATERAL (
          (SELECT a.channel, a.status, a.send_after FROM crm_activities a WHERE a.company_id = c.id AND a.stage = 'draft' LIMIT $1)
          UNION ALL
          (SELECT a.channel, a.status, a.send_after FROM crm_activities a WHERE a.company_id = c.id AND a.stage = 'queue' LIMIT $1)
          UNION ALL
          (SELECT a.channel, a.status, a.send_after FROM crm_activities a WHERE a.company_id = c.id AND a.stage = 'attention' LIMIT $1)
        ) w
        GROUP BY c.id, w.channel, w.status
        ORDER BY c.id, w.channel, w.status
        LIMIT 10000"#,
        COUNTED
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
