//! SQL of what screens and commands read: pages, details, counts.
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::payload::Envelope;
use super::status::Status;
use super::store::{read_channel, read_hash, read_kind, read_status};
use super::store_facts;
use super::view::{
    ActivityDetail, ActivityRow, AttemptView, COUNT_LIMIT, Counts, Cursor, DecisionView, Filter, Hold, List,
    PAGE_LIMIT, Page,
};
use crate::approval::risk::Risk;
use crate::channel::Lines;
use crate::company::policy::Policy;
use crate::company::store_policy;
use crate::contact::store_look_alike;
use crate::db::filter;
use crate::dispatch::store_evidence;
use crate::error::Error;
use crate::gate::{self, Verdict};
use crate::ids::{ActivityId, CompanyId};

/// Reads one page of a list, at most [`PAGE_LIMIT`] rows.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn page(
    conn: &mut PgConnection,
    company: CompanyId,
    list: List,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, Error> {
    let limit = limit.clamp(1, PAGE_LIMIT);
    let mut found = filter::page(company, list, filter, after, limit + 1).build().fetch_all(conn).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = match found.last() {
        Some(last) if has_more => {
            let at: jiff_sqlx::Timestamp = last.try_get("sort_at")?;
            Some(Cursor { at: at.to_jiff(), id: ActivityId(last.try_get("id")?) })
        }
        _ => None,
    };
    let rows = found.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { rows, next })
}

/// Reads everything about one activity, with what the gates say now.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn detail(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
    lines: &Lines,
) -> Result<Option<ActivityDetail>, Error> {
    let Some(found) = filter::one(company, id).build().fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let row = row(&found)?;
    let as_of: jiff_sqlx::Timestamp = found.try_get("as_of")?;
    let extra = sqlx::query!(
        r#"SELECT p.envelope, c.locale, c.zone, y.sandbox, e.risk_reasons
        FROM crm_activities a
        JOIN crm_companies y ON y.id = a.company_id
        JOIN crm_contacts c ON c.company_id = a.company_id AND c.id = a.contact_id
        JOIN crm_activity_details e ON e.company_id = a.company_id AND e.activity_id = a.id
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        WHERE a.company_id = $1 AND a.id = $2"#,
        company.0,
        id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    let decisions = decisions(conn, company, id).await?;
    let attempts = attempts(conn, company, id).await?;
    let lookups = store_evidence::lookups(conn, company, id).await?;
    let facts = store_facts::facts(conn, company, &[id]).await?.remove(&id).unwrap_or_default();
    let envelope = extra.envelope.as_deref().map(Envelope::open).transpose().map_err(|error| {
        Error::Corrupt { table: "crm_payloads", row: id.to_string(), problem: error.to_string() }
    })?;
    let recipients = envelope.as_ref().map(|envelope| envelope.payload.recipients()).unwrap_or_default();
    let asked = [(id, recipients)];
    let look_alikes =
        store_look_alike::look_alikes(conn, company, &asked).await?.remove(&id).unwrap_or_default();
    let has_line = lines.line(row.channel, extra.sandbox).is_some() || lines.renderer(row.channel).is_some();
    let policy = store_policy::policy(conn, company).await?;
    let (verdicts, needs_two) = advice(conn, company, &row, policy, has_line, lines.is_dry_run()).await?;
    Ok(Some(ActivityDetail {
        raw: extra.envelope.unwrap_or_default(),
        envelope,
        verdicts,
        risk_reasons: extra.risk_reasons,
        needs_two,
        look_alikes,
        decisions,
        attempts,
        lookups,
        facts,
        locale: extra.locale,
        zone: extra.zone,
        as_of: as_of.to_jiff(),
        row,
    }))
}

/// What the gates say now, and whether the message needs a second person.
async fn advice(
    conn: &mut PgConnection,
    company: CompanyId,
    row: &ActivityRow,
    policy: Policy,
    has_line: bool,
    is_dry_run: bool,
) -> Result<(Vec<Verdict>, bool), Error> {
    let settings = crate::outbox::store::settings(conn, company, Some(row.outbox_id)).await?.pop();
    let outbox = settings.ok_or_else(|| Error::Corrupt {
        table: "crm_activities",
        row: row.id.to_string(),
        problem: "its outbox is not there".to_owned(),
    })?;
    let needs_two = policy.asks_for_two() && row.risk == Risk::High;
    let now = crate::db::now(conn).await?;
    let rows = gate::store::row(conn, company, row.id).await?.into_iter().collect();
    let batch = gate::store::load(conn, company, outbox, policy, now, rows, is_dry_run).await?;
    let quota = gate::store::standing(conn, company, &batch.outbox, batch.now).await?;
    let verdicts = batch.candidates.first().map(|candidate| {
        let is_over = !matches!(
            candidate.status,
            Status::DraftPendingApproval | Status::Approved | Status::BlockedByQuota
        );
        // What left or stopped takes no quota any more.
        gate::judge_all(&batch.facts(candidate, has_line, quota.filter(|_| !is_over)))
    });
    Ok((verdicts.unwrap_or_default(), needs_two))
}

async fn decisions(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Vec<DecisionView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT d.verdict, d.at, d.payload_sha256, d.reason, d.round, d.actor_id, p.name AS "name?"
        FROM crm_decisions d
        LEFT JOIN crm_operators p ON p.company_id = d.company_id AND p.id = d.actor_id
        WHERE d.company_id = $1 AND d.activity_id = $2 ORDER BY d.at, d.id LIMIT 200"#,
        company.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DecisionView {
                payload_sha256: read_hash(&row.payload_sha256, id)?,
                verdict: row.verdict,
                by: row.name.unwrap_or_else(|| row.actor_id.to_string()),
                at: row.at.to_jiff(),
                reason: row.reason,
                round: row.round,
            })
        })
        .collect()
}

