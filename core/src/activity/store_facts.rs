//! SQL of what became of messages after they were sent.
use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::fact::{Fact, Told};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Reads what became of messages, the furthest fact of each first. Those of which nothing was told are left out.
///
/// # Errors
/// [`Error::Corrupt`] for a fact that is not known, or a database fault.
pub async fn facts(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<HashMap<ActivityId, Vec<Told>>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT activity_id AS "id: ActivityId", fact, at, told_at, detail FROM crm_activity_facts
        WHERE company_id = $1 AND activity_id = ANY ($2) ORDER BY activity_id, fact LIMIT 10000"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<ActivityId, Vec<Told>> = HashMap::new();
    for row in rows {
        let fact = Fact::parse(&row.fact).ok_or_else(|| Error::Corrupt {
            table: "crm_activity_facts",
            row: row.id.to_string(),
            problem: format!("fact `{}` is not known", row.fact),
        })?;
        let told = Told { fact, at: row.at.to_jiff(), told_at: row.told_at.to_jiff(), detail: row.detail };
        all.entry(row.id).or_default().push(told);
    }
    all.values_mut().for_each(|facts| Told::sort(facts));
    Ok(all)
}
