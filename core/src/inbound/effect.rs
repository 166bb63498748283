//! What an event does: to the message it is about, to whoever wrote it, and to everything that waits for them. All of it inside the
//! transaction that marks the event as applied, so that it happens once.
mod booking;
mod echo;
mod message;
mod status;

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::event::{Reference, What};
use super::provider::Provider;
use super::store_apply::{Stored, Target};
use super::store_effect as store;
use super::store_find as find;
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::ItemOutcome;
use crate::approval::resolve::{Resolution, Settling, settle};
use crate::audit::{self, Entry};
use crate::contact::suppression::{self, Identity, Reason};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};

/// Who applies events, in the audit log.
pub(super) const INBOUND: Actor = Actor::Engine("inbound");

/// Events may come before the call they are about is recorded, and before one another; this long they are looked at again.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// A clock at a provider that runs ahead by no more than this is believed.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Every kind of message that is written to somebody.
const KINDS: &[&str] = &["first_touch", "follow_up", "reply", "booking"];

/// What a meeting makes needless.
const ADVANCES: &[&str] = &["first_touch", "follow_up"];

/// What became of an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    pub(super) contact: Option<ContactId>,
    pub(super) activity: Option<ActivityId>,
    /// In sentences; quotes nobody.
    pub(super) did: Vec<String>,
    /// Whether nobody knows whom or what it is about.
    pub(super) is_unmatched: bool,
    /// Whether nothing may leave for whoever is said to have written it until a person looked.
    pub(super) keeps_hold: bool,
}

impl Effect {
    fn say(&mut self, sentence: impl Into<String>) {
        self.did.push(sentence.into());
    }
}

/// Applies an event.
pub(super) async fn apply(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
) -> Result<Effect, Error> {
    let at = occurred(stored);
    let target = target(conn, company, &stored.event.about).await?;
    match &stored.event.what {
        What::Message(letter) => message::message(conn, company, stored, letter, target, None).await,
        What::Status(progress) => status::status(conn, company, stored, progress, target, at).await,
        What::Booking(meeting) => booking::booking(conn, company, stored, meeting, target, at).await,
        What::Echo(echo) => echo::echoed(conn, company, stored, echo, target, at).await,
        What::Suppression { address, origin, is_lifted } => {
            let mut effect = Effect::default();
            let reason = match origin.as_str() {
                "bounce" => Reason::HardBounce,
                "complaint" => Reason::Complaint,
                _ => Reason::Manual,
            };
            if *is_lifted {
                effect.say("the provider would deliver again; what is suppressed here stays so until an admin lifts it");
            } else {
                suppress(
                    conn,
                    company,
                    (stored.source, address),
                    reason,
                    "the provider does not deliver to it",
                    &mut effect,
                )
                .await?;
            }
            let spellings = suppression::spellings(address);
            let known = find::contacts_of(conn, company, stored.source, &spellings).await?;
            effect.contact = known.first().copied();
            Ok(effect)
        }
        What::Social { action, .. } => {
            let mut effect = Effect::default();
            match target {
                Some(target) => {
                    (effect.activity, effect.contact) = (Some(target.id), Some(target.contact));
                    effect.say(format!(
                        "{} on a post of ours",
                        crate::safe_text::SafeText::line(action).truncated(40)
                    ));
                }
                None => effect.say("about a post that is not ours"),
            }
            Ok(effect)
        }
        What::Other { .. } => {
            let mut effect = Effect::default();
            effect.say("kept; the product has no use for it");
            Ok(effect)
        }
        What::Unreadable { .. } => Ok(Effect { is_unmatched: true, ..Effect::default() }),
    }
}

/// When it happened: as the provider says, but not in the future.
fn occurred(stored: &Stored) -> Timestamp {
    stored.event.occurred_at.map_or(stored.received_at, |at| at.min(stored.received_at))
}

