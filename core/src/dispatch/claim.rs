//! Claim: takes due rows of one outbox, judges them, takes quota, and opens a claim batch. One transaction, a fixed number of
//! statements for any number of rows.
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;

use super::Settings;
use super::judge::judge;
use super::store::{self, DueOutbox, Held};
use super::store_past;
use crate::activity::payload::{Payload, PayloadHash};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::store::{Decision, supersede_newer};
use crate::audit;
use crate::channel::{Line, Lines, Past, Request};
use crate::company;
use crate::company::store_policy;
use crate::error::Error;
use crate::gate::{self, spacing::spacing};
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};
use crate::outbox::limits;
use crate::outbox::store::OutboxSettings;
use crate::quota;
use crate::safe_text::SafeText;
use crate::secret::{MasterKey, SecretError, SecretRef, SecretText};

/// What a dispatcher signs with in the audit log.
pub(crate) const DISPATCHER: Actor = Actor::Engine("dispatcher");

/// Why a row waits whose credential was revoked.
const REVOKED: &str = "credential_revoked";

/// Rows that this worker may put on the wire while the lease lasts.
pub(crate) struct Batch {
    pub(crate) id: ClaimId,
    pub(crate) company: CompanyId,
    pub(crate) outbox: OutboxId,
    pub(crate) credential_id: String,
    pub(crate) line: Line,
    pub(crate) credential: SecretText,
    pub(crate) secret_version: Option<i32>,
    /// Whether its outbox had calls without a clear answer, so that a clear one is news.
    pub(crate) is_doubtful: bool,
    pub(crate) items: Vec<Claimed>,
}

/// One row of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: ActivityId,
    pub(crate) round: i32,
    pub(crate) attempt: i16,
    pub(crate) payload_sha256: PayloadHash,
    pub(crate) payload: Payload,
    pub(crate) request: Request,
    pub(crate) is_replay: bool,
    pub(crate) first_wire_at: Option<Timestamp>,
    pub(crate) quota_day: Date,
    /// Number of this attempt within its round.
    pub(crate) tries: i16,
    /// Everyone who receives it, for the last look before the wire.
    pub(crate) recipients: Vec<String>,
    /// Whether it is written to nobody.
    pub(crate) is_post: bool,
    /// When its words were put on file: a later word of the contact stops it.
    pub(crate) worded_at: Timestamp,
    /// What earlier attempts left behind, where its channel asks for it.
    pub(crate) past: Past,
}

impl Claimed {
    /// The key the provider is given.
    pub(crate) fn idempotency_key(&self) -> String {
        idempotency_key(self.id, self.round)
    }
}

/// The key the provider is given: the same for every attempt of one decision, whoever makes or recovers it, and another one for the
/// next decision.
#[must_use]
pub fn idempotency_key(activity: ActivityId, round: i32) -> String {
    format!("countersign-{activity}-{round}")
}

/// What a claim did.
pub(crate) enum Claim {
    /// Nothing was due.
    Nothing,
    /// Rows were judged and all of them wait or stop.
    HeldOnly,
    /// Rows may go.
    Batch(Batch),
}

