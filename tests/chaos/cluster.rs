//! A PostgreSQL with `fsync` on that can be cut off in the middle of anything.
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_core::db::private::TemporaryServer;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::runtime::Runtime;

const DATABASE: &str = "chaos";

/// A server with one empty database.
pub(crate) struct Cluster {
    server: TemporaryServer,
    pg_ctl: PathBuf,
    runtime: Runtime,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let server = TemporaryServer::start(true).expect("a server starts");
        let pid =
            fs::read_to_string(server.folder().join("data/postmaster.pid")).expect("it writes its number");
        let pid = pid.lines().next().map(str::trim).unwrap_or_default();
        let program = fs::read_link(format!("/proc/{pid}/exe")).expect("it is a program");
        let pg_ctl = program.with_file_name("pg_ctl");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let cluster = Self { server, pg_ctl, runtime };
        let create = cluster
            .on_database("postgres", async |conn| sqlx::raw_sql("CREATE DATABASE chaos").execute(conn).await);
        create.expect("a database can be made");
        cluster
    }

    /// How a process of the product is told where it is.
    pub(crate) fn url(&self) -> String {
        let options = self.options(DATABASE);
        format!(
            "postgres:///{DATABASE}?host={}&user={}",
            self.server.folder().display(),
            options.get_username()
        )
    }

    /// Works on the database; an error while the server is away is the caller's to judge.
    pub(crate) fn on<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.on_database(DATABASE, work)
    }

    fn on_database<T>(
        &self,
        database: &str,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.runtime.block_on(async {
            let mut conn = self.options(database).connect().await?;
            let done = work(&mut conn).await?;
            conn.close().await?;
            Ok(done)
        })
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        self.server.connect_options(database)
    }

    /// Ends every process of the server at once and starts it again; it recovers from its log.
    pub(crate) fn restart(&self) {
        assert!(self.control("restart"), "the server does not come back");
    }

    fn control(&self, verb: &str) -> bool {
        let data = self.server.folder().join("data");
        let Ok(owner) = fs::metadata(&data) else { return false };
        let mut command = Command::new(&self.pg_ctl);
        command.args([verb, "--mode", "immediate", "--wait", "--silent", "--pgdata"]).arg(data);
        command.arg("--log").arg(self.server.folder().join("log"));
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // After a restart the script of the server no longer is its parent, and only clears up.
        self.control("stop");
    }
}
