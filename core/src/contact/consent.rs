//! What a contact said about being written to on one channel. A withdrawal stops every message on that channel; where an outbox
//! asks for consent, nothing is sent without one.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::store_consent;
use crate::actor::{Actor, Role};
use crate::approval::decide::check_reason;
use crate::audit;
use crate::channel::ChannelName;
use crate::company;
use crate::error::Error;
use crate::ids::{CompanyId, ContactId};
use crate::operator;

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentState)]
pub enum State {
    /// They may be written to.
    Granted,
    /// They may not, any more.
    Withdrawn,
}

impl State {
    /// The word used in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Granted, Self::Withdrawn].into_iter().find(|state| state.as_str() == word)
    }
}

/// A consent on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// For which channel.
    pub channel: ChannelName,
    /// What was said.
    pub state: State,
    /// Where it says so; foreign text.
    pub evidence: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// By whom.
    pub recorded_by: String,
}

/// Records what a contact said about a channel, with the evidence for it; the last word counts.
///
/// # Errors
/// [`Error::Forbidden`] below approver, and below admin for a consent that was withdrawn, [`Error::Invalid`] without evidence, [`Error::NotFound`], or a database fault.
pub async fn record_consent(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
    state: State,
    evidence: &str,
) -> Result<(), Error> {
    let evidence = check_reason(evidence)?;
    if channel == ChannelName::DryRun {
        let reason = "nobody is written to by a dry run".to_owned();
        return Err(Error::Invalid { field: "channel".to_owned(), reason });
    }
    let mut tx = pool.begin().await?;
    // To say yes where a contact said no takes as much as lifting a suppression.
    let before = store_consent::lock(&mut tx, company, contact, channel).await?;
    let needed = match (before, state) {
        (Some(State::Withdrawn), State::Granted) => Role::Admin,
        _ => Role::Approver,
    };
    operator::authorise(&mut tx, actor, company, needed, "record a consent").await?;
    if !store_consent::write(&mut tx, company, contact, channel, state, &evidence, actor.name()).await? {
        return Err(Error::NotFound {
            what: format!("contact {contact}"),
            hint: "; see `countersign contacts list`".to_owned(),
        });
    }
    let entry = audit::Entry::new(actor, format!("consent.{}", state.as_str()))
        .subject(contact)
        .reason(Some(&evidence))
        .detail(serde_json::json!({ "channel": channel }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(())
}
