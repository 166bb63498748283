//! Gates: read-only checks between a draft and its channel.
//!
//! Each gate is one file with one pure function over [`Facts`]; `GATES` lists them in the order of authority. The same list
//! runs when a draft is shown (advice) and inside the claim transaction (authority). Quota is not a gate: it is taken, not read.
//! To add a gate, write its file and add its line.
mod allowlist;
mod channel;
mod decision;
mod freshness;
mod pause;
mod undo_window;

use jiff::Timestamp;
use serde::Serialize;

use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::channel::ChannelName;
use crate::contact::allowlist::Allowlist;

/// Everything the gates may look at, loaded for a whole batch at once.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The database's clock.
    pub now: Timestamp,
    /// Channel of the message.
    pub channel: ChannelName,
    /// Whether this process has a way to send on that channel.
    pub has_line: bool,
    /// Whether the stored bytes are an envelope this version can open.
    pub is_readable: bool,
    /// Whether the message speaks of this outbox, its channel and its credential.
    pub fits_outbox: bool,
    /// Whether the envelope holds a rendered request.
    pub is_rendered: bool,
    /// Name of the outbox.
    pub outbox: &'a str,
    /// Why the outbox is paused, if it is.
    pub paused: Option<&'a str>,
    /// Why the outbox is killed, if it is.
    pub killed: Option<&'a str>,
    /// The provider asked the credential to wait until then.
    pub cool_until: Option<Timestamp>,
    /// When the message stops being worth sending.
    pub expires_at: Option<Timestamp>,
    /// Earliest time it may leave: the end of the undo window, or the time the draft asked for.
    pub send_after: Timestamp,
    /// Everyone who would receive it.
    pub recipients: Vec<String>,
    /// Whether the outbox asks the allowlist.
    pub allowlist_enforced: bool,
    /// The company's allowlist.
    pub allowlist: &'a Allowlist,
    /// Hash the activity points at.
    pub payload_sha256: PayloadHash,
    /// Hash of the bytes as they are stored.
    pub stored_sha256: Option<PayloadHash>,
    /// Hash of the binding decision of this round; `None` while nobody decided.
    pub decided_sha256: Option<PayloadHash>,
    /// Whether the item is still a draft: then a missing decision is no news.
    pub is_draft: bool,
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Name of the gate.
    pub gate: &'static str,
    /// Pass, wait or stop.
    pub ruling: Ruling,
    /// Stable code, for rows and machines; empty when it passes.
    pub code: &'static str,
    /// One sentence for people.
    pub sentence: String,
}

/// Pass, wait or stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Ruling {
    /// Nothing against it.
    Pass,
    /// Not now; look again at this time.
    Defer {
        /// Earliest next time.
        until: Timestamp,
    },
    /// Not as it is; the item goes to this status.
    Block {
        /// `blocked_by_allowlist`, `blocked_by_policy` or `expired`.
        status: Status,
    },
}

impl Verdict {
    fn pass(gate: &'static str, sentence: impl Into<String>) -> Self {
        Self { gate, ruling: Ruling::Pass, code: "", sentence: sentence.into() }
    }

    fn defer(gate: &'static str, code: &'static str, until: Timestamp, sentence: impl Into<String>) -> Self {
        Self { gate, ruling: Ruling::Defer { until }, code, sentence: sentence.into() }
    }

    fn block(gate: &'static str, code: &'static str, status: Status, sentence: impl Into<String>) -> Self {
        Self { gate, ruling: Ruling::Block { status }, code, sentence: sentence.into() }
    }

    /// Whether nothing stands against it.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.ruling == Ruling::Pass
    }
}

type Gate = fn(&Facts<'_>) -> Verdict;

/// The gates in the order of authority. A block ends the matter; of several that only defer, the latest time counts.
const GATES: &[Gate] =
    &[pause::judge, freshness::judge, allowlist::judge, channel::judge, decision::judge, undo_window::judge];

/// Asks every gate, in order.
#[must_use]
pub fn judge_all(facts: &Facts<'_>) -> Vec<Verdict> {
    GATES.iter().map(|gate| gate(facts)).collect()
}

/// The verdict that decides: the first block, else the deferral that lasts longest, else `None`.
#[must_use]
pub fn deciding(verdicts: &[Verdict]) -> Option<&Verdict> {
    verdicts.iter().find(|verdict| matches!(verdict.ruling, Ruling::Block { .. })).or_else(|| {
        verdicts
            .iter()
            .filter_map(|verdict| match verdict.ruling {
                Ruling::Defer { until } => Some((until, verdict)),
                _ => None,
            })
            .max_by_key(|(until, _)| *until)
            .map(|(_, verdict)| verdict)
    })
}

/// The sentence for a stored hold code.
#[must_use]
pub fn sentence_for(code: &str) -> &'static str {
    match code {
        "undo_window" => "can still be taken back",
        "scheduled" => "waits for the time the draft asked for",
        "outbox_killed" => "its outbox is killed",
        "outbox_paused" => "its outbox is paused",
        "provider_wait" => "the provider asked to wait",
        "channel_unavailable" => "this channel has no adapter yet",
        "quota_exhausted" => "the outbox has used its cap for today",
        "retry" => "a passing fault; tried again later",
        "replay" => "no clear answer; the same message with the same key is tried again",
        "account_broken" => "the provider refused the credential or the account",
        "credential_revoked" => "the credential was revoked",
        "credential_unavailable" => "the credential cannot be read",
        "not_on_allowlist" => "a recipient is not on the allowlist",
        "expired" => "nobody sent it in time",
        "payload_unreadable" => "the stored bytes cannot be read by this version",
        "window_closed" => "the provider may have forgotten the key, so it cannot be tried again",
        "credential_changed" => "the credential changed since the attempt that may have been accepted",
        "worker_lost" => "the process ended between the request and its answer",
        "payload_mismatch" => "the stored bytes are not the approved ones",
        _ => "waits",
    }
}
