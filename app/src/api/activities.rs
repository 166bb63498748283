//! Single messages: in full, settled, tried again, looked up.
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::activity::fact::Told;
use countersign_core::activity::html::Reading;
use countersign_core::activity::store_read;
use countersign_core::activity::view::{ActivityDetail, ActivityRow, AttemptView, DecisionView, LookupView};
use countersign_core::approval::{self, ItemOutcome, ItemResult, Resolution};
use countersign_core::contact::look_alike::LookAlike;
use countersign_core::dispatch::evidence;
use countersign_core::gate::Verdict;
use countersign_core::ids::ActivityId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ApiState;
use super::answer::{Answer, Good, Problem, item};
use super::gate::Caller;
use super::input::{Body, Named};

/// One message in full, as commands print it, too.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activity {
    #[serde(flatten)]
    row: ActivityRow,
    /// What is said to whom, as it was frozen; null after erasure.
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    /// What goes on the wire, but for the credential; null while the channel has no adapter.
    #[schema(value_type = Option<Object>)]
    request: Option<Value>,
    /// What the HTML part of a mail says beside its text.
    html: Option<Reading>,
    /// Length of the bytes that are hashed.
    envelope_bytes: usize,
    /// What the gates say now, as advice.
    gates: Vec<Verdict>,
    /// Why the risk is what it is, the gravest reason first.
    risk_reasons: Vec<String>,
    /// Whether two people have to approve it.
    needs_two: bool,
    /// Recipients a reader may take for somebody else.
    look_alikes: Vec<LookAlike>,
    /// Decisions so far, oldest first.
    decisions: Vec<DecisionView>,
    /// Attempts so far, oldest first.
    attempt_log: Vec<AttemptView>,
    /// What the provider said when it was asked about them, oldest first.
    lookups: Vec<LookupView>,
    /// What became of it after it was sent, the furthest first.
    facts: Vec<Told>,
    /// Recipient's language.
    locale: Option<String>,
    /// Recipient's time zone.
    zone: Option<String>,
    /// Read at this time.
    as_of: Timestamp,
}

impl From<ActivityDetail> for Activity {
    fn from(detail: ActivityDetail) -> Self {
        let envelope = detail.envelope.as_ref();
        Self {
            payload: envelope.map(|envelope| json!(envelope.payload)),
            request: envelope.and_then(|envelope| envelope.request.as_ref()).map(|request| json!(request)),
            html: envelope.and_then(|envelope| Reading::of_parts(&envelope.payload.parts)),
            envelope_bytes: detail.raw.len(),
            row: detail.row,
            gates: detail.verdicts,
            risk_reasons: detail.risk_reasons,
            needs_two: detail.needs_two,
            look_alikes: detail.look_alikes,
            decisions: detail.decisions,
            attempt_log: detail.attempts,
            lookups: detail.lookups,
            facts: detail.facts,
            locale: detail.locale,
            zone: detail.zone,
            as_of: detail.as_of,
        }
    }
}

/// What a person found out about an uncertain message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Resolve {
    /// What happened.
    verdict: Resolution,
    /// How you know; recorded with your name.
    reason: String,
}

/// What the provider said about an uncertain message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Looked {
    /// The message.
    id: ActivityId,
    /// `sent`, `not_sent`, `absent`, `unclear` or `impossible`.
    finding: String,
    /// What shows it; foreign text.
    why: String,
    /// What became of the message.
    outcome: ItemOutcome,
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
) -> Answer<Activity> {
    let mut conn = state.pool.acquire().await?;
    let found = store_read::detail(&mut conn, caller.company, id, &state.lines).await?;
    Ok(Good(found.ok_or_else(|| Problem::unknown("message"))?.into()))
}

pub(super) async fn resolve(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
    Body(body): Body<Resolve>,
) -> Answer<ItemResult> {
    item(approval::resolve(&state.pool, &caller.actor, caller.company, id, body.verdict, &body.reason).await?)
}

pub(super) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
) -> Answer<ItemResult> {
    item(approval::retry(&state.pool, &caller.actor, caller.company, id).await?)
}

pub(super) async fn lookup(
    State(state): State<ApiState>,
    caller: Caller,
    Named(id): Named<ActivityId>,
) -> Answer<Looked> {
    let (pool, lines, key) = (&state.pool, &state.lines, &state.key);
    let looked = evidence::look(pool, lines, key, &caller.actor, caller.company, id).await?;
    match looked {
        Some(looked) => Ok(Good(Looked {
            id,
            finding: looked.finding.as_str().to_owned(),
            why: looked.finding.why().to_owned(),
            outcome: looked.outcome,
        })),
        None if store_read::detail(&mut *pool.acquire().await?, caller.company, id, lines)
            .await?
            .is_none() =>
        {
            Err(Problem::unknown("message"))
        }
        None => {
            Err(Problem::new(StatusCode::CONFLICT, "not-uncertain", "only what is uncertain is looked up"))
        }
    }
}
