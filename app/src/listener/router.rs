//! The routes of the listener, and a net below whoever answers.
use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;

use super::answer::{not_found, refusal};
use super::state::Shared;
use super::{guard, health, metrics, unsubscribe, webhooks};
use crate::api::{self, ApiState};

/// All routes. Webhooks and links in mails come from anywhere and prove themselves; the API and whether the process lives are for this
/// machine and the public host, the rest for this machine alone.
pub(crate) fn router(state: Shared) -> Router {
    let (pool, lines, key, wake) = (&state.pool, &state.lines, &state.key, &state.wake);
    let (rates, body_timeout) = (state.config.rates, state.config.body_timeout);
    let api = ApiState::new(pool.clone(), lines.clone(), key.clone(), Arc::clone(wake), rates, body_timeout);
    let own = Router::new().merge(health::router()).merge(api::router(api));
    let own = own.layer(from_fn_with_state(state.clone(), guard::check));
    let near = Router::new().merge(health::near()).merge(metrics::router()).layer(from_fn(guard::check_near));
    let all = Router::new()
        .merge(webhooks::router())
        .merge(unsubscribe::router())
        .merge(own)
        .merge(near)
        .fallback(async || not_found());
    within_net(all.with_state(state))
}

fn within_net(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(panicked))
}

/// What it panicked with stays in the log: it may quote anything.
fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request ended by a panic");
    refusal(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "this failed and is in the log; nothing else is known",
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn answered(request: Request) -> Response {
        let router =
            Router::new().route("/panics", get(async || -> &'static str { panic!("with a secret") }));
        within_net(router).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_says_nothing() {
        let response = answered(Request::get("/panics").body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"), "{body:?}");
    }
}
