//! SQL of operators.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use crate::actor::{Actor, Role};
use crate::error::Error;
use crate::ids::{CompanyId, OperatorId};

/// An operator as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorView {
    /// The operator.
    pub id: OperatorId,
    /// Name.
    pub name: String,
    /// Role in the company.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

pub(crate) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    operator: &Actor,
) -> Result<bool, Error> {
    let Actor::Operator { id, name, role } = operator else {
        return Ok(false);
    };
    let done = sqlx::query!(
        "INSERT INTO crm_operators (company_id, id, name, role) VALUES ($1, $2, $3, $4) ON CONFLICT (company_id, name) DO NOTHING",
        company.0,
        id.0,
        name,
        role.as_str()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The operator of that name, ready to act.
///
/// # Errors
/// A database fault.
pub async fn find(conn: &mut PgConnection, company: CompanyId, name: &str) -> Result<Option<Actor>, Error> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: OperatorId", name, role FROM crm_operators WHERE company_id = $1 AND name = $2 AND disabled_at IS NULL"#,
        company.0,
        name
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Actor::Operator { id: row.id, role: read_role(&row.role, row.id)?, name: row.name }))
        .transpose()
}

/// Whether an operator still holds at least this role: it may have been taken away since its console was opened.
pub(crate) async fn still(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
    needed: Role,
) -> Result<bool, Error> {
    let role = sqlx::query_scalar!(
        "SELECT role FROM crm_operators WHERE company_id = $1 AND id = $2 AND disabled_at IS NULL",
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(role.is_some_and(|role| Role::parse(&role).is_some_and(|role| role >= needed)))
}

/// Lists the operators of a company by name.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<OperatorView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: OperatorId", name, role, created_at FROM crm_operators
        WHERE company_id = $1 AND disabled_at IS NULL ORDER BY name LIMIT 1000"#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OperatorView {
                role: read_role(&row.role, row.id)?,
                id: row.id,
                name: row.name,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

fn read_role(word: &str, id: OperatorId) -> Result<Role, Error> {
    Role::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_operators",
        row: id.to_string(),
        problem: format!("role `{word}` is not known"),
    })
}
