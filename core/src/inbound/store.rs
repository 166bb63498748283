//! SQL of noted messages.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::Noted;
use crate::activity::payload::Kind;
use crate::activity::status::Status;
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
