//! The one place where a query is put together at run time: lists that people narrow down.
//!
//! Only text of this file goes into the statement; everything a person typed is bound.
use sqlx::{Postgres, QueryBuilder};

use crate::activity::view::{Cursor, Filter, List, PAGE_LIMIT, Snoozed};
use crate::ids::{ActivityId, CompanyId, OperatorId};
use crate::inbound::inbox::{InboxCursor, InboxFilter, State, Wanted};

/// What every list shows; the names are read in `activity::store_read::row`.
const COLUMNS: &str = "a.id, a.outbox_id, o.name AS outbox, a.channel, a.kind, a.status, a.payload_sha256, a.round, a.contact_id, \
    c.name AS contact, k.name AS account, e.recipient, e.headline, e.proposed_by, a.created_at, a.expires_at, a.send_after, \
    a.hold_code, a.attempt, a.wire_at, a.closed_at, a.claim_id, o.enabled, o.pause_reason, o.cool_until, o.cool_reason, now() AS as_of, \
    coalesce((SELECT s.reason FROM crm_kill_switches s WHERE s.company_id = a.company_id AND s.channel IN ('all', a.channel) \
      ORDER BY s.channel <> 'all' LIMIT 1), o.kill_reason) AS kill_reason, \
    o.zone, b.daily_cap < o.daily_cap AS is_ramped, e.risk, \
    CASE WHEN a.stage = 'draft' THEN (SELECT count(*) FROM crm_decisions v WHERE v.company_id = a.company_id AND v.activity_id = a.id \
      AND v.round = a.round AND v.payload_sha256 = a.payload_sha256 AND v.verdict = 'approve') ELSE 0 END AS approvals, \
    b.sent_today >= b.daily_cap AND b.day >= (now() AT TIME ZONE o.zone)::date AS is_drained, \
    x.evidence ->> 'code' AS fault_code, x.evidence ->> 'detail' AS fault_detail";

/// How those columns hang together; every join carries the company.
const JOINS: &str = " JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id \
    JOIN crm_credential_buckets b ON b.company_id = a.company_id AND b.outbox_id = a.outbox_id \
    JOIN crm_contacts c ON c.company_id = a.company_id AND c.id = a.contact_id \
    LEFT JOIN crm_accounts k ON k.company_id = c.company_id AND k.id = c.account_id \
    JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id \
    LEFT JOIN crm_dispatch_attempts x ON x.company_id = a.company_id AND x.activity_id = a.id AND x.attempt = a.attempt";

/// The statement for one page of a list.
pub(crate) fn page(
    company: CompanyId,
    list: List,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let limit = i64::try_from(limit.clamp(1, PAGE_LIMIT + 1)).unwrap_or(1);
    // The queue index begins with the outbox: asking outbox by outbox and merging costs what is shown, not what waits.
    if list == List::Queue && filter.outbox.is_none() {
        let mut query = QueryBuilder::new("SELECT q.* FROM crm_outboxes w CROSS JOIN LATERAL (SELECT ");
        query.push(COLUMNS).push(", a.send_after AS sort_at FROM crm_activities a").push(JOINS);
        query.push(" WHERE a.company_id = w.company_id AND a.outbox_id = w.id AND a.stage = 'queue'");
        narrow(&mut query, filter);
        seek(&mut query, list, after);
        query.push(" ORDER BY a.send_after, a.id LIMIT ").push_bind(limit);
        query.push(") q WHERE w.company_id = ").push_bind(company.0);
        query.push(" ORDER BY q.sort_at, q.id LIMIT ").push_bind(limit);
        return query;
    }
    let (stage, sort) = match list {
        List::Approvals => ("draft", "a.created_at"),
        List::Queue => ("queue", "a.send_after"),
        List::Attention => ("attention", "a.created_at"),
        List::Closed => ("closed", "a.closed_at"),
    };
    let direction = if list == List::Closed { " DESC" } else { "" };
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(format_args!(", {sort} AS sort_at"));
    if let Snoozed::Only(operator) = filter.snoozed {
        query.push(", z.until AS snoozed_until FROM crm_activities a");
        asleep(&mut query, operator);
    } else {
        query.push(" FROM crm_activities a");
    }
    query.push(JOINS).push(" WHERE a.company_id = ").push_bind(company.0);
    // A bound stage could not prove the partial index in a generic plan, so it stands here literally.
    query.push(format_args!(" AND a.stage = '{stage}'"));
    narrow(&mut query, filter);
    seek(&mut query, list, after);
    query.push(format_args!(" ORDER BY {sort}{direction}, a.id{direction} LIMIT ")).push_bind(limit);
    query
}