/// The message an event is about: by the first of its references that one of ours is known by.
async fn target(
    conn: &mut PgConnection,
    company: CompanyId,
    about: &[Reference],
) -> Result<Option<Target>, Error> {
    for reference in about.iter().take(50) {
        if let Some(target) = find::by_reference(conn, company, reference).await? {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

/// Applies an event for a contact that a person named.
pub(super) async fn apply_to(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    contact: ContactId,
) -> Result<Effect, Error> {
    match &stored.event.what {
        What::Message(letter) => message::message(conn, company, stored, letter, None, Some(contact)).await,
        _ => {
            let mut effect = Effect { contact: Some(contact), ..Effect::default() };
            effect.say("assigned by hand; only a message does more");
            Ok(effect)
        }
    }
}

/// Suppresses an address as a provider told it. What it could not have told as one of its own is nobody's.
async fn suppress(
    conn: &mut PgConnection,
    company: CompanyId,
    (source, address): (Provider, &str),
    reason: Reason,
    note: &str,
    effect: &mut Effect,
) -> Result<(), Error> {
    // What is no address cannot be written to either.
    let Ok(identity) = Identity::parse(address) else { return Ok(()) };
    if identity.kind != source.address_kind() {
        return Ok(());
    }
    if suppression::note_in(conn, &INBOUND, company, &identity, reason, Some(note)).await? {
        effect.say(format!("suppressed: {}", reason.sentence()));
    }
    Ok(())
}

async fn withdraw(
    conn: &mut PgConnection,
    company: CompanyId,
    contacts: &[ContactId],
    kinds: &[&str],
    code: &'static str,
    effect: &mut Effect,
) -> Result<(), Error> {
    store::note_stop(conn, company, contacts, code).await?;
    let withdrawn = store::withdraw(conn, company, contacts, kinds, code).await?;
    if withdrawn.is_empty() {
        return Ok(());
    }
    let entries: Vec<Entry> = withdrawn
        .iter()
        .map(|one| {
            Entry::new(&INBOUND, "activity.withdraw").activity(one.id, one.payload_sha256).reason(Some(code))
        })
        .collect();
    audit::store::append(conn, company, &entries).await?;
    let many = if withdrawn.len() == 1 { "message that waited" } else { "messages that waited" };
    effect.say(format!("withdrew {} {many}", withdrawn.len()));
    Ok(())
}

/// Whether the call that an event is about is under way: its own answer may still come, and says more.
fn is_under_way(stored: &Stored, target: &Target) -> bool {
    target.status == Status::Dispatching && stored.now.duration_since(stored.received_at) < PATIENCE
}

/// A provider that tells what became of a message has it: an uncertain one was sent (R6). Evidence about an earlier round of the same item
/// settles nothing.
async fn settle_as_sent(
    conn: &mut PgConnection,
    company: CompanyId,
    target: &Target,
    provider_ref: Option<&str>,
    at: Timestamp,
    effect: &mut Effect,
) -> Result<(), Error> {
    if target.status != Status::Uncertain {
        return Ok(());
    }
    let is_of_this_round = target.named_round.is_none_or(|round| round == target.round);
    let is_after_wire = target.first_wire_at.is_some_and(|wire_at| at >= wire_at - SKEW);
    if !is_of_this_round || !is_after_wire {
        effect.say("about an earlier attempt; it does not settle this one");
        return Ok(());
    }
    if let Some(known) = provider_ref
        && let Some(other) = crate::dispatch::store_evidence::owner(conn, company, known, target.id).await?
    {
        effect.say(format!("its id is that of message {other}; a person has to look"));
        return Ok(());
    }
    let settling = Settling {
        round: Some(target.round),
        resolution: Some(Resolution::WasSent),
        reason: "the provider told what became of it",
    };
    let result = settle(conn, &INBOUND, company, target.id, &settling).await?;
    if let ItemOutcome::Resolved { status: Status::Sent } = result.outcome {
        if let Some(known) = provider_ref {
            crate::dispatch::store_evidence::identify(conn, company, target.id, target.round, known).await?;
        }
        effect.say("it was uncertain; this shows that it was sent");
    }
    Ok(())
}
