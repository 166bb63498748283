//! How the server is started: its settings, who may log in, and what its log says when it fails.
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

use super::binaries::Binaries;
use super::error::PrivateError;
use super::hidden::{self, OnOrphan};
use super::location::Location;
use super::{ADMIN_ROLE, CLIENT_ROLE, PORT, folders};

/// Settings every server of ours has, private or temporary.
const COMMON: &[&str] = &[
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=128MB",
    // A killed client's locks go with it instead of living until its statement ends.
    "client_connection_check_interval=500ms",
    "timezone=UTC",
    "log_timezone=UTC",
    // Messages of customers must not end up in a log: no statement text, no detail lines with values.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
];

/// One log file for each day of the week, emptied when its day comes again.
const LOGGING: &[&str] = &[
    "logging_collector=on",
    "log_filename=postgres-%a.log",
    "log_rotation_age=1d",
    "log_rotation_size=0",
    "log_truncate_on_rotation=on",
    "log_line_prefix=%m [%p] ",
    "log_checkpoints=off",
];

/// Settings that trade safety after a crash of the machine for speed; for tests.
const UNSAFE: &[&str] = &["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// Settings as arguments of `postgres`.
pub(super) fn arguments(socket_dir: &Path, fsync: bool) -> Vec<OsString> {
    let mut settings: Vec<OsString> = COMMON.iter().map(OsString::from).collect();
    settings.push(format!("port={PORT}").into());
    settings.push(setting("unix_socket_directories=", &quote(socket_dir)));
    settings.push("unix_socket_permissions=0700".into());
    if !fsync {
        settings.extend(UNSAFE.iter().map(OsString::from));
    }
    settings.into_iter().flat_map(|setting| ["-c".into(), setting]).collect()
}

/// The command that becomes the private server. Its early messages go to the startup log.
pub(super) fn command(
    location: &Location,
    binaries: &Binaries,
) -> Result<std::process::Command, PrivateError> {
    let path = location.startup_log();
    let startup_log = File::create(&path).map_err(PrivateError::io("write", &path))?;
    let mut command = hidden::command(location.service(), OnOrphan::Stop, &binaries.postgres());
    command.arg("-D").arg(location.data_dir());
    command.args(arguments(&location.socket_dir(), location.fsync()));
    for fixed in LOGGING {
        command.args(["-c", fixed]);
    }
    command.arg("-c").arg(setting("log_directory=", location.log_dir().as_os_str().as_bytes()));
    command.arg("-c").arg(setting("hba_file=", location.access_file().as_os_str().as_bytes()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(startup_log);
    Ok(command)
}

/// Creates the folders and the access file the server needs. Cheap, so every start does it.
pub(super) fn prepare(location: &Location) -> Result<(), PrivateError> {
    location.prepare_root()?;
    folders::ensure(&location.socket_dir(), location.service(), 0o700)?;
    folders::ensure(&location.log_dir(), location.service(), 0o700)?;
    let path = location.access_file();
    let rules = format!(
        "# Written by countersign at every start.\n\
         local all {CLIENT_ROLE} scram-sha-256\nlocal all {ADMIN_ROLE} scram-sha-256\n"
    );
    let mode = if location.service().is_some() { 0o644 } else { 0o600 };
    fs::write(&path, rules)
        .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)))
        .map_err(PrivateError::io("write", &path))
}

/// Removes log files that are about to be a week old, which a server that rarely runs would append to.
pub(super) fn prune_logs(location: &Location, now: Timestamp) {
    let oldest = now - SignedDuration::from_hours(6 * 24);
    for (written, path) in log_files(location) {
        if Timestamp::try_from(written).is_ok_and(|written| written < oldest) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The lines that say best why the server ended.
pub(super) fn last_words(location: &Location) -> String {
    let early = tail(&location.startup_log());
    let newest = log_files(location).into_iter().max();
    let newest = newest.map(|(_, path)| tail(&path)).unwrap_or_default();
    // What earlier servers said in the same file explains nothing.
    let newest = newest.rsplit("starting PostgreSQL").next().unwrap_or_default();
    for text in [early.as_str(), newest] {
        let lines: Vec<&str> = text.lines().filter_map(serious).collect();
        if !lines.is_empty() {
            return last_lines(&lines);
        }
    }
    let lines: Vec<&str> = early.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() { "it said nothing".to_owned() } else { last_lines(&lines) }
}

/// The part of a line that names a failure. Clients that ask too early leave a line too, which explains nothing.
fn serious(line: &str) -> Option<&str> {
    let from = ["FATAL:", "PANIC:", "cannot "].iter().find_map(|word| line.find(word))?;
    Some(&line[from..]).filter(|text| !text.contains("the database system is "))
}

/// The last lines of what a program wrote, on one line.
pub(super) fn last_lines(lines: &[&str]) -> String {
    let from = lines.len().saturating_sub(3);
    lines[from..].iter().map(|line| line.trim()).collect::<Vec<_>>().join("; ")
}

fn log_files(location: &Location) -> Vec<(SystemTime, PathBuf)> {
    fs::read_dir(location.log_dir())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(_, path)| path.extension().is_some_and(|extension| extension == "log"))
        .collect()
}

fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(8192)))?;
        let mut bytes = Vec::new();
        file.take(8192).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn setting(name: &str, value: &[u8]) -> OsString {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(value);
    OsString::from_vec(bytes)
}

/// Quotes a path for a list of folders, where a comma would start the next one.
fn quote(path: &Path) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'"' {
            quoted.push(byte);
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}
