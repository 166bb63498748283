//! Decisions from the command line. What is approved is named by id and hash, as it was shown.
use std::path::{Path, PathBuf};

use clap::Subcommand;
use color_eyre::eyre::{Context as _, Result};
use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::store_read;
use countersign_core::activity::view::{ActivityRow, List, Snoozed};
use countersign_core::approval::{self, BATCH_LIMIT, Item, ItemOutcome, ItemResult};
use countersign_core::channel::Lines;
use countersign_core::clock;
use countersign_core::draft::edit::document as edit_document;
use countersign_core::draft::revise;
use countersign_core::ids::{ActivityId, BatchId};

use super::page::{Narrow, rows};
use super::queue::show;
use crate::exit::{Code, Fault};
use crate::kept::Folder;
use crate::meter::{self, Meter};
use crate::output::{Output, complain};
use crate::session::{Session, Setup};
use crate::{editor, engine};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List drafts that wait for a decision, oldest first.
    List {
        #[command(flatten)]
        narrow: Narrow,
        /// Only what you snoozed; else it is left out.
        #[arg(long)]
        snoozed: bool,
    },
    /// Hide drafts from your own list until a time; nothing else about them changes.
    Snooze {
        /// Ids of the items.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<ActivityId>,
        #[command(flatten)]
        when: When,
    },
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
        /// Approve also what goes to an address that can be taken for another contact's.
        #[arg(long)]
        look_alike_ok: bool,
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
    /// Change the words of a draft; the new text needs a decision of its own. Opens $VISUAL or $EDITOR.
    Edit {
        /// Item as ID@SHA256: the text that is changed.
        #[arg(value_name = "ID@SHA256")]
        item: String,
        /// Take the text from a file instead of an editor; - reads standard input.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Take approvals back, or reopen what is blocked or failed: the items are drafts again.
    Undo {
        /// Ids of the items.
        #[arg(required_unless_present = "batch", conflicts_with = "batch", value_name = "ID")]
        ids: Vec<ActivityId>,
        /// Everything that was approved together and has not left; approving prints the batch.
        #[arg(long, value_name = "ID")]
        batch: Option<BatchId>,
    },
}

/// Until when to snooze.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct When {
    /// For so long: 90m, 2h, 3d.
    #[arg(long = "for", value_name = "DURATION")]
    span: Option<jiff::Span>,
    /// Until this time, as 2026-11-24T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
    /// Show them again.
    #[arg(long)]
    off: bool,
}

impl When {
    fn until(&self) -> Result<Option<jiff::Timestamp>> {
        let Some(span) = self.span else {
            return Ok(self.until);
        };
        let now = clock::now().to_zoned(jiff::tz::TimeZone::system());
        let then = now.checked_add(span).map_err(|error| Fault::usage(format!("--for: {error}")))?;
        Ok(Some(then.timestamp()))
    }
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::List { narrow, snoozed } => {
            let me = actor.operator(countersign_core::actor::Role::Viewer);
            let snoozed = match (me, snoozed) {
                (Some(me), true) => Snoozed::Only(me),
                (Some(me), false) => Snoozed::Hidden(me),
                (None, _) => Snoozed::Shown,
            };
            let (found, next) = rows(&session, List::Approvals, &narrow, snoozed).await?;
            if let Snoozed::Only(_) = snoozed {
                output.list(
                    &found,
                    next,
                    &["ITEM", "CHANNEL", "KIND", "RISK", "UNTIL", "BY", "TO", "SAYS"],
                    |row| {
                        let mut cells = listed(row);
                        let until = row.hold.as_ref().and_then(|hold| hold.until);
                        cells[4] = until.map(|until| format!("{until:.0}")).unwrap_or_default();
                        cells
                    },
                )?;
                return Ok(Code::Done);
            }
            output.list(
                &found,
                next,
                &["ITEM", "CHANNEL", "KIND", "RISK", "FILED", "BY", "TO", "SAYS"],
                listed,
            )?;
            Ok(Code::Done)
        }
        Verb::Show { id } => show(setup, &session, id, output).await,
        Verb::Approve { items, look_alike_ok } => {
            let mut items = parse_items(setup, &session, &items, output).await?;
            items.iter_mut().for_each(|item| item.confirms_look_alike = look_alike_ok);
            let batch = BatchId::new();
            let results =
                approval::approve_in(pool, actor, company, &items, batch).await.map_err(Fault::from)?;
            report_batch(&results, batch, output)
        }
        Verb::Reject { items, reason } => {
            let items = parse_items(setup, &session, &items, output).await?;
            let results =
                approval::reject(pool, actor, company, &items, &reason).await.map_err(Fault::from)?;
            report(&results, output)
        }
        Verb::Edit { item, file } => edit(setup, &session, &item, file.as_deref(), output).await,
        Verb::Snooze { ids, when } => {
            let results = match when.until()? {
                Some(until) => approval::snooze(pool, actor, company, &ids, until).await,
                None => approval::unsnooze(pool, actor, company, &ids).await,
            };
            report(&results.map_err(Fault::from)?, output)
        }
        Verb::Undo { batch: Some(batch), .. } => undo_batch(&session, batch, output).await,
        Verb::Undo { ids, batch: None } => {
            let results = approval::undo(pool, actor, company, &ids).await.map_err(Fault::from)?;
            report(&results, output)
        }
    }
}

