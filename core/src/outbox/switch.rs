//! Stopping an outbox, a channel or a company, and letting it send again. A pause is for everybody who decides; a kill is lifted by an
//! admin alone.
//!
//! A stop of an outbox clears `enabled`; that of a channel or company is a row of its own. Every statement of the dispatcher asks both,
//! the one before the wire included: from the commit on nothing is claimed, and nothing that is claimed goes on the wire.
use sqlx::{PgConnection, PgPool};

use super::store;
use super::store_change::{self, Switch};
use crate::actor::{Actor, Role};
use crate::approval::decide::check_reason;
use crate::audit::{self, Entry};
use crate::channel::ChannelName;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::operator;
use crate::safe_text::SafeText;

/// Stops an outbox; what is approved waits.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] without a reason, [`Error::Conflict`] if it is killed, [`Error::NotFound`], or
/// a database fault.
pub async fn pause(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    outbox: OutboxId,
    reason: &str,
) -> Result<(), Error> {
    let reason = check_reason(reason)?;
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Approver, "pause an outbox").await?;
        refuse_killed(&find(&mut tx, company, outbox).await?)?;
        store::set_pause(&mut tx, company, outbox, Some(&reason)).await?;
        finish(tx, company, Entry::new(actor, "outbox.pause").subject(outbox).reason(Some(&reason))).await
    })
    .await
}

/// Stops an outbox until an admin lifts it: nothing leaves, nor what is claimed and not on the wire.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] without a reason, [`Error::Conflict`] if it is killed already,
/// [`Error::NotFound`], or a database fault.
pub async fn kill(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    outbox: OutboxId,
    reason: &str,
) -> Result<(), Error> {
    let reason = check_reason(reason)?;
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Approver, "kill an outbox").await?;
        refuse_killed(&find(&mut tx, company, outbox).await?)?;
        store_change::set_kill(&mut tx, company, outbox, &reason, actor.name()).await?;
        finish(tx, company, Entry::new(actor, "outbox.kill").subject(outbox).reason(Some(&reason))).await
    })
    .await
}

/// Stops every outbox of a channel, or with no channel everything the company sends, until an admin lifts it.
///
/// # Errors
/// As [`kill`].
pub async fn kill_all(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    channel: Option<ChannelName>,
    reason: &str,
) -> Result<(), Error> {
    let reason = check_reason(reason)?;
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Approver, "kill a channel or a company").await?;
        if !store_change::insert_kill(&mut tx, company, channel, &reason, actor.name()).await? {
            return Err(Error::Conflict(format!(
                "{} is killed already; an admin lifts that with `countersign outboxes resume {}`",
                what(channel),
                option(channel)
            )));
        }
        let entry = Entry::new(actor, action(channel, "kill")).reason(Some(&reason));
        finish(tx, company, entry.detail(serde_json::json!({ "channel": channel }))).await
    })
    .await
}

/// Lifts the kill of a channel, or with no channel that of the company; outboxes that are killed or paused by themselves stay so.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Conflict`] if there is nothing to lift, or a database fault.
pub async fn lift_all(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    channel: Option<ChannelName>,
) -> Result<(), Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "lift the kill of a channel or a company")
            .await?;
        store_change::look_after_stop(&mut tx, company, None).await?;
        let Some(reason) = store_change::delete_kill(&mut tx, company, channel).await? else {
            return Err(Error::Conflict(format!("{} is not killed", what(channel))));
        };
        let detail = serde_json::json!({ "channel": channel, "killReason": reason });
        finish(tx, company, Entry::new(actor, action(channel, "unkill")).detail(detail)).await
    })
    .await
}

fn what(channel: Option<ChannelName>) -> String {
    channel.map_or_else(|| "the company".to_owned(), |channel| format!("channel {channel}"))
}

fn option(channel: Option<ChannelName>) -> String {
    channel.map_or_else(|| "--all".to_owned(), |channel| format!("--channel {channel}"))
}

fn action(channel: Option<ChannelName>, verb: &str) -> String {
    format!("{}.{verb}", if channel.is_some() { "channel" } else { "company" })
}

/// Lets a paused outbox send again, and a killed one if an admin asks.
///
/// # Errors
/// [`Error::Forbidden`] below approver, and below admin for a killed one; [`Error::NotFound`], or a database fault.
pub async fn resume(pool: &PgPool, actor: &Actor, company: CompanyId, outbox: OutboxId) -> Result<(), Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Approver, "resume an outbox").await?;
        // In the order in which a claim locks: rows, then the outbox.
        store_change::look_after_stop(&mut tx, company, Some(outbox)).await?;
        let found = find(&mut tx, company, outbox).await?;
        let entry = match &found.kill_reason {
            Some(reason) => {
                operator::authorise(&mut tx, actor, company, Role::Admin, "lift the kill of an outbox")
                    .await?;
                let detail = serde_json::json!({ "killReason": reason });
                Entry::new(actor, "outbox.unkill").subject(outbox).detail(detail)
            }
            None => Entry::new(actor, "outbox.resume").subject(outbox),
        };
        store_change::open(&mut tx, company, outbox).await?;
        finish(tx, company, entry).await
    })
    .await
}

async fn find(conn: &mut PgConnection, company: CompanyId, outbox: OutboxId) -> Result<Switch, Error> {
    store_change::switch(conn, company, outbox).await?.ok_or_else(|| super::not_found(outbox))
}

fn refuse_killed(found: &Switch) -> Result<(), Error> {
    match &found.kill_reason {
        Some(reason) => Err(Error::Conflict(format!(
            "{} is killed already: {}; an admin lifts that with `countersign outboxes resume {}`",
            found.name,
            SafeText::line(reason),
            found.name
        ))),
        None => Ok(()),
    }
}

async fn finish(
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    company: CompanyId,
    entry: Entry,
) -> Result<(), Error> {
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(())
}
