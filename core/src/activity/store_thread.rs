//! SQL of what a reader of one item also wants to see: what was said with the same contact, and the text before the last edit.
use sqlx::PgConnection;

use super::payload::Envelope;
use super::store::{read_channel, read_hash, read_kind, read_status};
use super::store_facts;
use super::thread::{Thread, Touch, Version};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};

/// Reads what was said with a contact on every channel, newest first, without the item itself; at most
/// [`super::thread::THREAD_LIMIT`] activities. The index `crm_activities_contact` has them in this order.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn thread(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    except: ActivityId,
) -> Result<Thread, Error> {
    let limit = i64::try_from(super::thread::THREAD_LIMIT + 1).unwrap_or(i64::MAX);
    // Texts longer than a screenful of first lines needs are not carried along: their headline is.
    let rows = sqlx::query!(
        r#"SELECT a.id, a.status, a.channel, a.kind, a.created_at, a.closed_at, e.headline AS "headline?",
          CASE WHEN octet_length(p.envelope) <= 65536 THEN p.envelope END AS envelope
        FROM crm_activities a
        LEFT JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id
        LEFT JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        WHERE a.company_id = $1 AND a.contact_id = $2 AND a.id <> $3
        ORDER BY a.created_at DESC, a.id DESC LIMIT $4"#,
        company.0,
        contact.0,
        except.0,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<ActivityId> = rows.iter().map(|row| ActivityId(row.id)).collect();
    let mut facts = store_facts::facts(conn, company, &ids).await?;
    let has_more = rows.len() > super::thread::THREAD_LIMIT;
    let touches = rows
        .into_iter()
        .take(super::thread::THREAD_LIMIT)
        .map(|row| {
            let id = ActivityId(row.id);
            let created_at = row.created_at.to_jiff();
            // A text of another version of this program is no reason to show no thread.
            let text = row.envelope.and_then(|bytes| Envelope::open(&bytes).ok());
            Ok(Touch {
                status: read_status(&row.status, id)?,
                channel: read_channel(&row.channel, id)?,
                kind: read_kind(&row.kind, id)?,
                at: row.closed_at.map_or(created_at, jiff_sqlx::Timestamp::to_jiff),
                headline: row.headline.unwrap_or_default(),
                facts: facts.remove(&id).unwrap_or_default(),
                text: text.map(|envelope| super::thread::beginning(envelope.payload.parts.text())),
                id,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(Thread { touches, has_more })
}

/// Reads the envelope that an item had before its last edit. `None` if it never had another, or it was erased.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn version_before(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Version>, Error> {
    let row = sqlx::query!(
        r#"SELECT p.payload_sha256, p.envelope AS "envelope!", p.created_at
        FROM crm_payloads p
        JOIN crm_activities a ON a.company_id = p.company_id AND a.id = p.activity_id
        WHERE p.company_id = $1 AND p.activity_id = $2 AND p.payload_sha256 <> a.payload_sha256 AND p.envelope IS NOT NULL
        ORDER BY p.created_at DESC, p.payload_sha256 LIMIT 1"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let envelope = Envelope::open(&row.envelope).map_err(|error| Error::Corrupt {
            table: "crm_payloads",
            row: id.to_string(),
            problem: error.to_string(),
        })?;
        let payload_sha256 = read_hash(&row.payload_sha256, id)?;
        Ok(Version { payload_sha256, envelope, at: row.created_at.to_jiff() })
    })
    .transpose()
}
