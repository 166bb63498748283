//! Migrations: reversible pairs, each of one phase, applied under a lock that lives and dies with a transaction.
//!
//! The file name says the phase: `0004_a_activities.up.sql` is of phase a. A schema that holds migrations this binary does not
//! know is left alone: an older binary must not write to a newer schema.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{PgConnection, PgPool};

static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// The two keys of the advisory lock that orders migrations ("coun", "migr" in ASCII).
const LOCK: (i32, i32) = (0x636f_756e, 0x6d69_6772);

/// What phase X's tables refer to: reverting an earlier phase while a later one refers to it is refused.
const NEEDS: &[(char, &[char])] = &[('a', &[]), ('b', &['a'])];

/// What can go wrong with migrations.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database is newer than this binary.
    #[error(
        "the database has migrations this binary does not know ({0}): run the newer countersign, or restore a backup"
    )]
    Newer(String),
    /// Not a phase.
    #[error("`{0}` is not a phase of this binary; the phases are {1}")]
    NoSuchPhase(String, String),
    /// A later phase refers to it.
    #[error("phase {phase} cannot be reverted while {dependants} refers to it; revert {dependants} first")]
    Needed {
        /// Phase that was asked for.
        phase: char,
        /// Phases that refer to it.
        dependants: String,
    },
    /// A migration failed or was changed after it was applied.
    #[error("a migration failed: {0}")]
    Migrate(#[from] MigrateError),
    /// The database cannot be reached or refused.
    #[error(transparent)]
    Database(#[from] crate::error::Error),
}

impl From<sqlx::Error> for SchemaError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What is applied and what is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// One entry a phase.
    pub phases: Vec<PhaseStatus>,
    /// Applied migrations that this binary does not know.
    pub unknown: Vec<i64>,
}

/// What is applied of one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseStatus {
    /// Its letter.
    pub phase: char,
    /// Applied migrations.
    pub applied: Vec<String>,
    /// Migrations that wait.
    pub pending: Vec<String>,
}

impl SchemaStatus {
    /// Whether everything this binary knows is applied, and nothing else.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.unknown.is_empty() && self.phases.iter().all(|phase| phase.pending.is_empty())
    }
}

/// The phase in a migration's description (`a activities`).
fn phase_of(description: &str) -> char {
    description.chars().next().unwrap_or('?')
}

fn ups() -> impl Iterator<Item = &'static sqlx::migrate::Migration> {
    MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration())
}

async fn applied(conn: &mut PgConnection) -> Result<BTreeSet<i64>, SchemaError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?;
    if !exists {
        return Ok(BTreeSet::new());
    }
    Ok(conn
        .list_applied_migrations(&MIGRATOR.table_name)
        .await?
        .into_iter()
        .map(|applied| applied.version)
        .collect())
}

/// Compares the database with this binary.
///
/// # Errors
/// A database fault.
pub async fn status(pool: &PgPool) -> Result<SchemaStatus, SchemaError> {
    let applied = applied(&mut *pool.acquire().await?).await?;
    let mut phases: BTreeMap<char, PhaseStatus> = BTreeMap::new();
    for migration in ups() {
        let phase = phase_of(&migration.description);
        let entry = phases.entry(phase).or_insert_with(|| PhaseStatus {
            phase,
            applied: Vec::new(),
            pending: Vec::new(),
        });
        let name = format!("{:04} {}", migration.version, migration.description);
        if applied.contains(&migration.version) { entry.applied.push(name) } else { entry.pending.push(name) }
    }
    let unknown = applied.into_iter().filter(|version| !MIGRATOR.version_exists(*version)).collect();
    Ok(SchemaStatus { phases: phases.into_values().collect(), unknown })
}

/// Applies what is missing. Any number of processes may call this at once.
///
/// # Errors
/// [`SchemaError::Newer`] when the database is ahead of this binary; otherwise what the migration or the database said.
pub async fn migrate(pool: &PgPool) -> Result<(), SchemaError> {
    if status(pool).await?.is_current() {
        return Ok(());
    }
    locked(pool, async |conn| {
        let unknown: Vec<_> =
            applied(conn).await?.into_iter().filter(|version| !MIGRATOR.version_exists(*version)).collect();
        if !unknown.is_empty() {
            return Err(SchemaError::Newer(format!("{unknown:?}")));
        }
        filtered(|_| true).run_direct(None, conn, false).await?;
        Ok(())
    })
    .await
}

/// Drops the tables of one phase.
///
/// # Errors
/// [`SchemaError::Needed`] while an applied phase refers to it, [`SchemaError::NoSuchPhase`], or what the database said.
pub async fn revert(pool: &PgPool, phase: &str) -> Result<(), SchemaError> {
    let mut letters = phase.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return Err(no_such_phase(phase));
    };
    if !NEEDS.iter().any(|(known, _)| *known == letter) {
        return Err(no_such_phase(phase));
    }
    let status = status(pool).await?;
    let dependants: Vec<_> = NEEDS
        .iter()
        .filter(|(other, needs)| {
            needs.contains(&letter)
                && status.phases.iter().any(|phase| phase.phase == *other && !phase.applied.is_empty())
        })
        .map(|(other, _)| other.to_string())
        .collect();
    if !dependants.is_empty() {
        return Err(SchemaError::Needed { phase: letter, dependants: dependants.join(", ") });
    }
    locked(pool, async |conn| {
        let mut migrator = filtered(|migration| phase_of(&migration.description) == letter);
        migrator.set_ignore_missing(true);
        migrator.undo(conn, 0).await?;
        Ok(())
    })
    .await
}

fn no_such_phase(phase: &str) -> SchemaError {
    let known = NEEDS.iter().map(|(letter, _)| letter.to_string()).collect::<Vec<_>>().join(", ");
    SchemaError::NoSuchPhase(crate::safe_text::SafeText::line(phase).to_string(), known)
}

fn filtered(keep: impl Fn(&sqlx::migrate::Migration) -> bool) -> Migrator {
    let mut migrator =
        Migrator::with_migrations(MIGRATOR.iter().filter(|migration| keep(migration)).cloned().collect());
    // sqlx would take a session lock, which outlives a killed client and breaks behind poolers; `locked` takes ours.
    migrator.set_locking(false);
    migrator
}

/// Runs `work` on one connection while another holds the lock in a transaction of its own.
async fn locked(
    pool: &PgPool,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<(), SchemaError>,
) -> Result<(), SchemaError> {
    let mut guard = pool.begin().await?;
    sqlx::raw_sql("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'")
        .execute(&mut *guard)
        .await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(LOCK.0)
        .bind(LOCK.1)
        .execute(&mut *guard)
        .await?;
    let mut conn = pool.acquire().await?.detach();
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = '60s'").execute(&mut conn).await?;
    let result = work(&mut conn).await;
    drop(conn);
    guard.rollback().await?;
    result
}
