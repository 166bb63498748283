//! SQL of the facts: what the gates look at, for a whole batch of one outbox at once.
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::PgConnection;
use uuid::Uuid;

use super::frequency::{ACCOUNT_SPAN, CONTACT_SPAN, Rival, Touches};
use super::{Facts, Item, quota};
use crate::activity::payload::{Envelope, PayloadHash};
use crate::activity::status::Status;
use crate::activity::store::{read_hash, read_kind, read_status};
use crate::approval::risk::Risk;
use crate::company::policy::Policy;
use crate::contact;
use crate::contact::allowlist::{Allowlist, normalise};
use crate::contact::suppression::Reason;
use crate::error::Error;
use crate::ids::{AccountId, ActivityId, CompanyId, ContactId};
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

/// Loads a batch: a fixed number of statements for any number of activities. `counts_dry_runs` says whether what a dry run sent counts
/// as sent.
pub(crate) async fn load(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxSettings,
    policy: Policy,
    ids: &[ActivityId],
    counts_dry_runs: bool,
) -> Result<Batch, Error> {
    let now = crate::db::now(conn).await?;
    let mut candidates = candidates(conn, company, ids, policy.asks_for_two()).await?;
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
    if policy.caps_frequency() {
        let items = candidates.iter_mut().map(|candidate| &mut candidate.item).collect();
        touches(conn, company, items, counts_dry_runs).await?;
    }
    Ok(Batch { now, outbox, policy, candidates, allowlist, suppressed })
}

async fn candidates(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
    asks_for_two: bool,
) -> Result<Vec<Candidate>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.status, a.round, a.attempt, a.kind, a.payload_sha256 AS "payload_sha256!", a.expires_at,
          a.send_after, a.first_wire_at, a.quota_day, a.contact_id AS "contact_id: ContactId", p.envelope AS "envelope?",
          greatest(p.created_at, CASE WHEN i.anywhere > p.created_at THEN (SELECT max(x.at) FROM crm_decisions x
            WHERE x.company_id = $1 AND x.activity_id = a.id AND x.verdict = 'undo' AND x.reason = 'replied') END) AS worded_at,
          d.binds_sha256 AS "decided_sha256?", d.at AS "decided_at?",
          c.account_id AS "account_id: AccountId", c.zone, c.locale, coalesce(c.country, k.country) AS country,
          e.risk, e.is_handwritten, e.proposed_kind = 'operator' AS "is_by_operator!", i.anywhere AS replied_at, i.here AS replied_here_at,
          CASE WHEN $3 THEN ARRAY (SELECT DISTINCT coalesce(o.name, x.actor_id::text) FROM crm_decisions x
            LEFT JOIN crm_operators o ON o.company_id = x.company_id AND o.id = x.actor_id
            WHERE x.company_id = $1 AND x.activity_id = a.id AND x.round = a.round AND x.verdict = 'approve'
              AND x.payload_sha256 = a.payload_sha256 ORDER BY 1) END AS "approved_by: Vec<String>",
          CASE WHEN a.attempt > 0 THEN (SELECT count(*) FROM crm_dispatch_attempts x
            WHERE x.company_id = $1 AND x.activity_id = a.id AND x.round = a.round) END AS tries,
          CASE WHEN a.attempt > 0 THEN (SELECT x.secret_version FROM crm_dispatch_attempts x
            WHERE x.company_id = $1 AND x.activity_id = a.id AND x.round = a.round AND x.outcome = 'maybe_sent'
            ORDER BY x.attempt LIMIT 1) END AS secret_version
        FROM crm_activities a
        JOIN crm_contacts c ON c.company_id = $1 AND c.id = a.contact_id
        JOIN crm_activity_details e ON e.company_id = $1 AND e.activity_id = a.id
        LEFT JOIN crm_accounts k ON k.company_id = $1 AND k.id = c.account_id
        LEFT JOIN crm_payloads p ON p.company_id = $1 AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        LEFT JOIN crm_decisions d ON d.company_id = $1 AND d.activity_id = a.id AND d.round = a.round AND d.binds_sha256 IS NOT NULL
        LEFT JOIN LATERAL (SELECT max(w.last_at) AS anywhere, max(w.last_at) FILTER (WHERE w.channel = a.channel) AS here
          FROM crm_contact_inbound w WHERE w.company_id = $1 AND w.contact_id = a.contact_id) i ON true
        WHERE a.company_id = $1 AND a.id = ANY ($2)
        ORDER BY a.send_after, a.id"#,
        company.0,
        &ids,
        asks_for_two
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = row.id;
            let instant = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
            let item = Item {
                id,
                kind: read_kind(&row.kind, id)?,
                contact: row.contact_id,
                account: row.account_id,
                envelope: row.envelope.as_deref().and_then(|bytes| Envelope::open(bytes).ok()),
                stored_sha256: row.envelope.as_deref().map(PayloadHash::of),
                payload_sha256: read_hash(&row.payload_sha256, id)?,
                decided_sha256: row.decided_sha256.map(|bytes| read_hash(&bytes, id)).transpose()?,
                decided_at: instant(row.decided_at),
                approved_by: row.approved_by.unwrap_or_default(),
                risk: read_risk(&row.risk, id)?,
                is_handwritten: row.is_handwritten,
                // Without bytes the decision gate stops it.
                worded_at: instant(row.worded_at).unwrap_or(Timestamp::MAX),
                expires_at: instant(row.expires_at),
                send_after: row.send_after.to_jiff(),
                zone: row.zone,
                country: row.country,
                locale: row.locale,
                is_by_operator: row.is_by_operator,
                consents: Vec::new(),
                without_consent: 0,
                replied_at: instant(row.replied_at),
                replied_here_at: instant(row.replied_here_at),
                contact_touches: Touches::default(),
                account_touches: Touches::default(),
            };
            Ok(Candidate {
                item,
                status: read_status(&row.status, id)?,
                round: row.round,
                attempt: row.attempt,
                first_wire_at: instant(row.first_wire_at),
                quota_day: row.quota_day.map(jiff_sqlx::Date::to_jiff),
                tries: row.tries.unwrap_or(0),
                secret_version: row.secret_version,
            })
        })
        .collect()
}

