//! Looks for what is wrong with a database and says what, why, and what mending it would do. Mends only what can be mended without
//! guessing; everything else is explained. Looking changes nothing.
mod consistency;
mod ledger;
mod objects;

use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::migrate::{self, SchemaError};
use super::phase::{OUTBOXES, PhasesOff};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable code of the kind.
    pub code: &'static str,
    /// What is wrong, and with which thing.
    pub what: String,
    /// How that comes about.
    pub why: String,
    /// What mending does, or what a person has to do.
    pub remedy: String,
    /// Whether mending it is left to people.
    pub is_for_people: bool,
    /// What became of it; empty while it was only looked at.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub done: String,
    #[serde(skip)]
    mend: Mend,
}

/// How a finding is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mend {
    /// Not by a program.
    ByPeople,
    /// A failed migration's row goes, so that it is applied again.
    ForgetFailed(i64),
    /// An index is built anew.
    Reindex(String),
    /// A constraint is checked against all rows.
    Validate { table: String, constraint: String },
    /// Missing counters are made.
    MakeCounters,
    /// A missing bucket is made.
    MakeBucket { company: uuid::Uuid, outbox: uuid::Uuid },
    /// A claim that holds nothing goes.
    DropClaim { company: uuid::Uuid, claim: uuid::Uuid },
}

impl Finding {
    fn for_people(code: &'static str, what: String, why: &str, remedy: &str) -> Self {
        Self {
            code,
            what,
            why: why.to_owned(),
            remedy: remedy.to_owned(),
            is_for_people: true,
            done: String::new(),
            mend: Mend::ByPeople,
        }
    }

    fn mendable(code: &'static str, what: String, why: &str, remedy: &str, mend: Mend) -> Self {
        Self { is_for_people: false, mend, ..Self::for_people(code, what, why, remedy) }
    }
}

/// Whether to mend what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Look and tell.
    Look,
    /// Mend what can be mended.
    Apply,
}

/// What a repair is at. Its steps are unlike each other: one reads a row, another a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Its number, from 1 while looking and from 1 again while mending.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// What is being done; may quote names out of the database.
    pub words: &'a str,
}

/// Hears what a repair is at.
pub type Tell<'a> = &'a (dyn Fn(Step<'_>) + Sync);

/// Looks at a database, and mends it if asked to. What people have to do stays in the list.
///
/// # Errors
/// A database fault, or what the database said to a mending; what was mended before stays mended.
pub async fn repair(pool: &PgPool, off: &PhasesOff, mode: Mode) -> Result<Vec<Finding>, SchemaError> {
    repair_watched(pool, off, mode, &|_| {}).await
}

/// The same; `tell` hears what it is at.
///
/// # Errors
/// As [`repair`].
pub async fn repair_watched(
    pool: &PgPool,
    off: &PhasesOff,
    mode: Mode,
    tell: Tell<'_>,
) -> Result<Vec<Finding>, SchemaError> {
    migrate::locked(pool, async |conn| {
        let mut findings = look(conn, off, tell).await?;
        if mode == Mode::Apply {
            let mendable: Vec<_> = findings.iter_mut().filter(|finding| !finding.is_for_people).collect();
            let of = mendable.len();
            for (finding, number) in mendable.into_iter().zip(1..) {
                tell(Step { number, of, words: &format!("mends: {}", finding.what) });
                mend(conn, finding).await?;
            }
        }
        Ok(findings)
    })
    .await
}

async fn look(conn: &mut PgConnection, off: &PhasesOff, tell: Tell<'_>) -> Result<Vec<Finding>, SchemaError> {
    let looks = |number, words: &str| tell(Step { number, of: 4, words });
    looks(1, "looks at what was applied");
    let mut findings = ledger::look(conn).await?;
    looks(2, "looks at indexes");
    findings.extend(objects::look(conn, &|words| looks(2, words)).await?);
    let applied = migrate::applied(conn).await?;
    let is_whole = |letter: char| {
        migrate::ups()
            .filter(|migration| migrate::phase_of(&migration.description) == letter)
            .all(|migration| applied.contains(&migration.version))
    };
    // Rows are looked at where their tables are as this binary knows them.
    if is_whole(super::phase::BASE) {
        looks(3, "looks at companies, messages and claims");
        findings.extend(consistency::of_base(conn).await?);
        looks(4, "looks at outboxes");
        if is_whole(OUTBOXES) && !off.contains(OUTBOXES) {
            findings.extend(consistency::of_outboxes(conn).await?);
        }
    }
    Ok(findings)
}

async fn mend(conn: &mut PgConnection, finding: &mut Finding) -> Result<(), SchemaError> {
    let done = match &finding.mend {
        Mend::ByPeople => return Ok(()),
        Mend::ForgetFailed(version) => ledger::forget(conn, *version).await?,
        Mend::Reindex(index) => objects::reindex(conn, index).await?,
        Mend::Validate { table, constraint } => objects::validate(conn, table, constraint).await?,
        Mend::MakeCounters => consistency::make_counters(conn).await?,
        Mend::MakeBucket { company, outbox } => consistency::make_bucket(conn, *company, *outbox).await?,
        Mend::DropClaim { company, claim } => consistency::drop_claim(conn, *company, *claim).await?,
    };
    finding.done = done;
    Ok(())
}
