//! What the database has to say about itself. Each statement returns the rows that are wrong, and what is wrong with them.
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{Check, Finding};

/// Claims that should be gone: any, or those whose worker has been silent for long.
const CLAIMS: &str = "SELECT 'crm_dispatch_claims ' || id, CASE WHEN $1 THEN 'is open although no dispatcher runs' ELSE 'outlived its lease' END
  FROM crm_dispatch_claims WHERE $1 OR lease_until < now() - interval '90 seconds'";

/// What is wrong however many processes work.
const STATEMENTS: &[(Check, &str)] = &[
    (
        Check::C2,
        "SELECT 'crm_activities ' || a.id, 'carries the token of a claim that does not exist'
        FROM crm_activities a
        WHERE a.stage = 'queue' AND a.claim_id <> '00000000-0000-0000-0000-000000000000'
          AND NOT EXISTS (SELECT FROM crm_dispatch_claims c WHERE c.company_id = a.company_id AND c.id = a.claim_id)",
    ),
    (
        Check::C2,
        "SELECT 'crm_activities ' || a.id, format('waits until %s and says no reason', a.send_after)
        FROM crm_activities a
        JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
        WHERE a.stage = 'queue' AND a.send_after > now() AND a.hold_code IS NULL AND o.enabled AND o.cool_until IS NULL",
    ),
    (
        Check::C3,
        "SELECT 'crm_decisions ' || d.id, 'the audit log names other bytes, or none'
        FROM crm_decisions d
        WHERE d.binds_sha256 IS NOT NULL
          AND NOT EXISTS (SELECT FROM crm_audit_log l WHERE l.company_id = d.company_id AND l.subject_id = d.activity_id
            AND l.action LIKE 'approval.approve%' AND l.payload_sha256 = d.payload_sha256)",
    ),
    (
        Check::C4,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), 'went on the wire before it was approved'
        FROM crm_dispatch_attempts x
        WHERE x.wire_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM crm_decisions d WHERE d.company_id = x.company_id AND d.activity_id = x.activity_id
            AND d.round = x.round AND d.binds_sha256 IS NOT NULL AND d.at <= x.wire_at)",
    ),
    (
        Check::C4,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), 'went on the wire after its approval was taken back'
        FROM crm_dispatch_attempts x
        JOIN crm_decisions d ON d.company_id = x.company_id AND d.activity_id = x.activity_id AND d.round = x.round AND d.verdict = 'undo'
        WHERE d.at < x.wire_at",
    ),
    (
        Check::C4,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), 'went on the wire when the message had expired'
        FROM crm_dispatch_attempts x
        JOIN crm_activities a ON a.company_id = x.company_id AND a.id = x.activity_id AND a.round = x.round
        WHERE x.wire_at > a.expires_at
          AND NOT EXISTS (SELECT FROM crm_dispatch_attempts b WHERE b.company_id = x.company_id AND b.activity_id = x.activity_id
            AND b.round = x.round AND b.attempt < x.attempt AND b.outcome = 'maybe_sent')",
    ),
    (
        Check::C5,
        "SELECT 'crm_activities ' || a.id, 'is called ' || a.status || ' and no attempt was accepted'
        FROM crm_activities a
        WHERE a.status IN ('sent', 'sent_dryrun')
          AND NOT EXISTS (SELECT FROM crm_dispatch_attempts x WHERE x.company_id = a.company_id AND x.activity_id = a.id
            AND x.round = a.round AND x.outcome = 'accepted')
          AND NOT EXISTS (SELECT FROM crm_audit_log l WHERE l.company_id = a.company_id AND l.subject_id = a.id
            AND l.action = 'activity.resolve.was-sent')",
    ),
    (
        Check::C5,
        "SELECT 'crm_activities ' || a.id, format('was accepted in round %s and is called %s in round %s', x.round, a.status, a.round)
        FROM crm_dispatch_attempts x
        JOIN crm_activities a ON a.company_id = x.company_id AND a.id = x.activity_id
        WHERE x.outcome = 'accepted' AND (a.status NOT IN ('sent', 'sent_dryrun') OR a.round <> x.round)",
    ),
    (
        Check::C5,
        "SELECT 'crm_activities ' || a.id, format('may have been sent in round %s and is called %s in round %s', x.round, a.status, a.round)
        FROM crm_activities a
        JOIN (SELECT company_id, activity_id, round, max(closed_at) AS closed_at FROM crm_dispatch_attempts
          WHERE outcome = 'maybe_sent' GROUP BY company_id, activity_id, round) x ON x.company_id = a.company_id AND x.activity_id = a.id
        WHERE (a.status NOT IN ('sent', 'uncertain', 'dispatching') OR a.round <> x.round)
          AND NOT EXISTS (SELECT FROM crm_audit_log l WHERE l.company_id = a.company_id AND l.subject_id = a.id
            AND l.action LIKE 'activity.resolve.%' AND l.at >= x.closed_at)",
    ),
    (
        Check::C5,
        "SELECT 'crm_dispatch_attempts ' || min(x.activity_id::text), format('the provider gave %s messages one id', count(DISTINCT x.activity_id))
        FROM crm_dispatch_attempts x
        WHERE x.outcome = 'accepted' AND x.provider_ref IS NOT NULL
        GROUP BY x.company_id, x.provider_ref HAVING count(DISTINCT x.activity_id) > 1",
    ),
    (
        Check::C6,
        "SELECT 'crm_credential_buckets ' || b.outbox_id, format('counts %s of %s, the messages say %s', b.sent_today, b.daily_cap, u.used)
        FROM crm_credential_buckets b
        CROSS JOIN LATERAL (SELECT count(*) AS used FROM crm_activities a WHERE a.company_id = b.company_id AND a.outbox_id = b.outbox_id
          AND a.quota_day = b.day AND a.status IN ('sent', 'sent_dryrun', 'uncertain', 'dispatching')) u
        WHERE (b.sent_today <> u.used OR b.sent_today NOT BETWEEN 0 AND b.daily_cap)",
    ),
    (
        Check::C7,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), format('has %s audit rows', l.found)
        FROM crm_dispatch_attempts x
        CROSS JOIN LATERAL (SELECT count(*) AS found FROM crm_audit_log l WHERE l.company_id = x.company_id AND l.subject_id = x.activity_id
          AND l.detail ->> 'attempt' = x.attempt::text
          AND l.action IN ('dispatch.sent', 'dispatch.sent_dryrun', 'dispatch.failed', 'dispatch.uncertain', 'dispatch.retry', 'dispatch.replay')) l
        WHERE l.found <> 1",
    ),
    (
        Check::C7,
        "SELECT 'crm_activities ' || a.id, format('counts %s attempts, %s are recorded, the last one is #%s', a.attempt, x.found, x.last)
        FROM crm_activities a
        CROSS JOIN LATERAL (SELECT count(*) AS found, coalesce(max(attempt), 0) AS last FROM crm_dispatch_attempts x
          WHERE x.company_id = a.company_id AND x.activity_id = a.id) x
        WHERE a.outbox_id IS NOT NULL
          AND (x.found <> x.last OR a.attempt <> x.found + (a.claim_id <> '00000000-0000-0000-0000-000000000000')::int)
          AND (a.attempt, x.found) <> (0, 0)",
    ),
    (
        Check::C7,
        "SELECT 'crm_activities ' || a.id, format('is called %s, with %s audit rows', a.status, l.found)
        FROM crm_activities a
        JOIN (VALUES ('sent', true, ARRAY['dispatch.sent', 'activity.resolve.was-sent']), ('sent_dryrun', true, ARRAY['dispatch.sent_dryrun']),
          ('failed', false, ARRAY['dispatch.failed', 'activity.resolve.was-not-sent']), ('uncertain', false, ARRAY['dispatch.uncertain']),
          ('rejected', true, ARRAY['approval.reject']), ('withdrawn', true, ARRAY['draft.withdraw', 'activity.withdraw', 'dispatch.withdrawn']),
          ('expired', true, ARRAY['draft.expire', 'dispatch.expired']), ('superseded', true, ARRAY['draft.supersede']),
          ('blocked_by_allowlist', false, ARRAY['dispatch.blocked_by_allowlist', 'draft.file']),
          ('blocked_by_policy', false, ARRAY['dispatch.blocked_by_policy', 'draft.file'])
        ) w (status, is_last, actions) ON w.status = a.status
        CROSS JOIN LATERAL (SELECT count(*) AS found FROM crm_audit_log l WHERE l.company_id = a.company_id AND l.subject_id = a.id
          AND l.action = ANY (w.actions)) l
        WHERE (l.found = 0 OR w.is_last AND l.found > 1)",
    ),
    (
        Check::C7,
        "SELECT 'crm_activities ' || d.activity_id, format('has %s decisions to %s and %s audit rows', d.made, d.verdict, l.found)
        FROM (SELECT company_id, activity_id, verdict, count(*) AS made FROM crm_decisions GROUP BY company_id, activity_id, verdict) d
        CROSS JOIN LATERAL (SELECT count(*) AS found FROM crm_audit_log l WHERE l.company_id = d.company_id AND l.subject_id = d.activity_id
          AND l.action = 'approval.' || d.verdict) l
        WHERE l.found <> d.made",
    ),
    (
        Check::C9,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), 'the account was refused and its outbox was not stopped'
        FROM crm_dispatch_attempts x
        JOIN crm_activities a ON a.company_id = x.company_id AND a.id = x.activity_id
        WHERE x.outcome = 'account_broken'
          AND NOT EXISTS (SELECT FROM crm_audit_log p WHERE p.company_id = x.company_id AND p.subject_id = a.outbox_id
            AND p.action IN ('outbox.pause', 'outbox.kill') AND p.at <= x.closed_at
            AND NOT EXISTS (SELECT FROM crm_audit_log r WHERE r.company_id = p.company_id AND r.subject_id = p.subject_id
              AND r.action IN ('outbox.resume', 'outbox.unkill') AND r.at > p.at AND r.at < x.closed_at))",
    ),
    // A stop is dated by the beginning of its transaction; whatever was on its way to the wire until it committed was free to go.
    (
        Check::C9,
        "SELECT format('crm_dispatch_attempts %s #%s', x.activity_id, x.attempt), 'went on the wire while its outbox was stopped'
        FROM crm_dispatch_attempts x
        JOIN crm_activities a ON a.company_id = x.company_id AND a.id = x.activity_id
        WHERE EXISTS (SELECT FROM crm_audit_log p WHERE p.company_id = x.company_id AND p.subject_id = a.outbox_id
            AND p.action IN ('outbox.pause', 'outbox.kill') AND p.at < x.wire_at - interval '2 seconds'
            AND NOT EXISTS (SELECT FROM crm_audit_log r WHERE r.company_id = p.company_id AND r.subject_id = p.subject_id
              AND r.action IN ('outbox.resume', 'outbox.unkill') AND r.at > p.at AND r.at < x.wire_at))",
    ),
];

