//! What an outcome means for a message, given what happened before. Pure.
//!
//! The one rule behind the table: a message goes back to the queue only when it is proven that no attempt of it was accepted, and
//! is repeated only with the same key and the same bytes while its provider still knows the key. Everything else is `uncertain`.
use std::time::Duration;

use jiff::Timestamp;

use super::backoff::{QUICK_TRIES, full_jitter};
use crate::channel::{Outcome, Replay};

/// A key is trusted for an hour less than the provider promises.
pub const KEY_MARGIN: Duration = Duration::from_secs(3600);

/// Once the quick repeats are used up, an ambiguous message is tried this often until its window closes.
const SLOW_REPLAY: Duration = Duration::from_secs(3600);

/// The quick repeats, and one an hour for the rest of a day.
const REPLAYS_LIMIT: i16 = QUICK_TRIES + 24;

/// What is known of a message when an outcome comes in.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Number of the attempt that ended, within its round.
    pub tries: i16,
    /// Time since bytes of this message may have left for the first time.
    pub since_first_wire: Duration,
    /// For how long the provider keeps keys.
    pub keeps_keys_for: Option<Duration>,
    /// Whether an earlier attempt may have been accepted.
    pub is_replay: bool,
    /// Whether an accepted message really left.
    pub reaches_people: bool,
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The provider has it.
    Sent,
    /// Everything but the wire was done.
    SentDryrun,
    /// Refused for good; quota is given back.
    Failed,
    /// A person or evidence decides; quota is kept.
    Uncertain,
    /// Back to the queue; quota is given back.
    Again {
        /// Not before this much time has passed.
        wait: Duration,
    },
    /// Stays on the wire; the same key and bytes after this time, quota kept.
    Replay {
        /// Not before this much time has passed.
        wait: Duration,
    },
}

/// What becomes of the message, its outbox and its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What becomes of the message.
    pub fate: Fate,
    /// Every outbox of the credential waits this long.
    pub cool: Option<Duration>,
    /// The outbox pauses for this reason.
    pub pause: Option<String>,
}

/// Code of a call that was not begun in time.
pub const LATE: &str = "late";

/// Code of an attempt that made something ready for the next one.
pub const PREPARED: &str = "prepared";

/// Whether the provider was asked at all: only then the outcome says something about it.
#[must_use]
pub fn was_asked(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Retry { code, .. } if code == LATE)
}

/// Whether a call had no clear answer, so that more like it open the circuit of its outbox. A provider that asks to wait gave one.
#[must_use]
pub fn is_unclear(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Retry { after: None, .. } | Outcome::MaybeSent { replay: Replay::SameKey(None), .. }
    )
}

/// Whether the provider still knows the key of a message that was first on the wire so long ago. The count bounds what a clock that
/// stands still would not.
#[must_use]
pub fn may_replay(keeps_keys_for: Option<Duration>, since_first_wire: Duration, tries: i16) -> bool {
    tries <= REPLAYS_LIMIT
        && keeps_keys_for.is_some_and(|kept| since_first_wire.saturating_add(KEY_MARGIN) < kept)
}

/// Until when a key that went on the wire for the first time at that moment is trusted, given how long its provider keeps it.
#[must_use]
pub fn trusted_until(keeps_keys_for: Duration, first_wire: Timestamp) -> Timestamp {
    first_wire.saturating_add(keeps_keys_for.saturating_sub(KEY_MARGIN)).unwrap_or(Timestamp::MAX)
}

