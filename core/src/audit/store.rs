//! SQL of the audit log. Insert only.
use sqlx::PgConnection;

use super::Entry;
use crate::error::Error;
use crate::ids::CompanyId;

/// Appends rows in the caller's transaction, in one statement.
///
/// # Errors
/// A database fault; the caller's transaction cannot commit then.
pub async fn append(conn: &mut PgConnection, company: CompanyId, entries: &[Entry]) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.0).collect();
    let actor_kinds: Vec<_> = entries.iter().map(|entry| entry.actor_kind.to_owned()).collect();
    let actor_ids: Vec<_> = entries.iter().map(|entry| entry.actor_id).collect();
    let actor_names: Vec<_> = entries.iter().map(|entry| entry.actor_name.clone()).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.clone()).collect();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject).collect();
    let hashes: Vec<_> =
        entries.iter().map(|entry| entry.payload_sha256.map(|hash| hash.as_bytes().to_vec())).collect();
    let reasons: Vec<_> = entries.iter().map(|entry| entry.reason.clone()).collect();
    let details: Vec<_> = entries.iter().map(|entry| entry.detail.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_audit_log
          (company_id, id, actor_kind, actor_id, actor_name, action, subject_id, payload_sha256, reason, detail)
        SELECT $1, * FROM unnest(
          $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::bytea[], $9::text[], $10::jsonb[])"#,
        company.0,
        &ids,
        &actor_kinds,
        &actor_ids as &[Option<uuid::Uuid>],
        &actor_names,
        &actions,
        &subjects as &[Option<uuid::Uuid>],
        &hashes as &[Option<Vec<u8>>],
        &reasons as &[Option<String>],
        &details
    )
    .execute(conn)
    .await?;
    Ok(())
}
