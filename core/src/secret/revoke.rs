//! Revokes a version of a secret: it never works again, not for what was approved before, not for what is claimed already, and not for
//! a repetition. Who used it is said, and what stops because of it.
use serde::Serialize;
use sqlx::PgPool;

use super::{SecretError, SecretRef, reference, store};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::CompanyId;

/// What a revocation means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// Outboxes that go on with another version.
    pub go_on: Vec<String>,
    /// Outboxes that have no credential any more; what they hold waits.
    pub stop: Vec<String>,
}

/// Revokes one version.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] without a reason, [`Error::Secret`] for a version that is not there,
/// [`Error::Conflict`] if it was revoked before, or a database fault.
pub async fn revoke(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: &str,
    version: i32,
    reason: &str,
) -> Result<Revoked, Error> {
    reference::check_id(id)?;
    let reason = crate::approval::decide::check_reason(reason)?;
    let mut tx = pool.begin().await?;
    crate::operator::authorise(&mut tx, actor, company, Role::Admin, "revoke a secret").await?;
    let before = store::list(&mut tx, company).await?;
    let known = before.iter().find(|one| one.id == id && one.version == version);
    match known.map(|one| one.revoked_at) {
        None => return Err(SecretError::Missing(format!("{id}:{version}")).into()),
        Some(Some(at)) => {
            return Err(Error::Conflict(format!("{id}:{version} was revoked before, on {at:.0}")));
        }
        Some(None) => {}
    }
    store::revoke(&mut tx, company, id, version).await?;
    let latest =
        before.iter().filter(|one| one.id == id && one.version != version && one.revoked_at.is_none());
    let latest = latest.map(|one| one.version).max();
    let users = known.map(|one| one.used_by.clone()).unwrap_or_default();
    let (mut go_on, mut stop) = (Vec::new(), Vec::new());
    for (outbox, reference) in store::references(&mut tx, company).await? {
        let is_pinned = reference.parse::<SecretRef>().is_ok_and(|reference| reference.version.is_some());
        if !users.contains(&outbox) {
            continue;
        }
        if is_pinned || latest.is_none() { stop.push(outbox) } else { go_on.push(outbox) }
    }
    let detail = serde_json::json!({ "secret": id, "version": version, "stops": stop });
    let entry = audit::Entry::new(actor, "secret.revoke").reason(Some(&reason)).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(Revoked { go_on, stop })
}