/// Takes back what was approved together.
async fn undo_batch(session: &Session, batch: BatchId, output: Output) -> Result<Code> {
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    let undo = async |meter: &Meter| {
        let advance = |done, total| meter.set_of(done, total);
        approval::undo_batch_watched(pool, actor, company, batch, &advance).await
    };
    let done = meter::around("taking back", None, undo).await.map_err(Fault::from)?;
    if output.is_json {
        output.json(&done)?;
    } else {
        output.line(format!("{} of {} are drafts again", done.undone, done.batch_size))?;
    }
    if done.undone < done.batch_size {
        complain("the others left, stopped, were taken back before, or have a first approval of two only");
        return Ok(Code::Conflict);
    }
    Ok(Code::Done)
}

/// Changes the words of a draft, from a file or in an editor.
pub(super) async fn edit(
    setup: &Setup,
    session: &Session,
    item: &str,
    file: Option<&Path>,
    output: Output,
) -> Result<Code> {
    let items = parse_items(setup, session, &[item.to_owned()], output).await?;
    let Some(item) = items.first().copied() else {
        return Err(Fault::usage("name one item as ID@SHA256").into());
    };
    let lines = engine::ways(&setup.config, None)?;
    let text = match file {
        Some(path) if path.as_os_str() == "-" => {
            editor::read(&mut std::io::stdin().lock(), "standard input")?
        }
        Some(path) => editor::read_file(path)?,
        None => in_editor(setup, session, item, &lines).await?,
    };
    let result = revise(session.pool(), &session.actor, session.company.id, item, &text, &lines)
        .await
        .map_err(Fault::from);
    let kept = Folder::new(setup.paths.edits.clone());
    if file.is_none() && result.as_ref().is_ok_and(|result| result.outcome.is_done()) {
        kept.forget(item).wrap_err("the text of the editor stays in its file")?;
    } else if file.is_none() {
        complain(&format!("the text is kept in {}", kept.file(item).display()));
    }
    report(&[result?], output)
}

/// Opens an editor on the text of a draft and returns what it left.
async fn in_editor(setup: &Setup, session: &Session, item: Item, lines: &Lines) -> Result<String> {
    let detail = {
        let mut conn = session.pool().acquire().await?;
        store_read::detail(&mut conn, session.company.id, item.id, lines).await.map_err(Fault::from)?
    };
    let detail = detail.ok_or_else(|| Fault::usage(format!("{} is not an item of this company", item.id)))?;
    if detail.row.payload_sha256 != item.payload_sha256 {
        let sentence =
            format!("changed since you saw it; it is {}@{} now", item.id, detail.row.payload_sha256);
        return Err(Fault { code: Code::Conflict, sentence }.into());
    }
    let envelope =
        detail.envelope.ok_or_else(|| Fault::usage("its text was erased; there is nothing to edit"))?;
    let document = edit_document(&envelope.payload)
        .map_err(|error| Fault { code: Code::Refused, sentence: error.to_string() })?;
    let command = editor::command(|name| std::env::var(name).ok())?;
    let kept = Folder::new(setup.paths.edits.clone());
    let file = kept.file(item);
    // What was kept was not saved, here or on the screen: it is not to be written over.
    if file.try_exists().wrap_err("the folder of kept texts cannot be read")? {
        complain(&format!("going on with the text kept in {}; remove it to begin anew", file.display()));
    } else {
        kept.keep(item, &document).wrap_err("the text cannot be put into a file for the editor")?;
    }
    // The terminal belongs to the editor; nothing else of this process uses it.
    let edited = tokio::task::spawn_blocking(move || {
        editor::edit(&command, &file).and_then(|()| editor::read_file(&file))
    });
    Ok(edited.await??)
}

