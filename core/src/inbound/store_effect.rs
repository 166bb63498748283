//! SQL of what an event changes: contacts, facts, messages that wait, and holds.
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::provider::Provider;
use crate::activity::fact::Fact;
use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::activity::store::read_hash;
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EventId};

/// Locks contacts, in id order, as claims do; with `whole_accounts` everybody of their accounts too. Returns them.
pub(super) async fn lock_contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
    whole_accounts: bool,
) -> Result<Vec<ContactId>, Error> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let locked = sqlx::query_scalar!(
        r#"SELECT c.id AS "id: ContactId" FROM crm_contacts c WHERE c.company_id = $1 AND (c.id = ANY ($2) OR c.account_id = ANY (ARRAY (
          SELECT k.account_id FROM crm_contacts k WHERE $3 AND k.company_id = $1 AND k.id = ANY ($2))))
        ORDER BY c.id FOR NO KEY UPDATE"#,
        company.0,
        &ids,
        whole_accounts
    )
    .fetch_all(conn)
    .await?;
    Ok(locked)
}

/// Notes a fact about a message; says whether it is news. Of the same fact told twice the earlier time stays; but a meeting may be made
/// and called off more than once, and there the last time counts.
pub(super) async fn note_fact(
    conn: &mut PgConnection,
    company: CompanyId,
    activity: ActivityId,
    fact: Fact,
    at: Timestamp,
    detail: Option<&str>,
) -> Result<bool, Error> {
    let is_new = sqlx::query_scalar!(
        r#"INSERT INTO crm_activity_facts (company_id, activity_id, fact, at, detail) VALUES ($1, $2, $3, $4, left($5, 500))
        ON CONFLICT (company_id, activity_id, fact) DO UPDATE
          SET at = CASE WHEN excluded.fact IN ('booked', 'cancelled') THEN greatest(crm_activity_facts.at, excluded.at)
            ELSE least(crm_activity_facts.at, excluded.at) END,
          detail = CASE WHEN excluded.at < crm_activity_facts.at THEN excluded.detail ELSE crm_activity_facts.detail END
        RETURNING xmax = 0 AS "is_new!""#,
        company.0,
        activity.0,
        fact.as_str(),
        jiff_sqlx::Timestamp::from(at) as _,
        detail
    )
    .fetch_one(conn)
    .await?;
    Ok(is_new)
}

