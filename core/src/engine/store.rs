//! SQL of the processes that run an engine, and of what the database says about itself.
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::board::Task;
use super::{Mode, Process, SILENCE};
use crate::error::Error;

/// Most processes that are listed.
const LIMIT: i64 = 100;

/// Writes that a process lives, and what its tasks do. Its row is made again if somebody swept it.
pub(super) async fn beat(
    conn: &mut PgConnection,
    id: Uuid,
    who: &super::beat::Who,
    parts: &[Task],
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_engine_processes (id, mode, host, pid, version, parts) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET parts = EXCLUDED.parts, seen_at = now()",
        id,
        who.mode.as_str(),
        who.host,
        who.pid,
        who.version,
        Json(parts) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn remove(conn: &mut PgConnection, id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM crm_engine_processes WHERE id = $1", id).execute(conn).await?;
    Ok(())
}

/// Forgets the processes that were silent for too long.
pub(super) async fn sweep(conn: &mut PgConnection) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM crm_engine_processes WHERE seen_at < now() - make_interval(secs => $1)",
        SILENCE.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Lists the processes that run an engine, oldest first; silent ones too, until somebody starts and sweeps them.
///
/// # Errors
/// A database fault, or [`Error::Corrupt`] for a row no version wrote.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Process>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, mode, host, pid, version, parts AS "parts: Json<Vec<Task>>", started_at, seen_at,
          seen_at >= now() - make_interval(secs => $1) AS "is_fresh!"
        FROM crm_engine_processes
        ORDER BY started_at, id
        LIMIT $2"#,
        SILENCE.as_secs_f64(),
        LIMIT
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let mode = Mode::parse(&row.mode).ok_or_else(|| Error::Corrupt {
                table: "crm_engine_processes",
                row: row.id.to_string(),
                problem: format!("no mode is called `{}`", row.mode),
            })?;
            Ok(Process {
                id: row.id,
                mode,
                host: row.host,
                pid: row.pid,
                version: row.version,
                parts: row.parts.0,
                started_at: row.started_at.to_jiff(),
                seen_at: row.seen_at.to_jiff(),
                is_fresh: row.is_fresh,
            })
        })
        .collect()
}

/// What the database says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Version of the server, as it calls itself.
    pub version: String,
    /// Bytes on its disk.
    pub size_bytes: i64,
    /// Transactions since the oldest one that a running statement may still see; what is deleted since then cannot be cleared away.
    pub oldest_xmin_age: i64,
}

/// Reads what the database says about itself.
///
/// # Errors
/// A database fault.
pub async fn facts(conn: &mut PgConnection) -> Result<Facts, Error> {
    let row = sqlx::query!(
        r#"SELECT current_setting('server_version') AS "version!", pg_database_size(current_database()) AS "size!",
          coalesce((SELECT max(age(backend_xmin)) FROM pg_stat_activity WHERE datname = current_database()), 0)::bigint AS "age!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(Facts { version: row.version, size_bytes: row.size, oldest_xmin_age: row.age })
}
