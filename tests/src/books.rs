//! The checks after a run: what the database says and what the provider accepted must be the same story.
use std::collections::{BTreeMap, BTreeSet};

use countersign_adapters::sandbox::Entry;
use countersign_core::activity::payload::{Envelope, PayloadHash};
use countersign_core::activity::status::Status;
use sqlx::Row;

use crate::provider::Provider;
use crate::world::World;

/// Compares the database with the ledger (C1 to C7). Call it when no dispatcher runs.
///
/// # Panics
/// When the two differ.
pub async fn compare(world: &World, provider: &Provider) {
    let ledger = provider.ledger();
    let activities = activities(world).await;
    one_line_per_approval(&ledger);
    let accepted: BTreeMap<&str, &Entry> =
        ledger.iter().filter_map(|entry| Some((entry.activity_id.as_deref()?, entry))).collect();
    assert_eq!(accepted.len(), ledger.len(), "C1: a message has no activity or two lines");
    for (id, entry) in &accepted {
        let activity =
            activities.get(*id).unwrap_or_else(|| panic!("C4: {id} was accepted and is not known"));
        activity.matches(entry);
    }
    for (id, activity) in &activities {
        activity.is_where_it_may_be(id, accepted.contains_key(id.as_str()));
    }
    quota_matches(world).await;
    outcomes_are_recorded(world).await;
}

/// Every request the provider saw belongs to an attempt and the other way round (S19). Not for runs in which the connection itself
/// failed, or a worker was lost.
///
/// # Panics
/// When the numbers differ.
pub async fn every_request_is_an_attempt(world: &World, provider: &Provider) {
    let attempts = world.count("SELECT count(*) FROM crm_dispatch_attempts").await;
    assert_eq!(u64::try_from(attempts), Ok(provider.requests()), "S19: attempts and requests differ");
}

/// C1: one line for each idempotency key.
fn one_line_per_approval(ledger: &[Entry]) {
    let keys: BTreeSet<_> = ledger.iter().map(|entry| entry.idempotency_key.as_deref()).collect();
    assert!(!keys.contains(&None), "C1: a message came without a key");
    assert_eq!(keys.len(), ledger.len(), "C1: a key was accepted twice");
}

struct Activity {
    status: Status,
    is_due: bool,
    is_explained: bool,
    is_claimed: bool,
    sha256: Vec<u8>,
    approved_sha256: Option<Vec<u8>>,
    audited_sha256: Option<Vec<u8>>,
    approved_at: Option<jiff::Timestamp>,
    envelope: Vec<u8>,
}

async fn activities(world: &World) -> BTreeMap<String, Activity> {
    let rows = sqlx::query(
        "SELECT a.id::text AS id, a.status, a.send_after <= now() AS is_due, a.hold_code IS NOT NULL OR NOT o.enabled AS is_explained,
          a.claim_id IS NOT NULL AND a.claim_id <> '00000000-0000-0000-0000-000000000000' AS is_claimed, a.payload_sha256, p.envelope,
          d.payload_sha256 AS approved, l.payload_sha256 AS audited, (extract(epoch FROM d.at) * 1000000)::bigint AS approved_at
        FROM crm_activities a
        JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        LEFT JOIN LATERAL (SELECT x.payload_sha256, x.at FROM crm_decisions x WHERE x.company_id = a.company_id AND x.activity_id = a.id
          AND x.verdict = 'approve' ORDER BY x.round DESC LIMIT 1) d ON true
        LEFT JOIN LATERAL (SELECT x.payload_sha256 FROM crm_audit_log x WHERE x.company_id = a.company_id AND x.subject_id = a.id
          AND x.action = 'approval.approve' ORDER BY x.id DESC LIMIT 1) l ON true",
    )
    .fetch_all(&world.pool)
    .await
    .expect("activities can be read");
    rows.into_iter()
        .map(|row| {
            let at: Option<i64> = row.get("approved_at");
            let activity = Activity {
                status: Status::parse(row.get("status")).expect("a status"),
                is_due: row.get("is_due"),
                is_explained: row.get("is_explained"),
                is_claimed: row.get("is_claimed"),
                sha256: row.get("payload_sha256"),
                approved_sha256: row.get("approved"),
                audited_sha256: row.get("audited"),
                approved_at: at.map(|at| jiff::Timestamp::from_microsecond(at).expect("a time")),
                envelope: row.get("envelope"),
            };
            (row.get("id"), activity)
        })
        .collect()
}

