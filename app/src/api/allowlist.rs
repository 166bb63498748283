//! Who may be written to.
use axum::extract::State;
use countersign_core::contact::allowlist::Entry;
use countersign_core::contact::store::EntryView;
use countersign_core::contact::{self, store};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Page, Problem};
use super::gate::Caller;
use super::input::{Asked, Body, Named, Paging, page_size};
use crate::pages;

/// An entry that is to be on the list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    /// An address, a domain (`@example.com`), a phone prefix (`+4479*`), a handle, or everyone (`*`).
    entry: String,
}

/// An entry and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Allowed {
    /// As it is stored.
    entry: String,
    /// Whether this request changed anything.
    changed: bool,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Answer<Page<EntryView>> {
    let limit = page_size(paging.limit)?;
    let mut conn = state.pool.acquire().await?;
    let after = paging.cursor.as_deref();
    let mut items = store::list(&mut conn, caller.company, after, i64::from(limit) + 1).await?;
    let next = pages::cut(&mut items, limit).map(|last| last.entry.clone());
    Ok(Good(Page { items, next }))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<Allow>,
) -> Answer<Allowed> {
    let entry = Entry::parse(&body.entry).map_err(|error| Problem::invalid("entry", &error.to_string()))?;
    let changed = contact::allow(&state.pool, &caller.actor, caller.company, &entry).await?;
    Ok(Good(Allowed { entry: entry.as_text(), changed }))
}

pub(super) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Named(entry): Named<String>,
) -> Answer<Allowed> {
    let entry = Entry::parse(&entry).map_err(|_| Problem::unknown("entry"))?;
    match contact::disallow(&state.pool, &caller.actor, caller.company, &entry).await? {
        true => Ok(Good(Allowed { entry: entry.as_text(), changed: true })),
        false => Err(Problem::unknown("entry")),
    }
}
