//! Links: what they say and where they lead. Only targets of a plain form are taken to lead where they seem to.
use serde::Serialize;

use super::excerpt;

/// A link, raw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The words that can be clicked.
    pub label: String,
    /// Where they lead.
    pub target: String,
}

/// What is wrong with the links, each as a sentence.
pub(super) fn sentences(links: &[Link]) -> Vec<String> {
    links.iter().filter_map(sentence).collect()
}

fn sentence(link: &Link) -> Option<String> {
    let target = link.target.trim();
    let (label, shown) = (excerpt(&link.label), excerpt(target));
    let Some(place) = Place::of(target) else {
        return Some(format!("link \"{label}\" leads to an address of no plain form: {shown}"));
    };
    let other = link.label.split_whitespace().find(|word| !place.agrees_with(word))?;
    Some(format!("link says {} but leads to {shown}", excerpt(other)))
}

/// Where a target leads.
enum Place {
    Host(String),
    Mailbox(String),
    Phone,
}

impl Place {
    fn of(target: &str) -> Option<Self> {
        let is_clean = target.chars().all(|c| c.is_ascii_graphic() && !"\\\"<>`{}|^".contains(c));
        if !is_clean {
            return None;
        }
        let (scheme, rest) = target.split_once(':')?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let rest = rest.strip_prefix("//")?;
                let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
                let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
                let host = host.to_ascii_lowercase();
                let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                (is_port && is_host(&host)).then_some(Self::Host(host))
            }
            // Everything behind a question mark is filled in for the reader: copies, subject, body.
            "mailto" if !rest.contains(['?', ',', ';', '%']) => {
                let host = rest.split_once('@')?.1.to_ascii_lowercase();
                is_host(&host).then(|| Self::Mailbox(rest.to_ascii_lowercase()))
            }
            "tel" => rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.()".contains(&byte))
                .then_some(Self::Phone),
            _ => None,
        }
    }

    /// `false` if the word names another place than this.
    fn agrees_with(&self, word: &str) -> bool {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let without = |text: &str| text.strip_prefix("www.").unwrap_or(text).to_owned();
        let bare = word.split_once("://").map_or(word.as_str(), |(_, rest)| rest);
        let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
        let end = bare.find(['/', '?', '#', ':', '\\']).unwrap_or(bare.len());
        let named = &bare[..end];
        if let Some((_, domain)) = named.split_once('@') {
            return match self {
                Self::Mailbox(address) => address == named,
                Self::Host(_) | Self::Phone => !looks_like_host(domain),
            };
        }
        if !looks_like_host(named) {
            return true;
        }
        match self {
            Self::Host(host) => without(host) == without(named),
            Self::Mailbox(address) => address.split_once('@').is_some_and(|(_, host)| host == named),
            Self::Phone => false,
        }
    }
}

/// A host in plain letters: not numbers, and not the wire form of foreign letters.
fn is_host(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| {
            !label.is_empty()
                && !label.starts_with("xn--")
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        && labels.last().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

/// What a reader may take for a host, in any letters. Dots that only look like dots count as well.
fn looks_like_host(word: &str) -> bool {
    let word = word.replace(['。', '．', '｡', '․'], ".");
    let labels: Vec<&str> = word.split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        })
        && labels.last().is_some_and(|last| last.chars().count() > 1 && last.chars().all(char::is_alphabetic))
}