async fn attempts(
    conn: &mut PgConnection,
    company: CompanyId,
    id: ActivityId,
) -> Result<Vec<AttemptView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT attempt, idempotency_key, wire_at, closed_at, outcome, provider_ref, evidence ->> 'code' AS code,
          evidence ->> 'detail' AS detail
        FROM crm_dispatch_attempts WHERE company_id = $1 AND activity_id = $2 ORDER BY attempt LIMIT 200"#,
        company.0,
        id.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AttemptView {
            attempt: row.attempt,
            idempotency_key: row.idempotency_key,
            wire_at: row.wire_at.map(jiff_sqlx::Timestamp::to_jiff),
            closed_at: row.closed_at.to_jiff(),
            outcome: row.outcome,
            provider_ref: row.provider_ref,
            code: row.code,
            detail: row.detail,
        })
        .collect())
}

/// Where activities stand; those that are not of this company are left out.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn standing(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<(ActivityId, Status)>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id AS "id: ActivityId", status FROM crm_activities WHERE company_id = $1 AND id = ANY ($2) ORDER BY id"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, read_status(&row.status, row.id)?))).collect()
}

/// Counts what waits, each number bounded by [`COUNT_LIMIT`].
///
/// # Errors
/// A database fault.
pub async fn counts(conn: &mut PgConnection, company: CompanyId) -> Result<Counts, Error> {
    let row = sqlx::query!(
        r#"SELECT
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'draft' LIMIT $2) d) AS "pending!",
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'queue'
            AND status <> 'dispatching' LIMIT $2) q) AS "holding!",
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'queue'
            AND status = 'dispatching' LIMIT $2) s) AS "sending!",
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'attention'
            AND status = 'uncertain' LIMIT $2) u) AS "uncertain!",
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'attention'
            AND status = 'failed' LIMIT $2) f) AS "failed!",
          (SELECT count(*) FROM (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'attention'
            AND status IN ('blocked_by_allowlist', 'blocked_by_policy') LIMIT $2) b) AS "blocked!""#,
        company.0,
        COUNT_LIMIT
    )
    .fetch_one(conn)
    .await?;
    Ok(Counts {
        pending: row.pending,
        holding: row.holding,
        sending: row.sending,
        uncertain: row.uncertain,
        failed: row.failed,
        blocked: row.blocked,
    })
}

