//! What an event does: to the message it is about, to whoever wrote it, and to everything that waits for them. All of it inside the
//! transaction that marks the event as applied, so that it happens once.
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::event::{Booking, Echo, Letter, Phase, Progress, Reference, What};
use super::opt_out::asks_to_stop;
use super::store_apply::{self as store, Stored, Target};
use crate::activity::fact::Fact;
use crate::activity::payload::Envelope;
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::ItemOutcome;
use crate::approval::resolve::{Resolution, Settling, settle};
use crate::audit::{self, Entry};
use crate::channel::ChannelName;
use crate::company::policy::ReplyStops;
use crate::company::store_policy;
use crate::contact::suppression::{self, Identity, Reason};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId, OutboxId};
use crate::outbox::{self, health};

/// Who applies events, in the audit log.
pub(super) const INBOUND: Actor = Actor::Engine("inbound");

/// How long an automatic answer holds what waits.
const AWAY: SignedDuration = SignedDuration::from_hours(72);

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
    let target = find(conn, company, &stored.event.about).await?;
    match &stored.event.what {
        What::Message(letter) => message(conn, company, stored, letter, target, None).await,
        What::Status(progress) => status(conn, company, stored, progress, target, at).await,
        What::Booking(meeting) => booking(conn, company, meeting, target, at).await,
        What::Echo(echo) => echoed(conn, company, stored, echo, target, at).await,
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
                suppress(conn, company, address, reason, "the provider does not deliver to it", &mut effect)
                    .await?;
            }
            effect.contact = store::contact_of(conn, company, &suppression::spellings(address)).await?;
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
async fn find(
    conn: &mut PgConnection,
    company: CompanyId,
    about: &[Reference],
) -> Result<Option<Target>, Error> {
    for reference in about.iter().take(50) {
        if let Some(target) = store::by_reference(conn, company, reference).await? {
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
        What::Message(letter) => message(conn, company, stored, letter, None, Some(contact)).await,
        _ => {
            let mut effect = Effect { contact: Some(contact), ..Effect::default() };
            effect.say("assigned by hand; only a message does more");
            Ok(effect)
        }
    }
}

/// Somebody wrote. What waits for them is withdrawn before anything else may be claimed.
async fn message(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    letter: &Letter,
    target: Option<Target>,
    named: Option<ContactId>,
) -> Result<Effect, Error> {
    let at = occurred(stored);
    let channel = stored.source.channel();
    let mut effect = Effect { activity: target.as_ref().map(|target| target.id), ..Effect::default() };
    let text = letter.text.as_deref().unwrap_or_default();
    let is_opt_out =
        asks_to_stop(text) || text.trim().is_empty() && letter.subject.as_deref().is_some_and(asks_to_stop);
    // Before anything else is found out: whoever asks to be left alone is.
    if is_opt_out && !letter.is_automatic {
        let note = "asked for it in a message";
        suppress(conn, company, &letter.from, Reason::Unsubscribe, note, &mut effect).await?;
    }
    let writer = match named {
        Some(named) => Some(named),
        None => store::contact_of(conn, company, &suppression::spellings(&letter.from)).await?,
    };
    // A colleague may answer what went to somebody else: then it concerns both.
    let mut concerned: Vec<ContactId> =
        writer.into_iter().chain(target.as_ref().map(|target| target.contact)).collect();
    concerned.sort_unstable();
    concerned.dedup();
    effect.contact = writer.or(target.as_ref().map(|target| target.contact));
    let Some(contact) = effect.contact else {
        effect.is_unmatched = true;
        return Ok(effect);
    };
    if letter.is_automatic {
        store::lock_contacts(conn, company, &concerned, false).await?;
        let until = stored.received_at + AWAY;
        for contact in &concerned {
            store::hold_away(conn, company, *contact, until).await?;
        }
        effect.say(format!("an automatic answer: nothing leaves for the contact before {until:.0}"));
        return Ok(effect);
    }
    let whole = store_policy::policy(conn, company).await?.reply_stops == ReplyStops::Account;
    let stopped = store::lock_contacts(conn, company, &concerned, whole).await?;
    for contact in &concerned {
        store::note_inbound(conn, company, *contact, channel, at, stored.now).await?;
    }
    let headline = headline(letter);
    let id = ActivityId::new();
    store::insert_message(
        conn,
        company,
        id,
        contact,
        channel,
        Status::Received,
        at,
        &headline,
        stored.source,
    )
    .await?;
    if let Some(name) = letter.id.as_deref() {
        store::note_reference(conn, company, id, name).await?;
    }
    effect.say("put on file as a reply");
    let answered = match effect.activity {
        Some(answered) => Some(answered),
        None => store::newest_to(conn, company, contact, channel).await?,
    };
    if let Some(answered) = answered {
        store::note_fact(conn, company, answered, Fact::Replied, at, None).await?;
        effect.activity = Some(answered);
    }
    withdraw(conn, company, &stopped, KINDS, "replied", &mut effect).await?;
    Ok(effect)
}

/// What stands in a list for a message: its subject, else its first words, on one line.
fn headline(letter: &Letter) -> String {
    let subject = letter.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty());
    let first =
        letter.text.as_deref().and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    let words = subject.or(first).unwrap_or("(no text)");
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Something became of a message of ours.
async fn status(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    progress: &Progress,
    target: Option<Target>,
    at: Timestamp,
) -> Result<Effect, Error> {
    let Some(target) = target else {
        return Ok(Effect { is_unmatched: true, ..Effect::default() });
    };
    let mut effect = Effect { contact: Some(target.contact), activity: Some(target.id), ..Effect::default() };
    let is_news =
        store::note_fact(conn, company, target.id, progress.fact, at, progress.detail.as_deref()).await?;
    effect.say(match is_news {
        true => format!("noted: {}", progress.fact.as_str().replace('_', " ")),
        false => format!("known already: {}", progress.fact.as_str().replace('_', " ")),
    });
    if let Some(name) = &progress.message_id {
        store::note_reference(conn, company, target.id, name).await?;
    }
    let reason = match progress.fact {
        Fact::Bounced => Some((Reason::HardBounce, "mail to it came back")),
        Fact::Complained => Some((Reason::Complaint, "a message to it was called spam")),
        Fact::Unsubscribed => Some((Reason::Unsubscribe, "asked for it at the provider")),
        _ if progress.is_opt_out => Some((Reason::Unsubscribe, "asked for it at the provider")),
        _ => None,
    };
    if let Some((reason, note)) = reason {
        for address in afflicted(conn, company, progress, &target).await? {
            suppress(conn, company, &address, reason, note, &mut effect).await?;
        }
    }
    settle_as_sent(conn, company, &target, provider_ref(stored), at, &mut effect).await?;
    if let (true, Fact::Bounced | Fact::Complained, Some(outbox)) = (is_news, progress.fact, target.outbox) {
        watch_over(conn, company, outbox, &mut effect).await?;
    }
    Ok(effect)
}

/// Which addresses a refusal is about: the one it names, if the message went there, else the only one there was. Of several nobody knows
/// which, so none is called dead; a complaint concerns all of them.
async fn afflicted(
    conn: &mut PgConnection,
    company: CompanyId,
    progress: &Progress,
    target: &Target,
) -> Result<Vec<String>, Error> {
    let all = store::recipients(conn, company, target.id).await?;
    if let Some(named) = &progress.recipient {
        let named = suppression::canonical(named);
        return Ok(all.into_iter().filter(|one| suppression::canonical(one) == named).collect());
    }
    Ok(if all.len() == 1 || progress.fact == Fact::Complained { all } else { Vec::new() })
}

fn provider_ref(stored: &Stored) -> Option<&str> {
    stored.event.about.iter().find_map(|reference| match reference {
        Reference::Provider(id) => Some(id.as_str()),
        _ => None,
    })
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

/// A meeting was made, moved or called off.
async fn booking(
    conn: &mut PgConnection,
    company: CompanyId,
    meeting: &Booking,
    target: Option<Target>,
    at: Timestamp,
) -> Result<Effect, Error> {
    let mut effect = Effect { activity: target.as_ref().map(|target| target.id), ..Effect::default() };
    let addresses: Vec<String> =
        meeting.attendees.iter().take(50).flat_map(|address| suppression::spellings(address)).collect();
    let attendee = store::contact_of(conn, company, &addresses).await?;
    let mut concerned: Vec<ContactId> =
        attendee.into_iter().chain(target.as_ref().map(|target| target.contact)).collect();
    concerned.sort_unstable();
    concerned.dedup();
    effect.contact = attendee.or(target.as_ref().map(|target| target.contact));
    if let Some(target) = &target
        && target.channel == ChannelName::CalCom
    {
        settle_as_sent(conn, company, target, Some(&meeting.uid), at, &mut effect).await?;
    }
    let Some(contact) = effect.contact else {
        effect.is_unmatched = true;
        return Ok(effect);
    };
    let fact = match meeting.phase {
        Phase::Booked | Phase::Moved => Fact::Booked,
        Phase::Cancelled => Fact::Cancelled,
        Phase::Requested | Phase::Missed => {
            effect.say(if meeting.phase == Phase::Missed {
                "they did not come"
            } else {
                "a meeting was asked for"
            });
            return Ok(effect);
        }
    };
    // A meeting is the answer to the last mail as well as to an invitation.
    let about = match effect.activity {
        Some(about) => Some(about),
        None => match store::newest_to(conn, company, contact, ChannelName::CalCom).await? {
            Some(about) => Some(about),
            None => store::newest_to(conn, company, contact, ChannelName::Email).await?,
        },
    };
    if let Some(about) = about {
        store::note_fact(conn, company, about, fact, at, None).await?;
        effect.activity = Some(about);
        effect.say(format!("noted: {}", fact.as_str()));
    }
    if fact == Fact::Booked {
        let whole = store_policy::policy(conn, company).await?.reply_stops == ReplyStops::Account;
        let stopped = store::lock_contacts(conn, company, &concerned, whole).await?;
        withdraw(conn, company, &stopped, ADVANCES, "booked", &mut effect).await?;
    }
    Ok(effect)
}

/// A message left under our account: one of ours, or somebody wrote by hand.
async fn echoed(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    echo: &Echo,
    target: Option<Target>,
    at: Timestamp,
) -> Result<Effect, Error> {
    let channel = stored.source.channel();
    if let Some(target) = target {
        let mut effect =
            Effect { contact: Some(target.contact), activity: Some(target.id), ..Effect::default() };
        store::note_fact(conn, company, target.id, Fact::Accepted, at, None).await?;
        settle_as_sent(conn, company, &target, Some(&echo.id), at, &mut effect).await?;
        effect.say("a message of ours, as the provider shows it");
        return Ok(effect);
    }
    let mut effect = Effect {
        contact: store::contact_of(conn, company, &suppression::spellings(&echo.to)).await?,
        ..Effect::default()
    };
    let Some(contact) = effect.contact else {
        effect.is_unmatched = true;
        return Ok(effect);
    };
    // The call that sent it may not have its answer yet, or never got one: its words tell.
    for (id, envelope) in store::uncertain_to(conn, company, contact, channel).await? {
        let is_same = Envelope::open(&envelope)
            .is_ok_and(|envelope| Some(envelope.payload.parts.text()) == echo.text.as_deref());
        if !is_same {
            continue;
        }
        effect.activity = Some(id);
        if let Some(target) = store::by_reference(conn, company, &Reference::Activity(id)).await? {
            settle_as_sent(conn, company, &target, Some(&echo.id), at, &mut effect).await?;
            if target.status == Status::Dispatching
                && stored.now.duration_since(stored.received_at) < PATIENCE
            {
                // Its own answer may still come, and says it better.
                return Ok(Effect { is_unmatched: true, ..effect });
            }
        }
        store::note_reference(conn, company, id, &echo.id).await?;
        return Ok(effect);
    }
    if stored.now.duration_since(stored.received_at) < PATIENCE {
        return Ok(Effect { is_unmatched: true, ..effect });
    }
    let id = ActivityId::new();
    let words = Letter { text: echo.text.clone(), ..Letter::default() };
    store::lock_contacts(conn, company, &[contact], false).await?;
    store::insert_message(
        conn,
        company,
        id,
        contact,
        channel,
        Status::Recorded,
        at,
        &headline(&words),
        stored.source,
    )
    .await?;
    store::note_reference(conn, company, id, &echo.id).await?;
    effect.say("somebody wrote by hand; it counts where it is limited how often one may be written to");
    Ok(effect)
}

async fn suppress(
    conn: &mut PgConnection,
    company: CompanyId,
    address: &str,
    reason: Reason,
    note: &str,
    effect: &mut Effect,
) -> Result<(), Error> {
    // What is no address cannot be written to either.
    let Ok(identity) = Identity::parse(address) else { return Ok(()) };
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

/// Looks after an outbox some of whose mail came back or was called spam.
async fn watch_over(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    effect: &mut Effect,
) -> Result<(), Error> {
    let counts = outbox::store_health::counts(conn, company, outbox).await?;
    let sentence = counts.sentence();
    let action = match health::judge(counts) {
        health::Health::Good => return Ok(()),
        health::Health::Warn => {
            effect.say(format!("its outbox: {sentence}; more complaints will pause it"));
            return Ok(());
        }
        health::Health::Rest if outbox::store_health::rest(conn, company, outbox).await? => {
            effect.say(format!("its outbox waits for a day: {sentence}"));
            "outbox.rest"
        }
        health::Health::Rest => return Ok(()),
        health::Health::Stop => {
            let reason = format!("too many complaints: {sentence}");
            if !outbox::store::pause_open(conn, company, outbox, &reason).await? {
                return Ok(());
            }
            effect.say(format!("its outbox is paused: {sentence}"));
            "outbox.pause"
        }
    };
    let entry = Entry::new(&INBOUND, action).subject(outbox).reason(Some(&sentence));
    audit::store::append(conn, company, &[entry]).await
}
