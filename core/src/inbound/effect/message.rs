//! Somebody wrote.
use jiff::SignedDuration;
use sqlx::PgConnection;

use super::{Effect, KINDS, occurred, suppress, withdraw};
use crate::activity::fact::Fact;
use crate::activity::status::Status;
use crate::company::policy::ReplyStops;
use crate::company::store_policy;
use crate::contact::suppression::{self, Reason};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};
use crate::inbound::event::Letter;
use crate::inbound::opt_out::asks_to_stop;
use crate::inbound::reading::headline;
use crate::inbound::store_apply::{Stored, Target};
use crate::inbound::store_effect as store;
use crate::inbound::store_find as find;

/// How long an automatic answer holds what waits.
const AWAY: SignedDuration = SignedDuration::from_hours(72);

/// Somebody wrote. What waits for them is withdrawn before anything else may be claimed.
pub(super) async fn message(
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
    let mut writers =
        find::contacts_of(conn, company, stored.source, &suppression::spellings(&letter.from)).await?;
    writers.extend(named);
    if letter.is_authentic == Some(false) && named.is_none() {
        // Anybody can write a name on an envelope. Neither is it believed, nor is anything sent to whom it may be from.
        effect.contact = writers.first().copied();
        effect.say(
            "its sender is not proven: nothing is done, and nothing leaves for them, until somebody looked",
        );
        (effect.is_unmatched, effect.keeps_hold) = (true, true);
        return Ok(effect);
    }
    // Before anything else is found out: whoever asks to be left alone is, also by a program that marks every mail as automatic.
    if is_opt_out {
        let (from, note) = ((stored.source, letter.from.as_str()), "asked for it in a message");
        suppress(conn, company, from, Reason::Unsubscribe, note, &mut effect).await?;
    }
    let writer = named.or(writers.first().copied());
    // A colleague may answer what went to somebody else: then it concerns both.
    let mut concerned: Vec<ContactId> =
        writers.into_iter().chain(target.as_ref().map(|target| target.contact)).collect();
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
    let headline = headline(letter.subject.as_deref(), letter.text.as_deref());
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
        None => find::newest_to(conn, company, contact, channel).await?,
    };
    if let Some(answered) = answered {
        store::note_fact(conn, company, answered, Fact::Replied, at, None).await?;
        effect.activity = Some(answered);
    }
    withdraw(conn, company, &stopped, KINDS, "replied", &mut effect).await?;
    Ok(effect)
}
