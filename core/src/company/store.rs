//! SQL of companies and of their change counters.
use sqlx::PgConnection;

use super::Company;
use crate::error::Error;
use crate::ids::CompanyId;

pub(super) async fn insert(conn: &mut PgConnection, company: &Company) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO crm_companies (id, slug, name, sandbox) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING",
        company.id.0,
        company.slug,
        company.name,
        company.sandbox
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("INSERT INTO crm_change_counters (company_id) VALUES ($1)", company.id.0)
        .execute(conn)
        .await?;
    Ok(true)
}

/// Lists companies by slug.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Company>, Error> {
    let rows = sqlx::query_as!(
        Company,
        r#"SELECT id AS "id: CompanyId", slug, name, sandbox FROM crm_companies ORDER BY slug LIMIT 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The number that grows with every change a screen could show.
///
/// # Errors
/// A database fault.
pub async fn change_version(conn: &mut PgConnection, company: CompanyId) -> Result<i64, Error> {
    let version =
        sqlx::query_scalar!("SELECT version FROM crm_change_counters WHERE company_id = $1", company.0)
            .fetch_optional(conn)
            .await?;
    Ok(version.unwrap_or(0))
}

/// Says that something changed. The last statement of a transaction, because it holds the company's counter until commit.
///
/// # Errors
/// A database fault.
pub async fn bump(conn: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    sqlx::query!("UPDATE crm_change_counters SET version = version + 1 WHERE company_id = $1", company.0)
        .execute(conn)
        .await?;
    Ok(())
}
