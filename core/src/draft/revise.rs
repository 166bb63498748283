//! Changes the words of a draft, or withdraws it. The envelope that was filed stays on file; the new one has a new hash and needs
//! a decision of its own.
use serde_json::Value;
use sqlx::{PgPool, PgTransaction};

use super::check::{FieldError, UNSUBSCRIBE, UNSUBSCRIBE_POST, check};
use super::edit;
use super::input::DraftInput;
use super::seal::seal;
use super::store_revise::{self as store, Open};
use crate::activity::payload::{Envelope, Payload};
use crate::actor::{Actor, Role};
use crate::agent;
use crate::approval::decide::{begin, check_reason};
use crate::approval::store_risk::assess_all;
use crate::approval::{Item, ItemOutcome, ItemResult};
use crate::audit;
use crate::channel::Lines;
use crate::company;
use crate::contact::store_look_alike;
use crate::db;
use crate::error::Error;
use crate::file;
use crate::ids::{ActivityId, CompanyId};
use crate::operator;

/// Gives a draft the words of an edited document (see [`edit::document`]). The item names the bytes that were edited: if the
/// draft has others by now, nothing is changed. Editing is not drafting: whoever edits another's draft may also approve it.
///
/// Says [`ItemOutcome::Revised`], or [`ItemOutcome::Already`] if the words are the same.
///
/// # Errors
/// [`Error::Forbidden`] below approver, for an agent that did not draft it, [`Error::Invalid`] for words that cannot be sent, or a
/// database fault.
pub async fn revise(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    item: Item,
    document: &str,
    lines: &Lines,
) -> Result<ItemResult, Error> {
    revise_with(pool, actor, company, item, &Words::Document(document), lines).await
}

/// The same with the whole content, in the shape in which drafts are handed in. The link to unsubscribe by stays, unless the content has
/// one of its own.
///
/// # Errors
/// As [`revise`].
pub async fn revise_content(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    item: Item,
    content: &Value,
    lines: &Lines,
) -> Result<ItemResult, Error> {
    revise_with(pool, actor, company, item, &Words::Content(content), lines).await
}

