//! SQL of agents.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use crate::error::Error;
use crate::ids::{AgentId, CompanyId, TokenId};
use crate::token;

/// An agent as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// The agent.
    pub id: AgentId,
    /// Name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Added by.
    pub created_by: String,
    /// Since when not any more, if so.
    pub disabled_at: Option<Timestamp>,
    /// Tokens that can be used now.
    pub tokens: i64,
}

/// An agent under lock.
pub(super) struct Known {
    pub(super) id: AgentId,
    pub(super) is_disabled: bool,
}

/// What the database says about an agent now, and about the token it came by.
pub(super) struct Found {
    pub(super) is_disabled: bool,
    /// `None` when there is no such token of this agent.
    pub(super) token: Option<token::Standing>,
}

/// Adds an agent; says whether the name was free.
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    id: AgentId,
    name: &str,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_agents (company_id, id, name, created_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (company_id, name) DO NOTHING"#,
        company.0,
        id.0,
        name,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks the agent of that name, disabled or not.
pub(super) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    name: &str,
) -> Result<Option<Known>, Error> {
    let row = sqlx::query_as!(
        Known,
        r#"SELECT id AS "id: AgentId", disabled_at IS NOT NULL AS "is_disabled!" FROM crm_agents
        WHERE company_id = $1 AND name = $2 FOR NO KEY UPDATE"#,
        company.0,
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

pub(super) async fn disable(conn: &mut PgConnection, company: CompanyId, id: AgentId) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_agents SET disabled_at = now() WHERE company_id = $1 AND id = $2 AND disabled_at IS NULL",
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn enable(conn: &mut PgConnection, company: CompanyId, id: AgentId) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_agents SET disabled_at = NULL WHERE company_id = $1 AND id = $2",
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps an agent and its token as they are until the transaction ends.
pub(super) async fn hold(
    conn: &mut PgConnection,
    company: CompanyId,
    id: AgentId,
    token: TokenId,
) -> Result<(), Error> {
    sqlx::query!("SELECT id FROM crm_agents WHERE company_id = $1 AND id = $2 FOR SHARE", company.0, id.0)
        .fetch_optional(&mut *conn)
        .await?;
    sqlx::query!(
        "SELECT id FROM crm_agent_tokens WHERE company_id = $1 AND id = $2 FOR SHARE",
        company.0,
        token.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Reads how an agent and its token stand.
pub(super) async fn standing(
    conn: &mut PgConnection,
    company: CompanyId,
    id: AgentId,
    token: TokenId,
) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        r#"SELECT a.disabled_at IS NOT NULL AS "is_disabled!", t.id AS "token?", t.revoked_at IS NOT NULL AS "is_revoked!",
          coalesce(t.expires_at <= now(), false) AS "is_expired!"
        FROM crm_agents a
        LEFT JOIN crm_agent_tokens t ON t.company_id = a.company_id AND t.agent_id = a.id AND t.id = $3
        WHERE a.company_id = $1 AND a.id = $2"#,
        company.0,
        id.0,
        token.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Found {
        is_disabled: row.is_disabled,
        token: row.token.map(|_| token::Standing::of(row.is_revoked, row.is_expired)),
    }))
}

/// Lists the agents of a company by name, the disabled ones too.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<AgentView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: AgentId", a.name, a.created_at, a.created_by, a.disabled_at,
          (SELECT count(*) FROM crm_agent_tokens t WHERE t.company_id = a.company_id AND t.agent_id = a.id
            AND t.revoked_at IS NULL AND t.expires_at > now()) AS "tokens!"
        FROM crm_agents a WHERE a.company_id = $1 ORDER BY a.name, a.id LIMIT 1000"#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AgentView {
            id: row.id,
            name: row.name,
            created_at: row.created_at.to_jiff(),
            created_by: row.created_by,
            disabled_at: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff),
            tokens: row.tokens,
        })
        .collect())
}
