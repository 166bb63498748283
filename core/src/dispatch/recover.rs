//! Recovery: what a lost worker left behind. Only a claim that never went on the wire is taken back; the rest is repeated with the
//! same key where its provider keeps keys, else it is uncertain.
use sqlx::PgPool;

use super::claim::DISPATCHER;
use super::settle::may_replay;
use super::store;
use super::store_close::{self, Attempt, Closing, Expired, Stranded};
use super::wire::refund;
use crate::activity::status::Status;
use crate::audit;
use crate::channel::{ChannelName, Lines};
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Takes over expired batches; returns how many.
pub(crate) async fn recover(pool: &PgPool, lines: &Lines) -> Result<usize, Error> {
    let mut tx = pool.begin().await?;
    let expired = store_close::expired(&mut tx).await?;
    for batch in &expired {
        let ids: Vec<ActivityId> = batch.activities.iter().copied().map(ActivityId).collect();
        // On the wire first: giving back below would otherwise take a repeated row for one that was not tried.
        let stranded = store_close::stranded(&mut tx, batch).await?;
        settle_stranded(&mut tx, lines, batch, &stranded).await?;
        let unused = store::give_back(&mut tx, batch.company, batch.claim, &ids).await?;
        refund(&mut tx, batch.company, batch.outbox, unused.iter().filter_map(|unused| unused.quota_day))
            .await?;
        store::close_batches(&mut tx, batch.company, &[batch.claim]).await?;
        let detail = serde_json::json!({
            "claim": batch.claim, "worker": batch.worker, "givenBack": unused.iter().map(|unused| unused.id).collect::<Vec<_>>(),
            "onTheWire": stranded.len(),
        });
        let entry = audit::Entry::new(&DISPATCHER, "dispatch.recover").subject(batch.outbox).detail(detail);
        audit::store::append(&mut tx, batch.company, &[entry]).await?;
        company::store::bump(&mut tx, batch.company).await?;
    }
    tx.commit().await?;
    Ok(expired.len())
}

async fn settle_stranded(
    conn: &mut sqlx::PgConnection,
    lines: &Lines,
    batch: &Expired,
    stranded: &[Stranded],
) -> Result<(), Error> {
    let attempts: Vec<Attempt> = stranded
        .iter()
        .map(|row| Attempt {
            activity: row.id,
            attempt: row.attempt,
            round: row.round,
            claim: batch.claim,
            idempotency_key: format!("countersign-{}-{}", row.id, row.round),
            wire_at: Some(row.wire_at),
            secret_version: None,
            provider_ref: None,
            evidence: serde_json::json!({
                "code": "worker_lost",
                "detail": format!("{} ended between wire and outcome", batch.worker),
            }),
            outcome: "maybe_sent",
        })
        .collect();
    store_close::insert_attempts(conn, batch.company, &attempts).await?;
    let mut closings = Vec::with_capacity(stranded.len());
    let mut entries = Vec::with_capacity(stranded.len());
    for row in stranded {
        let keeps_keys_for = ChannelName::parse(&row.channel)
            .and_then(|name| lines.renderer(name))
            .and_then(|channel| channel.keeps_keys_for());
        let again = may_replay(keeps_keys_for, row.since_first_wire);
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
