//! Outcome: writes what calls proved, in batches. Attempt, activity, bucket, outbox and audit change in one transaction; a row that no
//! longer carries its token was taken over, and only the audit log hears of the late answer.
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, PgPool};

use super::active::Ending;
use super::claim::{DISPATCHER, elapsed};
use super::settle::{Fate, History, PREPARED, Settled, is_unclear, settle, was_asked};
use super::store;
use super::store_close::{self, Attempt, Closing};
use super::wire::{Arrival, Departure, refund};
use crate::activity::status::Status;
use crate::audit;
use crate::channel::Outcome;
use crate::company;
use crate::contact::suppression::{self, Identity, Reason};
use crate::error::Error;
use crate::ids::{ActivityId, ClaimId, CompanyId, OutboxId};
use crate::outbox::{self, limits};
use crate::safe_text::SafeText;

/// Code and words of an outcome are kept up to this many characters.
const DETAIL_LIMIT: usize = 500;

/// Writes the outcomes of one company. `finished` are the batches that have nothing under way any more then.
pub(crate) async fn write(
    pool: &PgPool,
    company: CompanyId,
    arrivals: &[Arrival],
    finished: &Ending,
    dice: &mut fastrand::Rng,
) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let pairs: Vec<(ActivityId, ClaimId)> = arrivals.iter().map(pair).collect();
    let mine = close_accepted_or_lock(&mut tx, company, arrivals).await?;
    let now = crate::db::now(&mut tx).await?;
    let (live, late): (Vec<&Arrival>, Vec<&Arrival>) =
        arrivals.iter().partition(|arrival| mine.contains(&pair(arrival)));
    let asks_time = live.iter().any(|arrival| !matches!(arrival.outcome, Outcome::Accepted { .. }));
    let is_time_known = !(asks_time && company::store::clock_went_back(&mut tx, company).await?);
    let settled: Vec<(&Arrival, Settled)> = live
        .into_iter()
        .map(|arrival| {
            let history = history(&arrival.departure, now, is_time_known);
            (arrival, settle(&arrival.outcome, &history, dice.f64()))
        })
        .collect();

    let attempts: Vec<Attempt> = settled.iter().map(|(arrival, _)| attempt(arrival)).collect();
    store_close::insert_attempts(&mut tx, company, &attempts).await?;
    let closings: Vec<Closing> =
        settled.iter().filter_map(|(arrival, settled)| closing(arrival, settled)).collect();
    store_close::close(&mut tx, company, &closings).await?;
    give_back_quota(&mut tx, company, &settled).await?;
    stop_outboxes(&mut tx, company, now, &settled).await?;
    suppress_opted_out(&mut tx, company, &settled).await?;
    let mut entries: Vec<audit::Entry> =
        settled.iter().map(|(arrival, settled)| entry(arrival, fate_action(settled.fate))).collect();
    if !late.is_empty() {
        // A reply to a commit may be lost; what was written then is not late.
        let (ids, claims): (Vec<ActivityId>, Vec<ClaimId>) = pairs.iter().copied().unzip();
        let recorded = store_close::recorded(&mut tx, company, &ids, &claims).await?;
        entries.extend(
            late.into_iter()
                .filter(|arrival| !recorded.contains(&(arrival.departure.item.id, arrival.departure.claim)))
                .map(|arrival| entry(arrival, "dispatch.late")),
        );
    }
    audit::store::append(&mut tx, company, &entries).await?;
    store::remove_batches(&mut tx, company, &finished.certain).await?;
    store::close_batches(&mut tx, company, &finished.doubtful).await?;
    company::store::bump(&mut tx, company).await?;
    crate::fault::point("closing").await;
    tx.commit().await?;
    crate::fault::point("closed").await;
    Ok(())
}

fn pair(arrival: &Arrival) -> (ActivityId, ClaimId) {
    (arrival.departure.item.id, arrival.departure.claim)
}

/// Closes what was accepted, which asks for nothing else, and locks the other rows. Returns those that still carried their token; the
/// others were taken over by somebody else.
async fn close_accepted_or_lock(
    conn: &mut PgConnection,
    company: CompanyId,
    arrivals: &[Arrival],
) -> Result<HashSet<(ActivityId, ClaimId)>, Error> {
    let mut accepted: BTreeMap<(ClaimId, Status), Vec<ActivityId>> = BTreeMap::new();
    let mut others = Vec::new();
    for arrival in arrivals {
        let (id, claim) = pair(arrival);
        let status = match arrival.departure.line.channel.reaches_people() {
            true => Status::Sent,
            false => Status::SentDryrun,
        };
        match arrival.outcome {
            Outcome::Accepted { .. } => accepted.entry((claim, status)).or_default().push(id),
            _ => others.push((id, claim)),
        }
    }
    let mut mine = store_close::still_mine(conn, company, &others).await?;
    for ((claim, status), ids) in accepted {
        let closed = store_close::close_accepted(conn, company, claim, status, &ids).await?;
        mine.extend(closed.into_iter().map(|id| (id, claim)));
    }
    Ok(mine)
}

