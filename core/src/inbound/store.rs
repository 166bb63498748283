//! SQL of noted messages.
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;

use super::{Direction, Noted};
use crate::activity::payload::Kind;
use crate::activity::status::Status;
use crate::activity::store::{read_channel, read_status};
use crate::actor::Actor;
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};

/// Locks a contact; says whether there is one.
pub(super) async fn lock_contact(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM crm_contacts WHERE company_id = $1 AND id = $2 FOR NO KEY UPDATE",
        company.0,
        contact.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

#[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    noted: &Noted,
    status: Status,
    kind: Kind,
    at: Timestamp,
    actor: &Actor,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_activities (company_id, id, contact_id, channel, kind, status, created_at, closed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"#,
        company.0,
        id.0,
        noted.contact.0,
        noted.channel.as_str(),
        kind.as_str(),
        status.as_str(),
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"INSERT INTO crm_activity_details (company_id, activity_id, recipient, headline, proposed_kind, proposed_by, proposed_id)
        VALUES ($1, $2, $3, $4, 'operator', $5, $6)"#,
        company.0,
        id.0,
        noted.channel.as_str(),
        noted.note.trim(),
        actor.name(),
        actor.id()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps when a contact last wrote on a channel; an older message changes nothing.
pub(super) async fn note_inbound(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_contact_inbound (company_id, contact_id, channel, last_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (company_id, contact_id, channel) DO UPDATE SET last_at = greatest(crm_contact_inbound.last_at, excluded.last_at)"#,
        company.0,
        contact.0,
        channel.as_str(),
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A noted message as people see it. It has no outbox, no frozen bytes, no decisions and no attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotedView {
    /// The activity.
    pub id: ActivityId,
    /// `received` or `recorded`.
    pub status: Status,
    /// Who wrote.
    pub direction: Direction,
    /// On which channel.
    pub channel: ChannelName,
    /// With whom.
    pub contact_id: ContactId,
    /// Their name; foreign text.
    pub contact: String,
    /// Their company; foreign text.
    pub account: Option<String>,
    /// When it passed.
    pub at: Timestamp,
    /// What it said, in a line; foreign text.
    pub note: String,
    /// Who noted it.
    pub noted_by: String,
}

/// Reads one noted message; `None` for an activity that is none.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn noted(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<NotedView>, Error> {
    let row = sqlx::query!(
        r#"SELECT a.status, a.channel, a.created_at, c.id AS "contact_id: ContactId", c.name AS contact, k.name AS "account?",
          e.headline, e.proposed_by
        FROM crm_activities a
        JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id
        JOIN crm_contacts c ON c.company_id = a.company_id AND c.id = a.contact_id
        LEFT JOIN crm_accounts k ON k.company_id = c.company_id AND k.id = c.account_id
        WHERE a.company_id = $1 AND a.id = $2 AND a.status IN ('received', 'recorded')"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let status = read_status(&row.status, id)?;
        Ok(NotedView {
            id,
            status,
            direction: if status == Status::Received { Direction::In } else { Direction::Out },
            channel: read_channel(&row.channel, id)?,
            contact_id: row.contact_id,
            contact: row.contact,
            account: row.account,
            at: row.created_at.to_jiff(),
            note: row.headline,
            noted_by: row.proposed_by,
        })
    })
    .transpose()
}
