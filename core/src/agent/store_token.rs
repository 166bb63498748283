//! SQL of the tokens of agents. The text of a token never comes here, only its hash.
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::error::Error;
use crate::ids::{AgentId, CompanyId, TokenId};
use crate::token::{Standing, TokenView};

/// A token that somebody showed.
pub(super) struct Found {
    pub(super) company: CompanyId,
    pub(super) token: TokenId,
    pub(super) agent: AgentId,
    pub(super) name: String,
    pub(super) is_disabled: bool,
    pub(super) standing: Standing,
}

/// Stores a token and returns until when it counts, by the database's clock.
#[expect(clippy::too_many_arguments, reason = "one row, column by column")]
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    id: TokenId,
    agent: AgentId,
    name: &str,
    hash: &[u8; 32],
    by: &str,
    life: Duration,
) -> Result<Timestamp, Error> {
    let expires_at = sqlx::query_scalar!(
        r#"INSERT INTO crm_agent_tokens (company_id, id, agent_id, name, token_sha256, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) RETURNING expires_at"#,
        company.0,
        id.0,
        agent.0,
        name,
        hash.as_slice(),
        by,
        life.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(expires_at.to_jiff())
}

/// The token with this hash, whoever's it is. The index finds it by the hash, so time tells nothing about the token.
pub(super) async fn by_hash(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<Found>, Error> {
    let row = sqlx::query!(
        r#"SELECT t.company_id AS "company: CompanyId", t.id AS "token: TokenId", t.agent_id AS "agent: AgentId",
          t.revoked_at IS NOT NULL AS "is_revoked!", t.expires_at <= now() AS "is_expired!",
          o.name, o.disabled_at IS NOT NULL AS "is_disabled!"
        FROM crm_agent_tokens t
        JOIN crm_agents o ON o.company_id = t.company_id AND o.id = t.agent_id
        WHERE t.token_sha256 = $1"#,
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Found {
        company: row.company,
        token: row.token,
        agent: row.agent,
        name: row.name,
        is_disabled: row.is_disabled,
        standing: Standing::of(row.is_revoked, row.is_expired),
    }))
}

/// Notes that a token was used, to the minute; says whether that was news.
pub(super) async fn touch(conn: &mut PgConnection, company: CompanyId, id: TokenId) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_agent_tokens SET last_used_at = now()
        WHERE company_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"#,
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many tokens of an agent count now. The agent is locked, so no other one is made meanwhile.
pub(super) async fn usable(
    conn: &mut PgConnection,
    company: CompanyId,
    agent: AgentId,
) -> Result<i64, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM crm_agent_tokens
        WHERE company_id = $1 AND agent_id = $2 AND revoked_at IS NULL AND expires_at > now()"#,
        company.0,
        agent.0
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Lists the tokens of an agent, newest first.
pub(super) async fn list(
    conn: &mut PgConnection,
    company: CompanyId,
    agent: AgentId,
) -> Result<Vec<TokenView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: TokenId", name, created_at, created_by, expires_at, last_used_at, revoked_at,
          revoked_at IS NULL AND expires_at > now() AS "is_usable!"
        FROM crm_agent_tokens WHERE company_id = $1 AND agent_id = $2 ORDER BY id DESC LIMIT 1000"#,
        company.0,
        agent.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TokenView {
            id: row.id,
            name: row.name,
            created_at: row.created_at.to_jiff(),
            created_by: row.created_by,
            expires_at: row.expires_at.to_jiff(),
            last_used_at: row.last_used_at.map(jiff_sqlx::Timestamp::to_jiff),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
            is_usable: row.is_usable,
        })
        .collect())
}

/// Whose token it is: id and name.
pub(super) async fn owner(
    conn: &mut PgConnection,
    company: CompanyId,
    id: TokenId,
) -> Result<Option<(AgentId, String)>, Error> {
    let row = sqlx::query!(
        r#"SELECT o.id AS "id: AgentId", o.name FROM crm_agent_tokens t
        JOIN crm_agents o ON o.company_id = t.company_id AND o.id = t.agent_id
        WHERE t.company_id = $1 AND t.id = $2"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.name)))
}

/// Revokes a token; says whether it was not before.
pub(super) async fn revoke(
    conn: &mut PgConnection,
    company: CompanyId,
    id: TokenId,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_agent_tokens SET revoked_at = now(), revoked_by = $3
        WHERE company_id = $1 AND id = $2 AND revoked_at IS NULL"#,
        company.0,
        id.0,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes every token of an agent and returns how many counted.
pub(super) async fn revoke_all(
    conn: &mut PgConnection,
    company: CompanyId,
    agent: AgentId,
    by: &str,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_agent_tokens SET revoked_at = now(), revoked_by = $3
        WHERE company_id = $1 AND agent_id = $2 AND revoked_at IS NULL"#,
        company.0,
        agent.0,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
