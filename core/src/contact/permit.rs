//! Changes the allowlist, with an audit row.
use sqlx::PgPool;

use super::allowlist::Entry;
use super::store;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;

/// Puts an entry on the list; returns whether it is new.
///
/// # Errors
/// [`Error::Forbidden`] below admin, or a database fault.
pub async fn allow(pool: &PgPool, actor: &Actor, company: CompanyId, entry: &Entry) -> Result<bool, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "add to the allowlist").await?;
        let is_new = store::insert(&mut tx, company, &entry.as_text(), actor.name()).await?;
        finish(tx, actor, company, "allowlist.add", entry, is_new).await
    })
    .await
}

/// Takes an entry off the list; returns whether it was there.
///
/// # Errors
/// [`Error::Forbidden`] below admin, or a database fault.
pub async fn disallow(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    entry: &Entry,
) -> Result<bool, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "remove from the allowlist").await?;
        let was_there = store::delete(&mut tx, company, &entry.as_text()).await?;
        finish(tx, actor, company, "allowlist.remove", entry, was_there).await
    })
    .await
}

async fn finish(
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
    entry: &Entry,
    changed: bool,
) -> Result<bool, Error> {
    if changed {
        let detail = serde_json::json!({ "entry": entry.as_text() });
        audit::store::append(&mut tx, company, &[audit::Entry::new(actor, action).detail(detail)]).await?;
        company::store::bump(&mut tx, company).await?;
    }
    tx.commit().await?;
    Ok(changed)
}