/// What a draft shall say.
enum Words<'a> {
    /// In the words of an edited document.
    Document(&'a str),
    /// As it would be handed in.
    Content(&'a Value),
}

async fn revise_with(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    item: Item,
    words: &Words<'_>,
    lines: &Lines,
) -> Result<ItemResult, Error> {
    let result = |outcome| Ok(ItemResult { id: item.id, outcome });
    db::retry(|| async {
        let mut tx = begin_change(pool, actor, company, "revise a draft").await?;
        let Some(open) = store::lock(&mut tx, company, item.id).await? else {
            return result(ItemOutcome::Missing);
        };
        own(actor, &open, "revise a draft of somebody else")?;
        if let Some(outcome) = open.objection(Some(item.payload_sha256)) {
            return result(outcome);
        }
        let Some(envelope) = &open.envelope else {
            return result(ItemOutcome::Refused { reason: "its text was erased".to_owned() });
        };
        let payload = edited(envelope, &open, words).map_err(invalid)?;
        let files = file::store::load(&mut tx, company, &payload.files()).await?;
        let headline: String = payload.parts.headline().chars().take(200).collect();
        let recipients = payload.recipients();
        let sealed = seal(lines, payload, item.id, &open.outbox.provider, &files).map_err(invalid)?;
        if sealed.sha256() == item.payload_sha256 {
            return result(ItemOutcome::Already { status: open.status });
        }
        let is_handwritten = actor.kind() == "operator";
        store::replace(&mut tx, company, item, &sealed, &headline, is_handwritten).await?;
        store_look_alike::write_recipients(&mut tx, company, &[(item.id, recipients)]).await?;
        assess_all(&mut tx, company, &[item.id]).await?;
        let entry = audit::Entry::new(actor, "draft.revise")
            .activity(item.id, sealed.sha256())
            .detail(serde_json::json!({ "replaces": item.payload_sha256 }));
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        result(ItemOutcome::Revised { payload_sha256: sealed.sha256() })
    })
    .await
}

/// Takes a draft away that shall not be decided about or, if it was approved, not leave any more; its drafter or an operator may. What
/// is on the wire stays there.
///
/// # Errors
/// As [`revise`]; also [`Error::Invalid`] without a reason.
pub async fn withdraw(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    reason: &str,
) -> Result<ItemResult, Error> {
    let reason = check_reason(reason)?;
    db::retry(|| async {
        let mut tx = begin_change(pool, actor, company, "withdraw a draft").await?;
        let Some(open) = store::lock(&mut tx, company, id).await? else {
            return Ok(ItemResult { id, outcome: ItemOutcome::Missing });
        };
        own(actor, &open, "withdraw a draft of somebody else")?;
        if let Some(outcome) = open.objection_to_withdrawal() {
            return Ok(ItemResult { id, outcome });
        }
        store::withdraw(&mut tx, company, id).await?;
        let entry = audit::Entry::new(actor, "draft.withdraw")
            .activity(id, open.payload_sha256)
            .reason(Some(&reason));
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(ItemResult { id, outcome: ItemOutcome::Withdrawn })
    })
    .await
}

/// Operators need the approver role, and the database is asked whether they still have it. Agents come in by their own drafts.
async fn begin_change(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
) -> Result<PgTransaction<'static>, Error> {
    match actor {
        Actor::Agent { .. } => Ok(pool.begin().await?),
        Actor::AgentTokenHolder { .. } => {
            let mut tx = pool.begin().await?;
            agent::authorise_change(&mut tx, company, actor).await?;
            Ok(tx)
        }
        Actor::Operator { .. } | Actor::TokenHolder { .. } | Actor::Engine(_) => {
            begin(pool, actor, company, action).await.map(|(tx, _)| tx)
        }
    }
}

fn own(actor: &Actor, open: &Open, action: &'static str) -> Result<(), Error> {
    let is_own = match (actor, &open.drafting_agent) {
        // A name alone proves nothing about what an agent filed by its credential.
        (Actor::Agent { name }, drafter) => {
            drafter.as_ref().is_some_and(|(drafter, id)| drafter == name && id.is_none())
        }
        (Actor::AgentTokenHolder { id, .. }, drafter) => {
            drafter.as_ref().is_some_and(|(_, drafter)| *drafter == Some(*id))
        }
        _ => true,
    };
    match is_own {
        true => Ok(()),
        false => Err(operator::forbidden(actor, Role::Approver, action)),
    }
}

/// The payload with other words, checked like that of a new draft.
fn edited(envelope: &Envelope, open: &Open, words: &Words<'_>) -> Result<Payload, FieldError> {
    let old = &envelope.payload;
    let input = DraftInput {
        channel: old.channel,
        outbox_id: Some(old.outbox_id),
        outbox: None,
        kind: Some(old.kind),
        contact: None,
        to: Some(old.to.clone()),
        payload: match words {
            Words::Document(document) => edit::content(old, document)?,
            Words::Content(content) => (*content).clone(),
        },
        send_after: None,
        expires_at: None,
        supersedes: None,
        client_dedup_key: None,
        proposed_by: None,
    };
    let mut payload = check(&input, &open.outbox)?.payload;
    payload.kind = old.kind;
    keep_link(old, &mut payload);
    Ok(payload)
}

/// Whole content is handed in without the link that filing gave: other words must not lose the way to unsubscribe.
fn keep_link(old: &Payload, new: &mut Payload) {
    if new.headers.contains_key(UNSUBSCRIBE) {
        return;
    }
    for name in [UNSUBSCRIBE, UNSUBSCRIBE_POST] {
        if let Some(value) = old.headers.get(name) {
            new.headers.insert(name.to_owned(), value.clone());
        }
    }
}

fn invalid(error: FieldError) -> Error {
    Error::Invalid { field: error.field, reason: error.reason }
}