impl Activity {
    /// C3 and C4: what was accepted is what was approved, and was approved before.
    fn matches(&self, entry: &Entry) {
        let id = entry.activity_id.as_deref().unwrap_or_default();
        let envelope = Envelope::open(&self.envelope).expect("an envelope");
        let request = envelope.request.expect("a rendered request");
        assert_eq!(request.body, entry.body, "C3: {id} was sent in other words than were approved");
        assert_eq!(
            PayloadHash::of(&self.envelope).as_bytes(),
            self.sha256,
            "C3: {id} was changed underneath"
        );
        assert_eq!(self.approved_sha256.as_ref(), Some(&self.sha256), "C3: {id} was approved on other bytes");
        assert_eq!(
            self.audited_sha256.as_ref(),
            Some(&self.sha256),
            "C3: the audit log names other bytes for {id}"
        );
        assert!(
            self.approved_at.is_some_and(|at| at <= entry.at),
            "C4: {id} was accepted before it was approved"
        );
        assert_eq!(entry.to, [envelope.payload.to], "C3: {id} went to somebody else");
    }

    /// C2 and C5.
    fn is_where_it_may_be(&self, id: &str, was_accepted: bool) {
        assert!(!self.is_claimed, "C2: {id} is still claimed");
        match self.status {
            Status::Sent => assert!(was_accepted, "C5: {id} is called sent and was never accepted"),
            Status::Uncertain | Status::Dispatching => {}
            Status::Approved | Status::BlockedByQuota => {
                assert!(self.is_explained || self.is_due, "C2: {id} waits without a reason");
                assert!(!was_accepted, "C5: {id} was accepted and waits to be sent");
            }
            other => assert!(!was_accepted, "C5: {id} was accepted and is called {}", other.as_str()),
        }
    }
}

/// C6: quota used = sent + uncertain + in flight.
async fn quota_matches(world: &World) {
    let rows = sqlx::query(
        "SELECT b.sent_today, b.daily_cap, (SELECT count(*) FROM crm_activities a WHERE a.company_id = b.company_id
          AND a.outbox_id = b.outbox_id AND a.quota_day = b.day AND a.status IN ('sent', 'sent_dryrun', 'uncertain', 'dispatching')) AS used
        FROM crm_credential_buckets b",
    )
    .fetch_all(&world.pool)
    .await
    .expect("buckets can be read");
    for row in rows {
        let (sent, cap, used): (i32, i32, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(i64::from(sent), used, "C6: the bucket says {sent}, the activities say {used}");
        assert!((0..=cap).contains(&sent), "C6: {sent} of {cap}");
    }
}

/// C7: one audit row for every outcome.
async fn outcomes_are_recorded(world: &World) {
    let unrecorded = world
        .count(
            "SELECT count(*) FROM crm_activities a WHERE a.status IN ('sent', 'failed') AND 1 <> (SELECT count(*) FROM crm_audit_log l
            WHERE l.company_id = a.company_id AND l.subject_id = a.id AND l.action = 'dispatch.' || a.status)
            AND NOT EXISTS (SELECT FROM crm_audit_log l WHERE l.subject_id = a.id AND l.action LIKE 'activity.resolve%')",
        )
        .await;
    assert_eq!(unrecorded, 0, "C7: an outcome has no audit row, or two");
}
