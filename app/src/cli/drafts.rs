//! `countersign drafts import FILE|-`: one draft a line; and what its drafter can do with a draft.
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use color_eyre::eyre::{Context as _, Result};
use countersign_core::draft::check::parse;
use countersign_core::draft::file::Mode;
use countersign_core::draft::input::LINE_LIMIT_BYTES;
use countersign_core::draft::{DraftInput, LineError, add, file, withdraw};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use super::approvals;
use crate::exit::{Code, Fault};
use crate::output::{Output, complain};
use crate::session::Setup;
use crate::{editor, engine};

/// Lines one import takes; more is split by hand, so that one transaction stays bounded.
const LINES_LIMIT: usize = 100_000;

/// Bytes one import takes; they are held in memory until all is checked.
const INPUT_LIMIT_BYTES: usize = 256 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// File drafts from JSON lines; the fields are those of `POST …/crm/send`, `outbox` may be a name.
    Import {
        /// File, or - for standard input.
        file: PathBuf,
        /// Keep the good lines although others are not acceptable.
        #[arg(long)]
        partial: bool,
    },
    /// File one draft of your own: a JSON object with the fields of `drafts import`. You are its drafter, so somebody else approves it.
    Add {
        /// File, or - for standard input.
        file: PathBuf,
    },
    /// Change the words of a draft, like `approvals edit`.
    Revise {
        /// Item as ID@SHA256: the text that is changed.
        #[arg(value_name = "ID@SHA256")]
        item: String,
        /// File with the text, as `approvals edit` shows it; - reads standard input.
        #[arg(long)]
        file: PathBuf,
    },
    /// Take a draft away that shall not be decided about any more.
    Withdraw {
        /// Id of the draft.
        id: ActivityId,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Import { file, partial } => import(setup, &file, partial, output).await,
        Verb::Add { file } => add_one(setup, &file, output).await,
        Verb::Revise { item, file } => {
            approvals::edit(setup, &setup.session().await?, &item, Some(&file), output).await
        }
        Verb::Withdraw { id, reason } => {
            let session = setup.session().await?;
            let result = withdraw(session.pool(), &session.actor, session.company.id, id, &reason).await;
            approvals::report(&[result.map_err(Fault::from)?], output)
        }
    }
}

async fn add_one(setup: &Setup, path: &Path, output: Output) -> Result<Code> {
    let text = if path.as_os_str() == "-" {
        editor::read(&mut std::io::stdin().lock(), "standard input")?
    } else {
        editor::read_file(path)?
    };
    let input = parse(text.as_bytes())
        .map_err(|error| Fault::usage(format!("{}: {}", SafeText::line(&error.field), error.reason)))?;
    let session = setup.session().await?;
    let lines = engine::ways(&setup.config, None)?;
    let report =
        add(session.pool(), &session.actor, session.company.id, input, &lines).await.map_err(Fault::from)?;
    if let Some(error) = report.errors.first() {
        return Err(Fault::usage(format!("{}: {}", SafeText::line(&error.field), error.reason)).into());
    }
    for filed in &report.filed {
        let word = if filed.created { "filed" } else { "known already" };
        output.thing(
            &serde_json::json!({ "id": filed.id, "created": filed.created }),
            &[(word, filed.id.to_string())],
        )?;
    }
    Ok(Code::Done)
}

async fn import(setup: &Setup, path: &Path, partial: bool, output: Output) -> Result<Code> {
    let mut errors = Vec::new();
    let inputs = read(path, &mut errors)?;
    let session = setup.session().await?;
    let lines = engine::ways(&setup.config, None)?;
    countersign_core::operator::require(
        &session.actor,
        countersign_core::actor::Role::Approver,
        "import drafts",
    )
    .map_err(Fault::from)?;
    let mode = if partial { Mode::Partial } else { Mode::AllOrNothing };
    let mut report = if partial || errors.is_empty() {
        file(session.pool(), &session.actor, session.company.id, inputs, &lines, mode)
            .await
            .map_err(Fault::from)?
    } else {
        // Nothing will be written, but the other lines are checked all the same, so that one run names every fault.
        file(session.pool(), &session.actor, session.company.id, inputs, &lines, Mode::Check)
            .await
            .map_err(Fault::from)?
    };
    report.errors.extend(errors);
    report.errors.sort_by_key(|error| error.line);
    let created = report.filed.iter().filter(|filed| filed.created).count();
    let known = report.filed.len() - created;
    if output.is_json {
        output.json(&serde_json::json!({
            "created": created, "known": known, "items": report.filed, "errors": report.errors
        }))?;
    } else {
        output.line(format!(
            "{created} filed, {known} known already, {} not acceptable",
            report.errors.len()
        ))?;
        for error in &report.errors {
            complain(&format!("line {}: {}: {}", error.line, SafeText::line(&error.field), error.reason));
        }
        if !report.errors.is_empty() && !partial {
            complain("nothing was written; mend the lines, or keep the good ones with --partial");
        }
    }
    Ok(if report.errors.is_empty() { Code::Done } else { Code::Failed })
}

fn read(path: &Path, errors: &mut Vec<LineError>) -> Result<Vec<(usize, DraftInput)>> {
    let mut reader: Box<dyn std::io::BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let place = || format!("{} cannot be read", path.display());
        Box::new(std::io::BufReader::new(std::fs::File::open(path).wrap_err_with(place)?))
    };
    let limit = u64::try_from(LINE_LIMIT_BYTES).unwrap_or(u64::MAX) + 1;
    let mut inputs = Vec::new();
    let mut bytes = Vec::new();
    let mut total = 0;
    for number in 1.. {
        bytes.clear();
        let read =
            reader.by_ref().take(limit).read_until(b'\n', &mut bytes).wrap_err("the input cannot be read")?;
        if read == 0 {
            break;
        }
        total += read;
        if total > INPUT_LIMIT_BYTES {
            return Err(Fault::usage(format!("more than {INPUT_LIMIT_BYTES} bytes; split the file")).into());
        }
        if number > LINES_LIMIT {
            return Err(Fault::usage(format!("more than {LINES_LIMIT} lines; split the file")).into());
        }
        if bytes.len() > LINE_LIMIT_BYTES && bytes.last() != Some(&b'\n') {
            skip_line(&mut reader)?;
            errors.push(line_error(number, "line", format!("longer than {LINE_LIMIT_BYTES} bytes")));
            continue;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match parse(&bytes) {
            Ok(input) => inputs.push((number, input)),
            Err(error) => errors.push(line_error(number, &error.field, error.reason)),
        }
    }
    Ok(inputs)
}

/// Reads on to the end of a line that is too long, without keeping it.
fn skip_line(reader: &mut dyn std::io::BufRead) -> Result<()> {
    loop {
        let buffer = reader.fill_buf().wrap_err("the input cannot be read")?;
        match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                reader.consume(end + 1);
                return Ok(());
            }
            None if buffer.is_empty() => return Ok(()),
            None => {
                let length = buffer.len();
                reader.consume(length);
            }
        }
    }
}

fn line_error(line: usize, field: &str, reason: String) -> LineError {
    LineError { line, field: field.to_owned(), reason }
}
