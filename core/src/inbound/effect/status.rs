//! Something became of a message of ours.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Effect, INBOUND, PATIENCE, is_under_way, settle_as_sent, suppress};
use crate::activity::fact::Fact;
use crate::audit::{self, Entry};
use crate::contact::suppression::{self, Reason};
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::inbound::event::{Progress, Reference};
use crate::inbound::store_apply::{Stored, Target};
use crate::inbound::store_effect as store;
use crate::inbound::store_find as find;
use crate::outbox::{self, health};

/// Something became of a message of ours.
pub(super) async fn status(
    conn: &mut PgConnection,
    company: CompanyId,
    stored: &Stored,
    progress: &Progress,
    target: Option<Target>,
    at: Timestamp,
) -> Result<Effect, Error> {
    let Some(target) = target else {
        // The account may send other mail as well, which nobody here is asked about.
        let may_turn_up = stored.now.duration_since(stored.received_at) < PATIENCE;
        let mut effect = Effect { is_unmatched: may_turn_up, ..Effect::default() };
        effect.say("about a message that is not ours");
        return Ok(effect);
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
            suppress(conn, company, (stored.source, &address), reason, note, &mut effect).await?;
        }
    }
    settle_as_sent(conn, company, &target, provider_ref(stored), at, &mut effect).await?;
    effect.is_unmatched = is_under_way(stored, &target);
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
    let all = find::recipients(conn, company, target.id).await?;
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
