//! What the provider accepted, message by message, beside what was approved.
use std::collections::{BTreeMap, HashMap};

use countersign_adapters::sandbox::Entry;
use countersign_core::activity::payload::{Envelope, PayloadHash};
use jiff::Timestamp;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Check, Finding};

/// Messages looked up at once.
const AT_ONCE: usize = 1_000;

/// An approval: the activity and the round of decisions.
type Approval = (Uuid, i32);

/// The approval a key stands for.
pub(super) fn approval(key: &str) -> Option<Approval> {
    let (activity, round) = key.strip_prefix("countersign-")?.rsplit_once('-')?;
    Some((activity.parse().ok()?, round.parse().ok()?))
}

/// C1, C3, C4, C5.
pub(super) async fn examine(
    conn: &mut PgConnection,
    ledger: &[Entry],
    findings: &mut Vec<Finding>,
) -> Result<(), sqlx::Error> {
    let accepted = by_approval(ledger, findings);
    let approvals: Vec<Approval> = accepted.keys().copied().collect();
    for some in approvals.chunks(AT_ONCE) {
        let known = approved(conn, some).await?;
        for approval in some {
            let entry = accepted[approval];
            match known.get(approval) {
                Some(approved) => approved.compare(entry, findings),
                None => findings.push(about(Check::C4, entry, "is no message of this database")),
            }
        }
    }
    unaccepted(conn, &approvals, findings).await
}

fn about(check: Check, entry: &Entry, problem: impl Into<String>) -> Finding {
    Finding::new(check, format!("ledger {}", entry.id), problem)
}

/// C1: each line belongs to one approval, and to each approval belongs one line.
fn by_approval<'a>(ledger: &'a [Entry], findings: &mut Vec<Finding>) -> BTreeMap<Approval, &'a Entry> {
    let mut accepted = BTreeMap::new();
    for entry in ledger {
        let Some(approval) = entry.idempotency_key.as_deref().and_then(approval) else {
            findings.push(about(Check::C1, entry, "was accepted without the key of an approval"));
            continue;
        };
        if entry.activity_id != Some(approval.0.to_string()) {
            findings.push(about(Check::C1, entry, "names another activity than its key"));
        }
        if accepted.insert(approval, entry).is_some() {
            let problem = format!("was accepted again under the approval of {}", approval.0);
            findings.push(about(Check::C1, entry, problem));
        }
    }
    accepted
}

/// What the database knows of an accepted message.
struct Approved {
    status: String,
    round: i32,
    /// The round that was accepted.
    accepted_round: i32,
    approved_at: Option<Timestamp>,
    sha256: Option<Vec<u8>>,
    envelope: Option<Vec<u8>>,
    is_erased: bool,
    /// A person has said what became of it.
    is_settled: bool,
    provider_ref: Option<String>,
}

async fn approved(
    conn: &mut PgConnection,
    approvals: &[Approval],
) -> Result<HashMap<Approval, Approved>, sqlx::Error> {
    let (ids, rounds): (Vec<Uuid>, Vec<i32>) = approvals.iter().copied().unzip();
    let rows = sqlx::query(
        "SELECT w.id, w.round AS accepted_round, a.status, a.round, (extract(epoch FROM d.at) * 1000000)::bigint AS approved_at,
          d.payload_sha256, p.envelope, coalesce(p.erased_at IS NOT NULL, false) AS is_erased,
          EXISTS (SELECT FROM crm_audit_log l WHERE l.company_id = a.company_id AND l.subject_id = a.id
            AND l.action LIKE 'activity.resolve.%') AS is_settled,
          (SELECT max(x.provider_ref) FROM crm_dispatch_attempts x WHERE x.company_id = a.company_id AND x.activity_id = a.id
            AND x.round = w.round AND x.outcome = 'accepted') AS provider_ref
        FROM unnest($1::uuid[], $2::int[]) AS w (id, round)
        JOIN crm_activities a ON a.id = w.id
        LEFT JOIN crm_decisions d ON d.company_id = a.company_id AND d.activity_id = a.id AND d.round = w.round AND d.binds_sha256 IS NOT NULL
        LEFT JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = d.payload_sha256",
    )
    .bind(&ids)
    .bind(&rounds)
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let approved = Approved {
            status: row.get("status"),
            round: row.get("round"),
            accepted_round: row.get("accepted_round"),
            approved_at: row
                .get::<Option<i64>, _>("approved_at")
                .and_then(|at| Timestamp::from_microsecond(at).ok()),
            sha256: row.get("payload_sha256"),
            envelope: row.get("envelope"),
            is_erased: row.get("is_erased"),
            is_settled: row.get("is_settled"),
            provider_ref: row.get("provider_ref"),
        };
        ((row.get("id"), approved.accepted_round), approved)
    });
    Ok(known.collect())
}

impl Approved {
    fn compare(&self, entry: &Entry, findings: &mut Vec<Finding>) {
        let mut find = |check, problem: &str| findings.push(about(check, entry, problem));
        match self.approved_at {
            None => find(Check::C4, "was accepted and nobody approved it"),
            Some(at) if at > entry.at => find(Check::C4, "was accepted before it was approved"),
            Some(_) => self.compare_words(entry, &mut find),
        }
        let is_open = matches!(self.status.as_str(), "sent" | "uncertain" | "dispatching");
        if !(self.is_settled || is_open && self.round == self.accepted_round) {
            find(Check::C5, &format!("was accepted and is called {} in round {}", self.status, self.round));
        }
        if self.provider_ref.as_ref().is_some_and(|known| *known != entry.id) {
            find(Check::C5, "was accepted under another id than the one on record");
        }
    }

    /// C3: the approved bytes are the accepted ones.
    fn compare_words(&self, entry: &Entry, find: &mut impl FnMut(Check, &str)) {
        let Some(envelope) = &self.envelope else {
            if !self.is_erased {
                find(Check::C3, "was approved on bytes that are not there");
            }
            return;
        };
        if self.sha256.as_deref() != Some(PayloadHash::of(envelope).as_bytes()) {
            find(Check::C3, "was approved on bytes that have changed since");
        }
        let Some((request, payload)) =
            Envelope::open(envelope).ok().and_then(|envelope| Some((envelope.request?, envelope.payload)))
        else {
            return find(Check::C3, "was approved on bytes that are no message");
        };
        if request.body != entry.body {
            find(Check::C3, "was sent in other words than were approved");
        }
        if entry.to != [payload.to] {
            find(Check::C3, "went to somebody else than was approved");
        }
    }
}

/// C5: what is called sent and was never accepted.
async fn unaccepted(
    conn: &mut PgConnection,
    approvals: &[Approval],
    findings: &mut Vec<Finding>,
) -> Result<(), sqlx::Error> {
    let (ids, rounds): (Vec<Uuid>, Vec<i32>) = approvals.iter().copied().unzip();
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT a.id::text FROM crm_activities a
        LEFT JOIN unnest($1::uuid[], $2::int[]) AS w (id, round) ON w.id = a.id AND w.round = a.round
        WHERE a.status = 'sent' AND w.id IS NULL AND NOT EXISTS (SELECT FROM crm_audit_log l WHERE l.company_id = a.company_id
          AND l.subject_id = a.id AND l.action = 'activity.resolve.was-sent')",
    )
    .bind(&ids)
    .bind(&rounds)
    .fetch_all(conn)
    .await?;
    let missing =
        |id| Finding::new(Check::C5, format!("crm_activities {id}"), "is called sent and was never accepted");
    findings.extend(rows.into_iter().map(missing));
    Ok(())
}
