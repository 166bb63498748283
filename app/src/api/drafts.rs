//! Drafts: filed, changed and withdrawn by whoever drafts them.
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::activity::store_read;
use countersign_core::activity::view::Hold;
use countersign_core::approval::{Item, ItemResult};
use countersign_core::draft::{self, DraftInput};
use countersign_core::gate::Verdict;
use countersign_core::ids::ActivityId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Problem, item};
use super::gate::Caller;
use super::input::{Body, Named};

/// A draft that is on file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    /// Its id.
    id: ActivityId,
    /// Whether this request made it; otherwise it was there.
    created: bool,
    /// Where it stands.
    status: Status,
    /// Identity of the bytes it points at: to change it, name them.
    payload_sha256: PayloadHash,
    /// Round of decisions it is in.
    round: i32,
    /// Why it waits, where something holds it.
    hold: Option<Hold>,
    /// Gates that would not let it pass now, as advice; they are asked again when it is sent.
    gates: Vec<Verdict>,
}

/// Other words for a draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Revise {
    /// Hash of the bytes that are changed.
    payload_sha256: PayloadHash,
    /// The whole content, in the shape of the channel.
    #[schema(value_type = Object)]
    payload: Value,
}

/// Why something is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Reason {
    /// Why, on one line.
    pub(super) reason: String,
}

pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    Body(input): Body<DraftInput>,
) -> Answer<Sent> {
    let report = draft::add(&state.pool, &caller.actor, caller.company, input, &state.lines).await?;
    if let Some(error) = report.errors.first() {
        let problem = Problem::invalid(&error.field, &error.reason);
        return Err(if error.is_conflict { problem.with(StatusCode::CONFLICT, "conflict") } else { problem });
    }
    let filed = report.filed.first().copied().ok_or_else(|| Problem::unknown("draft"))?;
    let mut conn = state.pool.acquire().await?;
    let found = store_read::detail(&mut conn, caller.company, filed.id, &state.lines).await?;
    let found = found.ok_or_else(|| Problem::unknown("draft"))?;
    Ok(Good(Sent {
        id: filed.id,
        created: filed.created,
        status: found.row.status,
        payload_sha256: found.row.payload_sha256,
        round: found.row.round,
        hold: found.row.hold,
        gates: found.verdicts.into_iter().filter(|verdict| !verdict.passes()).collect(),
    }))
}

pub(super) async fn revise(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Revise>,
) -> Answer<ItemResult> {
    let seen = Item::seen(id, body.payload_sha256);
    let (pool, lines) = (&state.pool, &state.lines);
    item(draft::revise_content(pool, &caller.actor, caller.company, seen, &body.payload, lines).await?)
}

pub(super) async fn withdraw(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Reason>,
) -> Answer<ItemResult> {
    item(draft::withdraw(&state.pool, &caller.actor, caller.company, id, &body.reason).await?)
}
