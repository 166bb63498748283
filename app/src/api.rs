//! The company API: what operators and agents do over HTTP. Every route is a few lines around a use case of `countersign-core`.
//!
//! `matrix` is the one table of routes and of who may use them; `gate` lets in by it, `openapi` describes it. Where this is served, how long
//! a request may take and which hosts are answered is up to whoever mounts the router.
mod accounts;
mod activities;
mod allowlist;
mod answer;
mod approvals;
mod contacts;
mod drafts;
mod gate;
mod import;
mod input;
mod limit;
mod matrix;
mod openapi;
mod outboxes;
mod queue;
mod suppressions;
#[cfg(test)]
mod tests;
mod turns;
mod values;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use countersign_core::channel::Lines;
use countersign_core::secret::MasterKey;
use sqlx::PgPool;
use tokio::sync::Notify;

pub(crate) use self::activities::Activity;
use self::answer::Problem;
use self::limit::Limits;
pub(crate) use self::limit::{Pace, Rates};
use self::turns::Turns;

/// The longest body that is read.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Where every route of a company begins.
const ROOT: &str = "/api/companies/{company}/crm";

/// Where a request came from, if whoever serves it says so: wrong tokens are counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(pub(crate) IpAddr);

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct ApiState {
    pool: PgPool,
    lines: Lines,
    key: MasterKey,
    /// Wakes the dispatcher of this process.
    wake: Arc<Notify>,
    limits: Arc<Limits>,
    turns: Arc<Turns>,
    /// How long a body may take.
    body_timeout: Duration,
}

impl ApiState {
    /// A state in which nobody has asked for anything.
    pub(crate) fn new(
        pool: PgPool,
        lines: Lines,
        key: MasterKey,
        wake: Arc<Notify>,
        rates: Rates,
        body_timeout: Duration,
    ) -> Self {
        let (limits, turns) = (Arc::new(Limits::new(rates)), Arc::default());
        Self { pool, lines, key, wake, limits, turns, body_timeout }
    }
}

/// All routes, to be merged into a router with a state of its own.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(state: ApiState) -> Router<S> {
    let mut router = Router::new();
    for route in matrix::MATRIX {
        let door = gate::Door { state: state.clone(), route };
        let serve = (route.serve)(route.method.filter()).route_layer(from_fn_with_state(door, gate::admit));
        router = router.route(&format!("{ROOT}{}", route.path), serve);
    }
    router
        .route(openapi::PATH, get(openapi::show))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "this is not done with that method")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(state)
}
