//! SQL of the facts: what the gates look at, for a whole batch of one outbox at once.
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::PgConnection;
use uuid::Uuid;

use super::frequency::Touches;
use super::store_facts::Details;
use super::{Facts, Item, quota, store_facts, store_past};
use crate::activity::payload::{Envelope, Kind, PayloadHash};
use crate::activity::status::Status;
use crate::activity::store::{read_hash, read_kind, read_status};
use crate::company::policy::Policy;
use crate::contact;
use crate::contact::allowlist::{Allowlist, normalise};
use crate::contact::suppression::Reason;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};
use crate::outbox::store::OutboxSettings;
use crate::quota::day;

/// Activities of one outbox with everything the gates may look at.
pub(crate) struct Batch {
    pub(crate) now: Timestamp,
    pub(crate) outbox: OutboxSettings,
    pub(crate) policy: Policy,
    pub(crate) candidates: Vec<Candidate>,
    allowlist: Allowlist,
    suppressed: HashMap<String, Reason>,
}

/// One activity: what the gates look at, and what a claim writes.
pub(crate) struct Candidate {
    pub(crate) item: Item,
    pub(crate) status: Status,
    pub(crate) round: i32,
    pub(crate) attempt: i16,
    pub(crate) first_wire_at: Option<Timestamp>,
    pub(crate) quota_day: Option<Date>,
    /// Attempts of this round so far.
    pub(crate) tries: i64,
    /// Version of the credential of the first of them that may have been accepted.
    pub(crate) secret_version: Option<i32>,
}

impl Batch {
    /// What the gates look at of one of them.
    pub(crate) fn facts<'a>(
        &'a self,
        candidate: &'a Candidate,
        has_line: bool,
        quota: Option<quota::Standing>,
    ) -> Facts<'a> {
        Facts {
            now: self.now,
            is_draft: candidate.status == Status::DraftPendingApproval,
            has_line,
            outbox: &self.outbox,
            policy: &self.policy,
            allowlist: &self.allowlist,
            suppressed: &self.suppressed,
            quota,
            item: &candidate.item,
        }
    }
}

/// An activity as its row says it.
pub(crate) struct Row {
    pub(crate) id: ActivityId,
    pub(crate) contact: ContactId,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    pub(crate) round: i32,
    pub(crate) attempt: i16,
    pub(crate) payload_sha256: PayloadHash,
    pub(crate) send_after: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) first_wire_at: Option<Timestamp>,
    pub(crate) quota_day: Option<Date>,
}

/// Reads one activity that has a message, for advice.
pub(crate) async fn row(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Row>, Error> {
    let row = sqlx::query!(
        r#"SELECT a.contact_id AS "contact: ContactId", a.kind, a.status, a.round, a.attempt, a.payload_sha256 AS "payload_sha256!",
          a.send_after, a.expires_at, a.first_wire_at, a.quota_day
        FROM crm_activities a WHERE a.company_id = $1 AND a.id = $2 AND a.payload_sha256 IS NOT NULL"#,
        company.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Row {
            id,
            contact: row.contact,
            kind: read_kind(&row.kind, id)?,
            status: read_status(&row.status, id)?,
            round: row.round,
            attempt: row.attempt,
            payload_sha256: read_hash(&row.payload_sha256, id)?,
            send_after: row.send_after.to_jiff(),
            expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            first_wire_at: row.first_wire_at.map(jiff_sqlx::Timestamp::to_jiff),
            quota_day: row.quota_day.map(jiff_sqlx::Date::to_jiff),
        })
    })
    .transpose()
}

/// Loads a batch: a fixed number of statements for any number of rows. Rows that are under lock keep what they say; everything else is
/// read here, so it is at least as new. `counts_dry_runs` says whether what a dry run sent counts as sent.
pub(crate) async fn load(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxSettings,
    policy: Policy,
    now: Timestamp,
    rows: Vec<Row>,
    counts_dry_runs: bool,
) -> Result<Batch, Error> {
    let asks_about_draft = policy.asks_for_two() || super::window::asks_about_draft(outbox.channel);
    let mut candidates = candidates(conn, company, rows, asks_about_draft).await?;
    let everyone: Vec<String> = candidates.iter().flat_map(|candidate| candidate.item.recipients()).collect();
    let allowlist = contact::store::entries_for(conn, company, &everyone).await?;
    let suppressed = contact::store_suppression::suppressed(conn, company, &everyone).await?;
    let consents = contact::store_consent::of_recipients(conn, company, outbox.channel, &everyone).await?;
    for candidate in &mut candidates {
        for recipient in candidate.item.recipients() {
            match consents.get(&normalise(&recipient)) {
                Some(state) => candidate.item.consents.push(*state),
                None => candidate.item.without_consent += 1,
            }
        }
    }
    store_past::replies(conn, company, outbox.channel, &mut candidates).await?;
    store_past::attempts(conn, company, &mut candidates).await?;
    if policy.asks_for_two() {
        store_past::approvals(conn, company, &mut candidates).await?;
    }
    if policy.caps_frequency() {
        let items = candidates.iter_mut().map(|candidate| &mut candidate.item).collect();
        store_past::touches(conn, company, items, counts_dry_runs).await?;
    }
    Ok(Batch { now, outbox, policy, candidates, allowlist, suppressed })
}

