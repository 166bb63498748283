//! SQL of the links that end being written to.
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// A link and whom its message went to.
pub(super) struct Link {
    pub(super) company: CompanyId,
    pub(super) activity: ActivityId,
    pub(super) recipient: String,
    /// The database's clock.
    pub(super) now: Timestamp,
}

/// Where the links of a company lead; `None` while mails carry none.
pub(crate) async fn base(conn: &mut PgConnection, company: CompanyId) -> Result<Option<String>, Error> {
    let base = sqlx::query_scalar!(
        "SELECT unsubscribe_url FROM crm_company_policies WHERE company_id = $1",
        company.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(base.flatten())
}

/// Keeps links of messages that were just filed.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    links: &[(ActivityId, [u8; 32])],
) -> Result<(), Error> {
    if links.is_empty() {
        return Ok(());
    }
    let (ids, hashes): (Vec<_>, Vec<_>) = links.iter().map(|(id, hash)| (id.0, hash.to_vec())).unzip();
    sqlx::query!(
        r#"INSERT INTO crm_unsubscribe_links (token_sha256, company_id, activity_id)
        SELECT w.hash, $1, w.id FROM unnest($2::uuid[], $3::bytea[]) AS w (id, hash)"#,
        company.0,
        &ids,
        &hashes
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn find(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<Link>, Error> {
    let row = sqlx::query!(
        r#"SELECT l.company_id AS "company: CompanyId", l.activity_id AS "activity: ActivityId", d.recipient, clock_timestamp() AS "now!"
        FROM crm_unsubscribe_links l
        JOIN crm_activity_details d ON d.company_id = l.company_id AND d.activity_id = l.activity_id
        WHERE l.token_sha256 = $1"#,
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Link {
        company: row.company,
        activity: row.activity,
        recipient: row.recipient,
        now: row.now.to_jiff(),
    }))
}

/// Notes that a link was used; says whether that is news.
pub(super) async fn note_use(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE crm_unsubscribe_links SET used_at = clock_timestamp() WHERE token_sha256 = $1 AND used_at IS NULL",
        hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
