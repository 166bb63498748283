//! What a provider tells, in the product's words. Text in here is foreign: it was written by anybody.
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::fact::Fact;
use crate::ids::ActivityId;

/// The longest external id, in bytes. A longer one is shortened to its hash.
pub const EXTERNAL_ID_LIMIT: usize = 300;

/// The longest subject that is kept, in characters.
pub const SUBJECT_LIMIT: usize = 500;

/// The longest text of a message that is kept beside its raw bytes, in characters.
pub const TEXT_LIMIT: usize = 20_000;

/// One thing that happened at a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What tells it from every other event of this provider: the same for a repetition, however often it comes.
    pub external_id: String,
    /// When it happened, by the provider's clock.
    pub occurred_at: Option<Timestamp>,
    /// Which of our messages it is about, the most certain reference first; empty if it names none.
    pub about: Vec<Reference>,
    /// What happened.
    pub what: What,
    /// The bytes it was read from: the whole body, or its part of a batch.
    #[serde(skip)]
    pub raw: Bytes,
}

/// How an event names one of our messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// By our own id, which we gave to the provider with the message (tag, metadata, `utm_content`).
    Activity(ActivityId),
    /// By the provider's id of it.
    Provider(String),
    /// By the Message-ID header, without angle brackets.
    MessageId(String),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum What {
    /// Somebody wrote to us.
    Message(Letter),
    /// Something became of a message of ours.
    Status(Progress),
    /// A meeting was booked, moved or called off.
    Booking(Booking),
    /// The provider shows us a message that we, or somebody with our account, sent.
    Echo(Echo),
    /// The provider will not deliver to an address any more, or does so again.
    Suppression {
        /// The address.
        address: String,
        /// `bounce`, `complaint` or `manual`, in the provider's words.
        origin: String,
        /// Whether it was lifted.
        is_lifted: bool,
    },
    /// Somebody did something with a post of ours: liked, commented, shared.
    Social {
        /// What, in the provider's word.
        action: String,
        /// Who, if it is said.
        by: Option<String>,
        /// What they wrote, if they did.
        text: Option<String>,
    },
    /// Something the product has no use for.
    Other {
        /// The provider's name of it.
        name: String,
    },
    /// It is proven to come from the provider and cannot be read.
    Unreadable {
        /// Why not.
        why: String,
    },
}

impl What {
    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Status(_) => "status",
            Self::Booking(_) => "booking",
            Self::Echo(_) => "echo",
            Self::Suppression { .. } => "suppression",
            Self::Social { .. } => "social",
            Self::Other { .. } => "other",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// A message to us.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Who wrote: a mail address, a number in E.164, or a handle, as drafts on this channel name them.
    pub from: String,
    /// The name they gave themselves.
    pub from_name: Option<String>,
    /// Which of our addresses they wrote to.
    pub to: Vec<String>,
    /// The subject of a mail.
    pub subject: Option<String>,
    /// The words; `None` while they have not been fetched, or there are none.
    pub text: Option<String>,
    /// Its own id at the provider, or its Message-ID.
    pub id: Option<String>,
    /// Whether a machine answered: vacation notices and the like are no reply of a person.
    pub is_automatic: bool,
    /// Whether the rest has to be fetched before it is known what kind of message it is.
    pub is_announced: bool,
    /// Whether the provider could show that it comes from whom it says (mail: `authentication` passed); `None` where it does not say.
    pub is_authentic: Option<bool>,
}

/// What became of a message of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What.
    pub fact: Fact,
    /// The recipient it is about, where a message has several.
    pub recipient: Option<String>,
    /// The provider's code and words.
    pub detail: Option<String>,
    /// The Message-ID the mail was given, without angle brackets.
    pub message_id: Option<String>,
    /// Whether it says that the recipient asked not to be written to.
    pub is_opt_out: bool,
}

/// A meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// What became of it.
    pub phase: Phase,
    /// The provider's id of it.
    pub uid: String,
    /// Mail addresses of those who booked.
    pub attendees: Vec<String>,
    /// When it begins.
    pub starts_at: Option<Timestamp>,
    /// Why it was called off, in their words.
    pub reason: Option<String>,
}

/// What became of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Asked for; the host has to agree.
    Requested,
    /// It stands.
    Booked,
    /// It stands at another time.
    Moved,
    /// It was called off, by whomever.
    Cancelled,
    /// They did not come.
    Missed,
}

/// A message that left under our account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Echo {
    /// To whom.
    pub to: String,
    /// What it said.
    pub text: Option<String>,
    /// The provider's id of it.
    pub id: String,
}

impl Event {
    /// Puts an event together; an id that is too long becomes its hash, and no text holds what PostgreSQL cannot store.
    #[must_use]
    pub fn new(
        external_id: &str,
        occurred_at: Option<Timestamp>,
        about: Vec<Reference>,
        what: What,
        raw: Bytes,
    ) -> Self {
        Self { external_id: shortened(external_id), occurred_at, about, what, raw }
    }
}

/// The id itself, or its hash if it is too long or holds control characters.
fn shortened(id: &str) -> String {
    use sha2::{Digest as _, Sha256};
    if !id.is_empty() && id.len() <= EXTERNAL_ID_LIMIT && !id.chars().any(char::is_control) {
        return id.to_owned();
    }
    let hash = Sha256::digest(id.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Foreign text as it can be stored: without NUL, which PostgreSQL cannot hold, and not longer than `most` characters.
#[must_use]
pub fn storable(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}
