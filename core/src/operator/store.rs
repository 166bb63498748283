//! SQL of operators.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use crate::actor::{Actor, Role};
use crate::error::Error;
use crate::ids::{CompanyId, OperatorId, TokenId};
use crate::token;

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
    /// Since when not any more, if so.
    pub disabled_at: Option<Timestamp>,
    /// Tokens that can be used now.
    pub tokens: i64,
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

/// What the database says about an operator now, and about the token somebody acts with.
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) is_disabled: bool,
    /// `None` when there is no such token of this operator.
    pub(super) token: Option<token::Standing>,
}

/// Reads how an operator stands; it may have lost its role since its console was opened.
pub(super) async fn standing(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
    token: Option<TokenId>,
) -> Result<Option<Standing>, Error> {
    let row = sqlx::query!(
        r#"SELECT o.name, o.role, o.disabled_at IS NOT NULL AS "is_disabled!", t.id AS "token?",
          t.revoked_at IS NOT NULL AS "is_revoked!", coalesce(t.expires_at <= now(), false) AS "is_expired!"
        FROM crm_operators o
        LEFT JOIN crm_operator_tokens t ON t.company_id = o.company_id AND t.operator_id = o.id AND t.id = $3
        WHERE o.company_id = $1 AND o.id = $2"#,
        company.0,
        id.0,
        token.map(|token| token.0)
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Standing {
            role: read_role(&row.role, id)?,
            name: row.name,
            is_disabled: row.is_disabled,
            token: row.token.map(|_| token::Standing::of(row.is_revoked, row.is_expired)),
        })
    })
    .transpose()
}

/// Keeps an operator, and the token they came by, as they are until the transaction ends: who takes a role away waits until what is
/// done under it is recorded, or has come first and is seen.
pub(super) async fn hold(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
    token: Option<TokenId>,
) -> Result<(), Error> {
    sqlx::query!("SELECT id FROM crm_operators WHERE company_id = $1 AND id = $2 FOR SHARE", company.0, id.0)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(token) = token {
        sqlx::query!(
            "SELECT id FROM crm_operator_tokens WHERE company_id = $1 AND id = $2 FOR SHARE",
            company.0,
            token.0
        )
        .fetch_optional(conn)
        .await?;
    }
    Ok(())
}

/// Locks the company's people, so that two changes cannot each leave the other as the last admin.
pub(super) async fn lock(conn: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    sqlx::query!(
        "SELECT id FROM crm_operators WHERE company_id = $1 ORDER BY id FOR NO KEY UPDATE",
        company.0
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// The operator of that name, disabled or not.
pub(super) async fn named(
    conn: &mut PgConnection,
    company: CompanyId,
    name: &str,
) -> Result<Option<OperatorView>, Error> {
    Ok(views(conn, company, Some(name)).await?.pop())
}

/// Disables an operator.
pub(super) async fn disable(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_operators SET disabled_at = now() WHERE company_id = $1 AND id = $2 AND disabled_at IS NULL",
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets a disabled operator back in, with this role.
pub(super) async fn enable(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
    role: Role,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_operators SET disabled_at = NULL, role = $3 WHERE company_id = $1 AND id = $2",
        company.0,
        id.0,
        role.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many admins are left besides this one.
pub(super) async fn other_admins(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OperatorId,
) -> Result<i64, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM crm_operators
        WHERE company_id = $1 AND id <> $2 AND role = 'admin' AND disabled_at IS NULL"#,
        company.0,
        id.0
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Lists the operators of a company by name, the disabled ones too.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<OperatorView>, Error> {
    views(conn, company, None).await
}

async fn views(
    conn: &mut PgConnection,
    company: CompanyId,
    only: Option<&str>,
) -> Result<Vec<OperatorView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.id AS "id: OperatorId", o.name, o.role, o.created_at, o.disabled_at,
          (SELECT count(*) FROM crm_operator_tokens t WHERE t.company_id = o.company_id AND t.operator_id = o.id
            AND t.revoked_at IS NULL AND t.expires_at > now()) AS "tokens!"
        FROM crm_operators o WHERE o.company_id = $1 AND ($2::text IS NULL OR o.name = $2) ORDER BY o.name, o.id LIMIT 1000"#,
        company.0,
        only
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
                disabled_at: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff),
                tokens: row.tokens,
            })
        })
        .collect()
}

pub(super) fn read_role(word: &str, id: OperatorId) -> Result<Role, Error> {
    Role::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_operators",
        row: id.to_string(),
        problem: format!("role `{word}` is not known"),
    })
}
