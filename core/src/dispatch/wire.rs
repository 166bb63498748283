//! Wire: commits that bytes may leave, then makes the calls. The statement asks the stop facts again; rows that may no longer go are
//! given back. What a channel reads first (a template, a picture) is read before that.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgPool;

use super::claim::{Batch, Claimed, DISPATCHER};
use super::outcome::words;
use super::settle::{KEY_MARGIN, LATE};
use super::store;
use crate::activity::payload::PayloadHash;
use crate::audit;
use crate::channel::{
    Asked, Broken, Call, ChannelName, Host, Line, Outcome, Reading, Replay, Request, Response,
};
use crate::clock;
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};
use crate::quota;
use crate::safe_text::SafeText;
use crate::secret::SecretText;

/// One message takes at most so many requests.
const STEPS_LIMIT: usize = 6;

/// A file on the web that could not be fetched is tried again after so long, at least.
const ELSEWHERE_AGAIN: Duration = Duration::from_secs(30);

/// So many unknown codes are remembered; who answers with more of them has been heard of.
const NOTED_LIMIT: usize = 256;

/// One message on its way.
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
    /// Since when bytes of it may leave; absent while only what reaches nobody may be asked.
    pub(crate) wire_at: Option<Timestamp>,
    /// When that was asked for, or its reading began, by the clock of this machine that also counts its sleep.
    pub(crate) departed_at: Duration,
}

/// What came of a call.
pub(crate) struct Arrival {
    pub(crate) departure: Departure,
    pub(crate) outcome: Outcome,
}

/// Commits `wire_at` for rows of one batch and returns the calls that may be made.
pub(crate) async fn depart(pool: &PgPool, departures: Vec<Departure>) -> Result<Vec<Departure>, Error> {
    let Some(one) = departures.first() else {
        return Ok(Vec::new());
    };
    let items: Vec<&Claimed> = departures.iter().map(|departure| &departure.item).collect();
    let departed_at = clock::since_boot();
    let wired = wired(pool, one, &items).await?;
    let set_out = |mut departure: Departure| {
        departure.wire_at = Some(*wired.get(&departure.item.id)?);
        departure.departed_at = departed_at;
        Some(departure)
    };
    Ok(departures.into_iter().filter_map(set_out).collect())
}

/// The same for one row whose reading is over; says whether it may still go.
async fn depart_alone(pool: &PgPool, departure: &mut Departure) -> Result<bool, Error> {
    let departed_at = clock::since_boot();
    let wired = wired(pool, departure, &[&departure.item]).await?;
    departure.wire_at = wired.get(&departure.item.id).copied();
    departure.departed_at = departed_at;
    Ok(departure.wire_at.is_some())
}

