//! Writes the metadata of every checked query into `.sqlx`, for builds without a database:
//!
//! ```text
//! cargo run -p countersign-tests --example prepare
//! ```
//!
//! It starts a PostgreSQL of its own, applies the migrations as they are on disk, empties `.sqlx`, and has the compiler ask that
//! server about every query of the core. Nothing is left running.
//!
//! This program needs the core itself, and a core with a query that is not in `.sqlx` yet does not build. So build it before a query
//! is changed (`cargo build -p countersign-tests --example prepare`) and run `target/debug/examples/prepare` afterwards; it reads
//! migrations and sources from disk, so an older build does.
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use countersign_core::db::private::TemporaryServer;
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

const DATABASE: &str = "countersign_prepare";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = countersign_tests::server::root();
    let server = TemporaryServer::start(false)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(migrated(&server, &root))?;
    let cache = root.join(".sqlx");
    empty(&cache)?;
    // The compiler does not know that the answers of the database changed.
    touch(&root.join("core/src"))?;
    let checked = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--package", "countersign-core"])
        .current_dir(&root)
        .env("COUNTERSIGN_PREPARE_URL", url(&server))
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &cache)
        .status()?;
    let queries = std::fs::read_dir(&cache)?.count();
    writeln!(std::io::stdout(), "{queries} queries in {}", cache.display())?;
    Ok(if checked.success() && queries > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn migrated(server: &TemporaryServer, root: &Path) -> Result<(), Box<dyn Error>> {
    let mut conn = PgConnection::connect_with(&server.connect_options("postgres")).await?;
    sqlx::raw_sql("CREATE DATABASE countersign_prepare").execute(&mut conn).await?;
    conn.close().await?;
    let mut conn = PgConnection::connect_with(&server.connect_options(DATABASE)).await?;
    Migrator::new(root.join("migrations")).await?.run(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

/// Nothing listens on TCP, so the socket's folder takes the place of the host.
fn url(server: &TemporaryServer) -> String {
    let folder: String = server
        .folder()
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let user = server.connect_options(DATABASE).get_username().to_owned();
    format!("postgres:///{DATABASE}?host={folder}&user={user}&sslmode=disable")
}

fn empty(cache: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(cache)?;
    for file in std::fs::read_dir(cache)? {
        std::fs::remove_file(file?.path())?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a build tool marks files as changed now")]
fn touch(folder: &Path) -> std::io::Result<()> {
    let now = SystemTime::now();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                std::fs::File::options().append(true).open(path)?.set_modified(now)?;
            }
        }
    }
    Ok(())
}
