//! Looks up what became of uncertain messages: evidence first, a person second, never a blind repeat.
//!
//! Providers are asked a few times, further and further apart. What proves something settles the message: sent, or back to a draft that
//! needs a decision of its own. Everything else is kept as evidence for the person who decides. Questions only read.
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::claim::{DISPATCHER, credential};
use super::store_evidence::{self as store, Uncertain};
use super::{Dispatcher, store_past};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::decide::begin;
use crate::approval::resolve::{Resolution, Settling, settle};
use crate::approval::{ItemOutcome, ItemResult};
use crate::audit;
use crate::channel::{Broken, Call, Case, Channel, Finding, Line, Lines, Lookup, Request, Response};
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};
use crate::secret::{MasterKey, SecretRef, SecretText};

/// When a provider is asked about a message: so long after the attempt.
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

/// One look takes at most this long.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

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
/// [`Error::Forbidden`] below approver, [`Error::Refused`] in a dry run, which asks nobody, or a database fault.
pub async fn look(
    pool: &PgPool,
    lines: &Lines,
    key: &MasterKey,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
) -> Result<Option<Looked>, Error> {
    let (tx, _) = begin(pool, actor, company, "ask a provider").await?;
    tx.rollback().await?;
    if lines.is_dry_run() {
        return Err(Error::Refused(
            "a dry run asks no provider; run this without AIMETIER_CRM_DRY_RUN".to_owned(),
        ));
    }
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
    let mut tx = pool.begin().await?;
    let Some(message) = store::uncertain(&mut tx, company, id).await? else {
        return Ok(None);
    };
    let past = store_past::past_of(&mut tx, company, &[id.0], &[message.round]).await?;
    let past = past.get(&id).cloned().unwrap_or_default();
    let Some(outbox) = super::store::outbox(&mut tx, company, message.outbox).await? else {
        return Ok(None);
    };
    let secret = credential(&mut tx, company, key, &outbox).await?;
    let is_time_known = !company::store::clock_went_back(&mut tx, company).await?;
    // Nothing was asked, so there is no evidence: another process may have a way, or somebody a credential.
    let not_asked = |why: &str| {
        Ok(Some(Looked {
            finding: unclear(why),
            outcome: ItemOutcome::Already { status: Status::Uncertain },
        }))
    };
    let Some(line) = lines.line(outbox.channel, message.is_sandbox) else {
        return not_asked("this process has no way to its provider");
    };
    let (secret, version) = match secret {
        Ok(found) => found,
        Err((_, sentence)) => return not_asked(&sentence),
    };
    // The use of a secret is recorded before it is shown to anybody.
    let detail = serde_json::json!({ "secret": outbox.secret_ref, "version": version });
    let entry = audit::Entry::new(actor, "activity.lookup").subject(id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    tx.commit().await?;
    let finding = match &message.envelope {
        None => impossible("its text was erased"),
        Some(envelope) => match &envelope.request {
            None => impossible("it was never rendered"),
            Some(approved) => {
                let case = Case {
                    payload: &envelope.payload,
                    approved,
                    activity: id,
                    past: &past,
                    first_wire_at: message.first_wire_at,
                    age: if is_time_known { age(message.last_wire_at, message.now) } else { Duration::ZERO },
                };
                let asking = tokio::time::timeout(LOOK_LIMIT, ask(line, &secret, &case));
                let finding = asking.await.unwrap_or_else(|_| unclear("the provider did not answer in time"));
                let is_same_account = message.secret_version == Some(version)
                    && outbox
                        .secret_ref
                        .parse::<SecretRef>()
                        .is_ok_and(|it| it.id == envelope.payload.credential_id);
                believed(finding, is_same_account)
            }
        },
    };
    let outcome = keep(pool, actor, company, id, &message, &finding).await?;
    Ok(Some(Looked { finding, outcome }))
}

/// How long ago an attempt was. Where that is not known it was just now: a provider is given time to show what it has.
fn age(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

/// What an account does not show proves nothing about a message that left under another credential.
fn believed(finding: Finding, is_same_account: bool) -> Finding {
    match finding {
        Finding::NotSent { why } | Finding::Absent { why } if !is_same_account => {
            unclear(&format!("asked under another credential than it left with: {why}"))
        }
        other => other,
    }
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

/// Records the finding and settles what it proves, in one transaction. A message that somebody else settled meanwhile stays as it is,
/// and of two looks of dispatchers at once one counts.
async fn keep(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    message: &Uncertain,
    finding: &Finding,
) -> Result<ItemOutcome, Error> {
    crate::db::retry(|| async {
        let is_engine = matches!(actor, Actor::Engine(_));
        let mut tx = match is_engine {
            true => pool.begin().await?,
            // Asking may have taken a while, in which an admin may have shut them out.
            false => begin(pool, actor, company, "ask a provider").await?.0,
        };
        let finding = &checked(&mut tx, company, id, finding).await?;
        let (resolution, reason) = match finding {
            Finding::Sent { .. } => (Some(Resolution::WasSent), "the provider has it"),
            Finding::NotSent { .. } => {
                (Some(Resolution::BackToDraft), "the provider shows that it never took it")
            }
            Finding::Absent { .. } | Finding::Unclear { .. } | Finding::Impossible { .. } => (None, ""),
        };
        let settling = Settling { round: Some(message.round), resolution, reason };
        // Locks the row, so that what is counted next stays.
        let result: ItemResult = settle(&mut tx, actor, company, id, &settling).await?;
        if is_engine && store::looks(&mut tx, company, id, message.round).await? != message.looks {
            return Ok(ItemOutcome::Already { status: Status::Uncertain });
        }
        if !matches!(result.outcome, ItemOutcome::Missing) {
            store::add(&mut tx, company, id, message.round, actor.name(), finding).await?;
        }
        if let (
            ItemOutcome::Resolved { status: Status::Sent },
            Finding::Sent { provider_ref: Some(known), .. },
        ) = (&result.outcome, finding)
        {
            store::identify(&mut tx, company, id, message.round, known).await?;
        }
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(result.outcome)
    })
    .await
}

/// One message of a provider is one of ours: what proved another message proves nothing about this one (F18).
async fn checked(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    id: ActivityId,
    finding: &Finding,
) -> Result<Finding, Error> {
    if let Finding::Sent { provider_ref: Some(known), .. } = finding
        && let Some(other) = store::owner(conn, company, known, id).await?
    {
        return Ok(unclear(&format!(
            "the provider shows {known}, which is message {other}; it may have two of these words"
        )));
    }
    Ok(finding.clone())
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
            // A provider that hangs is not waited for by every message it has.
            let mut silent = HashSet::new();
            for (id, outbox) in due {
                if silent.contains(&outbox) {
                    continue;
                }
                match look_as(pool, lines, &self.engine.key, &DISPATCHER, company.id, id).await {
                    Ok(Some(Looked { finding: Finding::Unclear { .. }, .. })) => _ = silent.insert(outbox),
                    Ok(_) => {}
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    // What is wrong with one message keeps nobody from asking about the next.
                    Err(error) => {
                        tracing::warn!(activity = %id, "a message could not be looked up: {error}");
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R6, S23: another credential may be another account, which does not show what it does not have.
    #[test]
    fn absence_under_another_credential_proves_nothing() {
        let not_sent = Finding::NotSent { why: "it is not there".to_owned() };
        assert_eq!(believed(not_sent.clone(), true), not_sent);
        assert!(matches!(believed(not_sent, false), Finding::Unclear { .. }));
        let sent = Finding::Sent { provider_ref: None, why: "it is there".to_owned() };
        assert_eq!(believed(sent.clone(), false), sent);
    }

    /// R22: a clock that went back makes an attempt no older than it is.
    #[test]
    fn an_attempt_in_the_future_is_just_now() {
        let now: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let second = jiff::SignedDuration::from_secs(1);
        assert_eq!(age(now, now + second), Duration::from_secs(1));
        assert_eq!(age(now + second, now), Duration::ZERO);
    }
}
