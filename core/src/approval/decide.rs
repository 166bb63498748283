//! Approve and reject. One transaction a batch, items locked in id order, a result for every item.
use std::collections::{HashMap, HashSet};

use sqlx::{PgPool, PgTransaction};

use super::BATCH_LIMIT;
use super::risk::Risk;
use super::store::{self, Decision};
use super::store_risk::assess_all;
use super::verdict::{Asked, Item, ItemOutcome, ItemResult, completes, objection};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::company::store_policy;
use crate::contact::look_alike::LookAlike;
use crate::contact::store_look_alike;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, BatchId, CompanyId, OperatorId};
use crate::operator;

/// The longest reason that is kept, in characters.
pub const REASON_LIMIT: usize = 500;

/// Approves items, each on exactly the bytes that were seen. They can be taken back together by the batch.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] for too many items, or a database fault: then nothing was decided,
/// or the reply was lost and asking again tells (the same decision twice is one).
pub async fn approve(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    items: &[Item],
) -> Result<Vec<ItemResult>, Error> {
    approve_in(pool, actor, company, items, BatchId::new()).await
}

/// As [`approve`], as a part of a batch that several requests make up.
///
/// # Errors
/// As [`approve`].
pub async fn approve_in(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    items: &[Item],
    batch: BatchId,
) -> Result<Vec<ItemResult>, Error> {
    // Once after an upgrade: contacts from before have no skeleton yet. In steps of their own, so that none of them is long.
    loop {
        let fill = async || -> Result<bool, Error> {
            let mut tx = pool.begin().await?;
            let has_more = store_look_alike::fill_skeletons(&mut tx, company).await?;
            tx.commit().await?;
            Ok(has_more)
        };
        if !db::retry(fill).await? {
            break;
        }
    }
    db::retry(|| decide(pool, actor, company, items, Question::Approve(batch))).await
}

/// Rejects items, each on exactly the bytes that were seen.
///
/// # Errors
/// As [`approve`]; also [`Error::Invalid`] without a reason.
pub async fn reject(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    items: &[Item],
    reason: &str,
) -> Result<Vec<ItemResult>, Error> {
    let reason = check_reason(reason)?;
    db::retry(|| decide(pool, actor, company, items, Question::Reject(&reason))).await
}

/// Checks a reason: one line, not empty, at most [`REASON_LIMIT`] characters.
pub(crate) fn check_reason(reason: &str) -> Result<String, Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_LIMIT || reason.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field: "reason".to_owned(),
            reason: format!("give a reason of 1 to {REASON_LIMIT} characters on one line"),
        });
    }
    Ok(reason.to_owned())
}

pub(super) fn check_size(count: usize) -> Result<(), Error> {
    if count > BATCH_LIMIT {
        return Err(Error::Invalid {
            field: "items".to_owned(),
            reason: format!("{count} items in one request; at most {BATCH_LIMIT}"),
        });
    }
    Ok(())
}

/// What is asked, with what belongs to it.
#[derive(Clone, Copy)]
enum Question<'a> {
    Approve(BatchId),
    Reject(&'a str),
}

async fn decide(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    items: &[Item],
    question: Question<'_>,
) -> Result<Vec<ItemResult>, Error> {
    check_size(items.len())?;
    let (asked, reason, batch, action) = match question {
        Question::Approve(batch) => (Asked::Approve, None, Some(batch), "approve"),
        Question::Reject(reason) => (Asked::Reject, Some(reason), None, "reject"),
    };
    let (mut tx, operator) = begin(pool, actor, company, action).await?;
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    let locked = store::lock(&mut tx, company, &ids).await?;
    let doubts = match asked {
        Asked::Approve => doubts(&mut tx, company, &locked).await?,
        Asked::Reject => HashMap::new(),
    };
    let asks_for_two = store_policy::policy(&mut tx, company).await?.asks_for_two();
    // What was judged when the words were put on file may be worth more by now, or was filed before anybody judged.
    let risks = match asked {
        Asked::Approve if asks_for_two => assess_all(&mut tx, company, &ids).await?,
        _ => HashMap::new(),
    };
    let mut decided = HashSet::new();
    let mut results = Vec::with_capacity(items.len());
    let mut decisions = Vec::new();
    for item in items {
        let row = locked.rows.get(&item.id);
        let outcome = if decided.contains(&item.id) {
            // The same item twice in one request: the first mention counts.
            continue;
        } else if let Some(outcome) =
            objection(asked, row.map(|row| &row.standing), *item, operator.0, locked.now)
        {
            outcome
        } else if let (Some(reasons), false) = (doubts.get(&item.id), item.confirms_look_alike) {
            ItemOutcome::NeedsConfirmation { reason: reasons.join("; ") }
        } else if let Some(row) = row {
            decided.insert(item.id);
            let mut decision = Decision::new(item.id, row.round, item.payload_sha256);
            decision.confirmed = doubts.get(&item.id).cloned().unwrap_or_default();
            decision.reason = reason.map(str::to_owned);
            let risk = risks.get(&item.id).map_or(row.risk, |(risk, _)| *risk);
            let needs_two =
                asks_for_two && !row.is_by_operator && (risk == Risk::High || doubts.contains_key(&item.id));
            decision.completes = asked == Asked::Reject || completes(&row.standing, operator.0, needs_two);
            let outcome = match asked {
                Asked::Reject => ItemOutcome::Rejected,
                Asked::Approve if decision.completes => {
                    ItemOutcome::Approved { send_after: row.send_after.max(locked.now + row.undo_window) }
                }
                Asked::Approve => ItemOutcome::NeedsSecond,
            };
            // The same first vote again changes nothing.
            if decision.completes || !row.standing.votes.contains(&operator.0) {
                decisions.push(decision);
            }
            outcome
        } else {
            ItemOutcome::Missing
        };
        results.push(ItemResult { id: item.id, outcome });
    }
    if decisions.is_empty() {
        tx.rollback().await?;
        return Ok(results);
    }
    let action = match asked {
        Asked::Approve => {
            store::insert(&mut tx, company, "approve", operator, batch, &decisions).await?;
            store::set_approved(&mut tx, company, &decisions).await?;
            "approval.approve"
        }
        Asked::Reject => {
            store::insert(&mut tx, company, "reject", operator, None, &decisions).await?;
            store::set_rejected(&mut tx, company, &decisions).await?;
            "approval.reject"
        }
    };
    record(&mut tx, actor, company, action, batch, &decisions).await?;
    tx.commit().await?;
    Ok(results)
}

