//! SQL of what became of a message after it was sent.
use sqlx::PgConnection;

use super::fact::{Fact, Told};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Reads what became of a message, the furthest fact first.
///
/// # Errors
/// [`Error::Corrupt`] for a fact that is not known, or a database fault.
pub async fn facts(conn: &mut PgConnection, company: CompanyId, id: ActivityId) -> Result<Vec<Told>, Error> {
    let rows = sqlx::query!(
        r#"SELECT fact, at, told_at, detail FROM crm_activity_facts
        WHERE company_id = $1 AND activity_id = $2 ORDER BY at, fact LIMIT 100"#,
        company.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    let mut facts = rows
        .into_iter()
        .map(|row| {
            let fact = Fact::parse(&row.fact).ok_or_else(|| Error::Corrupt {
                table: "crm_activity_facts",
                row: id.to_string(),
                problem: format!("fact `{}` is not known", row.fact),
            })?;
            Ok(Told { fact, at: row.at.to_jiff(), told_at: row.told_at.to_jiff(), detail: row.detail })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Told::sort(&mut facts);
    Ok(facts)
}