/// The bytes, the decision and the contact of every row, in the order of the rows, and how it was drafted if somebody asks. One look
/// into one table at a time: a join of all costs more.
async fn candidates(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: Vec<Row>,
    asks_about_draft: bool,
) -> Result<Vec<Candidate>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let mut bytes = store_facts::bytes(conn, company, &ids).await?;
    let decisions = store_facts::decisions(conn, company, &ids).await?;
    let details = match asks_about_draft {
        true => store_facts::details(conn, company, &ids).await?,
        false => HashMap::new(),
    };
    let contacts: Vec<Uuid> = rows.iter().map(|row| row.contact.0).collect();
    let contacts = store_facts::contacts(conn, company, &contacts).await?;
    rows.into_iter()
        .map(|row| {
            // Without bytes the decision gate stops it.
            let filed = bytes.remove(&(row.id, row.payload_sha256));
            let decision = decisions.get(&(row.id, row.round));
            let contact = contacts.get(&row.contact).ok_or_else(|| Error::Corrupt {
                table: "crm_activities",
                row: row.id.to_string(),
                problem: "its contact is not there".to_owned(),
            })?;
            let details = details.get(&row.id).copied().unwrap_or(Details::STRICTEST);
            let item = Item {
                id: row.id,
                kind: row.kind,
                contact: row.contact,
                account: contact.account,
                envelope: filed.as_ref().and_then(|filed| Envelope::open(&filed.envelope).ok()),
                stored_sha256: filed.as_ref().map(|filed| PayloadHash::of(&filed.envelope)),
                payload_sha256: row.payload_sha256,
                decided_sha256: decision.map(|decision| decision.binds_sha256),
                decided_at: decision.map(|decision| decision.at),
                approved_by: Vec::new(),
                risk: details.risk,
                is_handwritten: details.is_handwritten,
                worded_at: filed.as_ref().map_or(Timestamp::MAX, |filed| filed.at),
                expires_at: row.expires_at,
                send_after: row.send_after,
                zone: contact.zone.clone(),
                country: contact.country.clone(),
                locale: contact.locale.clone(),
                is_by_operator: details.is_by_operator,
                consents: Vec::new(),
                without_consent: 0,
                replied_at: None,
                replied_here_at: None,
                is_unread: false,
                account_replied_at: None,
                booked_at: None,
                away_until: None,
                contact_touches: Touches::default(),
                account_touches: Touches::default(),
            };
            Ok(Candidate {
                item,
                status: row.status,
                round: row.round,
                attempt: row.attempt,
                first_wire_at: row.first_wire_at,
                quota_day: row.quota_day,
                tries: 0,
                secret_version: None,
            })
        })
        .collect()
}

/// Locks what messages of one batch share, so that two dispatchers never count the same room for two of them: contacts, then their
/// accounts, each in id order. Returns the rows whose contact and account are free; somebody else judges the others just now.
pub(crate) async fn lock_shared(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: Vec<Row>,
) -> Result<Vec<Row>, Error> {
    let wanted: Vec<Uuid> = rows.iter().map(|row| row.contact.0).collect();
    let contacts = sqlx::query!(
        r#"SELECT c.id, c.account_id FROM crm_contacts c WHERE c.company_id = $1 AND c.id = ANY ($2)
        ORDER BY c.id FOR NO KEY UPDATE SKIP LOCKED"#,
        company.0,
        &wanted
    )
    .fetch_all(&mut *conn)
    .await?;
    let accounts: Vec<Uuid> = contacts.iter().filter_map(|contact| contact.account_id).collect();
    let accounts: HashSet<Uuid> = sqlx::query_scalar!(
        "SELECT id FROM crm_accounts WHERE company_id = $1 AND id = ANY ($2) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        company.0,
        &accounts
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .collect();
    let free: HashSet<Uuid> = contacts
        .iter()
        .filter(|contact| contact.account_id.is_none_or(|account| accounts.contains(&account)))
        .map(|contact| contact.id)
        .collect();
    Ok(rows.into_iter().filter(|row| free.contains(&row.contact.0)).collect())
}

/// Where the bucket of an outbox stands, for advice.
pub(crate) async fn standing(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: &OutboxSettings,
    now: Timestamp,
) -> Result<Option<quota::Standing>, Error> {
    let Some(bucket) = crate::quota::store::read(conn, company, outbox.id).await? else {
        return Ok(None);
    };
    let today = day::local_day(now, &outbox.zone);
    let (sent_today, cap) = if bucket.day < today {
        (0, outbox.limits.effective_cap(outbox.daily_cap, today))
    } else {
        (bucket.sent_today, bucket.daily_cap)
    };
    Ok(Some(quota::Standing {
        sent_today,
        cap,
        is_ramped: outbox.limits.is_ramped(outbox.daily_cap, today),
        resets_at: day::next_reset(now, &outbox.zone),
    }))
}
