//! Recovery: what a lost worker left behind. Only what never went on the wire is taken back; the rest is repeated with the same key
//! where its provider keeps keys, else it is uncertain.
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgPool;

use super::claim::{DISPATCHER, elapsed, idempotency_key};
use super::settle::{KEY_MARGIN, may_replay};
use super::store;
use super::store_close::{self, Attempt, Closing, Expired, Left};
use super::wire::refund;
use crate::activity::status::Status;
use crate::audit;
use crate::channel::{ChannelName, Lines};
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Takes over one expired batch, in a transaction of its own so that a stubborn one does not hold up the others. Says whether there
/// was one.
pub(crate) async fn recover_one(pool: &PgPool, lines: &Lines) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let Some(batch) = store_close::expired(&mut tx).await? else {
        return Ok(false);
    };
    let now = crate::db::now(&mut tx).await?;
    let left = store_close::left_behind(&mut tx, &batch).await?;
    let (on_the_wire, untried): (Vec<&Left>, Vec<&Left>) = left.iter().partition(|row| row.wire_at.is_some());
    settle_stranded(&mut tx, lines, &batch, &on_the_wire, now).await?;
    let untried: Vec<ActivityId> = untried.into_iter().map(|row| row.id).collect();
    let unused = store::give_back(&mut tx, batch.company, batch.claim, &untried).await?;
    refund(&mut tx, batch.company, batch.outbox, unused.into_iter()).await?;
    store::close_batches(&mut tx, batch.company, &[batch.claim]).await?;
    let detail = serde_json::json!({
        "claim": batch.claim, "worker": batch.worker, "givenBack": untried, "onTheWire": on_the_wire.len(),
    });
    let entry = audit::Entry::new(&DISPATCHER, "dispatch.recover").subject(batch.outbox).detail(detail);
    audit::store::append(&mut tx, batch.company, &[entry]).await?;
    company::store::bump(&mut tx, batch.company).await?;
    tx.commit().await?;
    tracing::warn!(claim = %batch.claim, "took over a batch of a lost worker");
    Ok(true)
}

async fn settle_stranded(
    conn: &mut sqlx::PgConnection,
    lines: &Lines,
    batch: &Expired,
    stranded: &[&Left],
    now: Timestamp,
) -> Result<(), Error> {
    let attempts: Vec<Attempt> = stranded
        .iter()
        .map(|row| Attempt {
            activity: row.id,
            attempt: row.attempt,
            round: row.round,
            claim: batch.claim,
            idempotency_key: idempotency_key(row.id, row.round),
            wire_at: row.wire_at,
            secret_version: batch.secret_version,
            provider_ref: None,
            evidence: serde_json::json!({
                "code": "worker_lost",
                "detail": format!("{} ended between wire and outcome", batch.worker),
            }),
            outcome: "maybe_sent",
        })
        .collect();
    store_close::insert_attempts(conn, batch.company, &attempts).await?;
    let is_time_known = stranded.is_empty() || !company::store::clock_went_back(conn, batch.company).await?;
    let mut closings = Vec::with_capacity(stranded.len());
    let mut entries = Vec::with_capacity(stranded.len());
    for row in stranded {
        let since_first_wire = row.first_wire_at.map_or(Duration::MAX, |at| elapsed(at, now));
        // The count of tries is looked at when the row is claimed again.
        let kept = keeps_keys_for(lines, &row.channel).filter(|_| is_time_known);
        let again = may_replay(kept, since_first_wire, 1);
        let (status, code) =
            if again { (Status::Dispatching, "replay") } else { (Status::Uncertain, "worker_lost") };
        closings.push(Closing {
            id: row.id,
            status,
            hold_code: Some(code.to_owned()),
            wait_secs: again.then_some(0.0),
            keeps_quota: true,
        });
        let action = if again { "dispatch.replay" } else { "dispatch.uncertain" };
        let entry = audit::Entry::new(&DISPATCHER, action).activity(row.id, row.payload_sha256);
        entries.push(entry.reason(Some("worker_lost")).detail(serde_json::json!({ "attempt": row.attempt })));
    }
    store_close::close(conn, batch.company, &closings).await?;
    audit::store::append(conn, batch.company, &entries).await
}

fn keeps_keys_for(lines: &Lines, channel: &str) -> Option<Duration> {
    ChannelName::parse(channel)
        .and_then(|name| lines.renderer(name))
        .and_then(|channel| channel.keeps_keys_for())
}

/// Makes ambiguous rows uncertain whose window has closed while nobody could repeat them.
pub(crate) async fn close_windows(pool: &PgPool, lines: &Lines, company: CompanyId) -> Result<(), Error> {
    for name in ChannelName::ALL {
        let Some(kept) = keeps_keys_for(lines, name.as_str()) else {
            continue;
        };
        let mut tx = pool.begin().await?;
        // Where nobody knows how much time passed, every window counts as closed.
        let window = match company::store::clock_went_back(&mut tx, company).await? {
            true => None,
            false => Some(kept.saturating_sub(KEY_MARGIN).as_secs_f64()),
        };
        let closed = store_close::close_windows(&mut tx, company, name.as_str(), window).await?;
        if closed.is_empty() {
            continue;
        }
        let entries: Vec<_> = closed
            .iter()
            .map(|(id, sha256)| {
                audit::Entry::new(&DISPATCHER, "dispatch.uncertain")
                    .activity(*id, *sha256)
                    .reason(Some("window_closed"))
            })
            .collect();
        audit::store::append(&mut tx, company, &entries).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Closes drafts that nobody decided about in time.
pub(crate) async fn expire(pool: &PgPool, company: CompanyId) -> Result<usize, Error> {
    let mut tx = pool.begin().await?;
    let expired = store_close::expire_drafts(&mut tx, company).await?;
    if expired.is_empty() {
        return Ok(0);
    }
    let entries: Vec<_> = expired
        .iter()
        .map(|(id, sha256)| audit::Entry::new(&DISPATCHER, "draft.expire").activity(*id, *sha256))
        .collect();
    audit::store::append(&mut tx, company, &entries).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(expired.len())
}
