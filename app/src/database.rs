//! Which database this process works on, and how it is reached: `DATABASE_URL`, or the private server of this user.
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Context as _, Result};
use countersign_core::db::catalogue::{self, Name};
use countersign_core::db::phase::PhasesOff;
use countersign_core::db::private::{self, Launcher, Lease, Location, Waiting};
use countersign_core::db::{self, migrate};
use countersign_core::engine::board::{Board, Reporter};
use countersign_core::engine::keep;
use countersign_core::error::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::Fault;
use crate::meter::{self, Meter, Step};

/// A database that can be worked on.
pub(crate) struct Database {
    /// Connections.
    pub(crate) pool: PgPool,
    /// Which one it is, for people; never with a password.
    pub(crate) label: String,
    /// Keeps the private server alive; absent with `DATABASE_URL`.
    lease: Option<Arc<Lease>>,
}

impl Database {
    /// Opens the database of everyday work.
    pub(crate) async fn open(config: &Config, connections: u32) -> Result<Self> {
        let database = Self::reach(config, connections).await?;
        migrated(&database.pool, &config.phases_off).await?;
        Ok(database)
    }

    /// Connects without applying migrations.
    pub(crate) async fn reach(config: &Config, connections: u32) -> Result<Self> {
        match &config.database_url {
            Some(url) => {
                // The text may hold a password, so neither it nor the parser's error is repeated.
                let options: PgConnectOptions = url.expose().parse().map_err(|_| {
                    Fault::database(
                        "DATABASE_URL is not a PostgreSQL URL; write postgres://user@host/database"
                            .to_owned(),
                    )
                })?;
                let name = options.get_database().unwrap_or_else(|| options.get_username());
                let label = match options.get_socket() {
                    Some(socket) => format!("{name} at {}", socket.display()),
                    None => format!("{name} at {}:{}", options.get_host(), options.get_port()),
                };
                let pool = connected(options, connections).await?;
                Ok(Self { pool, label, lease: None })
            }
            None => Self::connect(acquire().await?, Name::Main, connections).await,
        }
    }

    /// Opens the demo's database; `DATABASE_URL` does not count for it.
    pub(crate) async fn open_demo(fresh: bool, connections: u32) -> Result<Self> {
        let lease = acquire().await?;
        if fresh {
            let drop = async |_: &Meter| {
                catalogue::drop_demo(&mut admin(&lease).await?).await.map_err(Fault::from)?;
                Ok::<_, color_eyre::Report>(())
            };
            meter::around("dropping the demo's database", None, drop).await?;
        }
        let database = Self::connect(lease, Name::Demo, connections).await?;
        migrated(&database.pool, &PhasesOff::default()).await?;
        Ok(database)
    }

    async fn connect(lease: Arc<Lease>, name: Name, connections: u32) -> Result<Self> {
        let make = async |_: &Meter| {
            catalogue::ensure(&mut admin(&lease).await?, name).await.map_err(Fault::from)?;
            Ok::<_, color_eyre::Report>(())
        };
        meter::around("making the database", None, make).await?;
        let options = lease
            .location()
            .connect_options(name.as_str())
            .map_err(|error| Fault::database(error.to_string()))?;
        let pool = connected(options, connections).await?;
        let label = format!("{} in the private server", name.as_str());
        Ok(Self { pool, label, lease: Some(lease) })
    }

    /// Opens the console's own connections, which no engine uses.
    pub(crate) async fn reserve(&self, connections: u32) -> Result<PgPool> {
        let connect = async |_: &Meter| db::reserve(&self.pool, connections).await;
        let pool = meter::around("connecting to the database", None, connect).await;
        Ok(pool.map_err(Fault::from)?)
    }

    /// Brings the private server back when it went away while this process lives.
    pub(crate) async fn watch(&self, board: &Board, stop: CancellationToken) {
        let Some(lease) = &self.lease else {
            return stop.cancelled().await;
        };
        let reporter = board.task("private server");
        let watch = || watch_over(Arc::clone(lease), reporter.clone(), stop.clone());
        keep(&reporter, &stop, watch).await;
    }
}

async fn watch_over(lease: Arc<Lease>, reporter: Reporter, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        let mut probe = match lease.location().connect_options("postgres") {
            Ok(options) => options,
            Err(error) => {
                tracing::error!("the private server's password is gone: {error}");
                continue;
            }
        };
        probe = probe.application_name("countersign watch");
        if let Ok(Ok(connection)) = tokio::time::timeout(Duration::from_secs(5), probe.connect()).await {
            reporter.ok();
            // One connection that stays open tells at once when the server goes.
            wait_for_end(connection, &stop).await;
            continue;
        }
        let lease = Arc::clone(&lease);
        match tokio::task::spawn_blocking(move || lease.ensure_running()).await {
            Ok(Ok(())) => tracing::warn!("the private server was away and runs again"),
            // Said once; it is tried every second.
            Ok(Err(error)) if reporter.waits(&error) => {
                tracing::error!("the private server cannot be started: {error}");
            }
            Ok(Err(_)) => {}
            Err(error) => tracing::error!("starting the private server was given up: {error}"),
        }
    }
}

/// Returns when the connection is lost.
async fn wait_for_end(mut connection: sqlx::PgConnection, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
        match tokio::time::timeout(Duration::from_secs(5), connection.ping()).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

async fn acquire() -> Result<Arc<Lease>> {
    let start = async |meter: &Meter| {
        let meter = meter.clone();
        let tell = move |Waiting { stage, left }: Waiting| {
            meter.step(Step { number: stage.number(), words: stage.words().to_owned(), left: Some(left) });
        };
        let acquire = move || private::acquire(&Location::for_user()?, &Launcher::own(), &tell);
        tokio::task::spawn_blocking(acquire).await
    };
    let lease = meter::around("starting PostgreSQL", None, start)
        .await
        .wrap_err("starting the private server was given up")?
        .map_err(|error| Fault::database(error.to_string()))?;
    Ok(Arc::new(lease))
}

/// Opens a pool. A machine that does not answer is waited for.
async fn connected(options: PgConnectOptions, connections: u32) -> Result<PgPool> {
    let connect = async |_: &Meter| db::connect(options, connections).await;
    let pool = meter::around("connecting to the database", None, connect).await;
    Ok(pool.map_err(|error| Fault::database(error.to_string()))?)
}

/// Applies the migrations that are missing.
pub(crate) async fn migrated(pool: &PgPool, off: &PhasesOff) -> Result<()> {
    let work = async |meter: &Meter| {
        migrate::migrate_without(pool, off, &|done, total| meter.set_of(done, total)).await
    };
    Ok(meter::around("bringing the database up to date", None, work).await.map_err(Fault::schema)?)
}

async fn admin(lease: &Lease) -> Result<sqlx::PgConnection> {
    let options =
        lease.location().connect_options("postgres").map_err(|error| Fault::database(error.to_string()))?;
    let connection = options.connect().await.map_err(|error| Fault::from(Error::Unavailable(error)))?;
    Ok(connection)
}
