//! Few at a time: longer bodies are in memory from the first byte to the answer, and whoever files a draft waits for the other filings of
//! its company with a connection in hand. Decisions and stops are short and never wait here.
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::Problem;
use super::matrix::Route;

/// Longer bodies in memory at the same time.
const BODIES: usize = 4;

/// Up to here a body is short: as many as there are connections are little.
pub(super) const SHORT_BYTES: u64 = 4 * 1024;

/// Filings at the same time; the other connections to the database are for everybody else.
const FILINGS: usize = 2;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose turn it is.
pub(super) struct Turns {
    bodies: Semaphore,
    filings: Semaphore,
}

/// The turn of a request, until it is answered.
pub(super) struct Turn<'a> {
    _filing: Option<SemaphorePermit<'a>>,
    _body: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { bodies: Semaphore::new(BODIES), filings: Semaphore::new(FILINGS) }
    }
}

impl Turns {
    /// Waits for the turn of a request whose body has this length, if that is known.
    pub(super) async fn take(&self, route: &Route, length: Option<u64>) -> Result<Turn<'_>, Problem> {
        let is_long = route.takes.is_some() && length.is_none_or(|length| length > SHORT_BYTES);
        let taking = async {
            // First of all: who waits for another filing keeps no body waiting.
            let filing = take_if(route.files, &self.filings).await;
            Turn { _filing: filing, _body: take_if(is_long, &self.bodies).await }
        };
        tokio::time::timeout(PATIENCE, taking).await.map_err(|_| {
            let words = "too much is under way at once; nothing was done, ask again in a moment";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words)
        })
    }
}

async fn take_if(is_needed: bool, places: &Semaphore) -> Option<SemaphorePermit<'_>> {
    // It is never closed.
    if is_needed { places.acquire().await.ok() } else { None }
}
