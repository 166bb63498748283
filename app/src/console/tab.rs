//! The sides of the open item that a person can turn to.

/// A side of the open item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    /// Everything that is sent, or what happened.
    #[default]
    Message,
    /// What differs from what was read before.
    Diff,
    /// What was said with the same contact.
    Thread,
    /// What the gates say, and how it came here.
    Checks,
    /// The frozen bytes.
    Bytes,
}

impl Tab {
    pub(crate) const ALL: [Self; 5] = [Self::Message, Self::Diff, Self::Thread, Self::Checks, Self::Bytes];

    pub(crate) fn index(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    /// The tab so many places to the right; the row has ends.
    pub(crate) fn beside(self, step: isize) -> Self {
        let index = self.index().saturating_add_signed(step).min(Self::ALL.len() - 1);
        Self::ALL[index]
    }

    /// Whether reading it to its end can count as having read the message.
    pub(crate) fn is_reading(self) -> bool {
        matches!(self, Self::Message | Self::Diff)
    }
}
