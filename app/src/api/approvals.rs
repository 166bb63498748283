//! Decisions. Whoever decides names the bytes and the round they saw, so that a request that comes twice, or late, decides nothing anew.
use axum::extract::State;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::view::{ActivityRow, Filter, List, Snoozed};
use countersign_core::actor::Role;
use countersign_core::approval::{self, Item, ItemResult};
use countersign_core::channel::ChannelName;
use countersign_core::ids::{ActivityId, BatchId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ApiState;
use super::answer::{Answer, Good, Page, item};
use super::gate::Caller;
use super::input::{Asked, Body, Named, bad_cursor, page_size, usual};
use crate::pages;

/// Which drafts of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Waiting {
    /// Only this channel.
    #[serde(default)]
    channel: Option<ChannelName>,
    /// Only items whose contact, account, address, headline or drafter holds this text.
    #[serde(default)]
    text: Option<String>,
    /// Only what you snoozed; else it is left out.
    #[serde(default)]
    #[param(required = false)]
    snoozed: bool,
    /// Most items of the page.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false)]
    limit: u16,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// Approves one item.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Approve {
    /// Hash of the bytes you saw.
    payload_sha256: PayloadHash,
    /// Round you saw it in.
    round: i32,
    /// You mean this recipient, although it can be taken for somebody else.
    #[serde(default)]
    #[schema(required = false)]
    confirms_look_alike: bool,
}

/// Rejects one item.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Reject {
    /// Hash of the bytes you saw.
    payload_sha256: PayloadHash,
    /// Round you saw it in.
    round: i32,
    /// Why, on one line.
    reason: String,
}

/// Takes one item back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Undo {
    /// Hash of the bytes you saw.
    payload_sha256: PayloadHash,
    /// Round you saw it in.
    round: i32,
}

/// Approves many items.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BulkApprove {
    /// At most 1 000.
    #[schema(max_items = 1000)]
    items: Vec<Seen>,
}

/// One of many items.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seen {
    /// The item.
    id: ActivityId,
    /// Hash of the bytes you saw.
    payload_sha256: PayloadHash,
    /// Round you saw it in.
    round: i32,
    /// You mean this recipient, although it can be taken for somebody else.
    #[serde(default)]
    #[schema(required = false)]
    confirms_look_alike: bool,
}

/// What became of each of many items.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkResult {
    /// Names what was approved together.
    batch: BatchId,
    /// In the order of the request; the same item twice is one.
    items: Vec<ItemResult>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(asked): Asked<Waiting>,
) -> Answer<Page<ActivityRow>> {
    let snoozed = match (caller.actor.operator(Role::Viewer), asked.snoozed) {
        (Some(me), true) => Snoozed::Only(me),
        (Some(me), false) => Snoozed::Hidden(me),
        (None, _) => Snoozed::Shown,
    };
    let filter = Filter { channel: asked.channel, text: asked.text, snoozed, ..Filter::default() };
    page(&state, &caller, List::Approvals, &filter, asked.cursor.as_deref(), asked.limit).await
}

/// One page of a list of messages.
pub(super) async fn page(
    state: &ApiState,
    caller: &Caller,
    list: List,
    filter: &Filter,
    cursor: Option<&str>,
    limit: u16,
) -> Answer<Page<ActivityRow>> {
    let limit = page_size(limit)?;
    let after = cursor.map(|text| pages::read_cursor(text).ok_or_else(bad_cursor)).transpose()?;
    let mut conn = state.pool.acquire().await?;
    let (items, next) = pages::rows(&mut conn, caller.company, list, filter, after, limit).await?;
    Ok(Good(Page { items, next }))
}

pub(super) async fn approve(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Approve>,
) -> Answer<ItemResult> {
    let seen = Item {
        id,
        payload_sha256: body.payload_sha256,
        round: Some(body.round),
        confirms_look_alike: body.confirms_look_alike,
    };
    let results = approval::approve(&state.pool, &caller.actor, caller.company, &[seen]).await?;
    state.wake.notify_one();
    only(id, results)
}

pub(super) async fn reject(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Reject>,
) -> Answer<ItemResult> {
    let seen = Item { round: Some(body.round), ..Item::seen(id, body.payload_sha256) };
    let results = approval::reject(&state.pool, &caller.actor, caller.company, &[seen], &body.reason).await?;
    only(id, results)
}

pub(super) async fn undo(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Undo>,
) -> Answer<ItemResult> {
    let seen = Item { round: Some(body.round), ..Item::seen(id, body.payload_sha256) };
    item(approval::undo_seen(&state.pool, &caller.actor, caller.company, seen).await?)
}

pub(super) async fn bulk_approve(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<BulkApprove>,
) -> Answer<BulkResult> {
    let items: Vec<_> = body
        .items
        .into_iter()
        .map(|seen| Item {
            id: seen.id,
            payload_sha256: seen.payload_sha256,
            round: Some(seen.round),
            confirms_look_alike: seen.confirms_look_alike,
        })
        .collect();
    let batch = BatchId::new();
    let items = approval::approve_in(&state.pool, &caller.actor, caller.company, &items, batch).await?;
    state.wake.notify_one();
    Ok(Good(BulkResult { batch, items }))
}

/// The result about the one item that was asked about.
fn only(id: ActivityId, results: Vec<ItemResult>) -> Answer<ItemResult> {
    let missing = ItemResult { id, outcome: approval::ItemOutcome::Missing };
    item(results.into_iter().next().unwrap_or(missing))
}