/// Commits `wire_at` for rows of the batch of one of them; those that may no longer go are given back.
async fn wired(
    pool: &PgPool,
    one: &Departure,
    items: &[&Claimed],
) -> Result<HashMap<ActivityId, Timestamp>, Error> {
    let mut conn = pool.acquire().await?;
    let credential = one.secret_version.map(|version| (one.credential_id.as_str(), version));
    let window = one.line.channel.keeps_keys_for().map(|kept| kept.saturating_sub(KEY_MARGIN));
    let wired = store::wire(&mut conn, one.company, one.claim, one.outbox, items, credential, window).await?;
    drop(conn);
    let wired: HashMap<ActivityId, Timestamp> = wired.into_iter().collect();
    let stopped: Vec<ActivityId> =
        items.iter().map(|item| item.id).filter(|id| !wired.contains_key(id)).collect();
    if !stopped.is_empty()
        && let Err(error) = give_back(pool, one.company, one.outbox, one.claim, &stopped).await
    {
        // The others are on the wire; these stay with their lease.
        tracing::warn!("rows that may not go could not be given back: {error}");
    }
    Ok(wired)
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
/// hash was checked at the claim. What reaches nobody is asked before the message is on the wire, so that a worker that is lost
/// meanwhile leaves nothing uncertain. `None` if the message may no longer go then; it has been given back.
///
/// # Errors
/// A database fault; whether the message is on the wire is not known, and nothing but what reaches nobody was called.
pub(crate) async fn call(pool: &PgPool, departure: &mut Departure) -> Result<Option<Outcome>, Error> {
    let channel = Arc::clone(&departure.line.channel);
    let mut request = channel.first(&departure.item.request, &departure.item.past);
    for _ in 0..STEPS_LIMIT {
        let is_due = departure.wire_at.is_none() && !channel.is_harmless(&request);
        if is_due && !depart_alone(pool, departure).await? {
            return Ok(None);
        }
        let answer = match exchange(departure, &request).await {
            Ok(answer) => answer,
            Err(outcome) => return Ok(Some(outcome)),
        };
        let Claimed { payload, request: approved, past, .. } = &departure.item;
        match channel.interpret(&Asked { payload, approved, request: &request, past }, &answer) {
            Reading::Proves(outcome) => {
                // A question may find that it is out, or leave that open; only what was on the wire is on record so.
                let is_open = matches!(outcome, Outcome::Accepted { .. } | Outcome::MaybeSent { .. });
                if is_open && departure.wire_at.is_none() && !depart_alone(pool, departure).await? {
                    return Ok(None);
                }
                note_unknown(departure, &outcome);
                return Ok(Some(outcome));
            }
            Reading::Next(next) => request = next,
        }
    }
    // What comes before the last request reaches nobody.
    Ok(Some(Outcome::Retry {
        code: "unfinished".to_owned(),
        detail: format!("the provider asked for more than {STEPS_LIMIT} requests"),
        after: None,
    }))
}

/// Moves one request. What ends the attempt without an answer is an outcome.
async fn exchange(departure: &Departure, request: &Request) -> Result<Response, Outcome> {
    let channel = &departure.line.channel;
    let key = departure.item.idempotency_key();
    let is_elsewhere = matches!(request.host, Host::Web(_));
    let headers = match is_elsewhere {
        true => Vec::new(),
        false => channel
            .wire_headers(&departure.credential, &key)
            .map_err(|detail| Outcome::AccountBroken { code: "credential_malformed".to_owned(), detail })?,
    };
    let call = Call { request: request.clone(), headers };
    if departure.wire_at.is_some() {
        crate::fault::point("wired").await;
    }
    // Each step counts from the wire: what came before it reached nobody, so nothing is lost by a step that is not made.
    if is_late(departure.departed_at, clock::since_boot()) {
        // Somebody else may have repeated it since, and the provider may have forgotten the key of that.
        return Err(late("the process or its machine stood still before the call; nothing was sent"));
    }
    let answer = departure.line.transport.exchange(call).await;
    crate::fault::point(if departure.wire_at.is_some() { "answered" } else { "read" }).await;
    let scrubbed = answer.map(|answer| match is_elsewhere {
        // The bytes of a file are compared, and who never saw the credential cannot repeat it.
        true => answer,
        // Some providers repeat the credential they refuse.
        false => Response { body: departure.credential.without(answer.body), ..answer },
    });
    scrubbed.map_err(|broken| match broken {
        // That says nothing about the provider.
        Broken::NotSent { detail } | Broken::MaybeSent { detail } if is_elsewhere => {
            Outcome::Deferred { code: "unreachable".to_owned(), detail, after: ELSEWHERE_AGAIN }
        }
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

impl Departure {
    /// A row of a batch that is not on the wire yet.
    pub(crate) fn of(batch: &Batch, item: Claimed) -> Self {
        Self {
            company: batch.company,
            claim: batch.id,
            outbox: batch.outbox,
            credential_id: batch.credential_id.clone(),
            secret_version: batch.secret_version,
            is_doubtful: batch.is_doubtful,
            line: batch.line.clone(),
            credential: batch.credential.clone(),
            item,
            wire_at: None,
            departed_at: clock::since_boot(),
        }
    }

    /// Whether something is asked first that reaches nobody. What may have been sent already is on the wire as it is.
    pub(crate) fn reads_first(&self) -> bool {
        let channel = &self.line.channel;
        !self.item.is_replay && channel.is_harmless(&channel.first(&self.item.request, &self.item.past))
    }

    /// The hash it is bound to, for the audit row of its outcome.
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