/// Claims up to `limit` rows of one outbox.
pub(crate) async fn claim(
    pool: &PgPool,
    settings: &Settings,
    lines: &Lines,
    key: &MasterKey,
    due: &DueOutbox,
    limit: usize,
) -> Result<Claim, Error> {
    let company = due.company;
    let mut tx = pool.begin().await?;
    let Some(outbox) = store::outbox(&mut tx, company, due.outbox).await? else {
        return Ok(Claim::Nothing);
    };
    let line = lines.line(outbox.channel, due.sandbox);
    if line.is_none() && lines.renderer(outbox.channel).is_some() {
        // A sandbox company in a process without a sandbox: another process can send this, so nothing is said about it.
        return Ok(Claim::Nothing);
    }
    let is_spaced = spacing(outbox.channel, 0.0).is_some();
    // Where the circuit was open one call tells whether it may close; where messages are spaced one leaves at a time.
    let is_probe = limits::circuit(outbox.fault_streak).is_some();
    let is_single = is_spaced || is_probe;
    let limit = if is_single { 1 } else { limit };
    let locked = store::lock_due(&mut tx, company, due.outbox, lines.is_dry_run(), limit).await?;
    let Some((now, mut rows)) = locked else {
        return Ok(Claim::Nothing);
    };
    // Between the look for work and this transaction the connection may have come to lead to another server.
    crate::server::confirm(&mut tx).await?;
    let outbox = match is_single {
        // Another dispatcher may have sent from it while this one waited for the lock.
        true => {
            quota::store::lock(&mut tx, company, due.outbox).await?;
            store::outbox(&mut tx, company, due.outbox).await?.unwrap_or(outbox)
        }
        false => outbox,
    };
    if is_probe && store::is_under_way(&mut tx, company, due.outbox).await? {
        return Ok(Claim::Nothing);
    }
    let policy = store_policy::policy(&mut tx, company).await?;
    if policy.caps_frequency() {
        rows = gate::store::lock_shared(&mut tx, company, rows).await?;
        if rows.is_empty() {
            return Ok(Claim::Nothing);
        }
    }
    let judging = gate::store::load(&mut tx, company, outbox, policy, now, rows, lines.is_dry_run()).await?;
    let outbox = judging.outbox.clone();
    let credential = match line {
        Some(line) if line.channel.reaches_people() => {
            Some(credential(&mut tx, company, key, &outbox).await?)
        }
        _ => None,
    };
    // Only what is repeated asks how long ago its first attempt was.
    let asks_time = judging.candidates.iter().any(|one| one.status == Status::Dispatching);
    let is_time_known = !(asks_time && company::store::clock_went_back(&mut tx, company).await?);
    let mut judged = judge(judging, line, is_time_known);
    let (credential, secret_version) = match credential {
        Some(Err((code, sentence))) => {
            tracing::warn!(outbox = %outbox.id, "{code}: {sentence}");
            judged.hold_all(code, now + SignedDuration::from_mins(5));
            if code == REVOKED {
                // Somebody took it away for a reason, so somebody says when the outbox is good again.
                let reason = SafeText::line(&sentence).truncated(300);
                if crate::outbox::store::pause_open(&mut tx, company, outbox.id, &reason).await? {
                    let entry = audit::Entry::new(&DISPATCHER, "outbox.pause").subject(outbox.id);
                    audit::store::append(&mut tx, company, &[entry.reason(Some(&reason))]).await?;
                }
            }
            (SecretText::new(String::new()), None)
        }
        Some(Ok((credential, version))) => {
            judged.hold_under_other_credential(version);
            (credential, Some(version))
        }
        None => (SecretText::new(String::new()), None),
    };
    let today = judged.take_quota(&mut tx, company, &outbox, now).await?;

    store::release_from_quota(&mut tx, company, &judged.released()).await?;
    make_room(&mut tx, company, &judged.held).await?;
    store::hold(&mut tx, company, &judged.held).await?;
    record_held(&mut tx, company, &judged.held).await?;
    if let (true, Some(apart)) = (!judged.ready.is_empty(), spacing(outbox.channel, fastrand::f64())) {
        let until = now + SignedDuration::try_from(apart).unwrap_or(SignedDuration::ZERO);
        crate::outbox::store::space(&mut tx, company, outbox.id, until).await?;
    }
    let id = ClaimId::new();
    let credential_id =
        outbox.secret_ref.parse::<SecretRef>().map(|reference| reference.id).unwrap_or_default();
    let batch = match line {
        Some(line) if !judged.ready.is_empty() => {
            let mut items: Vec<Claimed> = judged.ready.into_iter().map(|ready| ready.claimed).collect();
            if line.channel.asks_about_past() {
                let mut past = store_past::past(&mut tx, company, &items).await?;
                items.iter_mut().for_each(|item| item.past = past.remove(&item.id).unwrap_or_default());
            }
            store::claim(&mut tx, company, id, &items, today).await?;
            store::open_batch(&mut tx, company, id, due.outbox, settings, secret_version, &items).await?;
            let detail = serde_json::json!({
                "claim": id, "items": items.len(), "worker": settings.worker,
                "secret": credential_id, "secretVersion": secret_version,
            });
            let entry = audit::Entry::new(&DISPATCHER, "dispatch.claim").subject(due.outbox).detail(detail);
            audit::store::append(&mut tx, company, &[entry]).await?;
            Claim::Batch(Batch {
                id,
                company,
                outbox: due.outbox,
                credential_id,
                line: line.clone(),
                credential,
                secret_version,
                is_doubtful: outbox.fault_streak > 0,
                items,
            })
        }
        _ => Claim::HeldOnly,
    };
    company::store::bump(&mut tx, company).await?;
    crate::fault::point("claiming").await;
    tx.commit().await?;
    Ok(batch)
}

