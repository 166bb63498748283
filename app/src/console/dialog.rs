//! What can lie over a screen: help, a question with a text field, or the results of a bulk decision.
use std::sync::Arc;

use countersign_core::approval::Item;
use countersign_core::ids::{ActivityId, EventId};
use countersign_core::safe_text::SafeText;

use super::field::Field;
use super::palette::Palette;
use super::preview::Detail;
use super::switch::Reach;
use super::theme::Role;

/// What lies over the screen.
#[derive(Debug)]
pub(crate) enum Dialog {
    /// Keys of the screen, with what is not possible now and why.
    Help { scroll: usize },
    /// Commands and filters by their words.
    Palette(Palette),
    /// Text to narrow the list to.
    Filter { field: Field },
    /// Reason of a rejection.
    Reject { field: Field, items: Vec<Item> },
    /// Until when to hide drafts.
    Snooze { field: Field, ids: Vec<ActivityId> },
    /// Whom an event is from: an id or an address.
    Assign { field: Field, id: EventId, name: SafeText },
    /// Why an event is put aside.
    Dismiss { field: Field, id: EventId, name: SafeText },
    /// Reason of a pause or of a kill.
    Stop { field: Field, reach: Reach, is_kill: bool },
    /// Whether something killed is to send again.
    Lift { reach: Reach },
    /// Whether a recipient is meant who can be taken for somebody else. Holds the bytes that were shown.
    LookAlike { item: Item, doubt: SafeText },
    /// Which part of a message to copy. Holds what was shown.
    Copy { item: Item, detail: Arc<Detail> },
    /// What happened to an uncertain item.
    Resolve { field: Field, id: ActivityId, who: SafeText, step: ResolveStep },
    /// What became of each item of a decision.
    Results { title: String, lines: Vec<(Role, SafeText)>, scroll: usize },
}

/// Settling takes a reason first and a digit then, so the key that opened the question never answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResolveStep {
    Reason,
    Choice,
}

impl Dialog {
    /// The field that takes typed and pasted text.
    pub(crate) fn field_mut(&mut self) -> Option<&mut Field> {
        match self {
            Self::Palette(Palette { field, .. })
            | Self::Filter { field }
            | Self::Reject { field, .. }
            | Self::Snooze { field, .. }
            | Self::Assign { field, .. }
            | Self::Dismiss { field, .. }
            | Self::Stop { field, .. }
            | Self::Resolve { field, step: ResolveStep::Reason, .. } => Some(field),
            Self::Help { .. }
            | Self::LookAlike { .. }
            | Self::Lift { .. }
            | Self::Copy { .. }
            | Self::Resolve { .. }
            | Self::Results { .. } => None,
        }
    }
}
