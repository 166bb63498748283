//! Gates: read-only checks between a draft and its channel.
//!
//! Each gate is one file with one pure function over [`Facts`]; `GATES` lists them in the order of authority. The same list
//! runs when a draft is shown (advice) and inside the claim transaction (authority); `store` loads what it looks at. Of quota it can
//! only advise: that is taken, not read. To add a gate, write its file and add its line.
mod address;
mod allowlist;
mod channel;
mod consent;
mod content;
mod decision;
pub mod frequency;
mod freshness;
mod hold;
mod pause;
mod quiet_hours;
pub mod quota;
mod reply;
pub mod spacing;
pub(crate) mod store;
pub(crate) mod store_facts;
mod store_past;
mod suppression;
#[cfg(test)]
mod tests;
mod undo_window;
mod window;

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::activity::payload::{Envelope, Kind, PayloadHash};
use crate::activity::status::Status;
use crate::approval::risk::Risk;
use crate::company::policy::Policy;
use crate::contact::allowlist::Allowlist;
use crate::contact::consent::State;
use crate::contact::suppression::Reason;
use crate::ids::{AccountId, ActivityId, ContactId};
use crate::outbox::store::OutboxSettings;

use self::frequency::Touches;

/// Everything the gates may look at, loaded for a whole batch at once.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The database's clock.
    pub now: Timestamp,
    /// Whether the item is still a draft: then a missing decision is no news.
    pub is_draft: bool,
    /// Whether this process has a way to send on the channel.
    pub has_line: bool,
    /// What it would be sent from.
    pub outbox: &'a OutboxSettings,
    /// What the company asks.
    pub policy: &'a Policy,
    /// The entries of the allowlist that concern the recipients.
    pub allowlist: &'a Allowlist,
    /// Suppressed recipients by their canonical address.
    pub suppressed: &'a HashMap<String, Reason>,
    /// Where the bucket stands; `None` at the claim, which takes quota instead of reading it.
    pub quota: Option<quota::Standing>,
    /// The message and its contact.
    pub item: &'a Item,
}

/// What the gates look at of one message and of whom it is for.
#[derive(Clone, Debug)]
pub struct Item {
    /// The activity.
    pub id: ActivityId,
    /// Kind of touch.
    pub kind: Kind,
    /// Whom it is for.
    pub contact: ContactId,
    /// The contact's account.
    pub account: Option<AccountId>,
    /// The frozen bytes, opened; `None` if this version cannot read them.
    pub envelope: Option<Envelope>,
    /// Hash of the bytes as they are stored.
    pub stored_sha256: Option<PayloadHash>,
    /// Hash the activity points at.
    pub payload_sha256: PayloadHash,
    /// Hash of the binding decision of this round; `None` while nobody decided.
    pub decided_sha256: Option<PayloadHash>,
    /// When that decision was made.
    pub decided_at: Option<Timestamp>,
    /// Who approved exactly these bytes in this round, where the company asks for two people; foreign text.
    pub approved_by: Vec<String>,
    /// How much is at stake, as judged when the words were put on file.
    pub risk: Risk,
    /// Whether an operator drafted it: then whoever approves it is the second person.
    pub is_by_operator: bool,
    /// Whether a person wrote or edited the words.
    pub is_handwritten: bool,
    /// When the words were put on file, or an operator said that they still hold.
    pub worded_at: Timestamp,
    /// When the message stops being worth sending.
    pub expires_at: Option<Timestamp>,
    /// Earliest time it may leave: the end of the undo window, or the time the draft asked for.
    pub send_after: Timestamp,
    /// The contact's IANA zone.
    pub zone: Option<String>,
    /// The contact's country, else that of the account.
    pub country: Option<String>,
    /// The contact's language.
    pub locale: Option<String>,
    /// What those who would receive it said about this channel; nothing for those who said nothing.
    pub consents: Vec<State>,
    /// How many of them said nothing.
    pub without_consent: usize,
    /// When the contact last wrote on any channel.
    pub replied_at: Option<Timestamp>,
    /// When the contact last wrote on this channel.
    pub replied_here_at: Option<Timestamp>,
    /// When somebody of the contact's account wrote, where the company says that this stops the whole account.
    pub account_replied_at: Option<Timestamp>,
    /// When a meeting with the contact was booked.
    pub booked_at: Option<Timestamp>,
    /// Whether something came in from the contact that is not read yet.
    pub is_unread: bool,
    /// Until when the contact is away, as far as an automatic answer says.
    pub away_until: Option<Timestamp>,
    /// What the contact got; empty where no cap is set.
    pub contact_touches: Touches,
    /// What the account got; empty where no cap is set.
    pub account_touches: Touches,
}

