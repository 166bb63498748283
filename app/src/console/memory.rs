//! What was read on this console, newest last: the texts that later ones are compared with. Bounded in number and size.
use std::collections::VecDeque;
use std::sync::Arc;

use countersign_core::activity::family;
use countersign_core::approval::Item;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

use super::outgoing::{self, Field};
use super::preview::Detail;
use super::theme::Charset;

const MAX_READS: usize = 200;
const MAX_BYTES: usize = 16 << 20;

/// A message that was read to its end.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) item: Item,
    pub(crate) detail: Arc<Detail>,
    pub(crate) at: Timestamp,
}

/// What a message is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) fields: Vec<Field>,
    pub(crate) what: What,
}

/// How the person knows the base.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// An earlier version of the same message, read here.
    Earlier { at: Timestamp },
    /// The version before the last edit, not read here.
    Unread { at: Timestamp },
    /// Another message of the same family, read here.
    Sibling { who: SafeText, at: Timestamp },
}

impl Base {
    /// Whether the person has read it here, in full or over a chain of differences.
    pub(crate) fn is_read(&self) -> bool {
        !matches!(self.what, What::Unread { .. })
    }
}

/// Messages that were read.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    reads: VecDeque<Read>,
}

impl Memory {
    /// Remembers a message that was just read.
    pub(crate) fn note(&mut self, item: Item, detail: &Arc<Detail>, at: Timestamp) {
        if self.reads.back().is_some_and(|read| read.item == item) {
            return;
        }
        self.reads.retain(|read| read.item != item);
        self.reads.push_back(Read { item, detail: Arc::clone(detail), at });
        let size = |read: &Read| read.detail.activity.raw.len();
        while self.reads.len() > MAX_READS || self.reads.iter().map(size).sum::<usize>() > MAX_BYTES {
            self.reads.pop_front();
        }
    }

    /// What a message is compared with: itself as it was, else the last that was read of its family.
    pub(crate) fn base_for(&self, detail: &Detail, charset: Charset) -> Option<Base> {
        let row = &detail.activity.row;
        let mut read = self.reads.iter().rev();
        let itself = |read: &&Read| read.item.id == row.id && read.item.payload_sha256 != row.payload_sha256;
        if let Some(read) = read.clone().find(itself) {
            return base(read, What::Earlier { at: read.at });
        }
        if let Some(version) = &detail.before {
            // How its request compares is not known, and this message's is compared in full where it is not the plain one.
            let fields = outgoing::fields(&version.envelope, super::preview::RequestCheck::Same);
            return Some(Base { fields, what: What::Unread { at: version.at } });
        }
        let read = read.find(|read| is_sibling(&read.detail, detail))?;
        let other = &read.detail.activity.row;
        let who = match &other.account {
            Some(account) => charset.joined(&[&other.contact, charset.glyphs().between, account]),
            None => charset.line(&other.contact),
        };
        base(read, What::Sibling { who, at: read.at })
    }
}

fn base(read: &Read, what: What) -> Option<Base> {
    let envelope = read.detail.activity.envelope.as_ref()?;
    Some(Base { fields: outgoing::fields(envelope, read.detail.request), what })
}

fn is_sibling(one: &Detail, other: &Detail) -> bool {
    let (row, its) = (&one.activity.row, &other.activity.row);
    let (Some(text), Some(its_text)) = (&one.activity.envelope, &other.activity.envelope) else {
        return false;
    };
    row.id != its.id
        && row.channel == its.channel
        && row.kind == its.kind
        && row.proposed_by == its.proposed_by
        && family::is_near(text.payload.parts.text(), its_text.payload.parts.text())
}
