//! Deliveries of providers: found, read to the byte, proven, stored, and only then acknowledged.
//!
//! Nothing of what is not proven reaches a table or the log; it is counted.
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use countersign_core::clock;
use countersign_core::error::Error;
use countersign_core::ids::EndpointId;
use countersign_core::inbound::endpoint::Known;
use countersign_core::inbound::event::{Event, What};
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook};
use countersign_core::inbound::{EVENTS_LIMIT, Origin, Received, receive};
use sha2::{Digest as _, Sha256};

use super::answer::{Refused, answer, not_found, refusal, unavailable};
use super::body;
use super::counts::Verdict;
use super::endpoints::Found;
use super::state::Shared;

/// The routes of webhooks.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/webhooks/{provider}/{endpoint}", get(welcome).post(deliver))
}

/// What stands in the way of a delivery.
type Stopped = (Verdict, Response);

async fn deliver(
    Extract(state): Extract<Shared>,
    Path(path): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    let Some((provider, id)) = named(&path) else { return not_found() };
    let (verdict, response) = match accept(&state, provider, id, request).await {
        Ok(Received { stored: 0, .. }) => (Verdict::Repeated, accepted(provider)),
        Ok(_) => (Verdict::Accepted, accepted(provider)),
        Err(stopped) => stopped,
    };
    state.counts.delivery(provider, verdict);
    response
}

/// Answers what a provider asks before it sends anything.
async fn welcome(Extract(state): Extract<Shared>, Path(path): Path<(String, String)>, uri: Uri) -> Response {
    let Some((provider, id)) = named(&path) else { return not_found() };
    let query = uri.query().unwrap_or_default();
    let answered = match endpoint(&state, provider, id).await {
        Ok((_, found)) if !state.endpoints.may_shake_hands(found.known.id) => {
            let sentence = "this was asked too often; ask again in a minute";
            Err((Verdict::Refused, refusal(StatusCode::TOO_MANY_REQUESTS, "too-often", sentence)))
        }
        Ok((hook, found)) => {
            let proven = prove(&state, found, |known| hook.welcome(query, &trust(known))).await;
            proven.inspect_err(|(verdict, _)| {
                if *verdict == Verdict::Refused {
                    state.endpoints.shook_wrong(id);
                }
            })
        }
        Err(stopped) => Err(stopped),
    };
    match answered {
        Ok((welcome, _)) => answer(StatusCode::OK, welcome.content_type, welcome.body),
        Err((verdict, response)) => {
            state.counts.delivery(provider, verdict);
            response
        }
    }
}

async fn accept(
    state: &Shared,
    provider: Provider,
    id: EndpointId,
    request: Request<Body>,
) -> Result<Received, Stopped> {
    let (head, body) = request.into_parts();
    body::check(&head.headers).map_err(unfit)?;
    // Before the body is read: whoever knows no endpoint sends none.
    let (hook, found) = endpoint(state, provider, id).await?;
    let body = body::read(state, &head.headers, body).await.map_err(unfit)?;
    let headers = lines(&head.headers);
    let delivery = Delivery { query: head.uri.query().unwrap_or_default(), headers: &headers, body: &body };
    let ((), known) = prove(state, found, |known| hook.verify(&delivery, &trust(known))).await?;
    let events = hook.read(&delivery);
    let origin = Origin { company: known.company, provider, endpoint: Some(id) };
    store(state, origin, &events, &body).await.map_err(|error| {
        tracing::warn!(endpoint = %id, "a delivery could not be stored: {error}");
        (Verdict::Deferred, unavailable())
    })
}

/// The endpoint that is meant, with the way its deliveries are proven.
async fn endpoint(
    state: &Shared,
    provider: Provider,
    id: EndpointId,
) -> Result<(&'static dyn Webhook, Found), Stopped> {
    let unknown = || (Verdict::Unknown, not_found());
    let hooks = state.hooks.ok_or_else(unknown)?;
    let found = state.endpoints.find(state, id).await.map_err(|error| {
        tracing::warn!("an endpoint cannot be looked up: {error}");
        (Verdict::Deferred, unavailable())
    })?;
    let found = found.filter(|found| found.known.provider == provider).ok_or_else(unknown)?;
    Ok((hooks(provider), found))
}

/// Holds something against what is known of an endpoint. What fails against what was known a moment ago is held against what is known
/// now: a new secret counts at once.
async fn prove<T>(
    state: &Shared,
    found: Found,
    check: impl Fn(&Known) -> Result<T, Refusal> + Send,
) -> Result<(T, std::sync::Arc<Known>), Stopped> {
    let Found { mut known, is_new } = found;
    let mut checked = check(&known);
    if checked.is_err() && !is_new {
        match state.endpoints.read(state, known.id).await {
            Ok(Some(now)) => known = now,
            Ok(None) => return Err((Verdict::Unknown, not_found())),
            Err(_) => return Err((Verdict::Deferred, unavailable())),
        }
        checked = check(&known);
    }
    match checked {
        Ok(value) => Ok((value, known)),
        Err(why) => {
            let is_shut = matches!(why, Refusal::NoSecret | Refusal::NoAddress(_));
            state.endpoints.refused(known.id, why.to_string());
            Err(if is_shut { (Verdict::Shut, shut()) } else { (Verdict::Refused, refused()) })
        }
    }
}

/// Stores what was read. What the database cannot hold as it was read is kept as something that cannot be read, with its bytes.
async fn store(
    state: &Shared,
    origin: Origin,
    events: &[Event],
    body: &axum::body::Bytes,
) -> Result<Received, Error> {
    let _place = state.storing.acquire().await;
    let mut sum = Received::default();
    for events in events.chunks(EVENTS_LIMIT) {
        let received = match receive(&state.pool, origin, events).await {
            Err(error @ (Error::Database(_) | Error::Corrupt { .. })) => {
                tracing::warn!(provider = %origin.provider, "events are kept unread: {error}");
                let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
                let why = "the database cannot hold what was read from it".to_owned();
                let what = What::Unreadable { why };
                let event = Event::new(&format!("unreadable:{hash}"), None, Vec::new(), what, body.clone());
                receive(&state.pool, origin, &[event]).await
            }
            other => other,
        }?;
        sum.stored += received.stored;
        sum.known += received.known;
    }
    state.counts.stored.add(sum.stored);
    state.counts.known.add(sum.known);
    if sum.stored > 0 {
        state.inbound.notify_one();
    }
    Ok(sum)
}

fn trust(known: &Known) -> Trust<'_> {
    Trust {
        secrets: &known.secrets,
        public_url: known.public_url.as_deref(),
        verify_sha256: known.verify_sha256,
        now: clock::now(),
    }
}

fn named((provider, id): &(String, String)) -> Option<(Provider, EndpointId)> {
    Some((Provider::parse(provider)?, id.parse().ok()?))
}

fn lines(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// It is on file. Twilio takes a body for instructions, and wants to be told that there are none.
fn accepted(provider: Provider) -> Response {
    match provider {
        Provider::Twilio => answer(StatusCode::OK, "text/xml", "<Response/>"),
        _ => answer(StatusCode::OK, "text/plain; charset=utf-8", "stored\n"),
    }
}

fn refused() -> Response {
    refusal(
        StatusCode::UNAUTHORIZED,
        "not-proven",
        "this is not proven to come from the provider; nothing of it is kept",
    )
}

fn shut() -> Response {
    let sentence = "this endpoint lacks what deliveries are proven with; its owner can say what in `countersign webhooks list`";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "shut", sentence)
}

fn unfit(refused: Refused) -> Stopped {
    (Verdict::Unfit, refused.into_response())
}
