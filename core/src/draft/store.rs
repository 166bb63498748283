//! SQL of filing: whole batches, a fixed number of statements each.
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::activity::payload::{Kind, Sealed};
use crate::channel::ChannelName;
use crate::contact;
use crate::contact::look_alike::skeleton;
use crate::contact::store_look_alike;
use crate::db;
use crate::error::Error;
use crate::ids::{AccountId, ActivityId, AgentId, CompanyId, ContactId, OutboxId};

/// Who a draft is for.
pub(crate) struct Wanted {
    pub(crate) address_kind: &'static str,
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) account: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) zone: Option<String>,
}

/// A row to be written.
pub(crate) struct NewActivity {
    pub(crate) id: ActivityId,
    pub(crate) outbox: OutboxId,
    pub(crate) contact: ContactId,
    pub(crate) channel: ChannelName,
    pub(crate) kind: Kind,
    pub(crate) expires_at: Timestamp,
    pub(crate) send_after: Timestamp,
    pub(crate) recipient: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) headline: String,
    pub(crate) proposed_kind: &'static str,
    pub(crate) proposed_id: Option<Uuid>,
    pub(crate) proposed_by: String,
    pub(crate) dedup_key: String,
    pub(crate) request_sha256: Vec<u8>,
    pub(crate) sealed: Sealed,
}

/// How long a filing waits for the others of its company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A minute: a whole import is one transaction.
    Import,
    /// As long as for any lock, and only once: a person, or a connection of the API, waits for the answer.
    Person,
}

/// Orders filings of one company: what one of them looks up stays true until it has written.
///
/// # Errors
/// [`Error::Contended`] where that takes too long for a person, or a database fault.
pub(crate) async fn take_turns(
    conn: &mut PgConnection,
    company: CompanyId,
    patience: Patience,
) -> Result<(), Error> {
    if patience == Patience::Import {
        sqlx::query!(
            r#"SELECT set_config('lock_timeout', '60s', true) AS lock_timeout,
          set_config('statement_timeout', '60s', true) AS statement_timeout"#
        )
        .fetch_one(&mut *conn)
        .await?;
    }
    let taken =
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7))", company.0.to_string())
            .execute(conn)
            .await;
    match taken {
        Err(source) if patience == Patience::Person && db::is_contention(&source) => {
            Err(Error::Contended { tries: 1, source })
        }
        taken => Ok(taken.map(drop)?),
    }
}

/// Which of these keys are on file, with the activity and the hash of its body.
pub(super) async fn known_keys(
    conn: &mut PgConnection,
    company: CompanyId,
    keys: &[String],
) -> Result<HashMap<String, (ActivityId, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT client_dedup_key AS "key!", activity_id AS "id: ActivityId", request_sha256 FROM crm_activity_details
        WHERE company_id = $1 AND client_dedup_key = ANY ($2)"#,
        company.0,
        keys
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, (row.id, row.request_sha256.unwrap_or_default()))).collect())
}

/// Finds or makes the contact of each address, in the order given. A known contact keeps its name.
pub(crate) async fn match_contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &[Wanted],
) -> Result<Vec<ContactId>, Error> {
    let addresses: Vec<_> = wanted.iter().map(|one| (one.address_kind, one.address.as_str())).collect();
    let mut known = contact::store::owners(conn, company, &addresses).await?;
    let missing: Vec<&Wanted> = {
        let mut seen = HashSet::new();
        wanted
            .iter()
            .filter(|one| !known.contains_key(&(one.address_kind.to_owned(), one.address.clone())))
            .filter(|one| seen.insert((one.address_kind, one.address.as_str())))
            .collect()
    };
    if !missing.is_empty() {
        let accounts = match_accounts(conn, company, &missing).await?;
        let ids: Vec<Uuid> = missing.iter().map(|_| ContactId::new().0).collect();
        let account_ids: Vec<Option<Uuid>> = missing
            .iter()
            .map(|one| one.account.as_ref().and_then(|name| accounts.get(name)).map(|id| id.0))
            .collect();
        let names: Vec<String> = missing.iter().map(|one| one.name.clone()).collect();
        let locales: Vec<Option<String>> = missing.iter().map(|one| one.locale.clone()).collect();
        let zones: Vec<Option<String>> = missing.iter().map(|one| one.zone.clone()).collect();
        sqlx::query!(
            r#"INSERT INTO crm_contacts (company_id, id, account_id, name, locale, zone)
            SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])"#,
            company.0,
            &ids,
            &account_ids as &[Option<Uuid>],
            &names,
            &locales as &[Option<String>],
            &zones as &[Option<String>]
        )
        .execute(&mut *conn)
        .await?;
        let kinds: Vec<String> = missing.iter().map(|one| one.address_kind.to_owned()).collect();
        let values: Vec<String> = missing.iter().map(|one| one.address.clone()).collect();
        let skeletons: Vec<String> = missing.iter().map(|one| skeleton(&one.address)).collect();
        sqlx::query!(
            r#"INSERT INTO crm_contact_addresses (company_id, contact_id, kind, address, skeleton)
            SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])"#,
            company.0,
            &ids,
            &kinds,
            &values,
            &skeletons
        )
        .execute(&mut *conn)
        .await?;
        for (one, id) in missing.iter().zip(ids) {
            known.insert((one.address_kind.to_owned(), one.address.clone()), ContactId(id));
        }
    }
    wanted
        .iter()
        .map(|one| {
            known.get(&(one.address_kind.to_owned(), one.address.clone())).copied().ok_or_else(|| {
                Error::Corrupt {
                    table: "crm_contact_addresses",
                    row: one.address_kind.to_owned(),
                    problem: "an address that was just written is not there".to_owned(),
                }
            })
        })
        .collect()
}

