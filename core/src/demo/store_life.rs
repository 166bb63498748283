//! SQL of the demo: messages through their lives, a wave at a time. Each statement is one step of the life, so that every rule of
//! the schema holds while the past is written.
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::message::{Life, Try};
use super::plan::Plan;
use super::seal::Row;
use crate::activity::status::Status;
use crate::audit;
use crate::draft::file::DEFAULT_LIFE;
use crate::error::Error;
use crate::ids::{CompanyId, DecisionId};

type Time = jiff_sqlx::Timestamp;

fn ids(rows: &[&Row<'_>]) -> Vec<Uuid> {
    rows.iter().map(|row| row.message.id.0).collect()
}

fn hash(row: &Row<'_>) -> Vec<u8> {
    row.sealed.sha256().as_bytes().to_vec()
}

pub(super) async fn insert_payloads(
    conn: &mut PgConnection,
    plan: &Plan,
    rows: &[&Row<'_>],
) -> Result<(), Error> {
    let hashes: Vec<Vec<u8>> = rows.iter().map(|row| hash(row)).collect();
    let envelopes: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.bytes().to_vec()).collect();
    let created: Vec<Time> = rows.iter().map(|row| row.message.created_at.into()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope, created_at)
        SELECT $1, * FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::timestamptz[])"#,
        plan.company.id.0,
        &ids(rows),
        &hashes,
        &envelopes,
        &created as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Everything begins as a draft, but for what came in or was noted by hand.
pub(super) async fn insert_activities(
    conn: &mut PgConnection,
    plan: &Plan,
    rows: &[&Row<'_>],
) -> Result<(), Error> {
    let outboxes: Vec<Uuid> =
        rows.iter().map(|row| plan.outboxes[row.message.outbox].settings.id.0).collect();
    let contacts: Vec<Uuid> = rows.iter().map(|row| plan.contacts[row.message.contact].id.0).collect();
    let channels: Vec<String> =
        rows.iter().map(|row| row.message.input.channel.as_str().to_owned()).collect();
    let kinds: Vec<String> = rows.iter().map(|row| row.message.kind.as_str().to_owned()).collect();
    let statuses: Vec<String> = rows
        .iter()
        .map(|row| match row.message.life {
            Life::Noted { status } => status.as_str().to_owned(),
            _ => Status::DraftPendingApproval.as_str().to_owned(),
        })
        .collect();
    let hashes: Vec<Vec<u8>> = rows.iter().map(|row| hash(row)).collect();
    let created: Vec<Time> = rows.iter().map(|row| row.message.created_at.into()).collect();
    let expires: Vec<Time> = rows.iter().map(|row| (row.message.created_at + DEFAULT_LIFE).into()).collect();
    let send_afters: Vec<Time> = rows.iter().map(|row| row.message.send_after.into()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_activities
          (company_id, id, outbox_id, contact_id, channel, kind, status, payload_sha256, created_at, expires_at, closed_at, send_after)
        SELECT $1, r.id, r.outbox_id, r.contact_id, r.channel, r.kind, r.status, r.sha256, r.created_at,
          CASE WHEN r.status = 'draft_pending_approval' THEN r.expires_at END,
          CASE WHEN r.status <> 'draft_pending_approval' THEN r.created_at END, r.send_after
        FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::timestamptz[],
          $10::timestamptz[], $11::timestamptz[])
          AS r (id, outbox_id, contact_id, channel, kind, status, sha256, created_at, expires_at, send_after)"#,
        plan.company.id.0,
        &ids(rows),
        &outboxes,
        &contacts,
        &channels,
        &kinds,
        &statuses,
        &hashes,
        &created as _,
        &expires as _,
        &send_afters as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps when each contact last wrote, as it is kept when a message comes in.
pub(super) async fn note_inbound(conn: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_contact_inbound (company_id, contact_id, channel, last_at)
        SELECT company_id, contact_id, channel, max(created_at) FROM crm_activities
        WHERE company_id = $1 AND status = 'received' GROUP BY company_id, contact_id, channel"#,
        company.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_details(
    conn: &mut PgConnection,
    plan: &Plan,
    rows: &[&Row<'_>],
) -> Result<(), Error> {
    let recipients: Vec<String> = rows.iter().map(|row| row.recipient.clone()).collect();
    let headlines: Vec<String> = rows.iter().map(|row| row.headline.clone()).collect();
    let kinds: Vec<String> = rows.iter().map(|row| row.proposed_kind.to_owned()).collect();
    let names: Vec<String> = rows.iter().map(|row| row.proposed_by.clone()).collect();
    let proposers: Vec<Option<Uuid>> = rows.iter().map(|row| row.proposed_id).collect();
    sqlx::query!(
        r#"INSERT INTO crm_activity_details
          (company_id, activity_id, recipient, headline, proposed_kind, proposed_by, proposed_id, is_handwritten)
        SELECT $1, w.*, w.proposed_kind = 'operator'
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[])
          AS w (id, recipient, headline, proposed_kind, proposed_by, proposed_id)"#,
        plan.company.id.0,
        &ids(rows),
        &recipients,
        &headlines,
        &kinds,
        &names,
        &proposers as &[Option<Uuid>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A decision about a row.
pub(super) struct Decision<'a, 'b> {
    pub(super) id: DecisionId,
    pub(super) row: &'b Row<'a>,
    pub(super) at: Timestamp,
    pub(super) actor: Uuid,
}

pub(super) async fn insert_decisions(
    conn: &mut PgConnection,
    plan: &Plan,
    decisions: &[Decision<'_, '_>],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = decisions.iter().map(|one| one.id.0).collect();
    let activities: Vec<Uuid> = decisions.iter().map(|one| one.row.message.id.0).collect();
    let hashes: Vec<Vec<u8>> = decisions.iter().map(|one| hash(one.row)).collect();
    let verdicts: Vec<String> = decisions
        .iter()
        .map(|one| if one.row.message.life.is_approved() { "approve" } else { "reject" }.to_owned())
        .collect();
    let reasons: Vec<Option<String>> = decisions
        .iter()
        .map(|one| match one.row.message.life {
            Life::Rejected { reason, .. } => Some(reason.to_owned()),
            _ => None,
        })
        .collect();
    let actors: Vec<Uuid> = decisions.iter().map(|one| one.actor).collect();
    let times: Vec<Time> = decisions.iter().map(|one| one.at.into()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_decisions
          (company_id, round, completes, actor_kind, id, activity_id, payload_sha256, verdict, reason, actor_id, at)
        SELECT $1, 1, true, 'operator', * FROM unnest(
          $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[])"#,
        plan.company.id.0,
        &ids,
        &activities,
        &hashes,
        &verdicts,
        &reasons as &[Option<String>],
        &actors,
        &times as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drafts that were rejected, or that nobody decided about in time.
pub(super) async fn close_drafts(
    conn: &mut PgConnection,
    plan: &Plan,
    rows: &[&Row<'_>],
) -> Result<(), Error> {
    let closed: Vec<(Uuid, &str, Timestamp)> = rows
        .iter()
        .filter_map(|row| match row.message.life {
            Life::Rejected { decided, .. } => Some((row.message.id.0, "rejected", decided.at)),
            Life::Expired { at } => Some((row.message.id.0, "expired", at)),
            _ => None,
        })
        .collect();
    let ids: Vec<Uuid> = closed.iter().map(|(id, ..)| *id).collect();
    let statuses: Vec<String> = closed.iter().map(|(_, status, _)| (*status).to_owned()).collect();
    let times: Vec<Time> = closed.iter().map(|(.., at)| (*at).into()).collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = r.status, closed_at = r.at,
          hold_code = CASE WHEN r.status = 'expired' THEN 'expired' END
        FROM unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS r (id, status, at) WHERE a.company_id = $1 AND a.id = r.id"#,
        plan.company.id.0,
        &ids,
        &statuses,
        &times as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn approve(conn: &mut PgConnection, plan: &Plan, rows: &[&Row<'_>]) -> Result<(), Error> {
    let approved: Vec<&Row<'_>> = rows.iter().copied().filter(|row| row.message.life.is_approved()).collect();
    let codes: Vec<Option<String>> = approved
        .iter()
        .map(|row| match row.message.life {
            Life::Holding { code, .. } => Some(code.to_owned()),
            _ => None,
        })
        .collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'approved', hold_code = r.code
        FROM unnest($2::uuid[], $3::text[]) AS r (id, code) WHERE a.company_id = $1 AND a.id = r.id"#,
        plan.company.id.0,
        &ids(&approved),
        &codes as &[Option<String>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn block(conn: &mut PgConnection, plan: &Plan, rows: &[&Row<'_>]) -> Result<(), Error> {
    let blocked: Vec<(Uuid, &str)> = rows
        .iter()
        .filter_map(|row| match row.message.life {
            Life::Blocked { code, .. } => Some((row.message.id.0, code)),
            _ => None,
        })
        .collect();
    let ids: Vec<Uuid> = blocked.iter().map(|(id, _)| *id).collect();
    let codes: Vec<String> = blocked.iter().map(|(_, code)| (*code).to_owned()).collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'blocked_by_allowlist', hold_code = r.code
        FROM unnest($2::uuid[], $3::text[]) AS r (id, code) WHERE a.company_id = $1 AND a.id = r.id"#,
        plan.company.id.0,
        &ids,
        &codes
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What left: the row, its attempts, and where it ended.
fn departed<'a, 'b>(rows: &'b [&'b Row<'a>]) -> impl Iterator<Item = (&'b Row<'a>, &'b [Try], Status)> {
    rows.iter().filter_map(|row| match &row.message.life {
        Life::Left { tries, end, .. } => Some((*row, tries.as_slice(), *end)),
        _ => None,
    })
}

pub(super) async fn depart(conn: &mut PgConnection, plan: &Plan, rows: &[&Row<'_>]) -> Result<(), Error> {
    let mut ids: Vec<Uuid> = Vec::new();
    let mut claims: Vec<Uuid> = Vec::new();
    let mut attempts: Vec<i16> = Vec::new();
    let mut first_wires: Vec<Time> = Vec::new();
    let mut wires: Vec<Time> = Vec::new();
    let mut days: Vec<Option<jiff_sqlx::Date>> = Vec::new();
    for (row, tries, _) in departed(rows) {
        if let (Some(first), Some(last)) = (tries.first(), tries.last()) {
            ids.push(row.message.id.0);
            claims.push(last.claim.0);
            attempts.push(i16::try_from(tries.len()).unwrap_or(1));
            first_wires.push(first.wire_at.into());
            wires.push(last.wire_at.into());
            days.push(
                row.message.quota_day(&plan.outboxes[row.message.outbox].settings.zone).map(Into::into),
            );
        }
    }
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = 'dispatching', claim_id = r.claim_id, attempt = r.attempt,
          first_wire_at = r.first_wire_at, wire_at = r.wire_at, quota_day = r.day
        FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[], $6::timestamptz[], $7::date[])
          AS r (id, claim_id, attempt, first_wire_at, wire_at, day)
        WHERE a.company_id = $1 AND a.id = r.id"#,
        plan.company.id.0,
        &ids,
        &claims,
        &attempts,
        &first_wires as _,
        &wires as _,
        &days as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_attempts(
    conn: &mut PgConnection,
    plan: &Plan,
    rows: &[&Row<'_>],
) -> Result<(), Error> {
    let tries: Vec<(&Row<'_>, usize, &Try)> = departed(rows)
        .flat_map(|(row, tries, _)| tries.iter().enumerate().map(move |(index, one)| (row, index, one)))
        .collect();
    let ids: Vec<Uuid> = tries.iter().map(|(row, ..)| row.message.id.0).collect();
    let numbers: Vec<i16> = tries.iter().map(|(_, index, _)| i16::try_from(index + 1).unwrap_or(1)).collect();
    let claims: Vec<Uuid> = tries.iter().map(|(.., one)| one.claim.0).collect();
    let keys: Vec<String> =
        tries.iter().map(|(row, ..)| format!("countersign-{}-1", row.message.id)).collect();
    let wires: Vec<Time> = tries.iter().map(|(.., one)| one.wire_at.into()).collect();
    let closed: Vec<Time> = tries.iter().map(|(.., one)| one.closed_at.into()).collect();
    let refs: Vec<Option<String>> = tries.iter().map(|(.., one)| one.provider_ref.clone()).collect();
    let evidence: Vec<serde_json::Value> =
        tries.iter().map(|(.., one)| serde_json::json!({ "code": one.code, "detail": one.detail })).collect();
    let outcomes: Vec<String> = tries.iter().map(|(.., one)| one.outcome.to_owned()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_dispatch_attempts (company_id, round, secret_version, activity_id, attempt, claim_id, idempotency_key, wire_at,
          closed_at, provider_ref, evidence, outcome)
        SELECT $1, 1, 1, * FROM unnest($2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[],
          $8::text[], $9::jsonb[], $10::text[])"#,
        plan.company.id.0,
        &ids,
        &numbers,
        &claims,
        &keys,
        &wires as _,
        &closed as _,
        &refs as &[Option<String>],
        &evidence,
        &outcomes
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn arrive(conn: &mut PgConnection, plan: &Plan, rows: &[&Row<'_>]) -> Result<(), Error> {
    let ids: Vec<Uuid> = departed(rows).map(|(row, ..)| row.message.id.0).collect();
    let statuses: Vec<String> = departed(rows).map(|(.., end)| end.as_str().to_owned()).collect();
    let codes: Vec<Option<String>> = departed(rows)
        .map(|(_, tries, _)| tries.last().and_then(|one| one.code).map(str::to_owned))
        .collect();
    let closed: Vec<Option<Time>> = departed(rows)
        .map(|(_, tries, end)| {
            tries.last().filter(|_| end != Status::Uncertain).map(|one| one.closed_at.into())
        })
        .collect();
    sqlx::query!(
        r#"UPDATE crm_activities a SET status = r.status, hold_code = r.code, closed_at = r.closed_at, claim_id = NULL
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) AS r (id, status, code, closed_at)
        WHERE a.company_id = $1 AND a.id = r.id"#,
        plan.company.id.0,
        &ids,
        &statuses,
        &codes as &[Option<String>],
        &closed as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Rows of the audit log at times of their own.
pub(super) async fn insert_audit(
    conn: &mut PgConnection,
    company: CompanyId,
    entries: &[(Timestamp, audit::Entry)],
) -> Result<(), Error> {
    let times: Vec<Time> = entries.iter().map(|(at, _)| (*at).into()).collect();
    let ids: Vec<Uuid> = entries.iter().map(|(_, entry)| entry.id.0).collect();
    let kinds: Vec<String> = entries.iter().map(|(_, entry)| entry.actor_kind.to_owned()).collect();
    let actors: Vec<Option<Uuid>> = entries.iter().map(|(_, entry)| entry.actor_id).collect();
    let names: Vec<String> = entries.iter().map(|(_, entry)| entry.actor_name.clone()).collect();
    let actions: Vec<String> = entries.iter().map(|(_, entry)| entry.action.clone()).collect();
    let subjects: Vec<Option<Uuid>> = entries.iter().map(|(_, entry)| entry.subject).collect();
    let hashes: Vec<Option<Vec<u8>>> =
        entries.iter().map(|(_, entry)| entry.payload_sha256.map(|hash| hash.as_bytes().to_vec())).collect();
    let reasons: Vec<Option<String>> = entries.iter().map(|(_, entry)| entry.reason.clone()).collect();
    let details: Vec<serde_json::Value> = entries.iter().map(|(_, entry)| entry.detail.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_audit_log
          (company_id, at, id, actor_kind, actor_id, actor_name, action, subject_id, payload_sha256, reason, detail)
        SELECT $1, * FROM unnest($2::timestamptz[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::bytea[],
          $10::text[], $11::jsonb[])"#,
        company.0,
        &times as _,
        &ids,
        &kinds,
        &actors as &[Option<Uuid>],
        &names,
        &actions,
        &subjects as &[Option<Uuid>],
        &hashes as &[Option<Vec<u8>>],
        &reasons as &[Option<String>],
        &details
    )
    .execute(conn)
    .await?;
    Ok(())
}