pub(crate) fn read_risk(word: &str, id: ActivityId) -> Result<Risk, Error> {
    Risk::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_activity_details",
        row: id.to_string(),
        problem: format!("risk `{word}` is not known"),
    })
}

/// Fills in what contacts and accounts got lately and what else is due for them. What cannot leave now is no rival: its outbox is
/// stopped or has nothing left of the day, or it is held until later. Drafts live for days, so a message that was filed three months
/// ago is not looked for: that bounds what an account with a long history costs.
async fn touches(
    conn: &mut PgConnection,
    company: CompanyId,
    items: Vec<&mut Item>,
    counts_dry_runs: bool,
) -> Result<(), Error> {
    let contacts: Vec<Uuid> = items.iter().map(|item| item.contact.0).collect();
    let accounts: Vec<Uuid> = items.iter().filter_map(|item| item.account).map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT c.id AS "contact: ContactId", c.account_id AS "account: AccountId", a.id AS "id: ActivityId", a.kind, a.status,
          a.send_after, coalesce(a.wire_at, a.closed_at, a.created_at) AS "left_at!"
        FROM crm_contacts c
        JOIN crm_activities a ON a.company_id = $1 AND a.contact_id = c.id
        WHERE c.company_id = $1 AND (c.id = ANY ($2) OR c.account_id = ANY ($3)) AND a.kind <> 'post'
          AND a.created_at > now() - interval '90 days'
          AND (a.status IN ('sent', 'uncertain', 'recorded') AND coalesce(a.wire_at, a.closed_at, a.created_at) > now() - $4::interval
            OR $5 AND a.status = 'sent_dryrun' AND a.wire_at > now() - $4::interval
            OR a.stage = 'queue' AND a.status = 'dispatching'
            OR a.stage = 'queue' AND a.status = 'approved' AND a.send_after <= now() AND EXISTS (SELECT FROM crm_outboxes o
              JOIN crm_credential_buckets b ON b.company_id = $1 AND b.outbox_id = o.id
              WHERE o.company_id = $1 AND o.id = a.outbox_id AND o.enabled AND (o.cool_until IS NULL OR o.cool_until <= now())
                AND (o.spaced_until IS NULL OR o.spaced_until <= now())
                AND (b.sent_today < b.daily_cap OR b.day < (now() AT TIME ZONE o.zone)::date)
                AND NOT EXISTS (SELECT FROM crm_kill_switches k WHERE k.company_id = $1 AND k.channel IN ('all', o.channel))))
        ORDER BY a.id DESC LIMIT 100000"#,
        company.0,
        &contacts,
        &accounts,
        sqlx::postgres::types::PgInterval { months: 0, days: 0, microseconds: span_micros(ACCOUNT_SPAN) },
        counts_dry_runs
    )
    .fetch_all(conn)
    .await?;
    let mut by_contact: HashMap<ContactId, Touches> = HashMap::new();
    let mut by_account: HashMap<AccountId, Touches> = HashMap::new();
    for row in rows {
        let status = read_status(&row.status, row.id)?;
        let rival =
            Rival { id: row.id, kind: read_kind(&row.kind, row.id)?, send_after: row.send_after.to_jiff() };
        note(by_contact.entry(row.contact).or_default(), status, rival, row.left_at.to_jiff());
        if let Some(account) = row.account {
            note(by_account.entry(account).or_default(), status, rival, row.left_at.to_jiff());
        }
    }
    for item in items {
        item.contact_touches = by_contact.get(&item.contact).cloned().unwrap_or_default().without(item.id);
        let account = item.account.and_then(|account| by_account.get(&account)).cloned();
        item.account_touches = account.unwrap_or_default().without(item.id);
    }
    Ok(())
}

