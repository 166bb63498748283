//! Reads the body of a request: bounded before and while it is read, and in time.
//!
//! Bodies of usual size are read at once. Larger ones wait for one of a few places, so that many of them together stay within a few MiB.
use axum::body::Body;
use axum::body::Bytes;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::answer::refusal;
use super::state::State;

/// The longest body that is read.
pub(crate) const LIMIT_BYTES: usize = 1024 * 1024;

/// Up to here a body counts as one of usual size.
pub(super) const SMALL_BYTES: usize = 64 * 1024;

/// Reads a whole body, or says what is wrong with it. What is encoded is refused: nobody unpacks anything here.
pub(crate) async fn read(state: &State, headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
    check(headers)?;
    match tokio::time::timeout(state.config.body_timeout, gather(state, body)).await {
        Ok(read) => read,
        Err(_) => Err(refusal(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "the body did not arrive in time; nothing was done",
        )),
    }
}

/// Refuses what need not be read to be refused.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Response> {
    let is_plain = |value: &[u8]| value.eq_ignore_ascii_case(b"identity") || value.is_empty();
    if !headers.get_all(CONTENT_ENCODING).iter().all(|value| is_plain(value.as_bytes())) {
        let sentence = "only bodies without an encoding are read";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded", sentence));
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let limit = u64::try_from(LIMIT_BYTES).unwrap_or(u64::MAX);
    if declared.is_some_and(|declared| declared > limit) { Err(too_long()) } else { Ok(()) }
}

async fn gather(state: &State, mut body: Body) -> Result<Bytes, Response> {
    let mut gathered = Vec::new();
    let mut place = None;
    let expected = body.size_hint().exact().and_then(|exact| usize::try_from(exact).ok()).unwrap_or(0);
    let mut limit = SMALL_BYTES;
    if expected > SMALL_BYTES {
        place = state.large.acquire().await.ok();
        limit = LIMIT_BYTES;
    }
    gathered.reserve_exact(expected.min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            refusal(
                StatusCode::BAD_REQUEST,
                "broken-body",
                "the body ended before it was whole; nothing was done",
            )
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        let length = gathered.len().saturating_add(piece.len());
        if length > LIMIT_BYTES {
            return Err(too_long());
        }
        if length > limit {
            place = state.large.acquire().await.ok();
            limit = LIMIT_BYTES;
        }
        gathered.extend_from_slice(&piece);
    }
    drop(place);
    Ok(gathered.into())
}

fn too_long() -> Response {
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "a body has at most 1 MiB")
}
