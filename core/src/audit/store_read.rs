//! SQL that reads the audit log.
use sqlx::PgConnection;

use super::{Page, Row};
use crate::activity::payload::PayloadHash;
use crate::activity::view::PAGE_LIMIT;
use crate::db::filter::contains;
use crate::error::Error;
use crate::ids::{AuditId, CompanyId};

/// Reads a page, newest first, before `before` if that is given. A text narrows it to rows whose actor, action or reason holds it; for a
/// rare text the log is read backwards until the page is full, within the time a statement may take.
///
/// # Errors
/// A database fault, or [`Error::Corrupt`] for a hash that is none.
pub async fn page(
    conn: &mut PgConnection,
    company: CompanyId,
    text: Option<&str>,
    before: Option<AuditId>,
    limit: usize,
) -> Result<Page, Error> {
    let limit = limit.clamp(1, PAGE_LIMIT);
    let pattern = text.filter(|text| !text.is_empty()).map(contains);
    let rows = sqlx::query!(
        r#"SELECT l.id, l.at, l.actor_kind, l.actor_name, l.action, l.subject_id, l.payload_sha256, l.reason, l.detail,
          coalesce(c.name, o.name) AS subject
        FROM (
          SELECT * FROM crm_audit_log
          WHERE company_id = $1
            AND id < $2
            AND ($3::text IS NULL OR concat_ws(' ', actor_name, action, reason) ILIKE $3)
          ORDER BY id DESC
          LIMIT $4
        ) l
        LEFT JOIN crm_activities a ON a.company_id = l.company_id AND a.id = l.subject_id
        LEFT JOIN crm_contacts c ON c.company_id = a.company_id AND c.id = a.contact_id
        LEFT JOIN crm_outboxes o ON o.company_id = l.company_id AND o.id = l.subject_id
        ORDER BY l.id DESC
        LIMIT $4"#,
        company.0,
        before.map_or(uuid::Uuid::max(), |before| before.0),
        pattern,
        i64::try_from(limit + 1).unwrap_or(1)
    )
    .fetch_all(conn)
    .await?;
    let has_more = rows.len() > limit;
    let mut page = Page::default();
    for row in rows.into_iter().take(limit) {
        let payload_sha256 = row
            .payload_sha256
            .map(|bytes| {
                PayloadHash::from_bytes(&bytes).ok_or_else(|| Error::Corrupt {
                    table: "crm_audit_log",
                    row: row.id.to_string(),
                    problem: "its hash is not of 32 bytes".to_owned(),
                })
            })
            .transpose()?;
        page.rows.push(Row {
            id: AuditId(row.id),
            at: row.at.to_jiff(),
            actor_kind: row.actor_kind,
            actor: row.actor_name,
            action: row.action,
            subject_id: row.subject_id,
            subject: row.subject,
            payload_sha256,
            reason: row.reason,
            detail: row.detail,
        });
    }
    page.next = page.rows.last().filter(|_| has_more).map(|row| row.id);
    Ok(page)
}
