//! The words of the demo, a book a language. The texts are data (`words/*.json`); here stands only how they are read.
use std::collections::BTreeMap;

use serde::Deserialize;

/// In which order a language writes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NameOrder {
    GivenFirst,
    FamilyFirst,
    /// Family name first, without a blank.
    FamilyJoined,
}

/// Everything the demo says in one language. Placeholders stand in braces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) locale: String,
    pub(super) zone: String,
    pub(super) order: NameOrder,
    /// The mail outbox that writes in this language.
    pub(super) outbox: String,
    pub(super) hello: String,
    pub(super) bye: String,
    /// Subject and first paragraph, by family.
    pub(super) topics: BTreeMap<String, (String, String)>,
    pub(super) middle: Vec<String>,
    pub(super) ask: Vec<String>,
    /// Openings of a follow-up.
    pub(super) again: Vec<String>,
    /// Openings of a reply.
    pub(super) answer: Vec<String>,
    /// What recipients write back.
    pub(super) theirs: Vec<String>,
    pub(super) chat: Vec<String>,
    pub(super) visit: Vec<String>,
    pub(super) social: Vec<String>,
    /// Given names, each with its spelling in an address.
    pub(super) first: Vec<String>,
    /// Family names, each with its spelling in an address.
    pub(super) last: Vec<String>,
    /// Companies, each with the label of its domain.
    pub(super) accounts: Vec<String>,
    pub(super) sites: Vec<String>,
}

const BOOKS: [&str; 10] = [
    include_str!("words/nb.json"),
    include_str!("words/fr.json"),
    include_str!("words/en.json"),
    include_str!("words/de.json"),
    include_str!("words/es.json"),
    include_str!("words/pt.json"),
    include_str!("words/ja.json"),
    include_str!("words/he.json"),
    include_str!("words/ar.json"),
    include_str!("words/zh.json"),
];

/// Reads the books.
pub(super) fn all() -> Vec<Book> {
    BOOKS
        .iter()
        .map(|text| serde_json::from_str(text).expect("the books are embedded, and a test reads every one"))
        .collect()
}

/// Splits `Zoë|zoe` into what is shown and what stands in addresses.
pub(super) fn spelled(entry: &str) -> (&str, &str) {
    entry.split_once('|').unwrap_or((entry, entry))
}

impl Book {
    /// The language alone, as drafting agents are named after it.
    pub(super) fn language(&self) -> &str {
        self.locale.split('-').next().unwrap_or_default()
    }
}
