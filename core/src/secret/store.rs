//! SQL of secrets.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::key::Encrypted;
use super::{MasterKey, SecretError, SecretRef, SecretText};
use crate::error::Error;
use crate::ids::CompanyId;

/// A version of a secret as it may be listed: everything but the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Its id.
    pub id: String,
    /// Which version.
    pub version: i32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Whether it is the one that `latest` means.
    pub is_latest: bool,
    /// Names of the outboxes whose next message goes out under it.
    pub used_by: Vec<String>,
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

/// Revokes one version.
pub(super) async fn revoke(
    conn: &mut PgConnection,
    company: CompanyId,
    id: &str,
    version: i32,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_secrets SET revoked_at = now()
        WHERE company_id = $1 AND secret_id = $2 AND version = $3 AND revoked_at IS NULL"#,
        company.0,
        id,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Outboxes of a company with what they refer to; none where the database has no outboxes.
pub(super) async fn references(
    conn: &mut PgConnection,
    company: CompanyId,
) -> Result<Vec<(String, String)>, Error> {
    let has_outboxes =
        sqlx::query_scalar!(r#"SELECT to_regclass('public.crm_outboxes') IS NOT NULL AS "is!""#)
            .fetch_one(&mut *conn)
            .await?;
    if !has_outboxes {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT name, secret_ref FROM crm_outboxes WHERE company_id = $1 ORDER BY name, id LIMIT 10000",
        company.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.secret_ref)).collect())
}

/// Lists the versions of the secrets of a company, newest version first, the revoked ones too.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<SecretView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT secret_id, version, created_at, created_by, revoked_at,
          coalesce(revoked_at IS NULL AND version = max(version) FILTER (WHERE revoked_at IS NULL)
            OVER (PARTITION BY secret_id), false) AS "is_latest!"
        FROM crm_secrets WHERE company_id = $1 ORDER BY secret_id, version DESC LIMIT 10000"#,
        company.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let references = references(conn, company).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let wanted = [
                row.is_latest.then(|| format!("secret://{}:latest", row.secret_id)),
                row.revoked_at.is_none().then(|| format!("secret://{}:{}", row.secret_id, row.version)),
            ];
            let uses = references
                .iter()
                .filter(|(_, reference)| wanted.iter().flatten().any(|one| one == reference));
            SecretView {
                used_by: uses.map(|(name, _)| name.clone()).collect(),
                id: row.secret_id,
                version: row.version,
                created_at: row.created_at.to_jiff(),
                created_by: row.created_by,
                revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
                is_latest: row.is_latest,
            }
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
        r#"SELECT version, nonce, ciphertext, revoked_at IS NOT NULL AS "is_revoked!" FROM crm_secrets
        WHERE company_id = $1 AND secret_id = $2 AND ($3::int IS NULL OR version = $3)
        ORDER BY revoked_at IS NOT NULL, version DESC LIMIT 1"#,
        company.0,
        reference.id,
        reference.version
    )
    .fetch_optional(conn)
    .await?;
    let name = || {
        let version = reference.version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        format!("{}:{version}", reference.id)
    };
    let row = row.ok_or_else(|| SecretError::Missing(name()))?;
    if row.is_revoked {
        return Err(SecretError::Revoked(name()).into());
    }
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
