//! Looks up what became of uncertain messages: evidence first, a person second, never a blind repeat.
//!
//! Providers are asked a few times, further and further apart. What proves something settles the message: sent, or back to a draft that
//! needs a decision of its own. Everything else is kept as evidence for the person who decides. Questions only read.
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::claim::{DISPATCHER, credential, elapsed};
use super::store_evidence::{self as store, Uncertain};
use super::{Dispatcher, store_past};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::resolve::{Resolution, Settling, settle};
use crate::approval::{ItemOutcome, ItemResult};
use crate::audit;
use crate::channel::{Broken, Call, Case, Channel, Finding, Line, Lines, Lookup, Request, Response};
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};
use crate::safe_text::SafeText;
use crate::secret::{MasterKey, SecretText};

/// When a provider is asked about a message: so long after the attempt, and after one another.
pub const LOOKS: &[Duration] = &[
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(12),
    Duration::from_hours(24),
];

/// Requests that one look may take: pages of a list, mostly.
const REQUESTS_LIMIT: usize = 20;

/// What one look brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// What the provider knows.
    pub finding: Finding,
    /// What became of the message.
    pub outcome: ItemOutcome,
}

/// Asks the provider about one uncertain message now, for a person. `None` if it is not uncertain.
///
/// # Errors
/// [`Error::Forbidden`] below approver, or a database fault.
pub async fn look(
    pool: &PgPool,
    lines: &Lines,
    key: &MasterKey,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Looked>, Error> {
    let (tx, _) = crate::approval::decide::begin(pool, actor, company, "ask a provider").await?;
    tx.rollback().await?;
    look_as(pool, lines, key, actor, company, id).await
}

async fn look_as(
    pool: &PgPool,
    lines: &Lines,
    key: &MasterKey,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Looked>, Error> {
    let mut conn = pool.acquire().await?;
    let Some(message) = store::uncertain(&mut conn, company, id).await? else {
        return Ok(None);
    };
    let past = store_past::past_of(&mut conn, company, &[id.0], &[message.round]).await?;
    let past = past.get(&id).cloned().unwrap_or_default();
    let outbox = super::store::outbox(&mut conn, company, message.outbox).await?;
    let secret = match &outbox {
        Some(outbox) => credential(&mut conn, company, key, outbox).await?.map(|(secret, _)| secret),
        None => Err(("outbox", "its outbox is gone".to_owned())),
    };
    drop(conn);
    let line = outbox.as_ref().and_then(|outbox| lines.line(outbox.channel, message.is_sandbox));
    let finding = match (&message.envelope, line, secret) {
        (None, ..) => impossible("its text was erased"),
        (_, None, _) => {
            // Another process may have one, so this is no evidence.
            let finding = unclear("this process has no way to its provider");
            return Ok(Some(Looked { finding, outcome: ItemOutcome::Already { status: Status::Uncertain } }));
        }
        (_, _, Err((_, sentence))) => unclear(&sentence),
        (Some(envelope), Some(line), Ok(secret)) => match &envelope.request {
            None => impossible("it was never rendered"),
            Some(approved) => {
                let case = Case {
                    payload: &envelope.payload,
                    approved,
                    activity: id,
                    past: &past,
                    first_wire_at: message.first_wire_at,
                    age: elapsed(message.last_wire_at, message.now),
                };
                ask(line, &secret, &case).await
            }
        },
    };
    let outcome = keep(pool, actor, company, id, &message, &finding).await?;
    Ok(Some(Looked { finding, outcome }))
}

fn impossible(why: &str) -> Finding {
    Finding::Impossible { why: why.to_owned() }
}

fn unclear(why: &str) -> Finding {
    Finding::Unclear { why: why.to_owned() }
}

/// Asks until there is a finding.
async fn ask(line: &Line, secret: &SecretText, case: &Case<'_>) -> Finding {
    let channel: &dyn Channel = &*line.channel;
    let mut next = channel.lookup(case);
    for _ in 0..REQUESTS_LIMIT {
        let request = match next {
            Lookup::Found(finding) => return finding,
            Lookup::Ask(request) => request,
        };
        next = match read(line, secret, &request).await {
            Ok(response) => channel.found(case, &request, &response),
            Err(why) => return Finding::Unclear { why },
        };
    }
    match next {
        Lookup::Found(finding) => finding,
        Lookup::Ask(_) => unclear("the provider's list is too long to be searched"),
    }
}

/// Asks a provider something that changes nothing, with the credential of an outbox. The error is a sentence.
pub(crate) async fn read(line: &Line, secret: &SecretText, request: &Request) -> Result<Response, String> {
    if request.method != "GET" && line.channel.reaches_people() {
        return Err("the question would change something; it was not asked".to_owned());
    }
    let headers = line.channel.wire_headers(secret, "")?;
    let headers = headers.into_iter().filter(|header| header.name != "idempotency-key").collect();
    let answer = line.transport.exchange(Call { request: request.clone(), headers }).await;
    match answer {
        Ok(response) => Ok(Response { body: secret.without(response.body), ..response }),
        Err(Broken::NotSent { detail } | Broken::MaybeSent { detail }) => Err(detail),
    }
}

/// Records the finding and settles what it proves, in one transaction. A message that somebody else settled meanwhile stays as it is.
async fn keep(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    message: &Uncertain,
    finding: &Finding,
) -> Result<ItemOutcome, Error> {
    crate::db::retry(|| async {
        let mut tx = pool.begin().await?;
        let resolution = match finding {
            Finding::Sent { .. } => Some(Resolution::WasSent),
            Finding::NotSent { .. } => Some(Resolution::BackToDraft),
            Finding::Absent { .. } | Finding::Unclear { .. } | Finding::Impossible { .. } => None,
        };
        let why = SafeText::line(finding.why()).truncated(400);
        let reason = format!("the provider says: {why}");
        let settling = Settling { round: Some(message.round), resolution, reason: &reason };
        let result: ItemResult = settle(&mut tx, actor, company, id, &settling).await?;
        if !matches!(result.outcome, ItemOutcome::Missing) {
            store::add(&mut tx, company, id, message.round, actor.name(), finding).await?;
        }
        if let (
            ItemOutcome::Resolved { status: Status::Sent },
            Finding::Sent { provider_ref: Some(id_there), .. },
        ) = (&result.outcome, finding)
        {
            store::identify(&mut tx, company, id, message.round, id_there).await?;
        }
        let entry = audit::Entry::new(actor, "activity.lookup").subject(id).reason(Some(finding.as_str()));
        audit::store::append(&mut tx, company, &[entry.detail(serde_json::json!({ "why": why }))]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(result.outcome)
    })
    .await
}

impl Dispatcher {
    /// Asks providers about uncertain messages, until told to stop.
    pub(super) async fn seeker(self: Arc<Self>, stop: CancellationToken) {
        let _stop = stop.clone().drop_guard();
        let pause = self.engine.settings.poll * 15;
        let reporter = self.engine.board.task("evidence");
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.seek()).await {
                Some(Ok(())) => {
                    reporter.ok();
                }
                Some(Err(error)) if reporter.waits(&error) => {
                    tracing::warn!("evidence waits: {error}");
                }
                Some(Err(_)) | None => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn seek(&self) -> Result<(), Error> {
        let (pool, lines) = (&self.engine.pool, &self.engine.lines);
        if lines.is_dry_run() {
            // It asks nobody for anything.
            return Ok(());
        }
        let companies = company::store::list(&mut *pool.acquire().await?).await?;
        for company in companies {
            let mut conn = pool.acquire().await?;
            let due = store::due(&mut conn, company.id, self.engine.settings.looks).await?;
            drop(conn);
            for id in due {
                look_as(pool, lines, &self.engine.key, &DISPATCHER, company.id, id).await?;
            }
        }
        Ok(())
    }
}
