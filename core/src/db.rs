//! The database: connection pools, migrations, and the private server that is used when nobody names another.
pub mod catalogue;
pub(crate) mod filter;
pub mod migrate;
pub mod phase;
pub mod private;
pub mod repair;
mod retry;

use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection, PgPool};

pub(crate) use self::retry::{is_contention, retry};
use crate::error::Error;

/// Opens a pool whose every connection has the limits of this product: statements 5 s, locks 2 s, idle in a transaction 10 s, and
/// a client that went away is noticed within half a second.
///
/// # Errors
/// [`Error::Unavailable`] when the first connection cannot be made within 5 s.
pub async fn connect(options: PgConnectOptions, max_connections: u32) -> Result<PgPool, Error> {
    let options = options.application_name("countersign").options([
        ("statement_timeout", "5s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("client_connection_check_interval", "500ms"),
        ("timezone", "UTC"),
        ("search_path", "public"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(300));
    open(pool, &options).await
}

/// Opens a pool beside another one, to the same database: its connections are there from the start and stay, so that whoever has it
/// works on while the other pool is used up and the server has no connection left.
///
/// # Errors
/// [`Error::Unavailable`] when one of the connections cannot be made within 3 s.
pub async fn reserve(beside: &PgPool, connections: u32) -> Result<PgPool, Error> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(connections)
        // Short of what a screen waits, so that it still hears why.
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(None)
        .max_lifetime(None);
    open(pool, &beside.connect_options()).await
}

/// Connections of a dispatcher: one for each task that claims or writes, and one for its upkeep.
pub const STEADY_CONNECTIONS: u32 = 5;

/// Prepares the pool of a dispatcher beside another one, to the same database; its connections are opened as they are needed.
///
/// They are few, because each of them learns every statement anew. Their statements keep the plan that fits any number of rows: it looks
/// each row up, where one made for the rows at hand reads whole tables as long as those are small, and is made again each time.
#[must_use]
pub fn steady(beside: &PgPool) -> PgPool {
    let options = beside.connect_options().as_ref().clone();
    PgPoolOptions::new()
        .max_connections(STEADY_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(300))
        .connect_lazy_with(options.options([("plan_cache_mode", "force_generic_plan")]))
}

/// How long it may take to hear why no connection can be made.
const EXPLANATION: Duration = Duration::from_secs(2);

async fn open(pool: PgPoolOptions, options: &PgConnectOptions) -> Result<PgPool, Error> {
    match pool.connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        Err(error) => Err(explain_by(error.into(), options).await),
    }
}

/// Says why a pool gave nothing in time: it tries for as long as it may where the server turns connections away, and keeps to itself
/// what the server said. Any other error stays what it is.
pub async fn explain(error: Error, pool: &PgPool) -> Error {
    explain_by(error, &pool.connect_options()).await
}

async fn explain_by(error: Error, options: &PgConnectOptions) -> Error {
    if !matches!(error, Error::Unavailable(sqlx::Error::PoolTimedOut)) {
        return error;
    }
    match tokio::time::timeout(EXPLANATION, options.connect()).await {
        Ok(Err(reason)) => Error::Unavailable(reason),
        // There is one now, or the server says nothing.
        Ok(Ok(_)) | Err(_) => error,
    }
}

/// Reads the database's clock, the one that leases, quotas and expiry go by.
///
/// # Errors
/// A database fault.
pub async fn now(conn: &mut PgConnection) -> Result<Timestamp, Error> {
    let now = sqlx::query_scalar!(r#"SELECT now() AS "now!""#).fetch_one(conn).await?;
    Ok(now.to_jiff())
}