const _: () = assert!(CONTACT_SPAN.as_secs() <= ACCOUNT_SPAN.as_secs(), "the longer span is what is read");

fn span_micros(span: jiff::SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn note(touches: &mut Touches, status: Status, rival: Rival, left_at: Timestamp) {
    match status {
        Status::Dispatching => touches.under_way.push(rival.id),
        Status::Approved => touches.due.push(rival),
        _ => touches.left_at.push(left_at),
    }
}

/// Locks what messages of one batch share, so that two dispatchers never count the same room for two of them: contacts, then their
/// accounts, each in id order. Returns the activities whose contact and account are free; somebody else judges the others just now.
pub(crate) async fn lock_shared(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<ActivityId>, Error> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let contacts = sqlx::query!(
        r#"SELECT c.id, c.account_id FROM crm_contacts c
        WHERE c.company_id = $1 AND c.id IN (SELECT a.contact_id FROM crm_activities a WHERE a.company_id = $1 AND a.id = ANY ($2))
        ORDER BY c.id FOR NO KEY UPDATE SKIP LOCKED"#,
        company.0,
        &wanted
    )
    .fetch_all(&mut *conn)
    .await?;
    let accounts: Vec<Uuid> = contacts.iter().filter_map(|contact| contact.account_id).collect();
    let accounts: Vec<Uuid> = sqlx::query_scalar!(
        "SELECT id FROM crm_accounts WHERE company_id = $1 AND id = ANY ($2) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        company.0,
        &accounts
    )
    .fetch_all(&mut *conn)
    .await?;
    let free: Vec<Uuid> = contacts
        .iter()
        .filter(|contact| contact.account_id.is_none_or(|account| accounts.contains(&account)))
        .map(|contact| contact.id)
        .collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT a.id AS "id: ActivityId" FROM crm_activities a
        WHERE a.company_id = $1 AND a.id = ANY ($2) AND a.contact_id = ANY ($3) ORDER BY a.send_after, a.id"#,
        company.0,
        &wanted,
        &free
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
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
