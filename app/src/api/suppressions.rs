//! Who must not be written to, on any channel.
use axum::extract::State;
use countersign_core::contact::store_suppression::{self, SuppressionView};
use countersign_core::contact::suppression::{self, Identity, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Page, Problem};
use super::gate::Caller;
use super::input::{Asked, Body, Named, Paging, page_size};
use crate::pages;

/// An identity that is not to be written to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suppress {
    /// `ana@example.com`, `+447911123456` or a handle.
    identity: String,
    /// Why.
    reason: Reason,
    /// What else is to be known about it.
    #[serde(default)]
    note: Option<String>,
}

/// Why an identity may be written to again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LiftSuppression {
    /// Recorded with your name.
    note: String,
}

/// An identity and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Suppressed {
    /// `email`, `phone` or `handle`.
    kind: &'static str,
    /// The form in which it is matched.
    address: String,
    /// Whether this request changed anything.
    changed: bool,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Answer<Page<SuppressionView>> {
    let limit = page_size(paging.limit)?;
    let mut conn = state.pool.acquire().await?;
    let after = paging.cursor.as_deref();
    let mut items = store_suppression::list(&mut conn, caller.company, after, i64::from(limit) + 1).await?;
    let next = pages::cut(&mut items, limit).map(|last| last.address.clone());
    Ok(Good(Page { items, next }))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<Suppress>,
) -> Answer<Suppressed> {
    let identity = Identity::parse(&body.identity)?;
    let (pool, note) = (&state.pool, body.note.as_deref());
    let changed =
        suppression::suppress(pool, &caller.actor, caller.company, &identity, body.reason, note).await?;
    Ok(Good(Suppressed { kind: identity.kind, address: identity.address, changed }))
}

pub(super) async fn lift(
    State(state): State<ApiState>,
    caller: Caller,
    Named(identity): Named<String>,
    Body(body): Body<LiftSuppression>,
) -> Answer<Suppressed> {
    let identity = Identity::parse(&identity).map_err(|_| Problem::unknown("suppression"))?;
    match suppression::lift(&state.pool, &caller.actor, caller.company, &identity, &body.note).await? {
        true => Ok(Good(Suppressed { kind: identity.kind, address: identity.address, changed: true })),
        false => Err(Problem::unknown("suppression")),
    }
}
