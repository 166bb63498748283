//! Creates the cluster: `initdb` into a folder aside, then the roles, then one rename.
use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::binaries::{self, Binaries};
use super::error::PrivateError;
use super::hidden::{self, OnOrphan};
use super::location::Location;
use super::{ADMIN_ROLE, CLIENT_ROLE, credentials, folders, server};

/// What `initdb` is told in every case.
///
/// Order is by bytes everywhere, which no update of a library can change. Upper and lower case know all letters where
/// the system has the locale for it, and only ASCII elsewhere.
pub(super) const INITDB: &[&str] = &[
    "--username",
    ADMIN_ROLE,
    "--encoding=UTF8",
    "--locale=C",
    if cfg!(target_os = "linux") { "--lc-ctype=C.UTF-8" } else { "--lc-ctype=C" },
    "--data-checksums",
];

/// The first part of the name of an unfinished cluster.
const UNFINISHED: &str = "data.new.";

/// Finds the programs that fit the data, and makes the data when there is none yet.
pub(super) async fn ensure(location: &Location) -> Result<Binaries, PrivateError> {
    let data = location.data_dir();
    if let Some(major) = data_version(&data) {
        let found = binaries::find(&data, Some(major))?;
        credentials::read(&location.password_file(), CLIENT_ROLE)?;
        return Ok(found);
    }
    let found = binaries::find(&data, None)?;
    create(location, &found).await?;
    Ok(found)
}

/// The major version that made the data, or `None` when there is no finished cluster.
pub(super) fn data_version(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("PG_VERSION")).ok()?;
    text.trim().split('.').next()?.parse().ok()
}

async fn create(location: &Location, binaries: &Binaries) -> Result<(), PrivateError> {
    let root = location.root();
    let _ = remove_unfinished(root);
    // A name of its own: an initdb whose supervisor was killed may still be writing for a moment.
    let fresh = root.join(format!("{UNFINISHED}{}", std::process::id()));
    folders::ensure(&fresh, location.service(), 0o700)?;
    let password = credentials::create(&location.password_file(), CLIENT_ROLE)?;
    let admin_password = credentials::create(&location.admin_password_file(), ADMIN_ROLE)?;

    // By the rules initdb writes nobody may log in; our server gets rules of its own.
    let mut initdb = hidden::command(location.service(), OnOrphan::Kill, &binaries.initdb());
    initdb.arg("-D").arg(&fresh).args(INITDB).args(["--auth=reject", "--no-instructions"]);
    if !location.fsync() {
        initdb.arg("--no-sync");
    }
    run(location, initdb, "").await?;

    let mut single = hidden::command(location.service(), OnOrphan::Kill, &binaries.postgres());
    single.arg("--single").arg("-D").arg(&fresh);
    single.args(["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]);
    if !location.fsync() {
        single.arg("-F");
    }
    single.arg("postgres");
    // The server reads one statement a line; passwords pass through a pipe, never through arguments.
    let statements = format!(
        "CREATE ROLE {CLIENT_ROLE} LOGIN CREATEDB PASSWORD '{password}'\n\
         ALTER ROLE {ADMIN_ROLE} PASSWORD '{admin_password}'\n"
    );
    run(location, single, &statements).await?;

    let data = location.data_dir();
    fs::rename(&fresh, &data)
        .and_then(|()| File::open(root)?.sync_all())
        .map_err(PrivateError::io("put into place", &data))
}

/// Removes what an interrupted start left behind, and says whether nothing is left.
///
/// It may fail while a killed initdb still moves; then the next start tries again.
pub(super) fn remove_unfinished(root: &Path) -> bool {
    fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED))
        .all(|entry| fs::remove_dir_all(entry.path()).is_ok())
}

async fn run(
    location: &Location,
    mut command: std::process::Command,
    input: &str,
) -> Result<(), PrivateError> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let data = location.data_dir();
    let output = feed(command.into(), input).await.map_err(PrivateError::io("create", &data))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(PrivateError::NotCreated { path: data, output: server::last_lines(&lines) })
}

async fn feed(mut command: Command, input: &str) -> std::io::Result<Output> {
    let mut child = command.kill_on_drop(true).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that ends early has its say on stderr; the broken pipe adds nothing.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    child.wait_with_output().await
}
