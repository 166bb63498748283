//! Stopping an outbox and letting it send again. A pause is for everybody who decides; a kill is lifted by an admin alone.
//!
//! Both clear `enabled`, which every statement of the dispatcher asks, the one before the wire included: from the commit on nothing is
//! claimed, and nothing that is claimed goes on the wire.
use sqlx::{PgConnection, PgPool};

use super::store;
use super::store_change::{self, Switch};
use crate::actor::{Actor, Role};
use crate::approval::decide::check_reason;
use crate::audit::{self, Entry};
use crate::company;
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
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "pause an outbox").await?;
    refuse_killed(&find(&mut tx, company, outbox).await?)?;
    store::set_pause(&mut tx, company, outbox, Some(&reason)).await?;
    finish(tx, company, Entry::new(actor, "outbox.pause").subject(outbox).reason(Some(&reason))).await
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
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "kill an outbox").await?;
    refuse_killed(&find(&mut tx, company, outbox).await?)?;
    store_change::set_kill(&mut tx, company, outbox, &reason, actor.name()).await?;
    finish(tx, company, Entry::new(actor, "outbox.kill").subject(outbox).reason(Some(&reason))).await
}

/// Lets a paused outbox send again, and a killed one if an admin asks.
///
/// # Errors
/// [`Error::Forbidden`] below approver, and below admin for a killed one; [`Error::NotFound`], or a database fault.
pub async fn resume(pool: &PgPool, actor: &Actor, company: CompanyId, outbox: OutboxId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "resume an outbox").await?;
    let found = find(&mut tx, company, outbox).await?;
    let entry = match &found.kill_reason {
        Some(reason) => {
            operator::authorise(&mut tx, actor, company, Role::Admin, "lift the kill of an outbox").await?;
            let detail = serde_json::json!({ "killReason": reason });
            Entry::new(actor, "outbox.unkill").subject(outbox).detail(detail)
        }
        None => Entry::new(actor, "outbox.resume").subject(outbox),
    };
    store_change::open(&mut tx, company, outbox).await?;
    finish(tx, company, entry).await
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
