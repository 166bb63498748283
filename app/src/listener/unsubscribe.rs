//! Links by which mails can be unsubscribed from: a page for people, and a post that does it (RFC 8058).
//!
//! Whoever has the link may use it: mail programs send neither cookies nor an origin. A look changes nothing, since scanners of mail
//! follow every link. Answers name nobody and hold no foreign text.
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use countersign_core::error::Error;
use countersign_core::inbound::{self, Followed};

use super::answer::{answer, unavailable};
use super::body;
use super::state::Shared;

const QUESTION: &str = "<form method=\"post\"><p>Do you want to receive no more mail from this sender?</p>\
<button name=\"List-Unsubscribe\" value=\"One-Click\">Unsubscribe</button></form>";

const DONE: &str = "<p>You are unsubscribed and will receive no more mail from this sender.</p>";

const UNKNOWN: &str = "<p>This link is not known here. It may have been cut off: copy the whole of it.</p>";

/// The routes of links.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/u/{token}", get(ask).post(unsubscribe))
}

async fn ask(Extract(state): Extract<Shared>, Path(token): Path<String>) -> Response {
    respond(inbound::is_link(&state.pool, &token).await, QUESTION)
}

async fn unsubscribe(
    Extract(state): Extract<Shared>,
    Path(token): Path<String>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    // It says nothing that the link does not say; a sender that is cut off in the middle would try again.
    if let Err(refused) = body::pass_over(&state, &head.headers, body).await {
        return refused.into_response();
    }
    let done = inbound::unsubscribe(&state.pool, &token).await;
    respond(done.map(|followed| followed != Followed::Unknown), DONE)
}

fn respond(found: Result<bool, Error>, words: &str) -> Response {
    match found {
        Ok(true) => page(StatusCode::OK, words),
        Ok(false) => page(StatusCode::NOT_FOUND, UNKNOWN),
        Err(error) => {
            tracing::warn!("a link to unsubscribe by could not be followed: {error}");
            unavailable()
        }
    }
}

fn page(status: StatusCode, words: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
        <meta name=\"robots\" content=\"noindex\"><title>Unsubscribe</title><h1>Unsubscribe</h1>{words}</html>\n"
    );
    let mut response = answer(status, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    let policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address of the page is the credential.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
