//! Decisions and switches. A few lines around one use case of the core each; the dispatcher is woken after those that concern it.
use countersign_core::{approval, draft, outbox};

use super::{WRITE, within};
use crate::console::backend::Backend;
use crate::console::msg::{Effect, Msg};

pub(super) async fn run(backend: &Backend, effect: Effect) -> Option<Msg> {
    let Backend { pool, actor, company, .. } = backend;
    let company = company.id;
    let msg = match effect {
        Effect::Approve { generation, items } => Msg::Decided {
            generation,
            result: within(WRITE, approval::approve(pool, actor, company, &items)).await,
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
        Effect::Pause { id, name, reason } => {
            let result = within(WRITE, outbox::pause(pool, actor, company, id, &reason)).await;
            Msg::OutboxSwitched { name, is_paused: true, result }
        }
        Effect::Resume { id, name } => {
            let result = within(WRITE, outbox::resume(pool, actor, company, id)).await;
            Msg::OutboxSwitched { name, is_paused: false, result }
        }
        _ => return None,
    };
    backend.wake.notify_one();
    Some(msg)
}