fn row(found: &PgRow) -> Result<ActivityRow, Error> {
    let id = ActivityId(found.try_get("id")?);
    let instant = |name: &str| -> Result<Option<Timestamp>, Error> {
        let value: Option<jiff_sqlx::Timestamp> = found.try_get(name)?;
        Ok(value.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let always = |name: &str| -> Result<Timestamp, Error> {
        let value: jiff_sqlx::Timestamp = found.try_get(name)?;
        Ok(value.to_jiff())
    };
    let status = read_status(found.try_get("status")?, id)?;
    Ok(ActivityRow {
        id,
        outbox_id: found.try_get::<Uuid, _>("outbox_id")?.into(),
        outbox: found.try_get("outbox")?,
        channel: read_channel(found.try_get("channel")?, id)?,
        kind: read_kind(found.try_get("kind")?, id)?,
        status,
        payload_sha256: read_hash(found.try_get("payload_sha256")?, id)?,
        round: found.try_get("round")?,
        contact_id: found.try_get::<Uuid, _>("contact_id")?.into(),
        contact: found.try_get("contact")?,
        account: found.try_get("account")?,
        to: found.try_get("recipient")?,
        headline: found.try_get("headline")?,
        proposed_by: found.try_get("proposed_by")?,
        risk: gate::store_facts::read_risk(found.try_get("risk")?, id)?,
        approvals: found.try_get("approvals")?,
        created_at: always("created_at")?,
        expires_at: instant("expires_at")?,
        send_after: always("send_after")?,
        hold: hold(found, status)?,
        attempts: found.try_get("attempt")?,
        wire_at: instant("wire_at")?,
        closed_at: instant("closed_at")?,
    })
}

/// Why it waits: the outbox first, because it holds everything; then what is written on the row.
fn hold(found: &PgRow, status: Status) -> Result<Option<Hold>, Error> {
    let code: Option<String> = found.try_get("hold_code")?;
    let now: jiff_sqlx::Timestamp = found.try_get("as_of")?;
    let now = now.to_jiff();
    let send_after: jiff_sqlx::Timestamp = found.try_get("send_after")?;
    let until = Some(send_after.to_jiff()).filter(|at| *at > now);
    match status {
        Status::Approved | Status::BlockedByQuota => {
            if let Some(reason) = found.try_get::<Option<String>, _>("kill_reason")? {
                let sentence = format!("killed: {reason}");
                return Ok(Some(Hold { code: "outbox_killed".to_owned(), sentence, until: None }));
            }
            if !found.try_get::<bool, _>("enabled")? {
                let reason: Option<String> = found.try_get("pause_reason")?;
                let sentence = format!("outbox paused: {}", reason.unwrap_or_default());
                return Ok(Some(Hold { code: "outbox_paused".to_owned(), sentence, until: None }));
            }
            let cool: Option<jiff_sqlx::Timestamp> = found.try_get("cool_until")?;
            let cool = cool.map(jiff_sqlx::Timestamp::to_jiff).filter(|at| *at > now);
            if cool > until {
                let reason: Option<&str> = found.try_get("cool_reason")?;
                let code = match reason {
                    Some("circuit") => "circuit_open",
                    Some("bounces") => "bounces",
                    _ => "provider_wait",
                };
                return Ok(Some(plain(code, cool)));
            }
            // Rows that no claim has looked at since the cap was reached do not know it yet.
            if status == Status::Approved && found.try_get::<bool, _>("is_drained")? {
                let reset = crate::quota::day::next_reset(now, found.try_get("zone")?);
                let code = gate::quota::exhausted(found.try_get("is_ramped")?);
                return Ok(Some(plain(code, Some(reset).max(until))));
            }
            Ok(match (code, until) {
                (Some(code), Some(_)) => Some(plain(&code, until)),
                (_, None) => Some(Hold {
                    code: "due".to_owned(),
                    sentence: "due; the dispatcher takes it next".to_owned(),
                    until: None,
                }),
                (None, _) => Some(plain("scheduled", until)),
            })
        }
        Status::Dispatching if found.try_get::<Option<Uuid>, _>("claim_id")? == Some(Uuid::nil()) => {
            Ok(Some(plain("replay", until)))
        }
        Status::Failed | Status::Uncertain | Status::BlockedByAllowlist | Status::BlockedByPolicy => {
            let fault: Option<String> = found.try_get("fault_code")?;
            let words: Option<String> = found.try_get("fault_detail")?;
            Ok(match (status, fault, words) {
                (Status::Failed | Status::Uncertain, Some(code), words) => {
                    let sentence = words.unwrap_or_default();
                    Some(Hold {
                        sentence: if sentence.is_empty() { code.clone() } else { sentence },
                        code,
                        until: None,
                    })
                }
                _ => code.map(|code| plain(&code, None)),
            })
        }
        Status::DraftPendingApproval => {
            // Only the list of snoozed drafts has the column.
            let until = found.try_get::<Option<jiff_sqlx::Timestamp>, _>("snoozed_until").ok().flatten();
            let sentence = "snoozed by you".to_owned();
            let snoozed = until.map(|until| Hold {
                code: "snoozed".to_owned(),
                sentence,
                until: Some(until.to_jiff()),
            });
            // The dispatcher says why it gave a decision back.
            Ok(snoozed.or_else(|| code.map(|code| plain(&code, None))))
        }
        _ => Ok(None),
    }
}

fn plain(code: &str, until: Option<Timestamp>) -> Hold {
    Hold { code: code.to_owned(), sentence: gate::sentence_for(code).to_owned(), until }
}
