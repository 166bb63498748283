//! The allowlist.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::contact::allowlist::Entry;
use countersign_core::contact::{self, store};
use serde_json::json;

use super::page::Paging;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Allow an address, a domain (@example.com), a phone prefix (+4479*), a handle, or everyone (*).
    Add {
        /// What is allowed.
        #[arg(required = true)]
        entries: Vec<String>,
    },
    /// List entries.
    List(Paging),
    /// Take an entry off the list.
    Remove {
        /// The entry.
        entry: String,
    },
}

fn parse(text: &str) -> Result<Entry, Fault> {
    Entry::parse(text).map_err(|error| Fault::usage(error.to_string()))
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let company = session.company.id;
    match verb {
        Verb::Add { entries } => {
            // All are read before the first is written.
            let entries = entries.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
            for entry in entries {
                let is_new = contact::allow(session.pool(), &session.actor, company, &entry)
                    .await
                    .map_err(Fault::from)?;
                let word = if is_new { "added" } else { "there already" };
                output.thing(
                    &json!({ "entry": entry.as_text(), "created": is_new }),
                    &[(word, entry.as_text())],
                )?;
            }
        }
        Verb::List(paging) => {
            let mut conn = session.pool().acquire().await?;
            let limit = usize::from(paging.limit);
            let mut entries =
                store::list(&mut conn, company, paging.cursor.as_deref(), i64::from(paging.limit) + 1)
                    .await
                    .map_err(Fault::from)?;
            let has_more = entries.len() > limit;
            entries.truncate(limit);
            let next = entries.last().filter(|_| has_more).map(|last| last.entry.clone());
            output.list(&entries, next, &["ENTRY", "BY", "SINCE"], |entry| {
                vec![entry.entry.clone(), entry.created_by.clone(), format!("{:.0}", entry.created_at)]
            })?;
        }
        Verb::Remove { entry } => {
            let entry = parse(&entry)?;
            if !contact::disallow(session.pool(), &session.actor, company, &entry)
                .await
                .map_err(Fault::from)?
            {
                let sentence = format!("{} is not on the allowlist", entry.as_text());
                return Err(Fault { code: Code::Failed, sentence }.into());
            }
            output.thing(&json!({ "entry": entry.as_text() }), &[("removed", entry.as_text())])?;
        }
    }
    Ok(Code::Done)
}
