//! The checks as a program, for after an incident or a long run:
//!
//! ```text
//! cargo run -p countersign-tests --bin check -- --database URL --ledger FILE --at-rest
//! ```
//!
//! Prints what is wrong, one finding a line, and what was not looked at. Exit codes: 0 nothing is wrong, 1 something is, 2 it could
//! not look. It reads and changes nothing.
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr as _;

use countersign_adapters::sandbox::{Asked, Entry, Ledger, Seen};
use countersign_tests::check::{Check, Evidence, Finding, Report, canary, examine, left};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

const USAGE: &str = "usage: check [options]
  --database URL    the database; otherwise DATABASE_URL, which keeps a password out of the list of processes
  --ledger FILE     what the provider accepted: ledger.jsonl of the sandbox
  --requests FILE   what it was asked: the answer of GET /_sandbox/requests
  --at-rest         no process of countersign runs: nothing may be claimed, locked or open
  --folder FOLDER   nothing may run in this folder, nor be left in it half written (repeatable)
  --secrets FILE    texts that may turn up in no row and in no output, one a line
  --personal FILE   texts that belong in rows and may turn up in no output, one a line
  --output FILE     an output or log to look for both in (repeatable)";

#[derive(Default)]
struct Arguments {
    database: Option<String>,
    ledger: Option<PathBuf>,
    requests: Option<PathBuf>,
    is_at_rest: bool,
    folders: Vec<PathBuf>,
    secrets: Option<PathBuf>,
    personal: Option<PathBuf>,
    outputs: Vec<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--database" => arguments.database = Some(value()?),
                "--ledger" => arguments.ledger = Some(value()?.into()),
                "--requests" => arguments.requests = Some(value()?.into()),
                "--at-rest" => arguments.is_at_rest = true,
                "--folder" => arguments.folders.push(value()?.into()),
                "--secrets" => arguments.secrets = Some(value()?.into()),
                "--personal" => arguments.personal = Some(value()?.into()),
                "--output" => arguments.outputs.push(value()?.into()),
                _ => return Err(format!("{word} is no option\n{USAGE}")),
            }
        }
        Ok(arguments)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(look(&arguments))?;
    let mut out = std::io::stdout().lock();
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    for (check, reason) in &report.unchecked {
        writeln!(out, "{check:?} not or not wholly checked: {reason}")?;
    }
    writeln!(out, "{} findings", report.findings.len())?;
    Ok(report.findings.is_empty())
}

async fn look(arguments: &Arguments) -> Result<Report, Box<dyn Error>> {
    let url = arguments.database.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let url = url.ok_or_else(|| format!("no database is named\n{USAGE}"))?;
    let mut conn = PgConnectOptions::from_str(&url)?.application_name("countersign check").connect().await?;
    let ledger = arguments.ledger.as_deref().map(entries).transpose()?;
    let requests = arguments.requests.as_deref().map(requests).transpose()?;
    let evidence = Evidence {
        ledger: ledger.as_deref(),
        requests: requests.as_deref(),
        is_at_rest: arguments.is_at_rest,
    };
    let mut report = examine(&mut conn, evidence).await?;
    let secrets = arguments.secrets.as_deref().map(lines).transpose()?.unwrap_or_default();
    report.findings.extend(canary::in_rows(&mut conn, &secrets).await?);
    let personal = arguments.personal.as_deref().map(lines).transpose()?.unwrap_or_default();
    let canaries = [secrets, personal].concat();
    if canaries.is_empty() {
        report.unchecked.push((Check::C12, "no text was named that may turn up nowhere"));
    }
    for output in &arguments.outputs {
        report.findings.extend(canary::in_output(
            &output.display().to_string(),
            &fs::read(output)?,
            &canaries,
        ));
    }
    conn.close().await?;
    let left: Vec<Finding> =
        arguments.folders.iter().flat_map(|folder| left::on_the_machine(folder)).collect();
    report.findings.extend(left);
    Ok(report)
}

fn lines(file: &Path) -> Result<Vec<String>, std::io::Error> {
    Ok(fs::read_to_string(file)?.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Opening a ledger makes the file, so one that is misspelled is refused first.
fn entries(file: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Ledger::open(file)?.entries()?)
}

fn requests(file: &Path) -> Result<Vec<Asked>, Box<dyn Error>> {
    let seen: Seen = serde_json::from_slice(&fs::read(file)?)?;
    Ok(seen.log.into())
}
