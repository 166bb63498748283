//! Reads of one page, of what stands above the lists, and of one item.
use countersign_core::activity::payload::Envelope;
use countersign_core::activity::view::{Counts, OutboxView, PAGE_LIMIT, Page};
use countersign_core::activity::{store_match, store_read, store_thread};
use countersign_core::actor::Role;
use countersign_core::approval::store_snooze::Snoozes;
use countersign_core::approval::{store_fate, store_snooze};
use countersign_core::channel::{ChannelName, Lines, Request};
use countersign_core::draft::seal::render_again;
use countersign_core::error::Error;
use countersign_core::inbound::{endpoint, inbox};
use countersign_core::{audit, clock, db, engine, outbox};

use super::{READ, within};
use crate::console::activity::Runtime;
use crate::console::backend::Backend;
use crate::console::inbox::Intake;
use crate::console::msg::{Effect, Failure, Msg, Summary};
use crate::console::preview::{Detail, RequestCheck};

/// How long what can be told later waits for the database.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

pub(super) async fn run(backend: &Backend, effect: Effect) -> Option<Msg> {
    let company = backend.company.id;
    let is_of_activity = matches!(effect, Effect::LoadAudit { .. } | Effect::LoadRuntime { .. });
    if backend.status.borrow().absent.is_some() && !is_of_activity {
        return nothing(&effect);
    }
    let msg = match effect {
        Effect::LoadPage { generation, list, filter, after } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                store_read::page(&mut conn, company, list, &filter, after, PAGE_LIMIT).await
            };
            Msg::PageLoaded { generation, list, result: within(READ, work).await }
        }
        Effect::LoadSummary { generation } => {
            let is_deaf = backend.status.borrow().deaf.is_some();
            let work = async {
                let inbox = if is_deaf { None } else { Some(intake(backend).await?) };
                let mut conn = backend.pool.acquire().await?;
                let counts = store_read::counts(&mut conn, company).await?;
                let snoozes = match backend.actor.operator(Role::Viewer) {
                    Some(operator) => store_snooze::of_operator(&mut conn, company, operator).await?,
                    None => Snoozes::default(),
                };
                let mut outboxes = outbox::store::list(&mut conn, company).await?;
                let kills = outbox::store::wide_kills(&mut conn, company).await?;
                let mute = mute(backend, &mut outboxes);
                let skew = db::now(&mut conn).await?.duration_since(clock::now());
                Ok(Summary { counts, outboxes, kills, mute, snoozes, inbox, skew })
            };
            Msg::SummaryLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadMatching { generation, filter } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                store_match::matching(&mut conn, company, &filter).await
            };
            Msg::MatchingLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadFate { id, who } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                store_fate::fate(&mut conn, company, id).await
            };
            Msg::FateLoaded { id, who, result: within(READ, work).await }
        }
        Effect::LoadAudit { generation, text, before } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                audit::store_read::page(&mut conn, company, text.as_deref(), before, PAGE_LIMIT).await
            };
            Msg::AuditLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadInbox { generation, filter, after } => {
            let work = inbox::list(&backend.pool, &backend.actor, company, &filter, PAGE_LIMIT, after);
            Msg::InboxLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadEvent { generation, id } => {
            let work = async { inbox::show(&backend.pool, &backend.actor, company, id).await.map(Box::new) };
            Msg::EventLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadRuntime { generation } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                let processes = engine::store::list(&mut conn).await?;
                let facts = engine::store::facts(&mut conn).await?;
                Ok(Box::new(Runtime { processes, facts, tasks: backend.board.tasks() }))
            };
            Msg::RuntimeLoaded { generation, result: within(READ, work).await }
        }
        Effect::LoadDetail { generation, id } => {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                let activity = store_read::detail(&mut conn, company, id, &backend.lines).await?;
                let Some(activity) = activity else {
                    return Ok(None);
                };
                let thread = store_thread::thread(&mut conn, company, activity.row.contact_id, id).await?;
                let before = store_thread::version_before(&mut conn, company, id).await?;
                let request = match &activity.envelope {
                    None => RequestCheck::Absent,
                    Some(envelope) => {
                        let again = render_again(&mut conn, company, &backend.lines, envelope, id).await?;
                        check(&backend.lines, envelope, again.as_ref())
                    }
                };
                let adapter = backend.lines.renderer(activity.row.channel);
                let keeps_keys_for = adapter.and_then(|adapter| adapter.keeps_keys_for());
                let guide = adapter.map(|adapter| adapter.guide());
                Ok(Some(Box::new(Detail { activity, request, keeps_keys_for, guide, thread, before })))
            };
            Msg::DetailLoaded { generation, result: within(READ, work).await }
        }
        Effect::CheckKept { ids } => loop {
            let work = async {
                let mut conn = backend.pool.acquire().await?;
                store_read::standing(&mut conn, company, &ids).await
            };
            match within(READ, work).await {
                Ok(standing) => break Msg::KeptChecked(standing),
                Err(Failure::Refused(_)) => return None,
                // Nothing of a kept text is lost by hearing of it later.
                Err(Failure::Unavailable(_)) => tokio::time::sleep(AGAIN).await,
            }
        },
        _ => return None,
    };
    Some(msg)
}

/// What came in and waits, and where it comes in.
async fn intake(backend: &Backend) -> Result<Intake, Error> {
    let Backend { pool, actor, company, .. } = backend;
    Ok(Intake {
        counts: inbox::counts(pool, actor, company.id).await?,
        endpoints: endpoint::list(pool, actor, company.id).await?,
    })
}

/// The channels that this version cannot send on. Nothing of them leaves within the hour.
fn mute(backend: &Backend, outboxes: &mut [OutboxView]) -> Vec<ChannelName> {
    let mut mute = Vec::new();
    for outbox in outboxes {
        let lines = &backend.lines;
        let channel = outbox.channel;
        if lines.line(channel, backend.company.sandbox).is_none() && lines.renderer(channel).is_none() {
            outbox.next_hour = 0;
            if !mute.contains(&channel) {
                mute.push(channel);
            }
        }
    }
    mute
}

/// What is read where the tables are not used.
fn nothing(effect: &Effect) -> Option<Msg> {
    Some(match effect {
        Effect::LoadPage { generation, list, .. } => {
            let result = Ok(Page { rows: Vec::new(), next: None });
            Msg::PageLoaded { generation: *generation, list: *list, result }
        }
        Effect::LoadSummary { generation } => {
            let summary = Summary {
                counts: Counts::default(),
                outboxes: Vec::new(),
                kills: Vec::new(),
                mute: Vec::new(),
                inbox: None,
                skew: jiff::SignedDuration::ZERO,
                snoozes: Snoozes::default(),
            };
            Msg::SummaryLoaded { generation: *generation, result: Ok(summary) }
        }
        Effect::LoadDetail { generation, .. } => {
            Msg::DetailLoaded { generation: *generation, result: Ok(None) }
        }
        _ => return None,
    })
}

/// Compares the stored request with what this version renders from the message that is shown.
fn check(lines: &Lines, envelope: &Envelope, again: Option<&Request>) -> RequestCheck {
    let Some(stored) = &envelope.request else {
        return RequestCheck::Absent;
    };
    match lines.renderer(envelope.payload.channel) {
        Some(adapter) if envelope.renderer.as_deref() == Some(adapter.renderer()) => match again {
            Some(rendered) if rendered == stored => RequestCheck::Same,
            _ => RequestCheck::Differs,
        },
        _ => RequestCheck::OtherVersion,
    }
}
