//! What the dispatcher has before it, and what a person has to look at.
use axum::extract::State;
use countersign_core::activity::view::{ActivityRow, Filter, List};
use countersign_core::channel::ChannelName;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ApiState;
use super::answer::{Answer, Page};
use super::approvals::page;
use super::gate::Caller;
use super::input::{Asked, usual};

/// Which messages of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Queued {
    /// Only this channel.
    #[serde(default)]
    channel: Option<ChannelName>,
    /// Only items whose contact, account, address, headline or drafter holds this text.
    #[serde(default)]
    text: Option<String>,
    /// Uncertain, failed and blocked items instead.
    #[serde(default)]
    #[param(required = false)]
    attention: bool,
    /// Most items of the page.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false)]
    limit: u16,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(asked): Asked<Queued>,
) -> Answer<Page<ActivityRow>> {
    let list = if asked.attention { List::Attention } else { List::Queue };
    let filter = Filter { channel: asked.channel, text: asked.text, ..Filter::default() };
    page(&state, &caller, list, &filter, asked.cursor.as_deref(), asked.limit).await
}
