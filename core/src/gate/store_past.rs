//! SQL of what happened before: replies, attempts, approvals, and what contacts and accounts got. Each is read for a whole batch at once,
//! and only where the batch can have any.
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Item;
use super::frequency::{ACCOUNT_SPAN, CONTACT_SPAN, Rival, Touches};
use super::store::Candidate;
use crate::activity::status::Status;
use crate::activity::store::{read_kind, read_status};
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{AccountId, ActivityId, CompanyId, ContactId};

/// Fills in when contacts last wrote, whether they are away or something of theirs is not read yet, what else stops what was written
/// before, and when an operator who read that said that the words still hold.
pub(super) async fn replies(
    conn: &mut PgConnection,
    company: CompanyId,
    channel: ChannelName,
    candidates: &mut [Candidate],
) -> Result<(), Error> {
    let contacts: Vec<Uuid> = candidates.iter().map(|candidate| candidate.item.contact.0).collect();
    let rows = sqlx::query!(
        r#"SELECT w.contact_id AS "contact!: ContactId", w.channel AS "what!", w.last_at AS "at!", coalesce(w.told_at, w.last_at) AS "told_at!"
        FROM crm_contact_inbound w WHERE w.company_id = $1 AND w.contact_id = ANY ($2)
        UNION ALL SELECT h.contact_id, h.code, least(h.until, now() + interval '1 year'), now()
        FROM crm_contact_holds h WHERE h.company_id = $1 AND h.contact_id = ANY ($2) AND h.until > now()
        UNION ALL SELECT s.contact_id, 'stop-' || s.code, s.at, s.at
        FROM crm_contact_stops s WHERE s.company_id = $1 AND s.contact_id = ANY ($2)"#,
        company.0,
        &contacts
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut anywhere: HashMap<ContactId, Timestamp> = HashMap::new();
    let mut here: HashMap<ContactId, Timestamp> = HashMap::new();
    let mut away: HashMap<ContactId, Timestamp> = HashMap::new();
    let mut unread: HashSet<ContactId> = HashSet::new();
    let mut booked: HashMap<ContactId, Timestamp> = HashMap::new();
    let mut colleagues: HashMap<ContactId, Timestamp> = HashMap::new();
    for row in rows {
        let (at, told_at) = (row.at.to_jiff(), row.told_at.to_jiff());
        match row.what.as_str() {
            "unread" => _ = unread.insert(row.contact),
            "away" => _ = away.insert(row.contact, at),
            "stop-booked" => _ = booked.insert(row.contact, at),
            "stop-replied" => _ = colleagues.insert(row.contact, at),
            written_on => {
                // Words that were written before we were told of it were written without knowing.
                let last = anywhere.entry(row.contact).or_insert(told_at);
                *last = told_at.max(at).max(*last);
                if written_on == channel.as_str() {
                    here.insert(row.contact, at);
                }
            }
        }
    }
    for Candidate { item, .. } in &mut *candidates {
        item.replied_at = anywhere.get(&item.contact).copied();
        item.replied_here_at = here.get(&item.contact).copied();
        item.account_replied_at = colleagues.get(&item.contact).copied();
        item.booked_at = booked.get(&item.contact).copied();
        item.is_unread = unread.contains(&item.contact);
        item.away_until = away.get(&item.contact).copied();
    }
    let answered = |item: &Item| {
        let newest = item.replied_at.max(item.account_replied_at).max(item.booked_at);
        newest.is_some_and(|at| at > item.worded_at)
    };
    let ids: Vec<Uuid> =
        candidates.iter().filter(|one| answered(&one.item)).map(|candidate| candidate.item.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let held = sqlx::query!(
        r#"SELECT x.activity_id AS "id: ActivityId", max(x.at) AS "at!" FROM crm_decisions x
        WHERE x.company_id = $1 AND x.activity_id = ANY ($2) AND x.verdict = 'undo' AND x.reason IN ('replied', 'booked') GROUP BY x.activity_id"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let held: HashMap<ActivityId, Timestamp> =
        held.into_iter().map(|row| (row.id, row.at.to_jiff())).collect();
    for Candidate { item, .. } in candidates {
        if let Some(at) = held.get(&item.id) {
            item.worded_at = item.worded_at.max(*at);
        }
    }
    Ok(())
}

/// Fills in the attempts of this round: how many, and the credential of the first that may have been accepted.
pub(super) async fn attempts(
    conn: &mut PgConnection,
    company: CompanyId,
    candidates: &mut [Candidate],
) -> Result<(), Error> {
    let tried: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.attempt > 0).collect();
    let ids: Vec<Uuid> = tried.iter().map(|candidate| candidate.item.id.0).collect();
    let rounds: Vec<i32> = tried.iter().map(|candidate| candidate.round).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT x.activity_id AS "id: ActivityId", count(*) AS "tries!",
          (array_agg(x.secret_version ORDER BY x.attempt) FILTER (WHERE x.outcome = 'maybe_sent'))[1] AS secret_version
        FROM crm_dispatch_attempts x JOIN unnest($2::uuid[], $3::int[]) AS w (id, round) ON w.round = x.round AND w.id = x.activity_id
        WHERE x.company_id = $1 AND x.activity_id = ANY ($2) GROUP BY x.activity_id"#,
        company.0,
        &ids,
        &rounds
    )
    .fetch_all(conn)
    .await?;
    let rows: HashMap<ActivityId, _> =
        rows.into_iter().map(|row| (row.id, (row.tries, row.secret_version))).collect();
    for candidate in candidates {
        if let Some(found) = rows.get(&candidate.item.id) {
            (candidate.tries, candidate.secret_version) = *found;
        }
    }
    Ok(())
}

/// Fills in who approved exactly these bytes in this round.
pub(super) async fn approvals(
    conn: &mut PgConnection,
    company: CompanyId,
    candidates: &mut [Candidate],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.item.id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT DISTINCT x.activity_id AS "id: ActivityId", x.round, x.payload_sha256, coalesce(o.name, x.actor_id::text) AS "name!"
        FROM crm_decisions x LEFT JOIN crm_operators o ON o.company_id = x.company_id AND o.id = x.actor_id
        WHERE x.company_id = $1 AND x.activity_id = ANY ($2) AND x.verdict = 'approve' ORDER BY 1, 2, 4"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let mut by_activity: HashMap<ActivityId, Vec<_>> = HashMap::new();
    for row in rows {
        by_activity.entry(row.id).or_default().push(row);
    }
    for candidate in candidates {
        for row in by_activity.remove(&candidate.item.id).unwrap_or_default() {
            if row.round == candidate.round && row.payload_sha256 == candidate.item.payload_sha256.as_bytes()
            {
                candidate.item.approved_by.push(row.name);
            }
        }
    }
    Ok(())
}

/// Fills in what contacts and accounts got lately and what else is due for them. What cannot leave now is no rival: its outbox is
/// stopped or has nothing left of the day, or it is held until later. Drafts live for days, so a message that was filed three months
/// ago is not looked for: that bounds what an account with a long history costs.
pub(super) async fn touches(
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
