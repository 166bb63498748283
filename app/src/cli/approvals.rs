//! Decisions from the command line. What is approved is named by id and hash, as it was shown.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::view::{ActivityRow, List};
use countersign_core::approval::{self, BATCH_LIMIT, Item, ItemOutcome, ItemResult};
use countersign_core::ids::ActivityId;

use super::page::{Narrow, rows};
use super::queue::show;
use crate::exit::{Code, Fault};
use crate::output::{Output, complain};
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List drafts that wait for a decision, oldest first.
    List(Narrow),
    /// Show one item in full, with its hash.
    Show {
        /// Id of the item.
        id: ActivityId,
    },
    /// Approve items, each on exactly the bytes its hash names.
    Approve {
        /// Items as ID@SHA256.
        #[arg(required = true, value_name = "ID@SHA256")]
        items: Vec<String>,
    },
    /// Reject items.
    Reject {
        /// Items as ID@SHA256.
        #[arg(required = true, value_name = "ID@SHA256")]
        items: Vec<String>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Take approvals back, or reopen what is blocked or failed: the items are drafts again.
    Undo {
        /// Ids of the items.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<ActivityId>,
    },
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::List(narrow) => {
            let (found, next) = rows(&session, List::Approvals, &narrow).await?;
            output.list(&found, next, &["ITEM", "CHANNEL", "KIND", "FILED", "BY", "TO", "SAYS"], listed)?;
            Ok(Code::Done)
        }
        Verb::Show { id } => show(setup, &session, id, output).await,
        Verb::Approve { items } => {
            let items = parse_items(setup, &session, &items, output).await?;
            let results = approval::approve(pool, actor, company, &items).await.map_err(Fault::from)?;
            report(&results, output)
        }
        Verb::Reject { items, reason } => {
            let items = parse_items(setup, &session, &items, output).await?;
            let results =
                approval::reject(pool, actor, company, &items, &reason).await.map_err(Fault::from)?;
            report(&results, output)
        }
        Verb::Undo { ids } => {
            let results = approval::undo(pool, actor, company, &ids).await.map_err(Fault::from)?;
            report(&results, output)
        }
    }
}

fn listed(row: &ActivityRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.channel.to_string(),
        row.kind.as_str().to_owned(),
        format!("{:.0}", row.created_at),
        row.proposed_by.clone(),
        row.to.clone(),
        row.headline.clone(),
    ]
}

/// Reads `ID@SHA256`. An item without its hash is printed with it, so that whoever asks sees what would be decided.
async fn parse_items(
    setup: &Setup,
    session: &Session,
    words: &[String],
    output: Output,
) -> Result<Vec<Item>> {
    if words.len() > BATCH_LIMIT {
        return Err(Fault::usage(format!("{} items; at most {BATCH_LIMIT} in one call", words.len())).into());
    }
    let mut items = Vec::with_capacity(words.len());
    let mut bare = Vec::new();
    for word in words {
        match word.split_once('@') {
            Some((id, hash)) => items.push(Item {
                id: id.parse().map_err(|_| Fault::usage(format!("{word}: {id} is not an id")))?,
                payload_sha256: hash
                    .parse::<PayloadHash>()
                    .map_err(|error| Fault::usage(format!("{word}: {error}")))?,
            }),
            None => bare.push(
                word.parse::<ActivityId>().map_err(|_| Fault::usage(format!("{word} is not ID@SHA256")))?,
            ),
        }
    }
    if bare.is_empty() {
        return Ok(items);
    }
    for id in &bare {
        show(setup, session, *id, output).await?;
    }
    Err(Fault::usage("name the bytes you decide on: ID@SHA256, as printed above; nothing was decided").into())
}

/// Prints what became of each item. A conflict outweighs a refusal.
fn report(results: &[ItemResult], output: Output) -> Result<Code> {
    if output.is_json {
        output.json(&serde_json::json!({ "items": results, "next": null }))?;
    } else {
        for result in results {
            output.line(format!("{}  {}", result.id, sentence(&result.outcome)))?;
        }
        let done = results.iter().filter(|result| result.outcome.is_done()).count();
        if results.len() > 1 {
            output.line(format!("{done} of {} done", results.len()))?;
        }
    }
    let is_conflict = results.iter().any(|result| result.outcome.is_conflict());
    let is_refused = results.iter().any(|result| matches!(result.outcome, ItemOutcome::Refused { .. }));
    Ok(match (is_conflict, is_refused) {
        (true, _) => {
            complain("at least one item was decided by others or changed since you saw it");
            Code::Conflict
        }
        (false, true) => Code::Refused,
        (false, false) => Code::Done,
    })
}

/// What became of an item, in words.
pub(super) fn sentence(outcome: &ItemOutcome) -> String {
    let text = match outcome {
        ItemOutcome::Approved { send_after } => {
            format!("approved; leaves after {send_after:.0} unless undone")
        }
        ItemOutcome::Rejected => "rejected".to_owned(),
        ItemOutcome::Undone => "a draft again".to_owned(),
        ItemOutcome::Resolved { status } => format!("settled: {}", status.as_str()),
        ItemOutcome::Already { status } => format!("so already: {}", status.as_str()),
        ItemOutcome::Changed { payload_sha256 } => {
            format!("changed since you saw it; it is {payload_sha256} now; nothing was decided")
        }
        ItemOutcome::Taken { status, by: Some(by), at: Some(at) } => {
            format!("taken by {by}, {at:.0}; it is {} now", status.as_str())
        }
        ItemOutcome::Taken { status, .. } => format!("it is {} already", status.as_str()),
        ItemOutcome::Missing => "not an item of this company".to_owned(),
        ItemOutcome::Refused { reason } => format!("refused: {reason}"),
    };
    countersign_core::safe_text::SafeText::line(&text).to_string()
}
