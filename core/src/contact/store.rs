//! SQL of the allowlist.
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::allowlist::{Allowlist, admitting};
use crate::error::Error;
use crate::ids::{CompanyId, ContactId};

/// An entry as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    entry: &str,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO crm_allowlist (company_id, entry, created_by) VALUES ($1, $2, $3) ON CONFLICT (company_id, entry) DO NOTHING",
        company.0,
        entry,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an entry; returns whether it was there.
pub(super) async fn delete(conn: &mut PgConnection, company: CompanyId, entry: &str) -> Result<bool, Error> {
    let done =
        sqlx::query!("DELETE FROM crm_allowlist WHERE company_id = $1 AND entry = $2", company.0, entry)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
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

/// Whom these addresses belong to, by sort (`email`, `phone`, `handle`) and address.
pub(crate) async fn owners(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &[(&str, &str)],
) -> Result<HashMap<(String, String), ContactId>, Error> {
    let kinds: Vec<String> = wanted.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    let values: Vec<String> = wanted.iter().map(|(_, address)| (*address).to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT a.kind, a.address, a.contact_id AS "contact_id: ContactId" FROM crm_contact_addresses a
        JOIN unnest($2::text[], $3::text[]) AS w (kind, address) ON a.kind = w.kind AND a.address = w.address
        WHERE a.company_id = $1"#,
        company.0,
        &kinds,
        &values
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.address), row.contact_id)).collect())
}
