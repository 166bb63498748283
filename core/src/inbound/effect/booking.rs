//! Meetings that were made, moved or called off.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{ADVANCES, Effect, is_under_way, settle_as_sent, withdraw};
use crate::activity::fact::Fact;
use crate::channel::ChannelName;
use crate::company::policy::ReplyStops;
use crate::company::store_policy;
use crate::contact::suppression;
use crate::error::Error;
use crate::ids::{CompanyId, ContactId};
use crate::inbound::event::{Booking, Phase};
use crate::inbound::store_apply::{Stored, Target};
use crate::inbound::store_effect as store;
use crate::inbound::store_find as find;

/// A meeting was made, moved or called off.
pub(super) async fn booking(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    meeting: &Booking,
    target: Option<Target>,
    at: Timestamp,
) -> Result<Effect, Error> {
    let mut effect = Effect { activity: target.as_ref().map(|target| target.id), ..Effect::default() };
    let addresses: Vec<String> =
        meeting.attendees.iter().take(50).flat_map(|address| suppression::spellings(address)).collect();
    let attendees = find::contacts_of(conn, company, stored.source, &addresses).await?;
    effect.contact = attendees.first().copied().or(target.as_ref().map(|target| target.contact));
    let mut concerned: Vec<ContactId> =
        attendees.into_iter().chain(target.as_ref().map(|target| target.contact)).collect();
    concerned.sort_unstable();
    concerned.dedup();
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
        None => match find::newest_to(conn, company, contact, ChannelName::CalCom).await? {
            Some(about) => Some(about),
            None => find::newest_to(conn, company, contact, ChannelName::Email).await?,
        },
    };
    if let Some(about) = about {
        store::note_fact(conn, company, about, fact, at, None).await?;
        effect.activity = Some(about);
        effect.say(format!("noted: {}", fact.as_str()));
    }
    if fact == Fact::Booked && find::is_known_meeting(conn, company, contact, stored.id, meeting).await? {
        // What was filed since was filed knowing of it.
        effect.say("known already");
    } else if fact == Fact::Booked {
        let whole = store_policy::policy(conn, company).await?.reply_stops == ReplyStops::Account;
        let stopped = store::lock_contacts(conn, company, &concerned, whole).await?;
        withdraw(conn, company, &stopped, ADVANCES, "booked", &mut effect).await?;
    }
    effect.is_unmatched =
        target.is_some_and(|target| target.channel == ChannelName::CalCom && is_under_way(stored, &target));
    Ok(effect)
}
