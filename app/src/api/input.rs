//! What requests say: a body in JSON, values behind a question mark, the name at the end of a path. Each is refused in our own words.
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use countersign_core::account::view::Narrow;
use countersign_core::draft::check;
use countersign_core::safe_text::SafeText;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::answer::Problem;
use super::{ApiState, values};
use crate::pages;

/// A body in JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        check_kind(request.headers())?;
        let reading = tokio::time::timeout(state.body_timeout, Bytes::from_request(request, state));
        let bytes = reading.await.map_err(|_| slow())?.map_err(|rejection| unread(&rejection))?;
        read(&bytes).map(Self)
    }
}

/// Only what says that it is JSON is read: no form on a page of somebody else can send that.
fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |code, words: &str| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, words));
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return unsupported("not-json", "send a body in JSON, with content-type: application/json");
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            unsupported("encoded", "only bodies without an encoding are read")
        }
        _ => Ok(()),
    }
}

fn unread(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "a body has at most 1 MiB");
    }
    Problem::malformed("the body ended before it was whole; nothing was done")
}

fn slow() -> Problem {
    let words = "the body did not arrive in time; nothing was done";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", words)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    match values::count(bytes) {
        Ok(count) if count <= values::LIMIT => {}
        Ok(_) => {
            let words = format!("a body has at most {} values", values::LIMIT);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-values", words));
        }
        Err(error) => {
            let words = SafeText::line(&error.to_string()).truncated(200);
            return Err(Problem::malformed(format!("the body is not JSON: {words}")));
        }
    }
    check::read_line(bytes, "an object").map_err(|error| Problem::invalid(&error.field, &error.reason))
}

/// Values behind a question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Nothing here holds one, and the database takes none.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::malformed("what is asked holds a character of value zero"));
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::malformed(SafeText::line(&rejection.body_text()).truncated(300))),
        }
    }
}

/// What the path ends on, or is about: an id or a text.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = RawPathParams::from_request_parts(parts, state).await.ok();
        let text = named.as_ref().and_then(|all| all.iter().last()).map(|(_, text)| text);
        if text.is_some_and(|text| text.contains('\0')) {
            return Err(Problem::malformed("the path holds a character of value zero"));
        }
        // What is no id is the id of nothing.
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(|| Problem::unknown("item"))
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Most items of the page.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false)]
    pub(super) limit: u16,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

/// Which accounts or contacts of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct People {
    /// Only this account, by its exact name.
    #[serde(default)]
    pub(super) account: Option<String>,
    /// Only accounts of this tier.
    #[serde(default)]
    pub(super) tier: Option<i16>,
    /// Only this country, ISO 3166-1 alpha-2; a contact without one is where its account is.
    #[serde(default)]
    pub(super) country: Option<String>,
    /// Only names that hold this text.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// Most items of the page.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 50, required = false)]
    pub(super) limit: u16,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

impl From<People> for Narrow {
    fn from(asked: People) -> Self {
        Self {
            account: asked.account,
            tier: asked.tier,
            country: asked.country.map(|code| code.to_ascii_uppercase()),
            text: asked.text.filter(|text| !text.is_empty()),
        }
    }
}

/// Items of a page where nothing else is asked for.
pub(super) fn usual() -> u16 {
    pages::USUAL
}

/// Checks how many items a page may have.
pub(super) fn page_size(limit: u16) -> Result<u16, Problem> {
    match limit {
        1..=pages::LIMIT => Ok(limit),
        _ => Err(Problem::malformed(format!("limit: use 1 to {}", pages::LIMIT))),
    }
}

/// A cursor of another list, or none at all.
pub(super) fn bad_cursor() -> Problem {
    Problem::malformed("cursor: not a cursor of this list; use `next` of the page before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[rstest::rstest]
    #[case(&[("content-type", "application/json")], true)]
    #[case(&[("content-type", "Application/JSON; charset=utf-8"), ("content-encoding", "identity")], true)]
    #[case(&[], false)]
    #[case(&[("content-type", "text/plain")], false)]
    #[case(&[("content-type", "application/json+x")], false)]
    #[case(&[("content-type", "application/json"), ("content-encoding", "gzip")], false)]
    fn only_plain_json_is_read(#[case] lines: &[(&str, &str)], #[case] is_read: bool) {
        assert_eq!(check_kind(&headers(lines)).is_ok(), is_read);
    }
}