/// Keeps another name of a message. One that is another message's already stays that one's.
pub(super) async fn note_reference(
    conn: &mut PgConnection,
    company: CompanyId,
    activity: ActivityId,
    reference: &str,
) -> Result<(), Error> {
    if reference.is_empty() || reference.chars().count() > 1000 {
        return Ok(());
    }
    sqlx::query!(
        r#"INSERT INTO crm_activity_references (company_id, reference, activity_id) VALUES ($1, $2, $3)
        ON CONFLICT (company_id, reference) DO NOTHING"#,
        company.0,
        reference,
        activity.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A message that was taken back because of an event.
pub(super) struct Withdrawn {
    pub(super) id: ActivityId,
    pub(super) payload_sha256: PayloadHash,
}

/// Takes back everything that waits for these contacts and is of one of these kinds; posts are written to nobody and stay. What is on the
/// wire is past taking back. Locks in id order, as decisions do.
pub(super) async fn withdraw(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
    kinds: &[&str],
    code: &str,
) -> Result<Vec<Withdrawn>, Error> {
    let contacts: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let ids: Vec<Uuid> = sqlx::query_scalar!(
        r#"SELECT id FROM crm_activities WHERE company_id = $1 AND contact_id = ANY ($2) AND kind = ANY ($3)
          AND status IN ('draft_pending_approval', 'approved', 'blocked_by_quota', 'blocked_by_allowlist', 'blocked_by_policy')
        ORDER BY id FOR NO KEY UPDATE"#,
        company.0,
        &contacts,
        &kinds
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'withdrawn', hold_code = $3, closed_at = clock_timestamp()
        WHERE company_id = $1 AND id = ANY ($2)
          AND status IN ('draft_pending_approval', 'approved', 'blocked_by_quota', 'blocked_by_allowlist', 'blocked_by_policy')
        RETURNING id AS "id: ActivityId", payload_sha256 AS "payload_sha256!""#,
        company.0,
        &ids,
        code
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Withdrawn { payload_sha256: read_hash(&row.payload_sha256, row.id)?, id: row.id }))
        .collect()
}

/// Puts what a contact wrote, or what was written to them elsewhere, on file.
#[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
pub(super) async fn insert_message(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    contact: ContactId,
    channel: ChannelName,
    status: Status,
    at: Timestamp,
    headline: &str,
    told_by: Provider,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_activities (company_id, id, contact_id, channel, kind, status, created_at, closed_at)
        VALUES ($1, $2, $3, $4, CASE WHEN $5 = 'received' THEN 'reply' ELSE 'follow_up' END, $5, $6, $6)"#,
        company.0,
        id.0,
        contact.0,
        channel.as_str(),
        status.as_str(),
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"INSERT INTO crm_activity_details (company_id, activity_id, recipient, headline, proposed_kind, proposed_by)
        VALUES ($1, $2, $3, $4, 'contact', $5)"#,
        company.0,
        id.0,
        channel.as_str(),
        headline,
        told_by.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps when a contact last wrote on a channel and that we know it by now; an older message changes nothing.
pub(super) async fn note_inbound(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
    at: Timestamp,
    told_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_contact_inbound (company_id, contact_id, channel, last_at, told_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (company_id, contact_id, channel) DO UPDATE SET last_at = greatest(crm_contact_inbound.last_at, excluded.last_at),
          told_at = greatest(crm_contact_inbound.told_at, excluded.told_at)"#,
        company.0,
        contact.0,
        channel.as_str(),
        jiff_sqlx::Timestamp::from(at) as _,
        jiff_sqlx::Timestamp::from(told_at) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps that what was written for these contacts before now is stopped, so that what is on the wire and comes back is stopped as well.
pub(super) async fn note_stop(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
    code: &str,
) -> Result<(), Error> {
    let contacts: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contact_stops (company_id, contact_id, code, at)
        SELECT $1, w.id, $3, clock_timestamp() FROM unnest($2::uuid[]) AS w (id)
        ON CONFLICT (company_id, contact_id, code) DO UPDATE SET at = greatest(crm_contact_stops.at, excluded.at)"#,
        company.0,
        &contacts,
        code
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets nothing leave for contacts who are away until then.
pub(super) async fn hold_away(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_contact_holds (company_id, contact_id, code, event_id, until)
        VALUES ($1, $2, 'away', '00000000-0000-0000-0000-000000000000', $3)
        ON CONFLICT (company_id, contact_id, code, event_id) DO UPDATE SET until = greatest(crm_contact_holds.until, excluded.until)"#,
        company.0,
        contact.0,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets nothing leave for whoever wrote these messages until they are read. Part of the transaction that stores them, so that from the
/// moment they are acknowledged nothing is claimed for their writers.
pub(super) async fn hold_unread(
    conn: &mut PgConnection,
    company: CompanyId,
    events: &[EventId],
    addresses: &[String],
    source: Provider,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = events.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contact_holds (company_id, contact_id, code, event_id, until)
        SELECT DISTINCT $1::uuid, d.contact_id, 'unread', w.event_id, 'infinity'::timestamptz
        FROM unnest($2::uuid[], $3::text[]) AS w (event_id, address)
        JOIN crm_contact_addresses d ON d.company_id = $1 AND d.kind = $4 AND d.address = w.address
        ON CONFLICT (company_id, contact_id, code, event_id) DO NOTHING"#,
        company.0,
        &events,
        addresses,
        source.address_kind()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An event is read: what waited for that waits no longer.
pub(super) async fn release(
    conn: &mut PgConnection,
    company: CompanyId,
    event: EventId,
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM crm_contact_holds WHERE company_id = $1 AND code = 'unread' AND event_id = $2",
        company.0,
        event.0
    )
    .execute(conn)
    .await?;
    Ok(())
}
