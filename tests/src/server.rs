//! One PostgreSQL server for a test process and one database for every test.
//!
//! The server is started by the first test that asks and goes away with the process, however that ends (see
//! `TemporaryServer`). Databases are copies of a template that was migrated once; copies of ended tests are dropped.
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

use countersign_core::db;
use countersign_core::db::private::TemporaryServer;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

/// The database every other one is a copy of.
const TEMPLATE: &str = "template_countersign";

/// Connections of a test's own pool.
const CONNECTIONS: u32 = 12;

/// Databases of ended tests that are kept; each takes about 8 MB.
const KEPT: usize = 100;

struct Shared {
    server: TemporaryServer,
    /// Names of databases whose test is over.
    unused: Mutex<mpsc::Sender<String>>,
    next: AtomicUsize,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Whether commits of the server wait for the disk.
static DURABLE: AtomicBool = AtomicBool::new(false);

/// Makes commits wait for the disk, as those of a real server do; for whoever measures. To be called before the first database.
///
/// # Panics
/// When the server runs already.
pub fn commit_to_disk() {
    DURABLE.store(true, Ordering::SeqCst);
    assert!(SHARED.get().is_none(), "the server was started without fsync");
}

fn shared() -> &'static Shared {
    // Tests run on runtimes of their own, so the start happens on a thread that is none of them.
    SHARED.get_or_init(|| std::thread::spawn(start).join().expect("the test server starts"))
}

fn start() -> Shared {
    let server = TemporaryServer::start(DURABLE.load(Ordering::SeqCst))
        .expect("a PostgreSQL server can be started for the tests");
    block_on(async {
        create(&server, TEMPLATE, "template0").await;
        let pool = db::connect(server.connect_options(TEMPLATE), 2).await.expect("the template answers");
        db::migrate::migrate(&pool).await.expect("the template can be migrated");
        pool.close().await;
    });
    let (unused, names) = mpsc::channel::<String>();
    let admin = server.admin_options("postgres");
    std::thread::spawn(move || sweep(&admin, &names));
    Shared { server, unused: Mutex::new(unused), next: AtomicUsize::new(0) }
}

/// Drops databases whose tests have ended, oldest first, so that a long run does not fill the disk. The last ones stay until the
/// server goes: every drop is a checkpoint that everybody waits for.
fn sweep(admin: &PgConnectOptions, names: &mpsc::Receiver<String>) {
    block_on(async {
        let Ok(mut conn) = PgConnection::connect_with(admin).await else {
            return;
        };
        let mut unused = VecDeque::new();
        while let Ok(name) = names.recv() {
            unused.push_back(name);
            if unused.len() > KEPT
                && let Some(name) = unused.pop_front()
            {
                // The name is made below from a counter. What cannot be dropped goes away with the server.
                let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                let _kept = sqlx::raw_sql(drop).execute(&mut conn).await;
            }
        }
    });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
        .block_on(work)
}

async fn create(server: &TemporaryServer, name: &str, template: &str) {
    let mut conn =
        PgConnection::connect_with(&server.connect_options("postgres")).await.expect("the server answers");
    // Both names come from this file.
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}")))
        .execute(&mut conn)
        .await
        .expect("a database can be made");
    let _closed = conn.close().await;
}

/// A database of one test; dropped with it.
#[derive(Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// A database with the schema of this binary.
    pub async fn migrated() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Self {
        let shared = shared();
        let name = format!("test_{}", shared.next.fetch_add(1, Ordering::Relaxed));
        create(&shared.server, &name, template).await;
        Self { name }
    }

    /// How the product connects: as a role that is no superuser.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        shared().server.connect_options(&self.name)
    }

    /// How the owner of the machine connects.
    #[must_use]
    pub fn admin_options(&self) -> PgConnectOptions {
        shared().server.admin_options(&self.name)
    }

    /// A pool as the product makes it.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn pool(&self) -> PgPool {
        self.wide_pool(CONNECTIONS).await
    }

    /// A pool of so many connections; a race needs as many as it has runners.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn wide_pool(&self, connections: u32) -> PgPool {
        db::connect(self.options(), connections).await.expect("the database answers")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(shared) = SHARED.get() {
            let unused = shared.unused.lock().unwrap_or_else(PoisonError::into_inner);
            let _ending = unused.send(std::mem::take(&mut self.name));
        }
    }
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
