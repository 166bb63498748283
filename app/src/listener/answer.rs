//! Answers that say why something was not done: `{"error": …, "code": …}`, in our own words alone.
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// How long to wait before it is tried again, where that helps.
const PATIENCE_SECS: &str = "5";

/// An answer with a body.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Why something was not done, in our own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) sentence: &'static str,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(self.status, self.code, self.sentence)
    }
}

/// A refusal. The code is stable and in kebab-case; the sentence holds nothing of what was asked.
pub(crate) fn refusal(status: StatusCode, code: &'static str, sentence: &str) -> Response {
    let body = serde_json::json!({ "error": sentence, "code": code }).to_string();
    let mut response = answer(status, "application/json", body);
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(PATIENCE_SECS));
    }
    response
}

/// The database does not answer; the same may work in a moment.
pub(crate) fn unavailable() -> Response {
    refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "the database is not available; ask again in a moment",
    )
}

/// There is nothing of that name.
pub(crate) fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "not-found", "there is nothing of that name here")
}
