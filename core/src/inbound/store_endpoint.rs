//! SQL of webhook endpoints.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::endpoint::EndpointView;
use super::provider::Provider;
use crate::error::Error;
use crate::ids::{CompanyId, EndpointId};
use crate::secret::key::Encrypted;

/// Most endpoints that are listed.
const LIMIT: i64 = 1000;

/// An endpoint as it is stored.
pub(super) struct Row {
    pub(super) company: CompanyId,
    pub(super) provider: Provider,
    pub(super) secret_id: String,
    pub(super) public_url: Option<String>,
    pub(super) verify_sha256: Option<Vec<u8>>,
}

/// Writes one.
pub(super) async fn insert(
    conn: &mut PgConnection,
    id: EndpointId,
    row: &Row,
    by: &str,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_webhook_endpoints (company_id, id, provider, secret_id, public_url, verify_sha256, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)"#,
        row.company.0,
        id.0,
        row.provider.as_str(),
        row.secret_id,
        row.public_url,
        row.verify_sha256,
        by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Looks one up that was not removed, by its id alone: who calls knows nothing else.
pub(super) async fn find(conn: &mut PgConnection, id: EndpointId) -> Result<Option<Row>, Error> {
    let row = sqlx::query!(
        r#"SELECT company_id AS "company: CompanyId", provider, secret_id, public_url, verify_sha256
        FROM crm_webhook_endpoints WHERE id = $1 AND removed_at IS NULL"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Row {
            company: row.company,
            provider: provider(&row.provider, id)?,
            secret_id: row.secret_id,
            public_url: row.public_url,
            verify_sha256: row.verify_sha256,
        })
    })
    .transpose()
}

/// The versions of a secret that count, newest first, as they are stored.
pub(super) async fn secrets(
    conn: &mut PgConnection,
    company: CompanyId,
    secret: &str,
) -> Result<Vec<(i32, Encrypted)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT version, nonce, ciphertext FROM crm_secrets
        WHERE company_id = $1 AND secret_id = $2 AND revoked_at IS NULL
        ORDER BY version DESC LIMIT 10"#,
        company.0,
        secret
    )
    .fetch_all(conn)
    .await?;
    let stored = |row: (i32, Vec<u8>, Vec<u8>)| (row.0, Encrypted { nonce: row.1, ciphertext: row.2 });
    Ok(rows.into_iter().map(|row| stored((row.version, row.nonce, row.ciphertext))).collect())
}

/// Revokes the versions of a secret below a number and returns which those were.
pub(super) async fn revoke_below(
    conn: &mut PgConnection,
    company: CompanyId,
    secret: &str,
    version: i32,
) -> Result<Vec<i32>, Error> {
    let mut revoked = sqlx::query_scalar!(
        r#"UPDATE crm_secrets SET revoked_at = now()
        WHERE company_id = $1 AND secret_id = $2 AND version < $3 AND revoked_at IS NULL
        RETURNING version"#,
        company.0,
        secret,
        version
    )
    .fetch_all(conn)
    .await?;
    revoked.sort_unstable();
    Ok(revoked)
}

/// Removes one and returns the id of its secret; `None` if there is none.
pub(super) async fn remove(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EndpointId,
    by: &str,
) -> Result<Option<String>, Error> {
    let secret = sqlx::query_scalar!(
        r#"UPDATE crm_webhook_endpoints SET removed_at = now(), removed_by = $3
        WHERE company_id = $1 AND id = $2 AND removed_at IS NULL
        RETURNING secret_id"#,
        company.0,
        id.0,
        by
    )
    .fetch_optional(conn)
    .await?;
    Ok(secret)
}

/// Lists those of a company that were not removed, by provider.
pub(super) async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<EndpointView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id: EndpointId", e.provider, e.secret_id, e.public_url, e.created_at, e.created_by,
          e.refused, e.refused_at, e.refused_why,
          (SELECT count(*) FROM crm_secrets s
            WHERE s.company_id = e.company_id AND s.secret_id = e.secret_id AND s.revoked_at IS NULL) AS "secrets!"
        FROM crm_webhook_endpoints e
        WHERE e.company_id = $1 AND e.removed_at IS NULL
        ORDER BY e.provider, e.id
        LIMIT $2"#,
        company.0,
        LIMIT
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let provider = provider(&row.provider, row.id)?;
            Ok(EndpointView {
                id: row.id,
                provider,
                path: super::endpoint::path(provider, row.id),
                url: row.public_url,
                secret: row.secret_id,
                secrets: row.secrets,
                created_at: row.created_at.to_jiff(),
                created_by: row.created_by,
                refused: row.refused,
                refused_at: row.refused_at.map(jiff_sqlx::Timestamp::to_jiff),
                refused_why: row.refused_why,
            })
        })
        .collect()
}

/// Counts deliveries that were not believed.
pub(super) async fn refused(
    conn: &mut PgConnection,
    id: EndpointId,
    count: i64,
    at: Timestamp,
    why: &str,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_webhook_endpoints SET refused = refused + $2, refused_at = greatest(refused_at, $3), refused_why = left($4, 200)
        WHERE id = $1"#,
        id.0,
        count,
        jiff_sqlx::Timestamp::from(at) as _,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts events that wait, or that a person has to look at: company, state, and how many, up to a bound.
pub(super) async fn waiting(
    conn: &mut PgConnection,
    most: i64,
) -> Result<Vec<(CompanyId, String, i64)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT c.id AS "company: CompanyId", w.state AS "state!", count(*) AS "count!"
        FROM crm_companies c
        CROSS JOIN LATERAL (
          (SELECT e.state FROM crm_inbound_events e WHERE e.company_id = c.id AND e.state = 'stored' LIMIT $1)
          UNION ALL
          (SELECT e.state FROM crm_inbound_events e WHERE e.company_id = c.id AND e.state IN ('unmatched', 'failed') LIMIT $1)
        ) w
        GROUP BY c.id, w.state
        ORDER BY c.id, w.state
        LIMIT 10000"#,
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.company, row.state, row.count)).collect())
}

fn provider(word: &str, id: EndpointId) -> Result<Provider, Error> {
    Provider::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_webhook_endpoints",
        row: id.to_string(),
        problem: format!("no provider is called `{word}`"),
    })
}
