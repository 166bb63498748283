//! What stops sending and lets it go again: how far a switch reaches, and which way it is turned. Data only.
use countersign_core::channel::ChannelName;
use countersign_core::ids::OutboxId;
use countersign_core::safe_text::SafeText;

use super::theme::Charset;

/// How far a switch reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One outbox. Its name is foreign text.
    Outbox { id: OutboxId, name: String },
    /// Every outbox of a channel.
    Channel(ChannelName),
    /// Everything the company sends.
    Company,
}

impl Reach {
    /// What it is called in a sentence.
    pub(crate) fn name(&self, charset: Charset) -> SafeText {
        match self {
            Self::Outbox { name, .. } => charset.line(name),
            Self::Channel(channel) => SafeText::line(&format!("every outbox of {channel}")),
            Self::Company => SafeText::line("everything this company sends"),
        }
    }
}

/// Which way a switch is turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It waits until somebody who decides lets it go again.
    Pause { reason: String },
    /// The end of a pause.
    Resume,
    /// It waits until an admin lets it go again.
    Kill { reason: String },
    /// The end of a kill.
    Lift,
}

impl Turn {
    /// What is being done, in front of what it is done to.
    pub(crate) fn doing(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pausing",
            Self::Resume => "resuming",
            Self::Kill { .. } => "killing",
            Self::Lift => "letting go again",
        }
    }

    /// What was done to it then.
    pub(crate) fn done(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "paused",
            Self::Resume => "resumed",
            Self::Kill { .. } => "killed",
            Self::Lift => "let go again",
        }
    }
}
