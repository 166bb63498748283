//! Decisions and switches. A few lines around one use case of the core each; the dispatcher is woken after those that concern it.
use countersign_core::contact::allowlist::normalise;
use countersign_core::error::Error;
use countersign_core::ids::{BatchId, EventId};
use countersign_core::inbound::inbox;
use countersign_core::{account, approval, draft, inbound, outbox};
use tokio::sync::mpsc;

use super::{LONG_WRITE, WRITE, within};
use crate::console::backend::Backend;
use crate::console::inbox::Deed;
use crate::console::msg::{Effect, Msg};
use crate::console::switch::{Reach, Turn};

/// `session` tells the decisions of this console from those of every other; `replies` hears of what goes on for long.
pub(super) async fn run(
    backend: &Backend,
    session: BatchId,
    effect: Effect,
    replies: &mpsc::Sender<Msg>,
) -> Option<Msg> {
    let Backend { pool, actor, company, .. } = backend;
    let company = company.id;
    let msg = match effect {
        Effect::Approve { generation, items } => Msg::Decided {
            generation,
            result: within(
                WRITE,
                approval::approve_in(pool, actor, company, &items, batch_of(session, generation)),
            )
            .await,
        },
        Effect::Reject { generation, items, reason } => Msg::Decided {
            generation,
            result: within(WRITE, approval::reject(pool, actor, company, &items, &reason)).await,
        },
        Effect::Snooze { generation, ids, until } => {
            let result = match until {
                Some(until) => within(WRITE, approval::snooze(pool, actor, company, &ids, until)).await,
                None => within(WRITE, approval::unsnooze(pool, actor, company, &ids)).await,
            };
            Msg::Decided { generation, result }
        }
        Effect::Undo { generation, ids } => Msg::Decided {
            generation,
            result: within(WRITE, approval::undo(pool, actor, company, &ids)).await,
        },
        Effect::UndoBatch { decision } => {
            // Where the screen does not keep up, it misses a step of many.
            let advance = |tried, of| _ = replies.try_send(Msg::BatchGoesOn { decision, tried, of });
            let batch = batch_of(session, decision);
            let work = approval::undo_batch_watched(pool, actor, company, batch, &advance);
            Msg::BatchUndone { decision, result: within(LONG_WRITE, work).await }
        }
        Effect::Resolve { generation, id, resolution, reason } => {
            let work = async {
                let result = approval::resolve(pool, actor, company, id, resolution, &reason).await?;
                Ok(vec![result])
            };
            Msg::Decided { generation, result: within(WRITE, work).await }
        }
        Effect::Revise { generation, item, document } => Msg::Revised {
            generation,
            result: within(WRITE, draft::revise(pool, actor, company, item, &document, &backend.lines)).await,
        },
        Effect::Handle { id, name, deed } => {
            let result = within(WRITE, handle(backend, id, &deed)).await;
            Msg::Handled { id, name, deed, result }
        }
        Effect::Switch { reach, turn } => {
            let result = within(WRITE, switch(backend, &reach, &turn)).await;
            Msg::Switched { reach, turn, result }
        }
        _ => return None,
    };
    backend.wake.notify_one();
    Some(msg)
}

/// Does something about an event, and says what that did.
async fn handle(backend: &Backend, id: EventId, deed: &Deed) -> Result<Vec<String>, Error> {
    let Backend { pool, actor, company, .. } = backend;
    let company = company.id;
    match deed {
        Deed::Assign { to } => {
            let mut conn = pool.acquire().await?;
            let found =
                account::store_read::contact(&mut conn, company, to.parse().ok(), &normalise(to)).await?;
            drop(conn);
            let found = found.ok_or_else(|| Error::NotFound {
                what: format!("contact `{to}`"),
                hint: "; see `countersign contacts list`".to_owned(),
            })?;
            inbound::assign(pool, actor, company, id, found.id).await
        }
        Deed::Dismiss { reason } => {
            inbox::dismiss(pool, actor, company, id, reason).await.map(|()| Vec::new())
        }
        Deed::Retry => inbox::retry(pool, actor, company, id).await.map(|()| Vec::new()),
    }
}

/// The batch that the requests of one decision make up. Its generation is all the screen has to remember.
fn batch_of(session: BatchId, decision: u64) -> BatchId {
    BatchId(uuid::Uuid::from_u128(session.0.as_u128().wrapping_add(u128::from(decision))))
}

async fn switch(backend: &Backend, reach: &Reach, turn: &Turn) -> Result<(), Error> {
    let Backend { pool, actor, company, .. } = backend;
    let company = company.id;
    let channel = match reach {
        Reach::Outbox { id, .. } => {
            return match turn {
                Turn::Pause { reason } => outbox::pause(pool, actor, company, *id, reason).await,
                Turn::Kill { reason } => outbox::kill(pool, actor, company, *id, reason).await,
                Turn::Resume | Turn::Lift => outbox::resume(pool, actor, company, *id).await,
            };
        }
        Reach::Channel(channel) => Some(*channel),
        Reach::Company => None,
    };
    match turn {
        Turn::Kill { reason } => outbox::kill_all(pool, actor, company, channel, reason).await,
        Turn::Pause { .. } => Err(Error::Conflict("only an outbox can be paused".to_owned())),
        Turn::Resume | Turn::Lift => outbox::lift_all(pool, actor, company, channel).await,
    }
}