fn history(departure: &Departure, now: Timestamp, is_time_known: bool) -> History {
    History {
        tries: departure.item.tries,
        since_first_wire: elapsed(departure.item.first_wire_at.or(departure.wire_at).unwrap_or(now), now),
        // Where nobody knows how much time passed, no key is known to be remembered.
        keeps_keys_for: departure.line.channel.keeps_keys_for().filter(|_| is_time_known),
        is_replay: departure.item.is_replay,
        reaches_people: departure.line.channel.reaches_people(),
    }
}

/// Code and words of an outcome; the words are foreign.
pub(crate) fn words(outcome: &Outcome) -> (Option<&str>, Option<&str>) {
    match outcome {
        Outcome::Accepted { .. } => (None, None),
        Outcome::Prepared { detail, .. } => (Some(PREPARED), Some(detail)),
        Outcome::Rejected { code, detail }
        | Outcome::Deferred { code, detail, .. }
        | Outcome::Retry { code, detail, .. }
        | Outcome::AccountBroken { code, detail }
        | Outcome::MaybeSent { code, detail, .. } => (Some(code), Some(detail)),
    }
}

fn attempt(arrival: &Arrival) -> Attempt {
    let departure = &arrival.departure;
    let (code, detail) = words(&arrival.outcome);
    let provider_ref = match &arrival.outcome {
        Outcome::Accepted { provider_ref } => provider_ref.clone(),
        Outcome::Prepared { handle, .. } => Some(handle.clone()),
        _ => None,
    };
    let detail: Option<String> = detail.map(|detail| detail.chars().take(DETAIL_LIMIT).collect());
    Attempt {
        activity: departure.item.id,
        attempt: departure.item.attempt,
        round: departure.item.round,
        claim: departure.claim,
        idempotency_key: departure.item.idempotency_key(),
        wire_at: departure.wire_at,
        secret_version: departure.secret_version,
        provider_ref,
        evidence: match code {
            None => serde_json::json!({}),
            Some(code) => serde_json::json!({ "code": code, "detail": detail }),
        },
        outcome: arrival.outcome.as_str(),
    }
}

/// Where a row goes that was not simply accepted.
fn closing(arrival: &Arrival, settled: &Settled) -> Option<Closing> {
    let (code, _) = words(&arrival.outcome);
    let code = code.map(|code| code.chars().take(80).collect::<String>());
    let (status, hold_code, wait_secs, keeps_quota) = match settled.fate {
        Fate::Sent | Fate::SentDryrun => return None,
        Fate::Failed => (Status::Failed, code, None, false),
        Fate::Uncertain => (Status::Uncertain, code, None, true),
        Fate::Again { wait } => {
            let hold = if settled.pause.is_some() { "account_broken" } else { "retry" };
            (Status::Approved, Some(hold.to_owned()), Some(wait.as_secs_f64()), false)
        }
        Fate::Replay { wait } => {
            (Status::Dispatching, Some("replay".to_owned()), Some(wait.as_secs_f64()), true)
        }
    };
    Some(Closing { id: arrival.departure.item.id, status, hold_code, wait_secs, keeps_quota })
}

fn fate_action(fate: Fate) -> &'static str {
    match fate {
        Fate::Sent => "dispatch.sent",
        Fate::SentDryrun => "dispatch.sent_dryrun",
        Fate::Failed => "dispatch.failed",
        Fate::Uncertain => "dispatch.uncertain",
        Fate::Again { .. } => "dispatch.retry",
        Fate::Replay { .. } => "dispatch.replay",
    }
}

fn entry(arrival: &Arrival, action: &'static str) -> audit::Entry {
    let departure = &arrival.departure;
    let (code, _) = words(&arrival.outcome);
    let provider_ref = match &arrival.outcome {
        Outcome::Accepted { provider_ref } => provider_ref.as_deref(),
        _ => None,
    };
    audit::Entry::new(&DISPATCHER, action).activity(departure.item.id, departure.payload_sha256()).reason(code).detail(
        serde_json::json!({ "attempt": departure.item.attempt, "outcome": arrival.outcome.as_str(), "providerRef": provider_ref }),
    )
}

async fn give_back_quota(
    conn: &mut PgConnection,
    company: CompanyId,
    settled: &[(&Arrival, Settled)],
) -> Result<(), Error> {
    let mut by_outbox: HashMap<OutboxId, Vec<jiff::civil::Date>> = HashMap::new();
    for (arrival, settled) in settled {
        if matches!(settled.fate, Fate::Failed | Fate::Again { .. }) {
            by_outbox.entry(arrival.departure.outbox).or_default().push(arrival.departure.item.quota_day);
        }
    }
    let mut by_outbox: Vec<_> = by_outbox.into_iter().collect();
    by_outbox.sort_unstable_by_key(|(outbox, _)| *outbox);
    for (outbox, days) in by_outbox {
        refund(conn, company, outbox, days.into_iter()).await?;
    }
    Ok(())
}

