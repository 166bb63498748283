//! C10: what should be gone when nothing runs: locks and transactions in the database, processes and files on the machine.
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use countersign_core::clock;
use sqlx::{PgConnection, Row};

use super::{Check, Finding};
use crate::{GLANCE, process};

/// Rows that are left in a database. Its own session looks on and is none of them.
const SESSIONS: &str = "
  SELECT format('pg_locks pid %s', l.pid), 'holds an advisory lock'
  FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.pid <> pg_backend_pid()
  UNION ALL
  SELECT 'pg_prepared_xacts ' || gid, 'is prepared and neither committed nor rolled back'
  FROM pg_prepared_xacts WHERE database = current_database()
  UNION ALL
  SELECT format('pg_stat_activity pid %s', pid), 'is ' || state
  FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
  ORDER BY 1, 2";

/// Looks for what a session left. The server needs a moment to notice that a client has gone.
///
/// # Errors
/// When the database cannot be read.
pub async fn sessions(conn: &mut PgConnection, findings: &mut Vec<Finding>) -> Result<(), sqlx::Error> {
    let give_up = clock::monotonic() + crate::DEADLINE / 6;
    loop {
        let rows = sqlx::query(SESSIONS).fetch_all(&mut *conn).await?;
        if rows.is_empty() {
            return Ok(());
        }
        if clock::monotonic() >= give_up {
            findings.extend(
                rows.iter()
                    .map(|row| Finding::new(Check::C10, row.get::<String, _>(0), row.get::<String, _>(1))),
            );
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Looks for processes that have to do with a folder, and for sockets and half-written files in it.
#[must_use]
pub fn on_the_machine(folder: &Path) -> Vec<Finding> {
    let own = i32::try_from(std::process::id()).ok();
    let running = process::around(folder).into_iter().filter(|number| Some(*number) != own);
    let mut findings: Vec<Finding> = running
        .map(|number| {
            Finding::new(Check::C10, format!("process {number}"), format!("runs: {}", process::words(number)))
        })
        .collect();
    files(folder, &mut findings);
    findings
}

fn files(folder: &Path, findings: &mut Vec<Finding>) {
    // What goes away meanwhile is not left.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        let problem = match () {
            () if kind.is_socket() => "is a socket nobody listens on",
            () if kind.is_file() && name == "postmaster.pid" => "names a server that is gone",
            () if kind.is_file() && [".tmp", ".new", ".part"].iter().any(|end| name.ends_with(end)) => {
                "is half written"
            }
            () if kind.is_file() && name.starts_with("pgsql_tmp") => "is a temporary file of the server",
            () if kind.is_dir() => {
                files(&path, findings);
                continue;
            }
            () => continue,
        };
        findings.push(Finding::new(Check::C10, path.display().to_string(), problem));
    }
}
