//! SQL that finds out what an event is about and whom it concerns.
use sqlx::PgConnection;

use super::event::{Booking, Reference};
use super::provider::Provider;
use super::store_apply::Target;
use crate::activity::store::{read_channel, read_status};
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EventId, OutboxId};

/// Finds the message that a reference names.
pub(super) async fn by_reference(
    conn: &mut PgConnection,
    company: CompanyId,
    reference: &Reference,
) -> Result<Option<Target>, Error> {
    let (id, provider_ref, other) = match reference {
        Reference::Activity(id) => (Some(id.0), None, None),
        Reference::Provider(id) => (None, Some(id.as_str()), Some(id.as_str())),
        Reference::MessageId(id) => (None, None, Some(id.as_str())),
    };
    let row = sqlx::query!(
        r#"WITH named AS (
          SELECT $2::uuid AS id, NULL::int AS round WHERE $2::uuid IS NOT NULL
          UNION ALL SELECT x.activity_id, x.round FROM crm_dispatch_attempts x WHERE x.company_id = $1 AND x.provider_ref = $3
          UNION ALL SELECT r.activity_id, NULL FROM crm_activity_references r WHERE r.company_id = $1 AND r.reference = $4)
        SELECT a.id AS "id: ActivityId", a.contact_id AS "contact: ContactId", a.outbox_id AS "outbox: OutboxId", a.channel, a.status,
          a.round, a.first_wire_at, n.round AS "named_round?"
        FROM named n JOIN crm_activities a ON a.company_id = $1 AND a.id = n.id
        WHERE a.outbox_id IS NOT NULL ORDER BY a.id DESC LIMIT 1"#,
        company.0,
        id,
        provider_ref,
        other
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Target {
            contact: row.contact,
            outbox: row.outbox,
            channel: read_channel(&row.channel, row.id)?,
            status: read_status(&row.status, row.id)?,
            round: row.round,
            first_wire_at: row.first_wire_at.map(jiff_sqlx::Timestamp::to_jiff),
            named_round: row.named_round,
            id: row.id,
        })
    })
    .transpose()
}

/// Whose addresses those are, in the words of one provider.
pub(super) async fn contacts_of(
    conn: &mut PgConnection,
    company: CompanyId,
    source: Provider,
    addresses: &[String],
) -> Result<Vec<ContactId>, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT DISTINCT contact_id AS "id: ContactId" FROM crm_contact_addresses
        WHERE company_id = $1 AND kind = $2 AND address = ANY ($3) ORDER BY 1"#,
        company.0,
        source.address_kind(),
        addresses
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// Whether this meeting was told before as it is now, by whatever event.
pub(super) async fn is_known_meeting(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    event: EventId,
    meeting: &Booking,
) -> Result<bool, Error> {
    let starts_at = meeting.starts_at.map(|at| at.to_string());
    let is_known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM crm_inbound_events e WHERE e.company_id = $1 AND e.contact_id = $2 AND e.id <> $3
          AND e.kind = 'booking' AND e.state = 'applied' AND e.reading #>> '{what,uid}' = $4 AND e.reading #>> '{what,phase}' IN ('booked', 'moved')
          AND e.reading #>> '{what,startsAt}' IS NOT DISTINCT FROM $5) AS "is_known!""#,
        company.0,
        contact.0,
        event.0,
        meeting.uid,
        starts_at
    )
    .fetch_one(conn)
    .await?;
    Ok(is_known)
}

/// The last message that left for a contact, on this channel if there is one.
pub(super) async fn newest_to(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
) -> Result<Option<ActivityId>, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id: ActivityId" FROM crm_activities
        WHERE company_id = $1 AND contact_id = $2 AND kind <> 'post' AND channel = $3
          AND status IN ('sent', 'dispatching', 'uncertain') AND wire_at IS NOT NULL
        ORDER BY created_at DESC, id DESC LIMIT 1"#,
        company.0,
        contact.0,
        channel.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The mail boxes and numbers a message of ours went to, in their canonical form.
pub(super) async fn recipients(
    conn: &mut PgConnection,
    company: CompanyId,
    activity: ActivityId,
) -> Result<Vec<String>, Error> {
    let found = sqlx::query!(
        "SELECT recipient, recipients FROM crm_activity_details WHERE company_id = $1 AND activity_id = $2",
        company.0,
        activity.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|row| row.recipients.unwrap_or_else(|| vec![row.recipient])).unwrap_or_default())
}

/// Uncertain messages on a channel to one recipient, oldest first, with their frozen bytes.
pub(super) async fn uncertain_to(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
) -> Result<Vec<(ActivityId, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", p.envelope AS "envelope!" FROM crm_activities a
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        WHERE a.company_id = $1 AND a.contact_id = $2 AND a.channel = $3 AND a.status IN ('uncertain', 'dispatching') AND a.wire_at IS NOT NULL
          AND p.envelope IS NOT NULL
        ORDER BY a.id LIMIT 50"#,
        company.0,
        contact.0,
        channel.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.envelope)).collect())
}
