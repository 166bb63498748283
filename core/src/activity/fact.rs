//! What became of a message after it was sent: dated facts, never statuses.
//!
//! Facts are told late, twice and out of order. Each is kept once, with its earliest time; where a message stands follows from the set of
//! them, so that every order leads to the same end.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that became of a sent message.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The provider took it and works on it.
    Accepted,
    /// Delivery is taking longer; the provider still tries.
    Delayed,
    /// The recipient's side took it.
    Delivered,
    /// It was opened, as far as a picture that was loaded shows.
    Opened,
    /// A link in it was followed.
    Clicked,
    /// It was shown to the recipient.
    Read,
    /// The contact wrote back.
    Replied,
    /// A meeting came of it.
    Booked,
    /// The meeting was called off.
    Cancelled,
    /// It came back for a passing reason.
    SoftBounced,
    /// It came back: the address takes no mail.
    Bounced,
    /// The provider did not deliver it.
    Failed,
    /// The recipient called it spam.
    Complained,
    /// The recipient asked not to be written to any more.
    Unsubscribed,
}

impl Fact {
    /// Every fact, the one that says least about the end first.
    pub const ALL: &[Self] = &[
        Self::Accepted,
        Self::Delayed,
        Self::SoftBounced,
        Self::Delivered,
        Self::Opened,
        Self::Read,
        Self::Clicked,
        Self::Failed,
        Self::Bounced,
        Self::Replied,
        Self::Cancelled,
        Self::Booked,
        Self::Unsubscribed,
        Self::Complained,
    ];

    /// The word used in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Read => "read",
            Self::Replied => "replied",
            Self::Booked => "booked",
            Self::Cancelled => "cancelled",
            Self::SoftBounced => "soft_bounced",
            Self::Bounced => "bounced",
            Self::Failed => "failed",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fact| fact.as_str() == word)
    }

    /// How far a message is that this is known of. A meeting may be made and called off more than once: neither is further.
    fn rank(self) -> usize {
        let counts_as = if self == Self::Cancelled { Self::Booked } else { self };
        Self::ALL.iter().position(|fact| *fact == counts_as).unwrap_or_default()
    }
}

/// A fact of one message, as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// What became of it.
    pub fact: Fact,
    /// When, by the provider's clock.
    pub at: Timestamp,
    /// When it was heard of here.
    pub told_at: Timestamp,
    /// The provider's words; foreign text.
    pub detail: Option<String>,
}

impl Told {
    /// Puts facts in the order in which people read them: the one that says where the message stands first.
    pub fn sort(facts: &mut [Self]) {
        facts.sort_by_key(|told| std::cmp::Reverse((told.fact.rank(), told.at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a meeting that was made and called off the last word counts, whichever it is.
    #[rstest::rstest]
    #[case(Fact::Booked, Fact::Cancelled)]
    #[case(Fact::Cancelled, Fact::Booked)]
    fn the_last_word_about_a_meeting_comes_first(#[case] earlier: Fact, #[case] later: Fact) {
        let at = |fact, second| {
            let at = Timestamp::from_second(second).unwrap();
            Told { fact, at, told_at: at, detail: None }
        };
        let mut facts = [at(Fact::Delivered, 9), at(earlier, 1), at(later, 2)];
        Told::sort(&mut facts);
        assert_eq!(facts.map(|told| told.fact), [later, earlier, Fact::Delivered]);
    }
}
