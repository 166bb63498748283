//! What of a message can be copied, and how it reads. Knows nothing of clipboards.
use countersign_core::activity::payload::{Parts, Payload};
use countersign_core::approval::Item;
use countersign_core::safe_text::SafeText;

use super::preview::Detail;

const ERASED: &str = "its text was erased";

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its id.
    Id,
    /// The id with the hash of what was shown: what a decision on the command line names.
    Seen,
    /// Whom it goes to.
    Recipient,
    /// The subject of a mail.
    Subject,
    /// The words that are read.
    Text,
    /// The command that shows the same.
    Command,
}

impl Part {
    /// The part that a key chooses.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "1" => Self::Id,
            "2" => Self::Seen,
            "3" => Self::Recipient,
            "4" => Self::Subject,
            "5" => Self::Text,
            "6" => Self::Command,
            _ => return None,
        })
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Seen => "ID@SHA256",
            Self::Recipient => "recipient",
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Command => "command",
        }
    }

    /// Reads the part of an item that was shown. Foreign text reads as on a screen that knows every script: what could do
    /// something where it is pasted is a mark.
    ///
    /// # Errors
    /// Says why there is none.
    pub(crate) fn read(self, item: &Item, detail: &Detail) -> Result<String, &'static str> {
        let payload = || detail.activity.envelope.as_ref().map(|envelope| &envelope.payload).ok_or(ERASED);
        let text = match self {
            Self::Id => item.id.to_string(),
            Self::Seen => format!("{}@{}", item.id, item.payload_sha256),
            Self::Command => format!("countersign approvals show {}", item.id),
            Self::Recipient => SafeText::line(&payload()?.to).to_string(),
            Self::Subject => SafeText::line(subject(payload()?)?).to_string(),
            Self::Text => SafeText::block(payload()?.parts.text()).to_string(),
        };
        if text.is_empty() { Err("there is nothing in it") } else { Ok(text) }
    }
}

fn subject(payload: &Payload) -> Result<&str, &'static str> {
    match &payload.parts {
        Parts::Email { subject, .. } => Ok(subject),
        _ => Err("only mail has one"),
    }
}
