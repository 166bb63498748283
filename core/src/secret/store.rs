//! SQL of secrets.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::key::Encrypted;
use super::{MasterKey, SecretError, SecretRef, SecretText};
use crate::error::Error;
use crate::ids::CompanyId;

/// A secret as it may be listed: everything but the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Its id.
    pub id: String,
    /// Newest version.
    pub version: i32,
    /// When that was stored.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// The number the next version of a secret takes. Two writers would take the same one; the company row orders them.
pub(super) async fn next_version(
    conn: &mut PgConnection,
    company: CompanyId,
    id: &str,
) -> Result<i32, Error> {
    sqlx::query!("SELECT id FROM crm_companies WHERE id = $1 FOR NO KEY UPDATE", company.0)
        .fetch_one(&mut *conn)
        .await?;
    let version = sqlx::query_scalar!(
        r#"SELECT coalesce(max(version), 0) + 1 AS "version!" FROM crm_secrets WHERE company_id = $1 AND secret_id = $2"#,
        company.0,
        id
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

/// Writes one version.
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    id: &str,
    version: i32,
    stored: &Encrypted,
    by: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_secrets (company_id, secret_id, version, nonce, ciphertext, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        company.0,
        id,
        version,
        stored.nonce,
        stored.ciphertext,
        by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the secrets of a company.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<SecretView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (secret_id) secret_id, version, created_at, created_by
        FROM crm_secrets WHERE company_id = $1 AND revoked_at IS NULL
        ORDER BY secret_id, version DESC LIMIT 1000"#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SecretView {
            id: row.secret_id,
            version: row.version,
            created_at: row.created_at.to_jiff(),
            created_by: row.created_by,
        })
        .collect())
}

/// Reads a secret for a call, with the version that was used.
///
/// # Errors
/// [`Error::Secret`] when it does not exist, was revoked or does not open with this key.
pub async fn resolve(
    conn: &mut PgConnection,
    company: CompanyId,
    key: &MasterKey,
    reference: &SecretRef,
) -> Result<(SecretText, i32), Error> {
    let row = sqlx::query!(
        r#"SELECT version, nonce, ciphertext FROM crm_secrets
        WHERE company_id = $1 AND secret_id = $2 AND ($3::int IS NULL OR version = $3) AND revoked_at IS NULL
        ORDER BY version DESC LIMIT 1"#,
        company.0,
        reference.id,
        reference.version
    )
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| {
        let version = reference.version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        SecretError::Missing(format!("{}:{version}", reference.id))
    })?;
    let stored = Encrypted { nonce: row.nonce, ciphertext: row.ciphertext };
    Ok((key.decrypt(company, &reference.id, row.version, &stored)?, row.version))
}

/// Whether any version of a secret can be used.
///
/// # Errors
/// A database fault.
pub async fn exists(
    conn: &mut PgConnection,
    company: CompanyId,
    reference: &SecretRef,
) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM crm_secrets
        WHERE company_id = $1 AND secret_id = $2 AND ($3::int IS NULL OR version = $3) AND revoked_at IS NULL) AS "found!""#,
        company.0,
        reference.id,
        reference.version
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}