/// Decides.
#[must_use]
pub fn settle(outcome: &Outcome, history: &History, dice: f64) -> Settled {
    let plain = |fate| Settled { fate, cool: None, pause: None };
    let wait = full_jitter(history.tries, dice);
    let replay = |asked: Option<Duration>| {
        let own = if history.tries < QUICK_TRIES { wait } else { SLOW_REPLAY };
        let wait = own.max(asked.unwrap_or_default());
        if may_replay(history.keeps_keys_for, history.since_first_wire.saturating_add(wait), history.tries) {
            Fate::Replay { wait }
        } else {
            Fate::Uncertain
        }
    };
    match outcome {
        Outcome::Accepted { .. } if history.reaches_people => plain(Fate::Sent),
        Outcome::Accepted { .. } => plain(Fate::SentDryrun),
        // The refusal speaks of this attempt; an earlier one may have been accepted all the same.
        Outcome::Rejected { .. } if history.is_replay => plain(Fate::Uncertain),
        Outcome::Rejected { .. } => plain(Fate::Failed),
        Outcome::Retry { after, .. } => {
            let fate = if history.is_replay {
                replay(*after)
            } else {
                Fate::Again { wait: wait.max(after.unwrap_or_default()) }
            };
            Settled { fate, cool: *after, pause: None }
        }
        Outcome::Deferred { after, .. } => plain(match history.is_replay {
            true => replay(Some(*after)),
            false => Fate::Again { wait: wait.max(*after) },
        }),
        // Of a repeat nothing is made ready: there the first attempt may have gone all the way.
        Outcome::Prepared { after, .. } => {
            plain(if history.is_replay { Fate::Uncertain } else { Fate::Again { wait: *after } })
        }
        Outcome::AccountBroken { code, detail } => {
            let fate = if history.is_replay { replay(None) } else { Fate::Again { wait: Duration::ZERO } };
            Settled { fate, cool: None, pause: Some(format!("{code}: {detail}").chars().take(300).collect()) }
        }
        Outcome::MaybeSent { replay: Replay::SameKey(after), .. } => {
            Settled { fate: replay(*after), cool: *after, pause: None }
        }
        Outcome::MaybeSent { replay: Replay::Never, .. } => plain(Fate::Uncertain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn fresh() -> History {
        History {
            tries: 1,
            since_first_wire: Duration::ZERO,
            keeps_keys_for: Some(DAY),
            is_replay: false,
            reaches_people: true,
        }
    }

    fn maybe() -> Outcome {
        Outcome::MaybeSent { code: "timeout".into(), detail: String::new(), replay: Replay::SameKey(None) }
    }

    fn retry(after: Option<Duration>) -> Outcome {
        Outcome::Retry { code: "429".into(), detail: String::new(), after }
    }

    fn rejected() -> Outcome {
        Outcome::Rejected { code: "422".into(), detail: String::new() }
    }

    /// R3: ambiguity is repeated with the key inside 23 hours, and is uncertain afterwards.
    #[test]
    fn a_key_is_trusted_for_an_hour_less_than_it_is_kept() {
        let first: Timestamp = "2026-11-23T14:02:00Z".parse().unwrap();
        let end = trusted_until(DAY, first);
        assert_eq!(end, "2026-11-24T13:02:00Z".parse().unwrap());
        let at = |time: Timestamp| time.duration_since(first).unsigned_abs();
        assert!(may_replay(Some(DAY), at(end) - Duration::from_secs(1), 1));
        assert!(!may_replay(Some(DAY), at(end), 1));
    }

    #[test]
    fn an_ambiguous_attempt_is_repeated_until_23_hours_have_passed() {
        assert!(matches!(settle(&maybe(), &fresh(), 0.5).fate, Fate::Replay { .. }));
        let late = History { since_first_wire: DAY - KEY_MARGIN + Duration::from_secs(1), ..fresh() };
        assert_eq!(settle(&maybe(), &late, 0.5).fate, Fate::Uncertain);
    }

    /// R3, R4: where no key is kept, nothing ambiguous is repeated.
    #[test]
    fn without_kept_keys_ambiguity_is_uncertain_at_once() {
        let keyless = History { keeps_keys_for: None, ..fresh() };
        assert_eq!(settle(&maybe(), &keyless, 0.5).fate, Fate::Uncertain);
    }

    /// I4: a refusal or a rate limit after an ambiguous attempt proves nothing about that attempt.
    #[test]
    fn nothing_after_an_ambiguous_attempt_frees_the_message() {
        let second = History { tries: 2, is_replay: true, ..fresh() };
        assert_eq!(settle(&rejected(), &second, 0.5).fate, Fate::Uncertain);
        assert!(matches!(settle(&retry(None), &second, 0.5).fate, Fate::Replay { .. }));
        let broken = Outcome::AccountBroken { code: "401".into(), detail: String::new() };
        let settled = settle(&broken, &second, 0.5);
        assert!(matches!(settled.fate, Fate::Replay { .. }) && settled.pause.is_some());
    }

    #[test]
    fn a_wait_the_provider_asked_for_is_kept_by_the_whole_credential() {
        let minute = Duration::from_secs(60);
        let settled = settle(&retry(Some(minute)), &fresh(), 0.5);
        assert_eq!(settled, Settled { fate: Fate::Again { wait: minute }, cool: Some(minute), pause: None });
    }

    /// A reason of one message holds that message: no credential cools, no outbox pauses, and no circuit counts it.
    #[test]
    fn a_reason_of_one_message_holds_nothing_else() {
        let hour = Duration::from_secs(3600);
        let deferred = Outcome::Deferred { code: "63041".into(), detail: String::new(), after: hour };
        assert_eq!(
            settle(&deferred, &fresh(), 0.5),
            Settled { fate: Fate::Again { wait: hour }, cool: None, pause: None }
        );
        assert!(!is_unclear(&deferred) && is_unclear(&retry(None)));
        let second = History { tries: 2, is_replay: true, ..fresh() };
        assert!(matches!(settle(&deferred, &second, 0.5).fate, Fate::Replay { wait } if wait >= hour));
    }

    /// F10: what is proven not to have been accepted waits until it heals or expires; an outage of minutes fails nobody's message.
    #[test]
    fn a_message_that_was_not_accepted_is_never_failed_by_a_count() {
        let hundredth = History { tries: 100, ..fresh() };
        assert!(
            matches!(settle(&retry(None), &hundredth, 1.0).fate, Fate::Again { wait } if wait == Duration::from_secs(300))
        );
    }

    #[test]
    fn replays_end_by_count_where_the_clock_stands_still() {
        assert!(may_replay(Some(DAY), Duration::ZERO, REPLAYS_LIMIT));
        assert!(!may_replay(Some(DAY), Duration::ZERO, REPLAYS_LIMIT + 1));
        assert!(!may_replay(Some(DAY), Duration::MAX, 1));
    }

    #[test]
    fn dry_run_is_never_called_sent() {
        let accepted = Outcome::Accepted { provider_ref: None };
        assert_eq!(
            settle(&accepted, &History { reaches_people: false, ..fresh() }, 0.0).fate,
            Fate::SentDryrun
        );
        assert_eq!(settle(&accepted, &fresh(), 0.0).fate, Fate::Sent);
    }
}
