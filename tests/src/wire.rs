//! Transports for tests: one that answers by a function, one that can be held.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use countersign_core::channel::{BoxFuture, Broken, Call, Response, Transport};
use tokio::sync::watch;

/// Answers every call with what a function says, after counting it.
pub struct Scripted<F> {
    calls: Arc<AtomicUsize>,
    answer: F,
}

impl<F> Scripted<F>
where
    F: Fn(usize, &Call) -> Result<Response, Broken> + Send + Sync,
{
    /// The function gets the number of the call, from 1, and the call.
    pub fn new(answer: F) -> Self {
        Self { calls: Arc::default(), answer }
    }

    /// The number of calls so far; can be kept when the transport is given away.
    #[must_use]
    pub fn calls(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.calls)
    }
}

impl<F> Transport for Scripted<F>
where
    F: Fn(usize, &Call) -> Result<Response, Broken> + Send + Sync,
{
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { (self.answer)(number, &call) })
    }
}

/// An answer of the provider.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    Response {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// An acceptance under an id.
#[must_use]
pub fn accepted(id: &str) -> Response {
    response(200, &[], &serde_json::json!({ "id": id }).to_string())
}

/// Whether calls of a [`Held`] transport may go on.
#[derive(Clone)]
pub struct Valve {
    open: watch::Sender<bool>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Valve {
    fn default() -> Self {
        Self { open: watch::Sender::new(false), waiting: Arc::default() }
    }
}

impl Valve {
    /// Lets every call through, the waiting ones too.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many calls have arrived at the valve.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// A transport that holds every call here before it passes it on.
    pub fn before<T: Transport>(&self, inner: T) -> Held<T> {
        Held { valve: self.clone(), inner, after: false }
    }

    /// A transport that passes every call on and holds its answer here.
    pub fn behind<T: Transport>(&self, inner: T) -> Held<T> {
        Held { valve: self.clone(), inner, after: true }
    }

    async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.subscribe();
        // An error would mean that the valve is gone, and with it the test.
        let _gone = open.wait_for(|open| *open).await;
    }
}

/// A transport with a [`Valve`] in front of it or behind it.
pub struct Held<T> {
    valve: Valve,
    inner: T,
    after: bool,
}

impl<T: Transport> Transport for Held<T> {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(async move {
            if !self.after {
                self.valve.pass().await;
            }
            let answer = self.inner.exchange(call).await;
            if self.after {
                self.valve.pass().await;
            }
            answer
        })
    }
}
