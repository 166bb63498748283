//! Undo: what was approved, stopped or failed becomes a draft again, one by one or a whole batch of approvals.
use std::collections::HashSet;

use sqlx::PgPool;

use super::BATCH_LIMIT;
use super::decide::{begin, check_size, make_room, record};
use super::store::{self, Decision};
use super::verdict::{Item, ItemOutcome, ItemResult, Standing, objection_to_undo, objection_to_undo_seen};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, BatchId, CompanyId};

/// Makes items drafts again: approved ones that have not left, and blocked or failed ones for another look. A newer draft in the
/// same place is superseded. A draft that one of two people approved needs two again.
///
/// # Errors
/// As [`approve`](super::approve).
pub async fn undo(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<ItemResult>, Error> {
    db::retry(|| undo_as(pool, actor, company, ids, Undo::Any)).await
}

/// The same for one item, as it was seen: of other bytes, or in another round, it is left where it stands.
///
/// # Errors
/// As [`approve`](super::approve).
pub async fn undo_seen(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    seen: Item,
) -> Result<ItemResult, Error> {
    undo_one(pool, actor, company, seen.id, Undo::Seen(seen)).await
}

/// Makes a failed message a draft again: to try it again is a new decision. Any other is left where it stands.
///
/// # Errors
/// As [`approve`](super::approve).
pub async fn retry(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
) -> Result<ItemResult, Error> {
    undo_one(pool, actor, company, id, Undo::Failed).await
}

async fn undo_one(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    what: Undo,
) -> Result<ItemResult, Error> {
    let ids = [id];
    let mut results = db::retry(|| undo_as(pool, actor, company, &ids, what)).await?;
    Ok(results.pop().unwrap_or(ItemResult { id, outcome: ItemOutcome::Missing }))
}

/// What may become a draft again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// Whatever has not left.
    Any,
    /// The same, if it is what was seen.
    Seen(Item),
    /// Only what failed.
    Failed,
}

impl Undo {
    fn objection(self, standing: Option<&Standing>) -> Option<ItemOutcome> {
        match (self, standing) {
            (Self::Failed, Some(standing)) if standing.status != Status::Failed => {
                Some(ItemOutcome::Taken { status: standing.status, by: None, at: None })
            }
            (Self::Seen(seen), Some(standing)) => objection_to_undo_seen(standing, seen),
            _ => objection_to_undo(standing),
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Any | Self::Seen(_) => "approval.undo",
            Self::Failed => "activity.retry",
        }
    }
}

async fn undo_as(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    ids: &[ActivityId],
    what: Undo,
) -> Result<Vec<ItemResult>, Error> {
    check_size(ids.len())?;
    let asked = if what == Undo::Failed { "retry" } else { "undo" };
    let (mut tx, operator) = begin(pool, actor, company, asked).await?;
    let locked = store::lock(&mut tx, company, ids).await?;
    let mut places = HashSet::new();
    let mut results = Vec::with_capacity(ids.len());
    let mut decisions = Vec::new();
    let mut seen = HashSet::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let row = locked.rows.get(id);
        let outcome = match (what.objection(row.map(|row| &row.standing)), row) {
            (Some(outcome), _) => outcome,
            (None, Some(row)) if places.insert((row.contact, row.outbox, row.kind)) => {
                let mut decision = Decision::new(*id, row.round, row.standing.payload_sha256);
                // Whoever reopens what a reply stopped says that the words still hold.
                decision.reason = row.hold_code.clone().filter(|code| code == "replied");
                decision.completes = row.standing.status != Status::DraftPendingApproval;
                decisions.push(decision);
                ItemOutcome::Undone
            }
            (None, _) => ItemOutcome::Refused {
                reason: "another item of this request takes its place as a draft".to_owned(),
            },
        };
        results.push(ItemResult { id: *id, outcome });
    }
    if decisions.is_empty() {
        tx.rollback().await?;
        return Ok(results);
    }
    store::insert(&mut tx, company, "undo", operator, None, &decisions).await?;
    decisions.sort_by_key(|decision| !decision.completes);
    let (decided, votes) = decisions.split_at(decisions.partition_point(|decision| decision.completes));
    make_room(&mut tx, actor, company, decided).await?;
    store::set_draft(&mut tx, company, decided).await?;
    if !votes.is_empty() {
        store::start_round(&mut tx, company, votes).await?;
    }
    record(&mut tx, actor, company, what.action(), None, &decisions).await?;
    tx.commit().await?;
    Ok(results)
}

/// What a mass undo did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Undone {
    /// Drafts again.
    pub undone: usize,
    /// Items of the batch; the others left, stopped, or were taken back before.
    pub batch_size: usize,
}

/// Takes back everything of a batch of approvals that has not left, first approvals of two included, in steps of [`BATCH_LIMIT`]. What is
/// on the wire stays there.
///
/// # Errors
/// As [`approve`](super::approve); [`Error::NotFound`] for a batch that does not exist.
pub async fn undo_batch(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    batch: BatchId,
) -> Result<Undone, Error> {
    undo_batch_watched(pool, actor, company, batch, &|_, _| {}).await
}

/// The same; `advance` hears how many items were tried, of how many in the batch.
///
/// # Errors
/// As [`undo_batch`]; what was taken back before stays taken back.
pub async fn undo_batch_watched(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    batch: BatchId,
    advance: &(dyn Fn(usize, usize) + Sync),
) -> Result<Undone, Error> {
    let size = async || -> Result<i64, Error> {
        let (mut tx, _) = begin(pool, actor, company, "undo").await?;
        let size = store::batch_size(&mut tx, company, batch).await?;
        tx.rollback().await?;
        Ok(size)
    };
    let size = db::retry(size).await?;
    if size == 0 {
        return Err(Error::NotFound {
            what: format!("batch {batch}"),
            hint: "; approving prints the batch, and the audit log has it".to_owned(),
        });
    }
    let mut done = Undone { undone: 0, batch_size: usize::try_from(size).unwrap_or(usize::MAX) };
    // Every item is tried once: a second try of one whose place is taken would drive out the one that took it.
    let mut tried = Vec::new();
    loop {
        let ids = store::undoable(&mut *pool.acquire().await?, company, batch, &tried, BATCH_LIMIT).await?;
        if ids.is_empty() {
            return Ok(done);
        }
        let results = undo(pool, actor, company, &ids).await?;
        done.undone += results.iter().filter(|result| result.outcome == ItemOutcome::Undone).count();
        tried.extend(ids);
        advance(tried.len(), done.batch_size);
    }
}
