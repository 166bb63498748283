//! Does a transaction over when PostgreSQL broke it off for the sake of another one.
//!
//! A deadlock, a lock that was not to be had in time, and a conflict of what two transactions read and wrote have one thing in common:
//! nothing of the transaction stayed, and the same work may succeed in a moment. What may have been committed, or was refused for
//! itself, is never done over; and whatever leaves this machine has no place in such work.
use std::time::Duration;

use crate::clock;
use crate::dispatch::backoff;
use crate::error::Error;

/// Times the work is done at most.
const TRIES: i16 = 5;

/// No try begins later than this after the first one, so that a person hears within the time a console waits for a decision.
const PATIENCE: Duration = Duration::from_secs(6);

/// The part of a dispatcher's pause that is taken here: a person waits for the end of it, and a transaction is over in milliseconds.
const HASTE: u32 = 20;

/// Does a piece of work that is one transaction; all of it again where another transaction stood in its way.
///
/// # Errors
/// What the work fails with, at once; [`Error::Contended`] when others stood in its way every time.
pub(crate) async fn retry<T, W>(mut work: impl FnMut() -> W) -> Result<T, Error>
where
    W: Future<Output = Result<T, Error>>,
{
    let began = clock::monotonic();
    let mut tries = 0;
    loop {
        let error = match work().await {
            Err(Error::Unavailable(error)) if is_contention(&error) => error,
            result => return result,
        };
        tries += 1;
        if tries == TRIES || clock::monotonic().duration_since(began) >= PATIENCE {
            return Err(Error::Contended { tries, source: error });
        }
        tracing::debug!(tries, "a transaction is done over: {error}");
        tokio::time::sleep(backoff::full_jitter(tries, fastrand::f64()) / HASTE).await;
    }
}

/// Whether another transaction stood in the way: serialization failure, deadlock, and a lock that was not to be had in time.
pub(crate) fn is_contention(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["40001", "40P01", "55P03"].contains(&code.as_ref()))
}
