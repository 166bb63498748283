//! Takes connections and serves them: HTTP/1, every wait bounded, and none of them able to keep the others waiting.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::engine::board::Reporter;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::answer::refusal;
use super::guard::Here;
use super::number::numbered;
use super::places::{Place, Places};
use super::router::router;
use super::state::Shared;
use super::wire::{Lengths, Stage, Wire};
use crate::api::Source;
use crate::config::Listening;

/// Lines in the head of a request.
const HEADERS_LIMIT: usize = 100;

/// Bytes of the head of a request, and what is read ahead of a body.
const BUFFER_BYTES: usize = 16 * 1024;

/// How long connections may take to end after it was told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long it waits before it tries again to take a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until told to stop, then lets those that are being answered end.
pub(super) async fn serve(
    listener: Arc<TcpListener>,
    state: Shared,
    places: Places,
    reporter: Reporter,
    stop: CancellationToken,
) {
    reporter.ok();
    let router = router(Arc::clone(&state));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                reporter.ok();
                let Some(place) = places.take(peer.ip()) else {
                    state.counts.turned_away.add(1);
                    continue;
                };
                state.counts.connections.add(1);
                let here = stream.local_addr().map_or(peer, |here| here);
                // Without it small answers wait for acknowledgements; a failure only makes them slower.
                let _slower = stream.set_nodelay(true);
                let serving = Serving {
                    here,
                    source: Source(peer.ip()),
                    router: router.clone(),
                    state: Arc::clone(&state),
                    place,
                };
                connections.spawn(connection(stream, serving, stop.clone()));
            }
            // Out of file handles, usually: connections must end before new ones can begin.
            Err(error) => {
                if reporter.waits(&error) {
                    tracing::warn!("the listener could not take a connection: {error}");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(FAREWELL, connections.wait()).await.is_err() {
        tracing::warn!("{} connections did not end in time", connections.len());
    }
}

/// What a connection is served with.
struct Serving {
    here: SocketAddr,
    source: Source,
    router: Router,
    state: Shared,
    place: Place,
}

async fn connection(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    serving: Serving,
    stop: CancellationToken,
) {
    let Serving { here, source, router, state, place } = serving;
    let Listening { header_timeout, idle_timeout, .. } = state.config;
    let stage = Stage::default();
    let wire = Wire::new(stream, stage.clone(), header_timeout);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let lengths = stage.begin_answer();
        request.extensions_mut().insert(Here(here.ip()));
        request.extensions_mut().insert(source);
        let (router, state, stage) = (router.clone(), Arc::clone(&state), stage.clone());
        async move {
            let response = numbered(request.map(Body::new), async |request| match lengths {
                Lengths::One => respond(router, &state, request).await,
                Lengths::Two => {
                    refusal(StatusCode::BAD_REQUEST, "two-lengths", "a body has one length; nothing was done")
                }
            });
            let response = response.await;
            stage.end_answer();
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_headers(HEADERS_LIMIT)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(wire), service)
    );
    // An error here is a caller that went away or was too slow.
    let _ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    drop(place);
}

async fn respond(router: Router, state: &Shared, request: Request<Body>) -> Response {
    state.counts.requests.add(1);
    match tokio::time::timeout(state.config.request_timeout, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-long-under-way",
            "this took too long; whether it was done can be looked up",
        ),
    }
}