async fn match_accounts(
    conn: &mut PgConnection,
    company: CompanyId,
    wanted: &[&Wanted],
) -> Result<HashMap<String, AccountId>, Error> {
    let names: Vec<String> =
        wanted.iter().filter_map(|one| one.account.clone()).collect::<HashSet<_>>().into_iter().collect();
    let ids: Vec<Uuid> = names.iter().map(|_| AccountId::new().0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_accounts (company_id, id, name) SELECT $1, * FROM unnest($2::uuid[], $3::text[])
        ON CONFLICT (company_id, name) DO NOTHING"#,
        company.0,
        &ids,
        &names
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT id AS "id: AccountId", name FROM crm_accounts WHERE company_id = $1 AND name = ANY ($2)"#,
        company.0,
        &names
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}

/// Which of these contacts were written to before, or may have been.
pub(super) async fn touched(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
) -> Result<HashSet<ContactId>, Error> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT DISTINCT contact_id AS "id: ContactId" FROM crm_activities
        WHERE company_id = $1 AND contact_id = ANY ($2) AND status IN ('sent', 'recorded', 'dispatching', 'uncertain')"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The open draft in each place of these contacts.
pub(super) async fn open_drafts(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
) -> Result<HashMap<(ContactId, OutboxId, Kind), ActivityId>, Error> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id AS "id: ActivityId", contact_id AS "contact_id: ContactId", outbox_id AS "outbox_id!: OutboxId", kind
        FROM crm_activities WHERE company_id = $1 AND contact_id = ANY ($2) AND stage = 'draft'
        ORDER BY id FOR NO KEY UPDATE"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Kind::parse(&row.kind).map(|kind| ((row.contact_id, row.outbox_id, kind), row.id)))
        .collect())
}

/// How many of these activities an agent drafted by a credential of its own.
pub(super) async fn drafted_by(
    conn: &mut PgConnection,
    company: CompanyId,
    agent: AgentId,
    ids: &[ActivityId],
) -> Result<usize, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM crm_activity_details
        WHERE company_id = $1 AND activity_id = ANY ($2) AND proposed_kind = 'agent' AND proposed_id = $3"#,
        company.0,
        &ids,
        agent.0
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Closes drafts whose place a newer one takes.
pub(crate) async fn supersede(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"UPDATE crm_activities SET status = 'superseded', closed_at = now()
        WHERE company_id = $1 AND id = ANY ($2) AND status = 'draft_pending_approval'"#,
        company.0,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the rows: payload, activity, details.
pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: &[NewActivity],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let hashes: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.sha256().as_bytes().to_vec()).collect();
    let envelopes: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.bytes().to_vec()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
        SELECT $1, * FROM unnest($2::uuid[], $3::bytea[], $4::bytea[])"#,
        company.0,
        &ids,
        &hashes,
        &envelopes
    )
    .execute(&mut *conn)
    .await?;
    let outboxes: Vec<Uuid> = rows.iter().map(|row| row.outbox.0).collect();
    let contacts: Vec<Uuid> = rows.iter().map(|row| row.contact.0).collect();
    let channels: Vec<String> = rows.iter().map(|row| row.channel.as_str().to_owned()).collect();
    let kinds: Vec<String> = rows.iter().map(|row| row.kind.as_str().to_owned()).collect();
    let expiries: Vec<jiff_sqlx::Timestamp> = rows.iter().map(|row| row.expires_at.into()).collect();
    let send_afters: Vec<jiff_sqlx::Timestamp> = rows.iter().map(|row| row.send_after.into()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_activities
          (company_id, status, id, outbox_id, contact_id, channel, kind, payload_sha256, expires_at, send_after)
        SELECT $1, 'draft_pending_approval', * FROM unnest(
          $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::timestamptz[], $9::timestamptz[])"#,
        company.0,
        &ids,
        &outboxes,
        &contacts,
        &channels,
        &kinds,
        &hashes,
        &expiries as _,
        &send_afters as _
    )
    .execute(&mut *conn)
    .await?;
    let recipients: Vec<String> = rows.iter().map(|row| row.recipient.clone()).collect();
    let headlines: Vec<String> = rows.iter().map(|row| row.headline.clone()).collect();
    let proposed_kinds: Vec<String> = rows.iter().map(|row| row.proposed_kind.to_owned()).collect();
    let proposed_by: Vec<String> = rows.iter().map(|row| row.proposed_by.clone()).collect();
    let proposed_ids: Vec<Option<Uuid>> = rows.iter().map(|row| row.proposed_id).collect();
    let keys: Vec<String> = rows.iter().map(|row| row.dedup_key.clone()).collect();
    let requests: Vec<Vec<u8>> = rows.iter().map(|row| row.request_sha256.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_activity_details (company_id, activity_id, recipient, headline, proposed_kind, proposed_by, proposed_id,
          client_dedup_key, request_sha256, is_handwritten)
        SELECT $1, w.*, w.proposed_kind = 'operator' FROM unnest(
          $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::bytea[])
          AS w (id, recipient, headline, proposed_kind, proposed_by, proposed_id, client_dedup_key, request_sha256)"#,
        company.0,
        &ids,
        &recipients,
        &headlines,
        &proposed_kinds,
        &proposed_by,
        &proposed_ids as &[Option<Uuid>],
        &keys,
        &requests
    )
    .execute(&mut *conn)
    .await?;
    let recipients: Vec<_> = rows.iter().map(|row| (row.id, row.recipients.clone())).collect();
    store_look_alike::write_recipients(conn, company, &recipients).await
}
