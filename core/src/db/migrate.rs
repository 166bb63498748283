//! Migrations: reversible pairs, each of one phase, applied under a lock that lives and dies with a transaction.
//!
//! The file name says the phase: `0004_a_activities.up.sql` is of phase a. A schema that holds migrations this binary does not
//! know is left alone: an older binary must not write to a newer schema.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{PgConnection, PgPool};

use super::phase::{self, PHASES, PhaseError, PhasesOff};
use crate::server;

pub(super) static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// The two keys of the advisory lock that orders migrations ("coun", "migr" in ASCII).
const LOCK: (i32, i32) = (0x636f_756e, 0x6d69_6772);

/// What can go wrong with migrations.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database is newer than this binary.
    #[error(
        "the database has migrations this binary does not know ({0}): run the newer countersign, or restore a backup"
    )]
    Newer(String),
    /// Not a phase.
    #[error(transparent)]
    NoSuchPhase(#[from] PhaseError),
    /// A later phase refers to it.
    #[error("phase {phase} cannot be reverted while {dependants} refers to it; revert {dependants} first")]
    Needed {
        /// Phase that was asked for.
        phase: char,
        /// Phases that refer to it.
        dependants: String,
    },
    /// A migration failed or was changed after it was applied.
    #[error("a migration failed: {0}; `countersign db repair` explains what can be done")]
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
    /// What it holds.
    pub holds: &'static str,
    /// Whether it is switched off in the configuration: then nothing of it is applied, and nothing of it is dropped.
    pub is_off: bool,
    /// Applied migrations.
    pub applied: Vec<String>,
    /// Migrations that wait.
    pub pending: Vec<String>,
}

impl SchemaStatus {
    /// Whether everything this binary knows and uses is applied, and nothing that it does not know.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.unknown.is_empty() && self.phases.iter().all(|phase| phase.is_off || phase.pending.is_empty())
    }
}

/// The phase in a migration's description (`a activities`).
pub(super) fn phase_of(description: &str) -> char {
    description.chars().next().unwrap_or('?')
}

pub(super) fn ups() -> impl Iterator<Item = &'static sqlx::migrate::Migration> {
    MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration())
}

/// Whether anything was ever applied here.
pub(super) async fn has_ledger(conn: &mut PgConnection) -> Result<bool, SchemaError> {
    let exists = sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL");
    Ok(exists.fetch_one(conn).await?)
}

pub(super) async fn applied(conn: &mut PgConnection) -> Result<BTreeSet<i64>, SchemaError> {
    if !has_ledger(conn).await? {
        return Ok(BTreeSet::new());
    }
    // One that is marked as failed does not count as applied; a start stops at it instead of passing it by.
    let versions = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success");
    let versions: Vec<i64> = versions.fetch_all(conn).await?;
    Ok(versions.into_iter().collect())
}

/// Compares the database with this binary.
///
/// # Errors
/// A database fault.
pub async fn status(pool: &PgPool) -> Result<SchemaStatus, SchemaError> {
    status_without(pool, &PhasesOff::default()).await
}

/// Compares the database with this binary, some of whose phases are switched off.
///
/// # Errors
/// A database fault.
pub async fn status_without(pool: &PgPool, off: &PhasesOff) -> Result<SchemaStatus, SchemaError> {
    let applied = applied(&mut *pool.acquire().await?).await?;
    let mut phases: BTreeMap<char, PhaseStatus> = BTreeMap::new();
    for migration in ups() {
        let phase = phase_of(&migration.description);
        let entry = phases.entry(phase).or_insert_with(|| PhaseStatus {
            phase,
            holds: PHASES.iter().find(|known| known.letter == phase).map_or("", |known| known.holds),
            is_off: off.contains(phase),
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
    migrate_without(pool, &PhasesOff::default(), &|_, _| {}).await
}

/// Applies what is missing of the phases that are on. Nothing of the others is touched. Tells how many are applied, of how many
/// that were missing.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_without(
    pool: &PgPool,
    off: &PhasesOff,
    advance: &(dyn Fn(usize, usize) + Sync),
) -> Result<(), SchemaError> {
    if status_without(pool, off).await?.is_current() {
        return Ok(());
    }
    locked(pool, async |conn| {
        let applied = applied(conn).await?;
        let unknown: Vec<_> = applied.iter().filter(|version| !MIGRATOR.version_exists(**version)).collect();
        if !unknown.is_empty() {
            return Err(SchemaError::Newer(format!("{unknown:?}")));
        }
        let mut migrator = filtered(|migration| !off.contains(phase_of(&migration.description)));
        // What is applied of a phase that is off now is known, only not here.
        migrator.set_ignore_missing(true);
        let missing: Vec<i64> = ups()
            .filter(|migration| migrator.version_exists(migration.version))
            .map(|migration| migration.version)
            .filter(|version| !applied.contains(version))
            .collect();
        for (done, version) in missing.iter().enumerate() {
            advance(done, missing.len());
            migrator.run_direct(Some(*version), conn, false).await?;
        }
        // Once without a target: what is applied must be what this binary knows, also where nothing was missing.
        migrator.run_direct(None, conn, false).await?;
        // Before anything can be sent: also a backup from before the first message knows where it comes from.
        Ok(server::remember(conn).await?)
    })
    .await
}

/// Drops the tables of one phase.
///
/// # Errors
/// [`SchemaError::Needed`] while an applied phase refers to it, [`SchemaError::NoSuchPhase`], or what the database said.
pub async fn revert(pool: &PgPool, phase: &str) -> Result<(), SchemaError> {
    revert_watched(pool, phase, &|_, _| {}).await
}

/// The same; `advance` hears how many migrations are reverted, of how many that were applied.
///
/// # Errors
/// As [`revert`]; what was reverted before stays reverted.
pub async fn revert_watched(
    pool: &PgPool,
    phase: &str,
    advance: &(dyn Fn(usize, usize) + Sync),
) -> Result<(), SchemaError> {
    let letter = phase::letter(phase)?;
    let status = status(pool).await?;
    let dependants: Vec<_> = PHASES
        .iter()
        .filter(|other| {
            other.needs.contains(&letter)
                && status.phases.iter().any(|phase| phase.phase == other.letter && !phase.applied.is_empty())
        })
        .map(|other| other.letter.to_string())
        .collect();
    if !dependants.is_empty() {
        return Err(SchemaError::Needed { phase: letter, dependants: dependants.join(", ") });
    }
    locked(pool, async |conn| {
        let mut migrator = filtered(|migration| phase_of(&migration.description) == letter);
        migrator.set_ignore_missing(true);
        let mut left = applied(conn).await?;
        left.retain(|version| migrator.version_exists(*version));
        let total = left.len();
        advance(0, total);
        while left.pop_last().is_some() {
            migrator.undo(&mut *conn, left.last().copied().unwrap_or(0)).await?;
            advance(total - left.len(), total);
        }
        // Also where nothing counts as applied: a migration that is marked as failed is named and not passed by.
        migrator.undo(conn, 0).await?;
        Ok(())
    })
    .await
}

fn filtered(keep: impl Fn(&sqlx::migrate::Migration) -> bool) -> Migrator {
    let mut migrator =
        Migrator::with_migrations(MIGRATOR.iter().filter(|migration| keep(migration)).cloned().collect());
    // sqlx would take a session lock, which outlives a killed client and breaks behind poolers; `locked` takes ours.
    migrator.set_locking(false);
    migrator
}

/// Runs `work` on one connection while another holds the lock in a transaction of its own.
pub(super) async fn locked<T>(
    pool: &PgPool,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, SchemaError>,
) -> Result<T, SchemaError> {
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
