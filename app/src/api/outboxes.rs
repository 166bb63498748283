//! Outboxes: added, changed, paused and killed; and the kill of a channel or of everything.
use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use countersign_core::activity::view::OutboxView;
use countersign_core::channel::ChannelName;
use countersign_core::ids::OutboxId;
use countersign_core::outbox::store_show::{self, OutboxDetail};
use countersign_core::outbox::{self, Change, Done};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Page, Problem};
use super::drafts::Reason;
use super::gate::Caller;
use super::input::{Body, Named};

/// A new sending identity.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewOutbox {
    /// Unique name: a-z, 0-9 and -.
    name: String,
    /// Channel.
    channel: ChannelName,
    /// What the recipient sees: mailbox, number, handle or author.
    sender: String,
    /// Credential, like `secret://resend:latest`.
    secret_ref: String,
    /// Most messages a local day.
    daily_cap: i32,
    /// IANA zone whose midnight starts a new quota day.
    zone: String,
    /// How many seconds a decision can be taken back; the channel's usual time if absent.
    #[serde(default)]
    undo_window: Option<u32>,
    /// Whether recipients must be on the allowlist; they must if absent.
    #[serde(default)]
    allowlist_mode: Option<AllowlistMode>,
}

/// Who may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum AllowlistMode {
    /// Who is on the allowlist.
    Enforced,
    /// Anyone.
    Open,
}

/// What is to be another way; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeOutbox {
    /// Most messages a local day.
    #[serde(default)]
    daily_cap: Option<i32>,
    /// IANA zone whose midnight starts a new quota day.
    #[serde(default)]
    zone: Option<String>,
    /// How many seconds a decision can be taken back.
    #[serde(default)]
    undo_window: Option<u32>,
    /// Credential, like `secret://resend:latest`.
    #[serde(default)]
    secret_ref: Option<String>,
    /// Market segment; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    niche: Option<Option<String>>,
    /// Whether recipients must be on the allowlist.
    #[serde(default)]
    allowlist_mode: Option<AllowlistMode>,
    /// What recipients of drafts filed from now on see.
    #[serde(default)]
    sender: Option<String>,
    /// When recipients are left alone, like `20:00-08:00,sat,sun`; null takes quiet hours away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    quiet: Option<Option<String>>,
    /// Warm-up, which begins today; null ends it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<WarmUp>)]
    ramp: Option<Option<WarmUp>>,
    /// Whether a contact must have consented to the channel.
    #[serde(default)]
    consent_required: Option<bool>,
    /// Provider settings by key; null takes one away.
    #[serde(default)]
    #[schema(required = false)]
    config: BTreeMap<String, Option<String>>,
}

/// How a new sending identity is warmed up.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WarmUp {
    /// Cap of the first day.
    start: i32,
    /// By how much it grows a day.
    step: i32,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(source).map(Some)
}

/// An outbox that was added or switched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutboxNamed {
    /// The outbox.
    id: OutboxId,
}

/// How far a kill reaches.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Kill {
    /// Every outbox of this channel; of the company, if absent.
    #[serde(default)]
    channel: Option<ChannelName>,
    /// Why; people read it on the screen.
    reason: String,
}

/// Which kill is lifted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LiftKill {
    /// That of this channel; that of the company, if absent.
    #[serde(default)]
    channel: Option<ChannelName>,
}

/// What is killed now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Killed {
    /// Of this channel; null stands for the company.
    channel: Option<ChannelName>,
    /// Whether it is.
    killed: bool,
}

pub(super) async fn list(State(state): State<ApiState>, caller: Caller) -> Answer<Page<OutboxView>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Good(Page::whole(outbox::store::list(&mut conn, caller.company).await?)))
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<OutboxId>,
) -> Answer<OutboxDetail> {
    let mut conn = state.pool.acquire().await?;
    let found = store_show::show(&mut conn, caller.company, &id.to_string()).await?;
    Ok(Good(found.ok_or_else(|| Problem::unknown("outbox"))?))
}

pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<NewOutbox>,
) -> Answer<OutboxNamed> {
    let undo_window = body.undo_window.map(|secs| Duration::from_secs(secs.into()));
    let new = outbox::NewOutbox {
        secret: body.secret_ref.parse().map_err(|error| bad("secretRef", error))?,
        undo_window: undo_window.unwrap_or(body.channel.default_undo_window()),
        name: body.name,
        channel: body.channel,
        sender: body.sender,
        daily_cap: body.daily_cap,
        zone: body.zone,
        allowlist_enforced: body.allowlist_mode != Some(AllowlistMode::Open),
    };
    let id = outbox::add(&state.pool, &caller.actor, caller.company, &new).await?;
    Ok(Good(OutboxNamed { id }))
}

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<OutboxId>,
    Body(body): Body<ChangeOutbox>,
) -> Answer<Done> {
    let secret = body.secret_ref.map(|text| text.parse()).transpose();
    let quiet = body.quiet.map(|hours| hours.unwrap_or_default().parse()).transpose();
    let change = Change {
        daily_cap: body.daily_cap,
        zone: body.zone,
        undo_window: body.undo_window.map(|secs| Duration::from_secs(secs.into())),
        secret: secret.map_err(|error| bad("secretRef", error))?,
        niche: body.niche,
        allowlist_enforced: body.allowlist_mode.map(|mode| mode == AllowlistMode::Enforced),
        sender: body.sender,
        quiet: quiet.map_err(|error: outbox::limits::NotQuietHours| bad("quiet", error))?,
        ramp: body.ramp.map(|ramp| ramp.map(|ramp| (ramp.start, ramp.step))),
        consent_required: body.consent_required,
        config: body.config,
    };
    let (pool, lines) = (&state.pool, &state.lines);
    Ok(Good(outbox::change(pool, &caller.actor, caller.company, id, &change, lines).await?))
}

pub(super) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<OutboxId>,
    Body(body): Body<Reason>,
) -> Answer<OutboxNamed> {
    outbox::pause(&state.pool, &caller.actor, caller.company, id, &body.reason).await?;
    Ok(Good(OutboxNamed { id }))
}

pub(super) async fn resume(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<OutboxId>,
) -> Answer<OutboxNamed> {
    outbox::resume(&state.pool, &caller.actor, caller.company, id).await?;
    state.wake.notify_one();
    Ok(Good(OutboxNamed { id }))
}

pub(super) async fn kill(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<OutboxId>,
    Body(body): Body<Reason>,
) -> Answer<OutboxNamed> {
    outbox::kill(&state.pool, &caller.actor, caller.company, id, &body.reason).await?;
    Ok(Good(OutboxNamed { id }))
}

pub(super) async fn kill_all(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<Kill>,
) -> Answer<Killed> {
    outbox::kill_all(&state.pool, &caller.actor, caller.company, body.channel, &body.reason).await?;
    Ok(Good(Killed { channel: body.channel, killed: true }))
}

pub(super) async fn lift_all(
    State(state): State<ApiState>,
    caller: Caller,
    Body(body): Body<LiftKill>,
) -> Answer<Killed> {
    outbox::lift_all(&state.pool, &caller.actor, caller.company, body.channel).await?;
    state.wake.notify_one();
    Ok(Good(Killed { channel: body.channel, killed: false }))
}

fn bad(field: &str, why: impl std::fmt::Display) -> Problem {
    Problem::invalid(field, &why.to_string())
}