impl Item {
    /// Whether it is written to nobody. The bytes say so, not the kind that its drafter gave it.
    #[must_use]
    pub fn is_post(&self) -> bool {
        self.envelope.as_ref().is_some_and(|envelope| envelope.payload.parts.is_post())
    }

    /// Everyone who would receive it.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.envelope.as_ref().map(|envelope| envelope.payload.recipients()).unwrap_or_default()
    }
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Name of the gate.
    pub gate: &'static str,
    /// Pass, wait or stop.
    pub ruling: Ruling,
    /// Stable code, for rows and machines; empty when it passes.
    pub code: &'static str,
    /// One sentence for people.
    pub sentence: Cow<'static, str>,
}

/// Pass, wait or stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
    /// Not by the decision it has; it becomes a draft again.
    Reopen,
}

impl Verdict {
    fn pass(gate: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { gate, ruling: Ruling::Pass, code: "", sentence: sentence.into() }
    }

    fn defer(
        gate: &'static str,
        code: &'static str,
        until: Timestamp,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { gate, ruling: Ruling::Defer { until }, code, sentence: sentence.into() }
    }

    fn block(
        gate: &'static str,
        code: &'static str,
        status: Status,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { gate, ruling: Ruling::Block { status }, code, sentence: sentence.into() }
    }

    fn reopen(gate: &'static str, code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { gate, ruling: Ruling::Reopen, code, sentence: sentence.into() }
    }

    /// Whether nothing stands against it.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.ruling == Ruling::Pass
    }
}

type Gate = fn(&Facts<'_>) -> Verdict;

/// The gates in the order of authority. The first that stops ends the matter; of several that only defer, the latest time counts.
const GATES: &[Gate] = &[
    pause::judge,
    freshness::judge,
    allowlist::judge,
    suppression::judge,
    consent::judge,
    reply::judge,
    channel::judge,
    window::judge,
    address::judge,
    content::judge,
    decision::judge,
    undo_window::judge,
    hold::judge,
    spacing::judge,
    frequency::judge,
    quiet_hours::judge,
    quota::judge,
];

/// Asks every gate, in order.
#[must_use]
pub fn judge_all(facts: &Facts<'_>) -> Vec<Verdict> {
    GATES.iter().map(|gate| gate(facts)).collect()
}

/// The verdict that decides: the first that stops, else the deferral that lasts longest, else `None`.
#[must_use]
pub fn deciding(verdicts: &[Verdict]) -> Option<&Verdict> {
    let stops = |ruling| matches!(ruling, Ruling::Block { .. } | Ruling::Reopen);
    verdicts.iter().find(|verdict| stops(verdict.ruling)).or_else(|| {
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
        "outbox_killed" => "its outbox, its channel or the company is killed",
        "outbox_paused" => "its outbox is paused",
        "provider_wait" => "the provider asked to wait",
        "bounces" => "too much mail of this outbox came back; it waits for a day",
        "circuit_open" => "calls of this outbox had no clear answer; one is tried at a time",
        "suppressed" => "a recipient is suppressed",
        "consent" => "the contact did not consent to this channel",
        "replied" => "the contact wrote after this was written",
        "booked" => "a meeting was booked, so it is not needed any more",
        "unread" => "something came in from the contact and is being read",
        "away" => "an automatic answer says that the contact is away",
        "window" => "the provider's window for this contact is closed",
        "address" => "a recipient's address has another shape than the channel takes",
        "content" => "a placeholder was not filled in",
        "approval_lapsed" => "its approval was too old; it needs a new one",
        "second_person" => "its risk is high; it needs a second person",
        "spacing" => "messages of this outbox leave some minutes apart",
        "contact_frequency" => "the contact was written to as often as is allowed a day",
        "account_frequency" => "the account was written to as often as is allowed a week",
        "quiet_hours" => "quiet hours where the recipient is",
        "zone_unknown" => "quiet hours, and nobody knows where the recipient is",
        "ramp_exhausted" => "the outbox has used what its warm-up allows today",
        "channel_unavailable" => "this version cannot send on this channel",
        "not_rendered" => "it was drafted before its channel could be sent; edit and save it",
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
