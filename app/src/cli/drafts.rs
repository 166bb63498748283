//! `countersign drafts import FILE|-`: one draft a line; and what its drafter can do with a draft.
use std::path::{Path, PathBuf};

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::draft::check::parse;
use countersign_core::draft::file::Mode;
use countersign_core::draft::{LineError, add, file_watched, withdraw};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use super::approvals;
use crate::exit::{Code, Fault};
use crate::intake::{self, Intake};
use crate::meter::{self, Meter};
use crate::output::{Output, complain};
use crate::session::Setup;
use crate::{editor, engine};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// File drafts from JSON lines or CSV; the fields are those of `POST …/crm/send`, `outbox` may be a name.
    Import(intake::Source),
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
    /// Take a draft away that shall not be decided about, or not leave though it was approved.
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
        Verb::Import(source) => import(setup, &source, output).await,
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

async fn import(setup: &Setup, source: &intake::Source, output: Output) -> Result<Code> {
    let partial = source.partial;
    let Intake { lines: inputs, errors, unused } = intake::read(source, intake::DRAFT, parse).await?;
    tell_unused(&unused);
    let session = setup.session().await?;
    let lines = engine::ways(&setup.config, None)?;
    countersign_core::operator::require(
        &session.actor,
        countersign_core::actor::Role::Approver,
        "import drafts",
    )
    .map_err(Fault::from)?;
    let mode = if partial { Mode::Partial } else { Mode::AllOrNothing };
    let mode = if partial || errors.is_empty() {
        mode
    } else {
        // Nothing will be written, but the other lines are checked all the same, so that one run names every fault.
        Mode::Check
    };
    let (pool, actor, company, total) = (session.pool(), &session.actor, session.company.id, inputs.len());
    let mut report = meter::around("importing drafts", Some(total), async |meter: &Meter| {
        file_watched(pool, actor, company, inputs, &lines, mode, &|done| meter.set(done)).await
    })
    .await
    .map_err(Fault::from)?;
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
        tell_errors(&report.errors, partial);
    }
    Ok(if report.errors.is_empty() { Code::Done } else { Code::Failed })
}

/// Names columns that fill no field.
pub(super) fn tell_unused(columns: &[String]) {
    if !columns.is_empty() {
        let names: Vec<_> = columns.iter().map(|name| SafeText::line(name).truncated(40)).collect();
        complain(&format!("columns that fill no field are passed over: {}", names.join(", ")));
    }
}

/// Names the lines that are not acceptable, and what follows from them.
pub(super) fn tell_errors(errors: &[LineError], partial: bool) {
    for error in errors {
        complain(&format!("line {}: {}: {}", error.line, SafeText::line(&error.field), error.reason));
    }
    if !errors.is_empty() && !partial {
        complain("nothing was written; mend the lines, or keep the good ones with --partial");
    }
}
