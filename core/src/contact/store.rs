//! SQL of the allowlist.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::allowlist::{Allowlist, Entry, admitting};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;

/// An entry as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// The entry in its stored form.
    pub entry: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Who added it.
    pub created_by: String,
}

/// The entries that concern these recipients.
///
/// # Errors
/// A database fault.
pub async fn entries_for(
    conn: &mut PgConnection,
    company: CompanyId,
    recipients: &[String],
) -> Result<Allowlist, Error> {
    let mut wanted: Vec<String> = recipients.iter().flat_map(|recipient| admitting(recipient)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let found = sqlx::query_scalar!(
        "SELECT entry FROM crm_allowlist WHERE company_id = $1 AND entry = ANY ($2)",
        company.0,
        &wanted
    )
    .fetch_all(conn)
    .await?;
    Ok(Allowlist::new(found))
}

/// Adds an entry; returns whether it is new.
///
/// # Errors
/// [`Error::Forbidden`] below admin, or a database fault.
pub async fn allow(pool: &PgPool, actor: &Actor, company: CompanyId, entry: &Entry) -> Result<bool, Error> {
    operator::require(actor, Role::Admin, "add to the allowlist")?;
    let mut tx = pool.begin().await?;
    let done = sqlx::query!(
        "INSERT INTO crm_allowlist (company_id, entry, created_by) VALUES ($1, $2, $3) ON CONFLICT (company_id, entry) DO NOTHING",
        company.0,
        entry.as_text(),
        actor.name()
    )
    .execute(&mut *tx)
    .await?;
    finish(tx, actor, company, "allowlist.add", entry, done.rows_affected() == 1).await
}

/// Removes an entry; returns whether it was there.
///
/// # Errors
/// [`Error::Forbidden`] below admin, or a database fault.
pub async fn disallow(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    entry: &Entry,
) -> Result<bool, Error> {
    operator::require(actor, Role::Admin, "remove from the allowlist")?;
    let mut tx = pool.begin().await?;
    let done = sqlx::query!(
        "DELETE FROM crm_allowlist WHERE company_id = $1 AND entry = $2",
        company.0,
        entry.as_text()
    )
    .execute(&mut *tx)
    .await?;
    finish(tx, actor, company, "allowlist.remove", entry, done.rows_affected() == 1).await
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

/// Lists entries after `after`, in order of their text.
///
/// # Errors
/// A database fault.
pub async fn list(
    conn: &mut PgConnection,
    company: CompanyId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<EntryView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT entry, created_at, created_by FROM crm_allowlist
        WHERE company_id = $1 AND ($2::text IS NULL OR entry > $2) ORDER BY entry LIMIT $3"#,
        company.0,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EntryView {
            entry: row.entry,
            created_at: row.created_at.to_jiff(),
            created_by: row.created_by,
        })
        .collect())
}
