//! The palette: commands and filters found by their words. Says what there is and in which order; runs nothing and draws nothing.
use countersign_core::activity::payload::Kind;
use countersign_core::channel::ChannelName;
use countersign_core::ids::OutboxId;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::action::{self, Action};
use super::field::Field;
use super::model::{Link, Model};
use super::msg::Painted;
use super::switch::Reach;
use super::update::switch;

/// The open palette.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) field: Field,
    /// The entry under the cursor; the best one until somebody moves.
    pub(crate) chosen: Option<String>,
    /// What was on screen before it opened. A command acts on that, as its key would have.
    pub(crate) before: Painted,
}

/// Something the approvals can be narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filtering {
    Channel(ChannelName),
    Kind(Kind),
    Outbox(OutboxId),
    Text(String),
    /// No filter at all.
    All,
}

/// What an entry does.
#[derive(Clone)]
pub(crate) enum Command {
    Act(&'static Action),
    Filter(Filtering),
    /// Kill that, or let it go again.
    Kill(Reach),
    Lift(Reach),
    /// Nothing: what was typed names something that is not there.
    Nothing,
}

/// A line of the palette.
#[derive(Clone)]
pub(crate) struct Entry {
    /// What is typed for it. An outbox's name in it is foreign text.
    pub(crate) id: String,
    pub(crate) help: &'static str,
    pub(crate) keys: String,
    /// Whether it is possible now, or why not.
    pub(crate) state: Result<(), String>,
    pub(crate) command: Command,
}

/// The entries that fit what was typed, best first; without a text all of them, in the order of the table.
pub(crate) fn entries(model: &Model, text: &str) -> Vec<Entry> {
    let text = text.trim_start();
    if let Some(wanted) = text.strip_prefix("text ").map(str::trim).filter(|wanted| !wanted.is_empty()) {
        let filtering = Filtering::Text(wanted.to_owned());
        return vec![filter(model, format!("text {wanted}"), "only what contains this text", filtering)];
    }
    let filters = filters(model);
    let text = text.trim_end();
    let Some((noun, value)) = text.split_once(' ').filter(|(noun, _)| NOUNS.contains(noun)) else {
        let mut all: Vec<Entry> = action::of(model.screen)
            .filter(|action| action.id != "palette")
            .map(|action| act(model, action))
            .collect();
        all.extend(stops(model));
        all.extend(filters);
        return ranked(all, text, 0);
    };
    let prefix = format!("{noun} ");
    let of_noun: Vec<Entry> = filters.into_iter().filter(|entry| entry.id.starts_with(&prefix)).collect();
    let known: Vec<&str> = of_noun.iter().filter_map(|entry| entry.id.strip_prefix(&prefix)).collect();
    let nothing = Entry {
        id: text.to_owned(),
        help: "",
        keys: String::new(),
        state: Err(format!("no {noun} `{}`; there are {}", value.trim(), known.join(", "))),
        command: Command::Nothing,
    };
    let found = ranked(of_noun, value.trim(), prefix.len());
    if found.is_empty() { vec![nothing] } else { found }
}

/// The entry under the cursor.
pub(crate) fn chosen_of(entries: &[Entry], chosen: Option<&str>) -> usize {
    chosen.and_then(|id| entries.iter().position(|entry| entry.id == id)).unwrap_or(0)
}

const NOUNS: [&str; 3] = ["channel", "kind", "outbox"];

fn act(model: &Model, action: &'static Action) -> Entry {
    Entry {
        id: action.id.to_owned(),
        help: action.help,
        keys: action.keys.first().copied().unwrap_or_default().to_owned(),
        state: (action.enabled)(model),
        command: Command::Act(action),
    }
}

fn filter(model: &Model, id: String, help: &'static str, filtering: Filtering) -> Entry {
    let state = match model.link {
        Link::Stale { .. } => Err("the database does not answer".to_owned()),
        Link::Connecting | Link::Live => Ok(()),
    };
    Entry { id, help, keys: String::new(), state, command: Command::Filter(filtering) }
}

/// Switches that reach further than the outbox under the cursor: for every channel in use, and for the company.
fn stops(model: &Model) -> Vec<Entry> {
    let mut channels: Vec<ChannelName> = model.outboxes.iter().map(|outbox| outbox.channel).collect();
    channels.extend(model.kills.iter().filter_map(|kill| kill.channel));
    channels.sort_by_key(|channel| ChannelName::ALL.iter().position(|known| known == channel));
    channels.dedup();
    let reaches = channels.into_iter().map(Reach::Channel).chain([Reach::Company]);
    reaches
        .map(|reach| {
            let of = match &reach {
                Reach::Channel(channel) => format!("channel {channel}"),
                Reach::Company | Reach::Outbox { .. } => "everything".to_owned(),
            };
            let state = switch::can_turn(model, &reach);
            let (verb, help, command) = if switch::is_killed(model, &reach) {
                ("lift", "let it send again; an admin's command", Command::Lift(reach))
            } else {
                ("kill", "stop all of it for a reason until an admin lets it go again", Command::Kill(reach))
            };
            Entry { id: format!("{verb} {of}"), help, keys: String::new(), state, command }
        })
        .collect()
}

fn filters(model: &Model) -> Vec<Entry> {
    let mut all = vec![filter(model, "all".to_owned(), "all approvals, without any filter", Filtering::All)];
    all.extend(ChannelName::ALL.iter().filter(|channel| **channel != ChannelName::DryRun).map(|channel| {
        let id = format!("channel {}", channel.as_str());
        filter(model, id, "only approvals of this channel", Filtering::Channel(*channel))
    }));
    all.extend(Kind::ALL.iter().map(|kind| {
        filter(
            model,
            format!("kind {}", kind.as_str()),
            "only approvals of this kind",
            Filtering::Kind(*kind),
        )
    }));
    all.extend(model.outboxes.iter().map(|outbox| {
        let id = format!("outbox {}", outbox.name);
        filter(model, id, "only approvals of this outbox", Filtering::Outbox(outbox.id))
    }));
    all
}

/// Letters of the id in order, anywhere; or the words themselves in the help. The id counts twice, the very id first of all.
///
/// Of the ids, the first `skipped` bytes do not count.
fn ranked(entries: Vec<Entry>, text: &str, skipped: usize) -> Vec<Entry> {
    if text.is_empty() {
        return entries;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = |kind| Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, kind);
    let (letters, words) = (pattern(AtomKind::Fuzzy), pattern(AtomKind::Substring));
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Entry)> = entries
        .into_iter()
        .filter_map(|entry| {
            let name = entry.id.get(skipped..).unwrap_or_default();
            let in_id = letters.score(Utf32Str::new(name, &mut buffer), &mut matcher);
            let in_help = (skipped == 0)
                .then(|| words.score(Utf32Str::new(entry.help, &mut buffer), &mut matcher))
                .flatten();
            let score = in_id.map(|score| score.saturating_mul(2)).max(in_help)?;
            let is_named = name == text;
            Some((if is_named { u32::MAX } else { score }, entry))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, entry)| entry).collect()
}
