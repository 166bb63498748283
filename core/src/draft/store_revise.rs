//! SQL of changing a draft that is on file.
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::activity::payload::{Envelope, PayloadHash, Sealed};
use crate::activity::status::Status;
use crate::activity::store::{read_hash, read_status};
use crate::approval::{Item, ItemOutcome};
use crate::error::Error;
use crate::ids::{ActivityId, AgentId, CompanyId, OutboxId};
use crate::outbox::store::{OutboxSettings, settings};

/// An activity under lock.
pub(super) struct Open {
    pub(super) status: Status,
    pub(super) payload_sha256: PayloadHash,
    pub(super) outbox: OutboxSettings,
    /// The agent that drafted it, if one did: its name, and its id where it showed a credential.
    pub(super) drafting_agent: Option<(String, Option<AgentId>)>,
    pub(super) envelope: Option<Envelope>,
    is_expired: bool,
    last: Option<(String, Timestamp)>,
}

/// Where a draft stands that can still be withdrawn: it waits for a decision, or it was decided and nobody took it up.
const WITHDRAWABLE: &[Status] = &[
    Status::DraftPendingApproval,
    Status::Approved,
    Status::BlockedByQuota,
    Status::BlockedByAllowlist,
    Status::BlockedByPolicy,
];

impl Open {
    /// Why it cannot be withdrawn any more.
    pub(super) fn objection_to_withdrawal(&self) -> Option<ItemOutcome> {
        match self.status {
            Status::Withdrawn => Some(ItemOutcome::Already { status: self.status }),
            Status::Dispatching => {
                Some(ItemOutcome::Refused { reason: "it is being sent; too late to withdraw it".to_owned() })
            }
            status if WITHDRAWABLE.contains(&status) => None,
            _ => Some(self.taken()),
        }
    }

    fn taken(&self) -> ItemOutcome {
        let (by, at) = self.last.clone().unzip();
        ItemOutcome::Taken { status: self.status, by, at }
    }

    /// Why it cannot be changed any more, or not from these bytes.
    pub(super) fn objection(&self, seen: Option<PayloadHash>) -> Option<ItemOutcome> {
        if self.status != Status::DraftPendingApproval {
            return Some(self.taken());
        }
        if seen.is_some_and(|seen| seen != self.payload_sha256) {
            return Some(ItemOutcome::Changed { payload_sha256: self.payload_sha256 });
        }
        let refusal = "it has expired; file it again";
        (seen.is_some() && self.is_expired).then(|| ItemOutcome::Refused { reason: refusal.to_owned() })
    }
}

/// Locks an outbound activity and reads what a change of its words needs.
pub(super) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Open>, Error> {
    // The lock comes first and alone: what is read afterwards is then at least as new.
    let locked = sqlx::query!(
        "SELECT id FROM crm_activities WHERE company_id = $1 AND id = $2 AND outbox_id IS NOT NULL FOR NO KEY UPDATE",
        company.0,
        id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    if locked.is_none() {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT a.status, a.payload_sha256 AS "payload_sha256!", a.outbox_id AS "outbox_id!: OutboxId",
          coalesce(a.expires_at <= clock_timestamp(), false) AS "is_expired!", p.envelope,
          CASE WHEN e.proposed_kind = 'agent' THEN e.proposed_by END AS drafting_agent,
          e.proposed_id AS "proposed_id: AgentId", d.name AS "decider?", d.at AS "decided_at?"
        FROM crm_activities a
        JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        LEFT JOIN LATERAL (SELECT coalesce(o.name, x.actor_id::text) AS name, x.at FROM crm_decisions x
          LEFT JOIN crm_operators o ON o.company_id = x.company_id AND o.id = x.actor_id
          WHERE x.company_id = a.company_id AND x.activity_id = a.id AND x.round = a.round
          ORDER BY x.at DESC, x.id DESC LIMIT 1) d ON true
        WHERE a.company_id = $1 AND a.id = $2"#,
        company.0,
        id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    let outbox = settings(conn, company, Some(row.outbox_id)).await?.into_iter().next();
    let outbox = outbox.ok_or_else(|| Error::Corrupt {
        table: "crm_activities",
        row: id.to_string(),
        problem: "its outbox is not there".to_owned(),
    })?;
    let envelope = row.envelope.as_deref().map(Envelope::open).transpose().map_err(|error| {
        Error::Corrupt { table: "crm_payloads", row: id.to_string(), problem: error.to_string() }
    })?;
    Ok(Some(Open {
        status: read_status(&row.status, id)?,
        payload_sha256: read_hash(&row.payload_sha256, id)?,
        outbox,
        drafting_agent: row.drafting_agent.map(|name| (name, row.proposed_id)),
        envelope,
        is_expired: row.is_expired,
        last: row.decider.zip(row.decided_at.map(jiff_sqlx::Timestamp::to_jiff)),
    }))
}

/// Points a draft at a new envelope. The old one stays: `crm_payloads` is never changed.
pub(super) async fn replace(
    conn: &mut PgConnection,
    company: CompanyId,
    item: Item,
    sealed: &Sealed,
    headline: &str,
    is_handwritten: bool,
) -> Result<(), Error> {
    let sha256 = sealed.sha256();
    // An edit that was edited back meets its own earlier envelope.
    sqlx::query!(
        r#"INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope) VALUES ($1, $2, $3, $4)
        ON CONFLICT (company_id, activity_id, payload_sha256) DO NOTHING"#,
        company.0,
        item.id.0,
        sha256.as_bytes(),
        sealed.bytes()
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET payload_sha256 = $4
        WHERE company_id = $1 AND id = $2 AND status = 'draft_pending_approval' AND payload_sha256 = $3"#,
        company.0,
        item.id.0,
        item.payload_sha256.as_bytes(),
        sha256.as_bytes()
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Err(Error::Conflict(format!("draft {} changed under its lock", item.id)));
    }
    sqlx::query!(
        "UPDATE crm_activity_details SET headline = $3, is_handwritten = $4 WHERE company_id = $1 AND activity_id = $2",
        company.0,
        item.id.0,
        headline,
        is_handwritten
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn withdraw(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<(), Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_activities SET status = 'withdrawn', hold_code = NULL, closed_at = clock_timestamp()
        WHERE company_id = $1 AND id = $2
          AND status IN ('draft_pending_approval', 'approved', 'blocked_by_quota', 'blocked_by_allowlist', 'blocked_by_policy')"#,
        company.0,
        id.0
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::Conflict(format!("draft {id} changed under its lock")))
    }
}
