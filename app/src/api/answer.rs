//! What routes answer: the thing itself, a page of things, or a problem in the one shape that every problem has.
use std::time::Duration;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_core::approval::{ItemOutcome, ItemResult};
use countersign_core::error::Error;
use countersign_core::safe_text::SafeText;
use serde::Serialize;
use utoipa::ToSchema;

/// A good answer, or the problem.
pub(super) type Answer<T> = Result<Good<T>, Problem>;

/// Something to read; nobody on the way keeps it.
pub(super) struct Good<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Good<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// At most as many as were asked for.
    pub(super) items: Vec<T>,
    /// Where the next page begins; null at the end.
    #[schema(required)]
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// All there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// One sentence for people.
    error: String,
    /// Stable, in kebab-case.
    code: &'static str,
    /// What to do about it, where something helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// How long to wait, where that helps.
    #[serde(skip)]
    wait: Option<Duration>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        let wait = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(5));
        Self { status, error: error.into(), code, fix: None, wait }
    }

    /// The same words, as another problem.
    pub(super) fn with(self, status: StatusCode, code: &'static str) -> Self {
        Self { status, code, ..self }
    }

    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    pub(super) fn wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// What was asked for cannot be read.
    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", error)
    }

    /// A value can be read and is not acceptable.
    pub(super) fn invalid(field: &str, reason: &str) -> Self {
        let field = SafeText::line(field).truncated(80);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{field}: {reason}"))
    }

    /// There is nothing of that name here.
    pub(super) fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what} in this company"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, wait) = (self.status, self.wait);
        let mut response = (status, Good(self)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"countersign\""));
        }
        if let Some(wait) = wait {
            // In whole seconds, so that whoever waits as long as it says is not too early.
            let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(secs.max(1)));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let words = || SafeText::line(&error.to_string()).truncated(1_000);
        match &error {
            // What the database said belongs in the log.
            Error::Contended { .. } => {
                tracing::warn!("a request could not be served: {error}");
                let words =
                    "others were at work on the same rows, nothing was changed; ask again in a moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "contended", words)
            }
            Error::Unavailable(_) => {
                tracing::warn!("a request could not be served: {error}");
                let words = "the database is not available, nothing was changed; ask again in a moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", words)
            }
            Error::AnotherServer(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "another-server", words()),
            Error::Forbidden { .. } => Self::new(StatusCode::FORBIDDEN, "forbidden", words()),
            Error::Refused(_) => Self::new(StatusCode::FORBIDDEN, "refused", words()),
            Error::Invalid { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", words()),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", words()),
            Error::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", words()),
            // What it says may quote rows and statements; that is for the log.
            Error::Database(_) | Error::Corrupt { .. } | Error::Secret(_) => {
                tracing::error!("a request failed: {error}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "this failed and is in the log")
            }
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

/// The answer about one item: what became of it, or the problem if nothing did.
pub(super) fn item(result: ItemResult) -> Answer<ItemResult> {
    let (conflict, gate) = (StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = match &result.outcome {
        outcome if outcome.is_done() => return Ok(Good(result)),
        ItemOutcome::Missing => Problem::unknown("item"),
        ItemOutcome::Changed { payload_sha256 } => Problem::new(
            conflict,
            "changed",
            "its bytes are others than the ones you saw; nothing was decided",
        )
        .fix(format!("read it again; its payloadSha256 is {payload_sha256} now")),
        ItemOutcome::Reopened { round } => Problem::new(
            conflict,
            "reopened",
            "it became a draft again since you saw it; nothing was decided",
        )
        .fix(format!("read it again; its round is {round} now")),
        ItemOutcome::Taken { status, by, at } => {
            let by = by.as_deref().map(|name| format!(", by {}", SafeText::line(name).truncated(100)));
            let at = at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
            let words = format!("it is {} already{}{at}", status.as_str(), by.unwrap_or_default());
            Problem::new(conflict, "taken", words)
        }
        ItemOutcome::NeedsConfirmation { reason } => {
            Problem::new(gate, "needs-confirmation", SafeText::line(reason).truncated(1_000))
                .fix("set confirmsLookAlike if this recipient is meant")
        }
        ItemOutcome::Refused { reason } => {
            Problem::new(gate, "refused", SafeText::line(reason).truncated(1_000))
        }
        _ => Problem::new(conflict, "conflict", "nothing was changed"),
    };
    Err(problem)
}