fn listed(row: &ActivityRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.channel.to_string(),
        row.kind.as_str().to_owned(),
        row.risk.to_string(),
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
            Some((id, hash)) => items.push(Item::seen(
                id.parse().map_err(|_| Fault::usage(format!("{word}: {id} is not an id")))?,
                hash.parse::<PayloadHash>().map_err(|error| Fault::usage(format!("{word}: {error}")))?,
            )),
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

/// The same for approvals; where they can be taken back together, it says how.
fn report_batch(results: &[ItemResult], batch: BatchId, output: Output) -> Result<Code> {
    let approved = |result: &&ItemResult| matches!(result.outcome, ItemOutcome::Approved { .. });
    let batch = Some(batch).filter(|_| results.iter().filter(approved).count() > 1);
    tell(results, batch, output)
}

/// Prints what became of each item. A conflict outweighs a refusal.
pub(super) fn report(results: &[ItemResult], output: Output) -> Result<Code> {
    tell(results, None, output)
}

fn tell(results: &[ItemResult], batch: Option<BatchId>, output: Output) -> Result<Code> {
    if output.is_json {
        let mut list = serde_json::json!({ "items": results, "next": null });
        if let Some(batch) = batch {
            list["batch"] = serde_json::json!(batch);
        }
        output.json(&list)?;
    } else {
        for result in results {
            output.line(format!("{}  {}", result.id, sentence(&result.outcome)))?;
        }
        let done = results.iter().filter(|result| result.outcome.is_done()).count();
        if results.len() > 1 {
            output.line(format!("{done} of {} done", results.len()))?;
        }
        if let Some(batch) = batch {
            output.line(format!("to take them back together: countersign approvals undo --batch {batch}"))?;
        }
    }
    let is_conflict = results.iter().any(|result| result.outcome.is_conflict());
    let is_refused = results.iter().any(|result| {
        matches!(result.outcome, ItemOutcome::Refused { .. } | ItemOutcome::NeedsConfirmation { .. })
    });
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
        ItemOutcome::NeedsSecond => {
            "your approval stands; its risk is high, so a second person has to approve it".to_owned()
        }
        ItemOutcome::Rejected => "rejected".to_owned(),
        ItemOutcome::Undone => "a draft again".to_owned(),
        ItemOutcome::Revised { payload_sha256 } => {
            format!("changed; it is {payload_sha256} now and waits for a decision")
        }
        ItemOutcome::Withdrawn => "withdrawn".to_owned(),
        ItemOutcome::Snoozed { until } => format!("off your list until {until:.0}"),
        ItemOutcome::Woken => "on your list again".to_owned(),
        ItemOutcome::Resolved { status } => format!("settled: {}", status.as_str()),
        ItemOutcome::Already { status } => format!("so already: {}", status.as_str()),
        ItemOutcome::Changed { payload_sha256 } => {
            format!("changed since you saw it; it is {payload_sha256} now; nothing was decided")
        }
        ItemOutcome::Reopened { round } => {
            format!("became a draft again since you saw it (round {round}); nothing was decided")
        }
        ItemOutcome::Taken { status, by: Some(by), at: Some(at) } => {
            format!("taken by {by}, {at:.0}; it is {} now", status.as_str())
        }
        ItemOutcome::Taken { status, .. } => format!("it is {} already", status.as_str()),
        ItemOutcome::Missing => "not an item of this company".to_owned(),
        ItemOutcome::NeedsConfirmation { reason } => {
            format!("not approved: {reason}; add --look-alike-ok if it is meant")
        }
        ItemOutcome::Refused { reason } => format!("refused: {reason}"),
    };
    countersign_core::safe_text::SafeText::line(&text).to_string()
}
