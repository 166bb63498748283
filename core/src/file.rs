//! Files that messages carry. They are stored by us and named by the hash of their bytes, never by an address: what was approved is
//! what is sent.
pub mod store;

use bytes::Bytes;
use sqlx::PgPool;

use crate::activity::payload::PayloadHash;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;

/// The largest file that is stored; the database holds the same line. The largest picture that Instagram takes.
pub const FILE_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// Stores a file; returns its hash, and whether it is new.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] for a file that is empty or too large, or a database fault.
pub async fn add(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    bytes: &Bytes,
) -> Result<(PayloadHash, bool), Error> {
    if bytes.is_empty() || bytes.len() > FILE_LIMIT_BYTES {
        return Err(Error::Invalid {
            field: "file".to_owned(),
            reason: format!("it has {} bytes; use 1 to {FILE_LIMIT_BYTES}", bytes.len()),
        });
    }
    let sha256 = PayloadHash::of(bytes);
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "add a file").await?;
    let is_new = store::insert(&mut tx, company, sha256, bytes, actor.name()).await?;
    if is_new {
        let detail = serde_json::json!({ "sha256": sha256, "bytes": bytes.len() });
        audit::store::append(&mut tx, company, &[audit::Entry::new(actor, "file.add").detail(detail)])
            .await?;
        company::store::bump(&mut tx, company).await?;
    }
    tx.commit().await?;
    Ok((sha256, is_new))
}
