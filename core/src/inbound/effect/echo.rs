//! Messages that left under our account, whoever wrote them.
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Effect, PATIENCE, settle_as_sent};
use crate::activity::fact::Fact;
use crate::activity::payload::Envelope;
use crate::activity::status::Status;
use crate::contact::suppression;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};
use crate::inbound::event::{Echo, Reference};
use crate::inbound::reading::headline;
use crate::inbound::store_apply::{Stored, Target};
use crate::inbound::store_effect as store;
use crate::inbound::store_find as find;

/// A message left under our account: one of ours, or somebody wrote by hand.
pub(super) async fn echoed(
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
        contact: find::contacts_of(conn, company, stored.source, &suppression::spellings(&echo.to))
            .await?
            .first()
            .copied(),
        ..Effect::default()
    };
    let Some(contact) = effect.contact else {
        effect.is_unmatched = true;
        return Ok(effect);
    };
    // The call that sent it may not have its answer yet, or never got one: its words tell.
    for (id, envelope) in find::uncertain_to(conn, company, contact, channel).await? {
        let is_same = Envelope::open(&envelope)
            .is_ok_and(|envelope| Some(envelope.payload.parts.text()) == echo.text.as_deref());
        if !is_same {
            continue;
        }
        effect.activity = Some(id);
        if let Some(target) = find::by_reference(conn, company, &Reference::Activity(id)).await? {
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
    store::lock_contacts(conn, company, &[contact], false).await?;
    store::insert_message(
        conn,
        company,
        id,
        contact,
        channel,
        Status::Recorded,
        at,
        &headline(None, echo.text.as_deref()),
        stored.source,
    )
    .await?;
    store::note_reference(conn, company, id, &echo.id).await?;
    effect.say("somebody wrote by hand; it counts where it is limited how often one may be written to");
    Ok(effect)
}
