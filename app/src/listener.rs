//! The HTTP side of the engine: what providers tell, whether the process works, and the company API.
//!
//! It listens on loopback unless told otherwise, and it has an accept loop of its own: every wait is bounded (`accept`, `wire`, `places`).
//! A port that another process has is waited for; meanwhile this process works without a listener and says so. `serve`, which nobody
//! watches, waits only for one that works on the same database.
mod accept;
mod answer;
mod body;
mod counts;
mod endpoints;
mod guard;
mod health;
mod metrics;
mod number;
mod places;
mod router;
mod state;
#[cfg(test)]
mod tests;
mod unsubscribe;
mod webhooks;
mod wire;

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::engine::board::{Health, Reporter};
use countersign_core::engine::{Process, keep, store};
use countersign_core::error::Error;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::places::Places;
pub(crate) use self::state::{Parts, Shared, State};
use crate::exit::Fault;

/// The listener's task on the board.
pub(crate) const LISTENER: &str = "listener";

/// How often a port that another process has is tried.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// How long a process of this database has to say that it listens.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Whether this process listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is not asked to.
    #[default]
    Off,
    /// It does, there.
    At(SocketAddr),
    /// It would, but another process has the port.
    Taken(SocketAddr),
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("no listener"),
            Self::At(place) if place.ip().is_loopback() => write!(f, "listener on {place}"),
            Self::At(place) => write!(f, "listener on {place}, which other machines can reach"),
            Self::Taken(place) => {
                write!(f, "no listener (another process has {place}; this one takes over when that ends)")
            }
        }
    }
}

/// A place to listen at that was tried once.
pub(crate) struct Place {
    /// What came of it.
    pub(crate) standing: Standing,
    listener: Option<TcpListener>,
}

/// Takes the port, unless another process has it.
///
/// # Errors
/// A sentence, where no such place can be listened at.
pub(crate) async fn take(place: SocketAddr) -> Result<Place, Fault> {
    match TcpListener::bind(place).await {
        Ok(listener) => {
            let place = listener.local_addr().unwrap_or(place);
            Ok(Place { standing: Standing::At(place), listener: Some(listener) })
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Ok(Place { standing: Standing::Taken(place), listener: None })
        }
        Err(error) => Err(Fault::usage(format!(
            "listener.listen: nobody can listen at {place} on this machine: {error}"
        ))),
    }
}

/// Refuses a port that nobody has who works on this database from this machine: to wait for somebody else's may be to wait for ever.
///
/// # Errors
/// A sentence, or a database fault.
pub(crate) async fn refuse_foreign(pool: &PgPool, standing: Standing, host: &str) -> Result<(), Fault> {
    let Standing::Taken(place) = standing else { return Ok(()) };
    let listens = |process: &Process| {
        let mut parts = process.parts.iter();
        let listens = parts.any(|part| part.name == LISTENER && part.health == Health::Ok);
        listens && process.is_fresh && process.host == host
    };
    let is_ours = async {
        // Who started a moment ago says so a moment later.
        loop {
            if store::list(&mut *pool.acquire().await?).await?.iter().any(listens) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(PATIENCE, is_ours).await {
        Ok(result) => result.map_err(|error: Error| error.into()),
        Err(_) => Err(Fault::usage(format!(
            "listener.listen: {place} belongs to another program, or to a countersign of another database; end that, or listen elsewhere \
             (--listen ADDRESS)"
        ))),
    }
}

/// Listens until told to stop. A port that another process has is tried again and again, and it is said when it was taken over.
pub(crate) async fn run(
    place: Place,
    state: Shared,
    say: impl Fn(Standing) + Send + Sync + 'static,
    stop: CancellationToken,
) {
    let reporter = state.board.task(LISTENER);
    let writing = tokio::spawn(write_refusals(Arc::clone(&state), stop.clone()));
    let listener = match (place.listener, place.standing) {
        (Some(listener), _) => Some(listener),
        (None, Standing::Taken(place)) => wait_for(place, &reporter, &say, &stop).await,
        (None, _) => None,
    };
    if let Some(listener) = listener {
        let (listener, places) = (Arc::new(listener), Places::default());
        let start = || {
            let (listener, state, places) = (Arc::clone(&listener), Arc::clone(&state), places.clone());
            accept::serve(listener, state, places, reporter.clone(), stop.clone())
        };
        keep(&reporter, &stop, start).await;
    }
    reporter.off();
    if let Err(error) = writing.await {
        tracing::error!("counting refused deliveries ended: {error}");
    }
}

/// Waits until a port is free, and takes it.
async fn wait_for(
    place: SocketAddr,
    reporter: &Reporter,
    say: &impl Fn(Standing),
    stop: &CancellationToken,
) -> Option<TcpListener> {
    let words = format!("another process has {place}");
    reporter.waits(&words);
    tracing::warn!("{words}; it is tried again");
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(TRY_EVERY) => {}
        }
        match TcpListener::bind(place).await {
            Ok(listener) => {
                tracing::info!("listening on {place} from now on");
                say(Standing::At(place));
                return Some(listener);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                reporter.waits(&words);
            }
            Err(error) => {
                reporter.waits(&error);
            }
        }
    }
}

/// Writes down every few seconds, and at the end, who was refused.
async fn write_refusals(state: Shared, stop: CancellationToken) {
    loop {
        let is_last = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(endpoints::WRITTEN_EVERY) => false,
        };
        if let Err(error) = state.endpoints.write(&state).await {
            tracing::warn!("refused deliveries cannot be counted now: {error}");
        }
        if is_last {
            return;
        }
    }
}
