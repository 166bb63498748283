//! Snooze: hides a draft from one operator's list until a time. It is no decision: nothing about the item changes, nobody else
//! notices, and no audit row is written.
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;

use super::store_snooze;
use super::verdict::{ItemOutcome, ItemResult};
use super::{BATCH_LIMIT, store_snooze::Standing};
use crate::activity::status::Status;
use crate::actor::{Actor, Role};
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, OperatorId};
use crate::operator;

/// The longest snooze, in days. What should wait longer should be rejected.
pub const LONGEST_DAYS: i64 = 30;

/// Hides drafts from the list of the operator who asks, until a time.
///
/// # Errors
/// [`Error::Forbidden`] for anyone who is no operator of the company any more, [`Error::Invalid`] for a time that is past or more
/// than [`LONGEST_DAYS`] days away or for too many items, or a database fault.
pub async fn snooze(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    ids: &[ActivityId],
    until: Timestamp,
) -> Result<Vec<ItemResult>, Error> {
    db::retry(|| change(pool, actor, company, ids, Some(until))).await
}

/// Shows snoozed drafts again.
///
/// # Errors
/// As [`snooze`].
pub async fn unsnooze(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<ItemResult>, Error> {
    db::retry(|| change(pool, actor, company, ids, None)).await
}

async fn change(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    ids: &[ActivityId],
    until: Option<Timestamp>,
) -> Result<Vec<ItemResult>, Error> {
    if ids.len() > BATCH_LIMIT {
        return Err(Error::Invalid {
            field: "items".to_owned(),
            reason: format!("{} items in one request; at most {BATCH_LIMIT}", ids.len()),
        });
    }
    let mut tx = pool.begin().await?;
    let operator = viewer(&mut tx, actor, company).await?;
    if let Some(until) = until {
        check(until, db::now(&mut tx).await?)?;
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let standing = store_snooze::standing(&mut tx, company, operator, &ids).await?;
    let results: Vec<ItemResult> =
        ids.iter().map(|id| ItemResult { id: *id, outcome: outcome(standing.get(id), until) }).collect();
    let changed: Vec<ActivityId> = results
        .iter()
        .filter(|result| matches!(result.outcome, ItemOutcome::Snoozed { .. } | ItemOutcome::Woken))
        .map(|result| result.id)
        .collect();
    if !changed.is_empty() {
        match until {
            Some(until) => store_snooze::set(&mut tx, company, operator, &changed, until).await?,
            None => store_snooze::remove(&mut tx, company, operator, &changed).await?,
        }
        // The same person may have another console open; it hears of it by the company's counter.
        company::store::bump(&mut tx, company).await?;
    }
    tx.commit().await?;
    Ok(results)
}

async fn viewer(
    conn: &mut sqlx::PgConnection,
    actor: &Actor,
    company: CompanyId,
) -> Result<OperatorId, Error> {
    operator::authorise(conn, actor, company, Role::Viewer, "snooze").await
}

fn check(until: Timestamp, now: Timestamp) -> Result<(), Error> {
    let ahead = until.duration_since(now);
    if ahead <= SignedDuration::ZERO || ahead > SignedDuration::from_hours(24 * LONGEST_DAYS) {
        return Err(Error::Invalid {
            field: "until".to_owned(),
            reason: format!("name a time to come, at most {LONGEST_DAYS} days away"),
        });
    }
    Ok(())
}

fn outcome(standing: Option<&Standing>, until: Option<Timestamp>) -> ItemOutcome {
    match (standing, until) {
        (None, _) => ItemOutcome::Missing,
        (Some(standing), _) if standing.status != Status::DraftPendingApproval => {
            ItemOutcome::Taken { status: standing.status, by: None, at: None }
        }
        (Some(_), Some(until)) => ItemOutcome::Snoozed { until },
        (Some(Standing { is_snoozed: true, .. }), None) => ItemOutcome::Woken,
        (Some(standing), None) => ItemOutcome::Already { status: standing.status },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snooze_ends_in_the_next_thirty_days() {
        let now: Timestamp = "2026-11-23T14:02:00Z".parse().unwrap();
        let after = |secs: i64| check(now + SignedDuration::from_secs(secs), now).is_ok();
        assert_eq!(
            [after(-1), after(0), after(1), after(2_592_000), after(2_592_001)],
            [false, false, true, true, false]
        );
    }

    #[test]
    fn only_drafts_are_snoozed() {
        let until = Timestamp::UNIX_EPOCH;
        let sent = Standing { status: Status::Sent, is_snoozed: true };
        assert!(matches!(outcome(Some(&sent), Some(until)), ItemOutcome::Taken { .. }));
        assert_eq!(outcome(None, None), ItemOutcome::Missing);
        let draft = Standing { status: Status::DraftPendingApproval, is_snoozed: false };
        assert!(
            matches!(outcome(Some(&draft), None), ItemOutcome::Already { .. }),
            "it is on the list already"
        );
    }
}
