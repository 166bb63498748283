//! What people do to single messages: try one again, note one that passed elsewhere.
use color_eyre::eyre::Result;
use countersign_core::activity::fact::Told;
use countersign_core::approval::{self, ItemOutcome};
use countersign_core::channel::ChannelName;
use countersign_core::channel::lookup::finding_words;
use countersign_core::dispatch::evidence;
use countersign_core::ids::ActivityId;
use countersign_core::inbound::{self, Direction, Noted, NotedView};
use countersign_core::safe_text::SafeText;
use serde_json::json;

use crate::cli::accounts::contact;
use crate::cli::approvals::sentence;
use crate::cli::page::channel;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Record {
    /// Id or address of the contact.
    contact: String,
    /// On which channel.
    #[arg(long, value_parser = channel)]
    channel: ChannelName,
    /// Who wrote: in is the contact, out is your side.
    #[arg(long)]
    direction: Way,
    /// When, as 2026-11-24T09:00:00Z. Default: now.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// What it said, in a line.
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Way {
    /// The contact wrote.
    In,
    /// Your side wrote by other means.
    Out,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

pub(super) async fn retry(session: &Session, id: ActivityId, output: Output) -> Result<Code> {
    let result =
        approval::retry(session.pool(), &session.actor, session.company.id, id).await.map_err(Fault::from)?;
    if output.is_json {
        output.json(&result)?;
    } else if let ItemOutcome::Taken { status, .. } = &result.outcome {
        output.line(format!("{id}  only what failed is tried again; it is {}", status.as_str()))?;
    } else {
        output.line(format!("{id}  {}", sentence(&result.outcome)))?;
    }
    Ok(if result.outcome.is_done() { Code::Done } else { Code::Conflict })
}

/// Asks the provider what became of a message.
pub(super) async fn lookup(setup: &Setup, session: &Session, id: ActivityId, output: Output) -> Result<Code> {
    let lines = engine::ways(&setup.config, None)?;
    let key = engine::master_key(&setup.config, &setup.paths)?;
    let looked = evidence::look(session.pool(), &lines, &key, &session.actor, session.company.id, id)
        .await
        .map_err(Fault::from)?;
    let Some(looked) = looked else {
        let sentence = format!("{id} is not uncertain; see `countersign activities show {id}`");
        return Err(Fault { code: Code::Conflict, sentence }.into());
    };
    let why = SafeText::line(looked.finding.why());
    let word = finding_words(looked.finding.as_str());
    output.thing(
        &json!({ "id": id, "finding": looked.finding.as_str(), "why": looked.finding.why(), "outcome": looked.outcome }),
        &[("provider", format!("{word}: {why}")), ("now", sentence(&looked.outcome))],
    )?;
    Ok(Code::Done)
}

pub(super) async fn record(session: &Session, record: Record, output: Output) -> Result<Code> {
    let found = contact::find(&mut *session.pool().acquire().await?, session, &record.contact).await?;
    let direction = Direction::from(record.direction);
    let noted =
        Noted { contact: found.id, channel: record.channel, direction, at: record.at, note: record.note };
    let id = inbound::record(session.pool(), &session.actor, session.company.id, &noted)
        .await
        .map_err(Fault::from)?;
    let word = match direction {
        Direction::In => "received; what was written to them before it is not sent",
        Direction::Out => "recorded",
    };
    output.thing(
        &json!({ "id": id, "contact": found.id, "channel": record.channel, "direction": direction }),
        &[("noted", word.to_owned()), ("contact", found.name), ("id", id.to_string())],
    )?;
    Ok(Code::Done)
}

/// Prints a noted message.
pub(super) fn show_noted(noted: &NotedView, output: Output) -> Result<Code> {
    let way = match noted.direction {
        Direction::In => "the contact wrote",
        Direction::Out => "written by other means",
    };
    let with = noted
        .account
        .as_ref()
        .map_or_else(|| noted.contact.clone(), |account| format!("{} · {account}", noted.contact));
    output.thing(
        &serde_json::to_value(noted)?,
        &[
            ("item", noted.id.to_string()),
            ("status", format!("{} ({way})", noted.status.as_str())),
            ("channel", noted.channel.to_string()),
            ("contact", with),
            ("at", format!("{:.0}", noted.at)),
            ("noted by", noted.noted_by.clone()),
            ("note", noted.note.clone()),
        ],
    )?;
    Ok(Code::Done)
}

/// What became of a message after it was sent, the furthest first, and when that was last heard of.
pub(super) fn facts(facts: &[Told]) -> Vec<String> {
    let told = facts.iter().map(|told| {
        let detail =
            told.detail.as_ref().map_or_else(String::new, |detail| format!(": {}", SafeText::line(detail)));
        format!("became   {} at {:.0}{detail}", told.fact.as_str().replace('_', " "), told.at)
    });
    let newest = facts.iter().map(|told| told.told_at).max();
    told.chain(newest.map(|at| format!("heard    last at {at:.0}"))).collect()
}
