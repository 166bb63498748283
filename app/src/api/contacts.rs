//! Contacts: what is known of them, and what they said about being written to.
use axum::extract::State;
use countersign_core::account::store_read;
use countersign_core::account::view::{ContactView, StatusCount};
use countersign_core::channel::ChannelName;
use countersign_core::contact::allowlist::normalise;
use countersign_core::contact::consent::{Consent, State as Said, record_consent};
use countersign_core::contact::suppression::Reason;
use countersign_core::contact::{store, store_consent, store_suppression};
use countersign_core::ids::ContactId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Page, Problem};
use super::gate::Caller;
use super::input::{Asked, Body, Named, People, bad_cursor, page_size};
use crate::pages;

/// One contact in full.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contact {
    /// The contact.
    id: ContactId,
    /// Name.
    name: String,
    /// Its account.
    account: Option<String>,
    /// Language, BCP 47.
    locale: Option<String>,
    /// IANA time zone.
    zone: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: Option<String>,
    /// Where it can be written to.
    addresses: Vec<Address>,
    /// What it said about being written to.
    consents: Vec<Consent>,
    /// How many messages stand where.
    messages: Vec<StatusCount>,
}

/// One address of a contact.
#[derive(Debug, Serialize, ToSchema)]
struct Address {
    /// With its kind, like `email:ana@example.com`.
    address: String,
    /// Whether the allowlist admits it.
    allowlisted: bool,
    /// Why it is not written to, if it is not.
    suppressed: Option<Reason>,
}

/// What a contact said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    /// On which channel.
    channel: ChannelName,
    /// What was said.
    state: Said,
    /// Where it says so; recorded with your name.
    evidence: String,
}

/// What is recorded of what a contact said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recorded {
    /// The contact.
    contact: ContactId,
    /// On which channel.
    channel: ChannelName,
    /// What was said.
    state: Said,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(asked): Asked<People>,
) -> Answer<Page<ContactView>> {
    let limit = page_size(asked.limit)?;
    let after = asked.cursor.as_deref().map(str::parse).transpose().map_err(|_| bad_cursor())?;
    let mut conn = state.pool.acquire().await?;
    let (narrow, most) = (asked.into(), i64::from(limit) + 1);
    let mut items = store_read::contacts(&mut conn, caller.company, &narrow, after, most).await?;
    let next = pages::cut(&mut items, limit).map(|last| last.id.to_string());
    Ok(Good(Page { items, next }))
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ContactId>,
) -> Answer<Contact> {
    let mut conn = state.pool.acquire().await?;
    let company = caller.company;
    let found = store_read::contact(&mut conn, company, Some(id), "").await?;
    let found = found.ok_or_else(|| Problem::unknown("contact"))?;
    let texts: Vec<String> = found
        .addresses
        .iter()
        .filter_map(|address| address.split_once(':'))
        .map(|(_, text)| text.to_owned())
        .collect();
    let allowlist = store::entries_for(&mut conn, company, &texts).await?;
    let suppressed = store_suppression::suppressed(&mut conn, company, &texts).await?;
    let address = |(address, text): (&String, &String)| Address {
        address: address.clone(),
        allowlisted: allowlist.admits(text),
        suppressed: suppressed.get(&normalise(text)).copied(),
    };
    let addresses = found.addresses.iter().zip(&texts).map(address).collect();
    Ok(Good(Contact {
        addresses,
        consents: store_consent::of_contact(&mut conn, company, id).await?,
        messages: store_read::messages(&mut conn, company, id).await?,
        id,
        name: found.name,
        account: found.account,
        locale: found.locale,
        zone: found.zone,
        country: found.country,
    }))
}

pub(super) async fn consent(
    State(state): State<ApiState>,
    caller: Caller,
    Named(contact): Named<ContactId>,
    Body(body): Body<Say>,
) -> Answer<Recorded> {
    let Say { channel, state: said, evidence } = body;
    record_consent(&state.pool, &caller.actor, caller.company, contact, channel, said, &evidence).await?;
    Ok(Good(Recorded { contact, channel, state: said }))
}