/// What is wrong with what came in, where there is a place for it.
const INBOUND: &[(Check, &str)] = &[
    (
        Check::C8,
        "SELECT 'crm_inbound_events ' || e.id, format('is %s, and was applied %s times', e.state, l.found)
        FROM crm_inbound_events e
        CROSS JOIN LATERAL (SELECT count(*) AS found FROM crm_audit_log l WHERE l.company_id = e.company_id AND l.subject_id = e.id
          AND l.action = 'inbound.apply' AND l.detail ->> 'state' = 'applied') l
        WHERE l.found <> (e.state = 'applied')::int",
    ),
    (
        Check::C8,
        "SELECT format('crm_contact_holds %s %s', h.contact_id, h.event_id), 'holds for an event that does not wait to be applied'
        FROM crm_contact_holds h
        WHERE h.code = 'unread'
          AND EXISTS (SELECT FROM crm_inbound_events e WHERE e.company_id = h.company_id AND e.id = h.event_id AND e.state IN ('applied', 'dismissed'))",
    ),
];

/// Asks every statement.
pub(super) async fn examine(
    conn: &mut PgConnection,
    is_at_rest: bool,
    findings: &mut Vec<Finding>,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(CLAIMS).bind(is_at_rest).fetch_all(&mut *conn).await?;
    findings.extend(rows.iter().map(|row| finding(Check::C2, row)));
    let has_inbound: bool = sqlx::query_scalar("SELECT to_regclass('crm_inbound_events') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?;
    let inbound = if has_inbound { INBOUND } else { &[] };
    for (check, statement) in STATEMENTS.iter().chain(inbound) {
        let rows = sqlx::query(*statement).fetch_all(&mut *conn).await?;
        findings.extend(rows.iter().map(|row| finding(*check, row)));
    }
    Ok(())
}

fn finding(check: Check, row: &PgRow) -> Finding {
    Finding::new(check, row.get::<String, _>(0), row.get::<String, _>(1))
}