/// What is doubtful about the recipients of each item, as sentences. A fixed number of statements for any number of items.
async fn doubts(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    locked: &store::Locked,
) -> Result<HashMap<ActivityId, Vec<String>>, Error> {
    let (mut known, mut missing) = (Vec::new(), Vec::new());
    for (id, row) in &locked.rows {
        match &row.recipients {
            Some(recipients) => known.push((*id, recipients.clone())),
            None => missing.push(*id),
        }
    }
    known.extend(store_look_alike::recover_recipients(conn, company, &missing).await?);
    let found = store_look_alike::look_alikes(conn, company, &known).await?;
    Ok(found.into_iter().map(|(id, list)| (id, list.iter().map(LookAlike::sentence).collect())).collect())
}

fn detail_of(decision: &Decision, batch: Option<BatchId>) -> serde_json::Value {
    let mut detail = serde_json::json!({ "round": decision.round });
    if let Some(batch) = batch {
        detail["batch"] = serde_json::json!(batch);
    }
    if !decision.completes {
        detail["needsSecond"] = serde_json::json!(true);
    }
    if !decision.confirmed.is_empty() {
        detail["confirmedLookAlike"] = serde_json::json!(decision.confirmed);
    }
    detail
}

/// Supersedes newer drafts in the places of items that become drafts again, and records it.
pub(super) async fn make_room(
    conn: &mut sqlx::PgConnection,
    actor: &Actor,
    company: CompanyId,
    decisions: &[Decision],
) -> Result<(), Error> {
    let superseded = store::supersede_newer(conn, company, decisions).await?;
    let entries: Vec<_> =
        superseded.into_iter().map(|id| audit::Entry::new(actor, "draft.supersede").subject(id)).collect();
    audit::store::append(conn, company, &entries).await
}

/// Opens the transaction of a change with the operator behind an actor, if the database gives it at least the approver role; that
/// stays so until the transaction ends. A refusal is recorded.
pub(crate) async fn begin(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
) -> Result<(PgTransaction<'static>, OperatorId), Error> {
    admit(pool, pool.begin().await?, actor, company, action).await
}

/// As [`begin`] in a transaction that is open already; of one that is refused nothing stays.
pub(crate) async fn admit(
    pool: &PgPool,
    mut tx: PgTransaction<'static>,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
) -> Result<(PgTransaction<'static>, OperatorId), Error> {
    match operator::authorise_change(&mut tx, actor, company, Role::Approver, action).await {
        Ok(operator) => Ok((tx, operator)),
        Err(refusal @ (Error::Forbidden { .. } | Error::Refused(_))) => {
            tx.rollback().await?;
            let mut tx = pool.begin().await?;
            let entry = audit::Entry::new(actor, "approval.refused");
            let entry = entry.detail(serde_json::json!({ "asked": action }));
            audit::store::append(&mut tx, company, &[entry]).await?;
            tx.commit().await?;
            Err(refusal)
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn record(
    conn: &mut sqlx::PgConnection,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
    batch: Option<BatchId>,
    decisions: &[Decision],
) -> Result<(), Error> {
    let entries: Vec<_> = decisions
        .iter()
        .map(|decision| {
            audit::Entry::new(actor, action)
                .activity(decision.activity, decision.payload_sha256)
                .reason(decision.reason.as_deref())
                .detail(detail_of(decision, batch))
        })
        .collect();
    audit::store::append(conn, company, &entries).await?;
    company::store::bump(conn, company).await
}
