//! The checks after a run: what the database says, what the provider accepted and what is left on the machine must be one story.
//!
//! `rows` asks the database alone (C2 to C7), `accepted` holds it against the provider's ledger (C1, C3 to C5), `waits` against the
//! provider's log of requests (C9), `left` looks for what should be gone (C10), and `canary` for texts that should be nowhere (C12).
//! Nothing here uses the product's own reading of its tables: a second pair of eyes that shares the first one's mistakes sees nothing.
//! Only the formats come from the product: an envelope, a line of the ledger.
mod accepted;
pub mod canary;
pub mod left;
mod rows;
mod waits;

use std::fmt;

use countersign_adapters::sandbox::{Asked, Entry};
use sqlx::PgConnection;

/// A check, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// At most one accepted message for each approval.
    C1,
    /// Everything is where it may be and says why it waits; no claim outlives its lease.
    C2,
    /// What was accepted is what was approved, to the byte, and the audit log names the same bytes.
    C3,
    /// Nothing went before it was approved, or while something forbade it.
    C4,
    /// Called sent exactly if accepted; whatever may have been sent is called nothing else.
    C5,
    /// Quota used is what was sent, may have been sent, or is under way.
    C6,
    /// One audit row for each change.
    C7,
    /// Each inbound message has one effect.
    C8,
    /// No request before a wait was over, or between a broken account and a person's word.
    C9,
    /// Nothing is left behind.
    C10,
    /// The same seed makes the same decisions.
    C11,
    /// No secret and no personal text where it does not belong.
    C12,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The check that fails.
    pub check: Check,
    /// Table and key, line of the ledger, process or file.
    pub row: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Finding {
    fn new(check: Check, row: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { check, row: row.into(), problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.check, self.row, self.problem)
    }
}

/// What the database is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Everything the provider accepted since the database was made.
    pub ledger: Option<&'a [Entry]>,
    /// What it was asked, as far as it remembers.
    pub requests: Option<&'a [Asked]>,
    /// No process of the product runs: then nothing may be claimed, locked or open.
    pub is_at_rest: bool,
}

/// What an examination found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What was not looked at, and why.
    pub unchecked: Vec<(Check, &'static str)>,
}

/// Examines a database.
///
/// # Errors
/// When the database cannot be read.
pub async fn examine(conn: &mut PgConnection, evidence: Evidence<'_>) -> Result<Report, sqlx::Error> {
    let mut report = Report::default();
    let findings = &mut report.findings;
    rows::examine(conn, evidence.is_at_rest, findings).await?;
    match evidence.ledger {
        Some(ledger) => accepted::examine(conn, ledger, findings).await?,
        None => report.unchecked.extend([Check::C1, Check::C3, Check::C5].map(|check| (check, NO_LEDGER))),
    }
    match evidence.requests {
        Some(requests) => waits::examine(conn, requests, findings).await?,
        None => report.unchecked.push((Check::C9, NO_REQUESTS)),
    }
    match evidence.is_at_rest {
        true => left::sessions(conn, findings).await?,
        false => report.unchecked.push((Check::C10, AT_WORK)),
    }
    report.unchecked.extend([(Check::C8, NO_LISTENER), (Check::C11, NO_SEED)]);
    report.findings.sort();
    report.unchecked.sort();
    Ok(report)
}

const NO_LEDGER: &str = "without the provider's ledger only the database's own account was looked at";
const NO_REQUESTS: &str =
    "without the provider's log of requests waits were not looked at, only stopped outboxes";
const AT_WORK: &str = "while processes work, locks and open transactions are theirs";
const NO_SEED: &str = "processes race, so only a simulated run has decisions that a seed repeats";
const NO_LISTENER: &str = "there is no listener for inbound messages yet";