/// Whoever told the provider not to be written to has told us.
async fn suppress_opted_out(
    conn: &mut PgConnection,
    company: CompanyId,
    settled: &[(&Arrival, Settled)],
) -> Result<(), Error> {
    for (arrival, _) in settled {
        let Outcome::Rejected { code, .. } = &arrival.outcome else { continue };
        let departure = &arrival.departure;
        if !departure.line.channel.opts_out(code) {
            continue;
        }
        let note = format!("the provider answers {}", SafeText::line(code).truncated(80));
        for recipient in &departure.item.recipients {
            if let Ok(identity) = Identity::parse(recipient) {
                let reason = Reason::Unsubscribe;
                suppression::note_in(conn, &DISPATCHER, company, &identity, reason, Some(&note)).await?;
            }
        }
    }
    Ok(())
}

/// A broken account pauses its outbox; a wait the provider asked for counts for every outbox of the credential; calls without a clear
/// answer count for the circuit. The usual case costs nothing: an answer came, and nothing else was expected.
async fn stop_outboxes(
    conn: &mut PgConnection,
    company: CompanyId,
    now: Timestamp,
    settled: &[(&Arrival, Settled)],
) -> Result<(), Error> {
    let mut pausing: BTreeMap<OutboxId, &str> = BTreeMap::new();
    let mut cooling: BTreeMap<&str, std::time::Duration> = BTreeMap::new();
    for (arrival, settled) in settled {
        if let Some(reason) = &settled.pause {
            pausing.entry(arrival.departure.outbox).or_insert(reason);
        }
        if let Some(wait) = settled.cool {
            let longest = cooling.entry(&arrival.departure.credential_id).or_default();
            *longest = wait.max(*longest);
        }
    }
    let watched = watched(settled);
    if pausing.is_empty() && cooling.is_empty() && watched.is_empty() {
        return Ok(());
    }
    let outboxes: Vec<OutboxId> = pausing.keys().chain(watched.keys()).copied().collect();
    let credentials: Vec<String> = cooling.keys().map(|id| (*id).to_owned()).collect();
    outbox::store::lock(conn, company, &outboxes, &credentials).await?;
    for (id, reason) in pausing {
        let reason = SafeText::line(reason).truncated(300);
        if outbox::store::pause_open(conn, company, id, &reason).await? {
            let entry = audit::Entry::new(&DISPATCHER, "outbox.pause").subject(id).reason(Some(&reason));
            audit::store::append(conn, company, &[entry]).await?;
        }
    }
    for (credential_id, wait) in cooling {
        let until = now + SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(24));
        outbox::store::cool(conn, company, credential_id, until).await?;
    }
    for (id, faults) in watched {
        count_faults(conn, company, now, id, faults).await?;
    }
    Ok(())
}

/// Outboxes of which something is to be counted: how many calls had no clear answer, or none if one had, good or bad, although others
/// had not before.
fn watched(settled: &[(&Arrival, Settled)]) -> BTreeMap<OutboxId, i32> {
    let mut seen: BTreeMap<OutboxId, (i32, bool, bool)> = BTreeMap::new();
    for (arrival, _) in settled.iter().filter(|(arrival, _)| was_asked(&arrival.outcome)) {
        let (unclear, is_clear, is_doubtful) = seen.entry(arrival.departure.outbox).or_default();
        if is_unclear(&arrival.outcome) {
            *unclear += 1;
        } else {
            *is_clear = true;
        }
        *is_doubtful |= arrival.departure.is_doubtful;
    }
    seen.into_iter()
        .filter(|(_, (_, is_clear, is_doubtful))| !is_clear || *is_doubtful)
        .map(|(id, (unclear, is_clear, _))| (id, if is_clear { 0 } else { unclear }))
        .collect()
}

/// Counts calls without a clear answer and opens the circuit of an outbox that had too many of them in a row. None of them closes it.
async fn count_faults(
    conn: &mut PgConnection,
    company: CompanyId,
    now: Timestamp,
    id: OutboxId,
    faults: i32,
) -> Result<(), Error> {
    let streak = outbox::store::count_faults(conn, company, id, faults).await?;
    let Some(wait) = streak.filter(|_| faults > 0).and_then(limits::circuit) else {
        return Ok(());
    };
    let until = now + SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(5));
    outbox::store::open_circuit(conn, company, id, until).await?;
    let detail = serde_json::json!({ "unclear": streak, "until": until });
    let entry = audit::Entry::new(&DISPATCHER, "outbox.circuit").subject(id).detail(detail);
    audit::store::append(conn, company, &[entry]).await
}
