//! Wire: commits that bytes may leave, then makes the calls. The statement asks the stop facts again; rows that may no longer go are
//! given back.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgPool;

use super::claim::{Batch, Claimed, DISPATCHER};
use super::outcome::words;
use super::settle::{KEY_MARGIN, LATE};
use super::store;
use crate::activity::payload::PayloadHash;
use crate::audit;
use crate::channel::{Asked, Broken, Call, ChannelName, Line, Outcome, Reading, Replay, Request, Response};
use crate::clock;
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};
use crate::quota;
use crate::safe_text::SafeText;
use crate::secret::SecretText;

/// One message takes at most so many requests.
const STEPS_LIMIT: usize = 4;

/// So many unknown codes are remembered; who answers with more of them has been heard of.
const NOTED_LIMIT: usize = 256;

/// One call that is ready to be made.
#[derive(Clone)]
pub(crate) struct Departure {
    pub(crate) company: CompanyId,
    pub(crate) claim: ClaimId,
    pub(crate) outbox: OutboxId,
    pub(crate) credential_id: String,
    pub(crate) secret_version: Option<i32>,
    /// Whether its outbox had calls without a clear answer.
    pub(crate) is_doubtful: bool,
    pub(crate) line: Line,
    pub(crate) credential: SecretText,
    pub(crate) item: Claimed,
    pub(crate) wire_at: Timestamp,
    /// When that was asked for, by the clock of this machine that also counts its sleep.
    pub(crate) departed_at: Duration,
}

/// What came of a call.
pub(crate) struct Arrival {
    pub(crate) departure: Departure,
    pub(crate) outcome: Outcome,
}

/// Commits `wire_at` for rows of a batch and returns the calls that may be made.
pub(crate) async fn depart(
    pool: &PgPool,
    batch: &Batch,
    items: Vec<Claimed>,
) -> Result<Vec<Departure>, Error> {
    let ids: Vec<ActivityId> = items.iter().map(|item| item.id).collect();
    let mut conn = pool.acquire().await?;
    let credential = batch.secret_version.map(|version| (batch.credential_id.as_str(), version));
    let window = batch.line.channel.keeps_keys_for().map(|kept| kept.saturating_sub(KEY_MARGIN));
    let departed_at = clock::since_boot();
    let wired =
        store::wire(&mut conn, batch.company, batch.id, batch.outbox, &items, credential, window).await?;
    drop(conn);
    let wired: HashMap<ActivityId, Timestamp> = wired.into_iter().collect();
    let stopped: Vec<ActivityId> = ids.into_iter().filter(|id| !wired.contains_key(id)).collect();
    if !stopped.is_empty()
        && let Err(error) = give_back(pool, batch.company, batch.outbox, batch.id, &stopped).await
    {
        // The others are on the wire; these stay with their lease.
        tracing::warn!("rows that may not go could not be given back: {error}");
    }
    Ok(items
        .into_iter()
        .filter_map(|item| {
            let wire_at = *wired.get(&item.id)?;
            Some(Departure {
                company: batch.company,
                claim: batch.id,
                outbox: batch.outbox,
                credential_id: batch.credential_id.clone(),
                secret_version: batch.secret_version,
                is_doubtful: batch.is_doubtful,
                line: batch.line.clone(),
                credential: batch.credential.clone(),
                item,
                wire_at,
                departed_at,
            })
        })
        .collect())
}

/// Gives rows back that never went on the wire, with their quota.
pub(crate) async fn give_back(
    pool: &PgPool,
    company: CompanyId,
    outbox: OutboxId,
    claim: ClaimId,
    ids: &[ActivityId],
) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let unused = store::give_back(&mut tx, company, claim, ids).await?;
    refund(&mut tx, company, outbox, unused.into_iter()).await?;
    let detail = serde_json::json!({ "claim": claim, "items": ids });
    let entry = audit::Entry::new(&DISPATCHER, "dispatch.give_back").subject(outbox).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(())
}

/// Closes batches of which nothing is under way. One that still holds a row stays, and its lease tells.
pub(crate) async fn close(pool: &PgPool, company: CompanyId, claims: &[ClaimId]) -> Result<(), Error> {
    store::close_batches(&mut *pool.acquire().await?, company, claims).await
}

/// Gives quota back, one statement a day.
pub(crate) async fn refund(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    days: impl Iterator<Item = jiff::civil::Date>,
) -> Result<(), Error> {
    let mut by_day: std::collections::BTreeMap<jiff::civil::Date, i32> = std::collections::BTreeMap::new();
    for day in days {
        *by_day.entry(day).or_default() += 1;
    }
    for (day, unused) in by_day {
        quota::store::refund(conn, company, outbox, day, unused).await?;
    }
    Ok(())
}

