//! SQL of applying events: what is due, whom and what an event is about, and what it changes.
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::event::{Event, Reference};
use super::provider::Provider;
use crate::activity::fact::Fact;
use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::activity::store::{read_channel, read_hash, read_status};
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, EventId, OutboxId};

/// An event that waits to be applied, under lock.
pub(super) struct Stored {
    pub(super) id: EventId,
    pub(super) source: Provider,
    pub(super) event: Event,
    pub(super) received_at: Timestamp,
    pub(super) tries: i16,
    pub(super) state: String,
    /// The database's clock.
    pub(super) now: Timestamp,
}

/// Locks the next event that is due and that nobody else has.
pub(super) async fn lock_next(conn: &mut PgConnection, company: CompanyId) -> Result<Option<EventId>, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id: EventId" FROM crm_inbound_events
        WHERE company_id = $1 AND state = 'stored' AND look_at <= clock_timestamp()
        ORDER BY look_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"#,
        company.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Reads an event under lock, whatever its state.
pub(super) async fn load(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<Stored>, Error> {
    let row = sqlx::query!(
        r#"SELECT e.id AS "id: EventId", e.source, e.reading, e.raw, e.received_at, e.tries, e.state, clock_timestamp() AS "now!"
        FROM crm_inbound_events e WHERE e.company_id = $1 AND e.id = $2 FOR NO KEY UPDATE"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let corrupt =
        |problem: String| Error::Corrupt { table: "crm_inbound_events", row: row.id.to_string(), problem };
    let source = Provider::parse(&row.source)
        .ok_or_else(|| corrupt(format!("the source `{}` is not known", row.source)))?;
    let Some(reading) = row.reading else {
        return Err(corrupt("it was erased and cannot be applied any more".to_owned()));
    };
    let mut event: Event = serde_json::from_value(reading).map_err(|error| corrupt(error.to_string()))?;
    event.raw = row.raw.unwrap_or_default().into();
    Ok(Some(Stored {
        id: row.id,
        source,
        event,
        received_at: row.received_at.to_jiff(),
        tries: row.tries,
        state: row.state,
        now: row.now.to_jiff(),
    }))
}

/// What became of an event.
pub(super) struct Ending<'a> {
    pub(super) state: &'static str,
    pub(super) contact: Option<ContactId>,
    pub(super) activity: Option<ActivityId>,
    pub(super) did: &'a [String],
    pub(super) error: Option<&'a str>,
}

/// Writes what became of an event.
pub(super) async fn end(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    ending: &Ending<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET state = $3, contact_id = coalesce($4, contact_id), activity_id = coalesce($5, activity_id),
          did = $6, error = left($7, 500), applied_at = clock_timestamp(), tries = tries + 1
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        id.0,
        ending.state,
        ending.contact.map(|id| id.0),
        ending.activity.map(|id| id.0),
        ending.did,
        ending.error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Looks at an event again later.
pub(super) async fn again(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    after: std::time::Duration,
    why: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_inbound_events SET tries = tries + 1, look_at = clock_timestamp() + make_interval(secs => $3), error = left($4, 500)
        WHERE company_id = $1 AND id = $2 AND state = 'stored'"#,
        company.0,
        id.0,
        after.as_secs_f64(),
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the whole of an event whose rest was fetched.
pub(super) async fn complete(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
    event: &Event,
) -> Result<(), Error> {
    let reading = serde_json::to_value(event).map_err(|error| Error::Corrupt {
        table: "crm_inbound_events",
        row: id.to_string(),
        problem: error.to_string(),
    })?;
    sqlx::query!(
        "UPDATE crm_inbound_events SET reading = $3 WHERE company_id = $1 AND id = $2",
        company.0,
        id.0,
        reading
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A message of ours that an event is about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: ActivityId,
    pub(super) contact: ContactId,
    pub(super) outbox: Option<OutboxId>,
    pub(super) channel: ChannelName,
    pub(super) status: Status,
    pub(super) round: i32,
    pub(super) first_wire_at: Option<Timestamp>,
    /// The round of the attempt that a provider's id belongs to, if it was found by that.
    pub(super) named_round: Option<i32>,
}

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

/// Whose address that is.
pub(super) async fn contact_of(
    conn: &mut PgConnection,
    company: CompanyId,
    addresses: &[String],
) -> Result<Option<ContactId>, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT contact_id AS "id: ContactId" FROM crm_contact_addresses WHERE company_id = $1 AND address = ANY ($2)
        ORDER BY contact_id LIMIT 1"#,
        company.0,
        addresses
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// Locks contacts, in id order, as claims do; with `whole_accounts` everybody of their accounts too. Returns them.
pub(super) async fn lock_contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
    whole_accounts: bool,
) -> Result<Vec<ContactId>, Error> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let locked = sqlx::query_scalar!(
        r#"SELECT c.id AS "id: ContactId" FROM crm_contacts c WHERE c.company_id = $1 AND (c.id = ANY ($2) OR $3 AND c.account_id IN (
          SELECT k.account_id FROM crm_contacts k WHERE k.company_id = $1 AND k.id = ANY ($2)))
        ORDER BY c.id FOR NO KEY UPDATE"#,
        company.0,
        &ids,
        whole_accounts
    )
    .fetch_all(conn)
    .await?;
    Ok(locked)
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

/// Notes a fact about a message; says whether it is news. Of the same fact told twice the earlier time stays.
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
        ON CONFLICT (company_id, activity_id, fact) DO UPDATE SET at = least(crm_activity_facts.at, excluded.at),
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
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = events.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contact_holds (company_id, contact_id, code, event_id, until)
        SELECT DISTINCT $1::uuid, d.contact_id, 'unread', w.event_id, clock_timestamp() + interval '7 days'
        FROM unnest($2::uuid[], $3::text[]) AS w (event_id, address)
        JOIN crm_contact_addresses d ON d.company_id = $1 AND d.address = w.address
        ON CONFLICT (company_id, contact_id, code, event_id) DO NOTHING"#,
        company.0,
        &events,
        addresses
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

/// How often an event was tried that still waits.
pub(super) async fn tries(
    conn: &mut PgConnection,
    company: CompanyId,
    id: EventId,
) -> Result<Option<i16>, Error> {
    let tries = sqlx::query_scalar!(
        "SELECT tries FROM crm_inbound_events WHERE company_id = $1 AND id = $2 AND state = 'stored' FOR NO KEY UPDATE",
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(tries)
}
