//! The HTTP/1 server of the sandbox: connections in, answers out, broken where a fault says so.
use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::engine::board::Reporter;
use countersign_core::fault;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, http};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::answer::{Answer, AnswerBody};
use super::api::Provider;
use super::wire::{CutSwitch, Wire};

/// The largest request that is read; a rendered message has 1 MiB at most.
const REQUEST_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// A connection may idle for this long; longer than clients keep one, so that they rarely meet a closing connection.
const IDLE: Duration = Duration::from_secs(75);

/// Accepts connections until the sandbox stops. The listener outlives a panic in here, so the port stays the same.
pub(super) async fn serve(listener: Arc<TcpListener>, provider: Arc<Provider>, reporter: Reporter) {
    reporter.ok();
    loop {
        let accepted = tokio::select! {
            () = provider.stop().cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                fault::panic_point("sandbox_listener");
                reporter.ok();
                provider.tasks().spawn(connection(stream, Arc::clone(&provider)));
            }
            // Out of file handles, usually: connections must end before new ones can begin.
            Err(error) => {
                if reporter.waits(&error) {
                    tracing::warn!(%error, "the sandbox could not accept a connection");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, provider: Arc<Provider>) {
    // Without it small answers wait for acknowledgements; a failure only makes them slower.
    let _slower = stream.set_nodelay(true);
    let switch = CutSwitch::default();
    let service = {
        let (provider, switch) = (Arc::clone(&provider), switch.clone());
        service_fn(move |request| respond(request, Arc::clone(&provider), switch.clone()))
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(Wire::new(stream, switch)), service);
    // An error here is a caller that went away or a fault that did what it should.
    let _ended = provider.stop().run_until_cancelled(connection).await;
}

async fn respond(
    request: Request<Incoming>,
    provider: Arc<Provider>,
    switch: CutSwitch,
) -> Result<Response<AnswerBody>, io::Error> {
    let (head, body) = request.into_parts();
    let answer = match Limited::new(body, REQUEST_LIMIT_BYTES).collect().await {
        Ok(body) => provider.answer(head, body.to_bytes()).await.ok_or(io::ErrorKind::ConnectionAborted)?,
        Err(_) => Answer::new(413, "text/plain", "The request is too large"),
    };
    if let Some(cut) = answer.cut {
        switch.set(cut);
    }
    response(answer).map_err(io::Error::other)
}

fn response(answer: Answer) -> http::Result<Response<AnswerBody>> {
    let builder = Response::builder().status(answer.status);
    answer
        .headers
        .into_iter()
        .fold(builder, |builder, (name, value)| builder.header(name, value))
        .body(answer.body)
}