/// The credential with its version; the inner error is a code and a sentence for people.
pub(crate) async fn credential(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    key: &MasterKey,
    outbox: &OutboxSettings,
) -> Result<Result<(SecretText, i32), (&'static str, String)>, Error> {
    let reference: SecretRef = match outbox.secret_ref.parse() {
        Ok(reference) => reference,
        Err(error) => return Ok(Err(("credential_unavailable", format!("{error}")))),
    };
    match crate::secret::store::resolve(conn, company, key, &reference).await {
        Ok(found) => Ok(Ok(found)),
        Err(Error::Secret(error @ SecretError::Revoked(_))) => Ok(Err((REVOKED, error.to_string()))),
        Err(Error::Secret(error)) => Ok(Err(("credential_unavailable", error.to_string()))),
        Err(error) => Err(error),
    }
}

/// A newer draft in the place of one that becomes a draft again is superseded.
async fn make_room(conn: &mut sqlx::PgConnection, company: CompanyId, held: &[Held]) -> Result<(), Error> {
    let again: Vec<Decision> = held
        .iter()
        .filter(|held| held.status == Status::DraftPendingApproval)
        .map(|held| Decision::new(held.id, held.round, held.payload_sha256))
        .collect();
    if again.is_empty() {
        return Ok(());
    }
    let superseded = supersede_newer(conn, company, &again).await?;
    let entries: Vec<_> = superseded
        .into_iter()
        .map(|id| audit::Entry::new(&DISPATCHER, "draft.supersede").subject(id))
        .collect();
    audit::store::append(conn, company, &entries).await
}

/// One audit row for every row whose status changed; a row that merely waits longer is no news.
async fn record_held(conn: &mut sqlx::PgConnection, company: CompanyId, held: &[Held]) -> Result<(), Error> {
    let entries: Vec<_> = held
        .iter()
        .filter(|held| held.was != held.status)
        .map(|held| {
            audit::Entry::new(&DISPATCHER, format!("dispatch.{}", held.status.as_str()))
                .activity(held.id, held.payload_sha256)
                .reason(Some(&held.code))
        })
        .collect();
    audit::store::append(conn, company, &entries).await
}

/// Time that passed. A clock that went back further than clocks of one server differ says nothing about the time that passed, so
/// it counts as all of it: windows close rather than stay open.
#[must_use]
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    let passed = to.duration_since(from);
    if passed < -company::store::CLOCK_TOLERANCE {
        Duration::MAX
    } else {
        passed.try_into().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R22: a clock that went back a day does not open a window that has closed.
    #[test]
    fn a_clock_that_went_back_counts_as_all_the_time() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(elapsed(noon, noon + SignedDuration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(elapsed(noon, noon - SignedDuration::from_secs(5)), Duration::ZERO);
        assert_eq!(elapsed(noon, noon - SignedDuration::from_hours(24)), Duration::MAX);
    }
}
