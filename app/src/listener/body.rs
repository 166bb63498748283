//! Reads the body of a request: bounded before and while it is read, and in time.
//!
//! Bodies of usual size are read at once. Larger ones wait for one of a few buffers, which are used again and again: many of them
//! together stay within a few MiB, and leave no holes behind.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::body::Bytes;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Refused;
use super::state::State;

/// The longest body that is read.
pub(crate) const LIMIT_BYTES: usize = 1024 * 1024;

/// The longest body that is only passed over.
const SHORT_BYTES: u64 = 4 * 1024;

/// Up to here a body counts as one of usual size.
const SMALL_BYTES: usize = 64 * 1024;

/// Bodies above that which are in memory at the same time.
const BUFFERS: usize = 3;

/// The buffers of larger bodies.
#[derive(Debug)]
pub(super) struct Buffers {
    free: Arc<Semaphore>,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(BUFFERS)), kept: Mutex::default() }
    }
}

impl Buffers {
    /// Waits for one, for as long as the caller does.
    async fn take(self: &Arc<Self>) -> Large {
        let place = Arc::clone(&self.free).acquire_owned().await.ok();
        let kept = self.lock().pop();
        let bytes = kept.unwrap_or_else(|| Vec::with_capacity(LIMIT_BYTES));
        Large { bytes, buffers: Arc::clone(self), _place: place }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A larger body. Its buffer goes back when nobody looks at it any more.
struct Large {
    bytes: Vec<u8>,
    buffers: Arc<Buffers>,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.bytes.clear();
        self.buffers.lock().push(std::mem::take(&mut self.bytes));
    }
}

/// Reads a whole body, or says what is wrong with it. What is encoded is refused: nobody unpacks anything here.
pub(crate) async fn read(state: &State, headers: &HeaderMap, body: Body) -> Result<Bytes, Refused> {
    check(headers)?;
    match tokio::time::timeout(state.config.body_timeout, gather(state, body)).await {
        Ok(read) => read,
        Err(_) => Err(slow()),
    }
}

/// Reads a short body to its end and keeps nothing of it, so that it waits for no buffer.
pub(super) async fn pass_over(state: &State, headers: &HeaderMap, mut body: Body) -> Result<(), Refused> {
    check(headers)?;
    let passing = async {
        let mut left = SHORT_BYTES;
        let mut is_short = body.size_hint().lower() <= SHORT_BYTES;
        while is_short {
            let Some(frame) = body.frame().await else { return Ok(()) };
            let piece = frame.map_err(|_| broken())?.into_data().unwrap_or_default();
            let length = piece.len().try_into().unwrap_or(u64::MAX);
            is_short = length <= left;
            left = left.saturating_sub(length);
        }
        let sentence = "a body has at most 4 KiB here";
        Err(Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "too-long", sentence })
    };
    tokio::time::timeout(state.config.body_timeout, passing).await.unwrap_or_else(|_| Err(slow()))
}

/// Refuses what need not be read to be refused.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refused> {
    let is_plain = |value: &[u8]| value.eq_ignore_ascii_case(b"identity") || value.is_empty();
    if !headers.get_all(CONTENT_ENCODING).iter().all(|value| is_plain(value.as_bytes())) {
        let sentence = "only bodies without an encoding are read";
        return Err(Refused { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, code: "encoded", sentence });
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let limit = u64::try_from(LIMIT_BYTES).unwrap_or(u64::MAX);
    if declared.is_some_and(|declared| declared > limit) { Err(too_long()) } else { Ok(()) }
}

async fn gather(state: &State, mut body: Body) -> Result<Bytes, Refused> {
    // Of unknown length, it gets room once: one that grows leaves room of every size behind.
    let expected =
        body.size_hint().exact().map_or(SMALL_BYTES, |exact| exact.try_into().unwrap_or(LIMIT_BYTES));
    let mut small = Vec::new();
    let mut large = None;
    if expected > SMALL_BYTES {
        large = Some(state.buffers.take().await);
    } else {
        small.reserve_exact(expected);
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        let Ok(piece) = frame.into_data() else { continue };
        let gathered = large.as_ref().map_or(small.len(), |large| large.bytes.len());
        let length = gathered.saturating_add(piece.len());
        if length > LIMIT_BYTES {
            return Err(too_long());
        }
        if large.is_none() && length > SMALL_BYTES {
            let mut taken = state.buffers.take().await;
            taken.bytes.append(&mut small);
            large = Some(taken);
        }
        large.as_mut().map_or(&mut small, |large| &mut large.bytes).extend_from_slice(&piece);
    }
    Ok(large.map_or_else(|| small.into(), Bytes::from_owner))
}

fn slow() -> Refused {
    let sentence = "the body did not arrive in time; nothing was done";
    Refused { status: StatusCode::REQUEST_TIMEOUT, code: "too-slow", sentence }
}

fn broken() -> Refused {
    let sentence = "the body ended before it was whole; nothing was done";
    Refused { status: StatusCode::BAD_REQUEST, code: "broken-body", sentence }
}

fn too_long() -> Refused {
    Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "too-long", sentence: "a body has at most 1 MiB" }
}
