//! SQL of secrets.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::key::Encrypted;
use super::{MasterKey, SECRET_LIMIT_BYTES, SecretError, SecretRef, SecretText, reference};
use crate::actor::{Actor, Role};
use crate::audit;
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

/// Stores a new version of a secret and returns its number.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Secret`] for a bad id or value, or a database fault.
pub async fn set(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    id: &str,
    value: &SecretText,
) -> Result<i32, Error> {
    crate::operator::require(actor, Role::Admin, "store a secret")?;
    reference::check_id(id)?;
    let text = value.expose();
    if text.is_empty() || text.len() > SECRET_LIMIT_BYTES || text.chars().any(char::is_control) {
        return Err(SecretError::BadValue.into());
    }
    let mut tx = pool.begin().await?;
    // Two writers would take the same number; the company row orders them.
    sqlx::query!("SELECT id FROM crm_companies WHERE id = $1 FOR NO KEY UPDATE", company.0)
        .fetch_one(&mut *tx)
        .await?;
    let version = sqlx::query_scalar!(
        r#"SELECT coalesce(max(version), 0) + 1 AS "version!" FROM crm_secrets WHERE company_id = $1 AND secret_id = $2"#,
        company.0,
        id
    )
    .fetch_one(&mut *tx)
    .await?;
    let stored = key.encrypt(company, id, version, value)?;
    sqlx::query!(
        "INSERT INTO crm_secrets (company_id, secret_id, version, nonce, ciphertext, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        company.0,
        id,
        version,
        stored.nonce,
        stored.ciphertext,
        actor.name()
    )
    .execute(&mut *tx)
    .await?;
    let entry = audit::Entry::new(actor, "secret.set")
        .detail(serde_json::json!({ "secret": id, "version": version }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    tx.commit().await?;
    Ok(version)
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
