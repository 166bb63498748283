//! SQL of files.
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use crate::activity::payload::PayloadHash;
use crate::channel::Files;
use crate::error::Error;
use crate::ids::CompanyId;

/// A file as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    /// By which messages name it.
    pub sha256: PayloadHash,
    /// Size.
    pub bytes: i64,
    /// When it was stored.
    pub added_at: Timestamp,
    /// By whom.
    pub added_by: String,
}

/// Stores a file; says whether it is new.
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    sha256: PayloadHash,
    bytes: &[u8],
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_files (company_id, sha256, bytes, added_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"#,
        company.0,
        sha256.as_bytes(),
        bytes,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads files. What is not there is left out.
///
/// # Errors
/// A database fault.
pub async fn load(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &[PayloadHash],
) -> Result<Files, Error> {
    if wanted.is_empty() {
        return Ok(Files::default());
    }
    let wanted: Vec<Vec<u8>> = wanted.iter().map(|sha256| sha256.as_bytes().to_vec()).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT bytes FROM crm_files WHERE company_id = $1 AND sha256 = ANY ($2)"#,
        company.0,
        &wanted
    )
    .fetch_all(conn)
    .await?;
    Ok(Files::new(rows.into_iter().map(Bytes::from)))
}

/// Lists files, newest first.
///
/// # Errors
/// [`Error::Corrupt`] for a hash that is none, or a database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId, limit: i64) -> Result<Vec<FileView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT sha256, octet_length(bytes)::bigint AS "bytes!", added_at, added_by FROM crm_files
        WHERE company_id = $1 ORDER BY added_at DESC, sha256 LIMIT $2"#,
        company.0,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let sha256 = PayloadHash::from_bytes(&row.sha256).ok_or_else(|| Error::Corrupt {
                table: "crm_files",
                row: row.added_at.to_jiff().to_string(),
                problem: "its hash has not 32 bytes".to_owned(),
            })?;
            Ok(FileView {
                sha256,
                bytes: row.bytes,
                added_at: row.added_at.to_jiff(),
                added_by: row.added_by,
            })
        })
        .collect()
}