/// Makes one call, or the few that one message takes. The bytes are the approved ones: their request comes out of the envelope whose
/// hash was checked at the claim.
pub(crate) async fn call(departure: &Departure) -> Outcome {
    let Claimed { request: approved, past, .. } = &departure.item;
    let channel = &departure.line.channel;
    let mut request = channel.first(approved, past);
    let mut begun_at = departure.departed_at;
    for _ in 0..STEPS_LIMIT {
        let answer = match exchange(departure, &request, begun_at).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        match channel.interpret(&Asked { approved, request: &request, past }, &answer) {
            Reading::Proves(outcome) => {
                note_unknown(departure, &outcome);
                return outcome;
            }
            Reading::Next(next) => (request, begun_at) = (next, clock::since_boot()),
        }
    }
    // What comes before the last request reaches nobody.
    Outcome::Retry {
        code: "unfinished".to_owned(),
        detail: format!("the provider asked for more than {STEPS_LIMIT} requests"),
        after: None,
    }
}

/// Moves one request. What ends the attempt without an answer is an outcome.
async fn exchange(departure: &Departure, request: &Request, begun_at: Duration) -> Result<Response, Outcome> {
    let channel = &departure.line.channel;
    let key = departure.item.idempotency_key();
    let headers = channel
        .wire_headers(&departure.credential, &key)
        .map_err(|detail| Outcome::AccountBroken { code: "credential_malformed".to_owned(), detail })?;
    let call = Call { request: request.clone(), headers };
    crate::fault::point("wired").await;
    if is_late(begun_at, clock::since_boot()) {
        // Somebody else may have repeated it since, and the provider may have forgotten the key of that.
        return Err(late("the process or its machine stood still before the call; nothing was sent"));
    }
    let answer = departure.line.transport.exchange(call).await;
    crate::fault::point("answered").await;
    let scrubbed = answer.map(|answer| {
        // Some providers repeat the credential they refuse.
        Response { body: departure.credential.without(answer.body), ..answer }
    });
    scrubbed.map_err(|broken| match broken {
        Broken::NotSent { detail } => Outcome::Retry { code: "not_sent".to_owned(), detail, after: None },
        Broken::MaybeSent { detail } if channel.is_harmless(request) => {
            Outcome::Retry { code: "no_answer".to_owned(), detail, after: None }
        }
        Broken::MaybeSent { detail } => {
            Outcome::MaybeSent { code: "no_answer".to_owned(), detail, replay: Replay::SameKey(None) }
        }
    })
}

/// Codes that were told of.
struct Noted(Mutex<BTreeSet<(ChannelName, String)>>);

impl Noted {
    /// Whether it is the first time. What comes after very many is not told of at all.
    fn is_first(&self, channel: ChannelName, code: &str) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.len() < NOTED_LIMIT && noted.insert((channel, code.to_owned()))
    }
}

/// Says once that a provider uses a code that its adapter was not written for.
fn note_unknown(departure: &Departure, outcome: &Outcome) {
    static NOTED: Noted = Noted(Mutex::new(BTreeSet::new()));
    let channel = &departure.line.channel;
    let (Some(code), _) = words(outcome) else { return };
    if !channel.knows(code) && NOTED.is_first(channel.name(), code) {
        let code = SafeText::line(code).truncated(80);
        tracing::warn!(channel = %channel.name(), "the provider answers {code}, which this version does not know; its HTTP status decided");
    }
}

/// What came of a call that was not begun. That says nothing about its provider.
pub(crate) fn late(detail: &str) -> Outcome {
    Outcome::Retry { code: LATE.to_owned(), detail: detail.to_owned(), after: None }
}

/// A call that was not begun within this time of its wire is not begun any more.
pub const LATEST: Duration = Duration::from_secs(60);

/// Whether a call comes too late after its wire to be begun, both by the clock that also counts the sleep of the machine.
#[must_use]
pub fn is_late(departed_at: Duration, now: Duration) -> bool {
    now.saturating_sub(departed_at) > LATEST
}

/// The hash a departure is bound to, for the audit row of its outcome.
impl Departure {
    pub(crate) fn payload_sha256(&self) -> PayloadHash {
        self.item.payload_sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider that answers the same new code a million times is told of once, and one that answers a million codes not for ever.
    #[test]
    fn a_new_code_is_told_of_once() {
        let noted = Noted(Mutex::new(BTreeSet::new()));
        assert!(noted.is_first(ChannelName::Email, "new"));
        assert!(!noted.is_first(ChannelName::Email, "new"));
        assert!(noted.is_first(ChannelName::Whatsapp, "new"));
        let told = (0..1_000).filter(|code| noted.is_first(ChannelName::Email, &code.to_string())).count();
        assert_eq!(told, NOTED_LIMIT - 2);
    }

    /// F8, F30: a process that was stopped between wire and call, or a machine that slept, sends nothing afterwards.
    #[test]
    fn a_call_is_not_begun_late() {
        let departed = Duration::from_secs(1_000);
        assert!(!is_late(departed, departed) && !is_late(departed, departed + LATEST));
        assert!(is_late(departed, departed + LATEST + Duration::from_millis(1)));
        assert!(!is_late(departed, Duration::ZERO));
    }
}
