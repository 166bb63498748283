//! Whether the process lives, and whether it can work.
use std::time::Duration;

use axum::Router;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use countersign_core::db::migrate;

use super::answer::{answer, refusal};
use super::state::Shared;

/// Who asks whether it is ready wants to know it now.
const PATIENCE: Duration = Duration::from_secs(2);

/// The route that says no more than that the process lives.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/healthz", get(alive))
}

/// The route that tells of the database, which everybody may not ask.
pub(super) fn near() -> Router<Shared> {
    Router::new().route("/readyz", get(ready))
}

async fn alive() -> Response {
    answer(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

async fn ready(Extract(state): Extract<Shared>) -> Response {
    let status =
        tokio::time::timeout(PATIENCE, migrate::status_without(&state.pool, &state.phases_off)).await;
    match status {
        // What a newer version added does not disturb this one.
        Ok(Ok(status)) if status.phases.iter().all(|phase| phase.is_off || phase.pending.is_empty()) => {
            answer(StatusCode::OK, "text/plain; charset=utf-8", "ready\n")
        }
        Ok(Ok(_)) => not_ready("the database lacks migrations of this version"),
        Ok(Err(_)) | Err(_) => not_ready("the database does not answer"),
    }
}

fn not_ready(sentence: &str) -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "not-ready", sentence)
}