/// The statement for ids and hashes of all drafts that a filter finds. What the filter does not ask for is not joined.
pub(crate) fn matching(company: CompanyId, filter: &Filter, limit: usize) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT a.id, a.payload_sha256 FROM crm_activities a");
    if let Snoozed::Only(operator) = filter.snoozed {
        asleep(&mut query, operator);
    }
    if filter.text.as_deref().is_some_and(|text| !text.is_empty()) {
        query.push(JOINS);
    }
    query.push(" WHERE a.company_id = ").push_bind(company.0).push(" AND a.stage = 'draft'");
    narrow(&mut query, filter);
    query.push(" ORDER BY a.created_at, a.id LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

/// Joins what an operator snoozed and is not due yet.
fn asleep(query: &mut QueryBuilder<Postgres>, operator: OperatorId) {
    query.push(
        " JOIN crm_snoozes z ON z.company_id = a.company_id AND z.activity_id = a.id AND z.until > now()",
    );
    query.push(" AND z.operator_id = ").push_bind(operator.0);
}

/// The statement for the row of one activity.
pub(crate) fn one(company: CompanyId, id: ActivityId) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(", a.created_at AS sort_at FROM crm_activities a").push(JOINS);
    query.push(" WHERE a.company_id = ").push_bind(company.0).push(" AND a.id = ").push_bind(id.0);
    query
}

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(channel) = filter.channel {
        query.push(" AND a.channel = ").push_bind(channel.as_str());
    }
    if let Some(outbox) = filter.outbox {
        query.push(" AND a.outbox_id = ").push_bind(outbox.0);
    }
    if let Some(kind) = filter.kind {
        query.push(" AND a.kind = ").push_bind(kind.as_str());
    }
    if let Some(status) = filter.status {
        query.push(" AND a.status = ").push_bind(status.as_str());
    }
    if let Snoozed::Hidden(operator) = filter.snoozed {
        query.push(" AND NOT EXISTS (SELECT FROM crm_snoozes z WHERE z.company_id = a.company_id AND z.activity_id = a.id");
        query.push(" AND z.until > now() AND z.operator_id = ").push_bind(operator.0).push(")");
    }
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        query
            .push(" AND concat_ws(' ', c.name, k.name, e.recipient, e.headline, e.proposed_by) ILIKE ")
            .push_bind(contains(text));
    }
}

fn seek(query: &mut QueryBuilder<Postgres>, list: List, after: Option<Cursor>) {
    let Some(after) = after else {
        return;
    };
    let (sort, sign) = match list {
        List::Approvals | List::Attention => ("a.created_at", ">"),
        List::Queue => ("a.send_after", ">"),
        List::Closed => ("a.closed_at", "<"),
    };
    query.push(format_args!(" AND ({sort}, a.id) {sign} ("));
    query.push_bind(jiff_sqlx::Timestamp::from(after.at)).push(", ").push_bind(after.id.0).push(")");
}

/// What the inbox shows of an event; of a long text its first words, however many of those there are.
const EVENT: &str = "SELECT e.id, e.source, e.kind, e.occurred_at, e.received_at, e.state, e.contact_id, c.name AS contact, e.activity_id, \
    CASE WHEN length(e.reading #>> '{what,text}') > 1000 \
      THEN jsonb_set(e.reading, '{what,text}', to_jsonb(left(e.reading #>> '{what,text}', 1000))) ELSE e.reading END AS reading, \
    e.did, e.error, e.tries, e.look_at, e.sig_ok FROM (SELECT * FROM crm_inbound_events WHERE company_id = ";

/// The statement for one page of events, newest first.
pub(crate) fn events(
    company: CompanyId,
    filter: &InboxFilter,
    after: Option<InboxCursor>,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let limit = i64::try_from(limit.clamp(1, PAGE_LIMIT + 1)).unwrap_or(1);
    let mut query = QueryBuilder::new(EVENT);
    query.push_bind(company.0);
    // Bound words could not prove the partial index in a generic plan, so they stand here literally.
    query.push(match filter.state {
        Wanted::All => "",
        Wanted::Attention => " AND state IN ('unmatched', 'failed')",
        Wanted::One(State::Unmatched) => " AND state IN ('unmatched', 'failed') AND state = 'unmatched'",
        Wanted::One(State::Failed) => " AND state IN ('unmatched', 'failed') AND state = 'failed'",
        Wanted::One(State::Stored) => " AND state = 'stored'",
        Wanted::One(State::Applied) => " AND state = 'applied'",
        Wanted::One(State::Dismissed) => " AND state = 'dismissed'",
    });
    if let Some(source) = filter.source {
        query.push(" AND source = ").push_bind(source.as_str());
    }
    if let Some(after) = after {
        query.push(" AND (received_at, id) < (").push_bind(jiff_sqlx::Timestamp::from(after.at));
        query.push(", ").push_bind(after.id.0).push(")");
    }
    query.push(" ORDER BY received_at DESC, id DESC LIMIT ").push_bind(limit);
    query.push(") e LEFT JOIN crm_contacts c ON c.company_id = e.company_id AND c.id = e.contact_id");
    query.push(" ORDER BY e.received_at DESC, e.id DESC LIMIT ").push_bind(limit);
    query
}

/// A pattern that finds the text itself: what LIKE would read as a wildcard is escaped.
pub(crate) fn contains(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('\0', "");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(super::contains("50%_\\"), "%50\\%\\_\\\\%");
    }
}
