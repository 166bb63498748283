//! The statuses of an activity and the transitions between them. The database holds the same table and enforces it.
use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $stage:ident;)+) => {
        /// Where an activity stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Status { $($(#[$doc])* $name,)+ }

        impl Status {
            /// Every status, in the order of a life.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word used in SQL, in the API and on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The coarse stage that indexes are built on.
            #[must_use]
            pub fn stage(self) -> Stage {
                match self { $(Self::$name => Stage::$stage,)+ }
            }
        }
    };
}

statuses! {
    /// Waits for a person.
    DraftPendingApproval = "draft_pending_approval", Draft;
    /// Decided; waits for its time. Shown as *holding*.
    Approved = "approved", Queue;
    /// Decided, but the outbox has used its cap for the day.
    BlockedByQuota = "blocked_by_quota", Queue;
    /// Claimed by a dispatcher. Shown as *sending*.
    Dispatching = "dispatching", Queue;
    /// The provider accepted it.
    Sent = "sent", Closed;
    /// Went through everything but the wire.
    SentDryrun = "sent_dryrun", Closed;
    /// The provider refused it for good.
    Failed = "failed", Attention;
    /// It may have been sent; a person or evidence decides.
    Uncertain = "uncertain", Attention;
    /// A person said no.
    Rejected = "rejected", Closed;
    /// Taken back by its drafter or by an event.
    Withdrawn = "withdrawn", Closed;
    /// Nobody decided, or it could not leave, in time.
    Expired = "expired", Closed;
    /// A newer draft took its place.
    Superseded = "superseded", Closed;
    /// The recipient is not on the allowlist.
    BlockedByAllowlist = "blocked_by_allowlist", Attention;
    /// A rule of the channel or of the company forbids it.
    BlockedByPolicy = "blocked_by_policy", Attention;
    /// Came in from outside.
    Received = "received", Closed;
    /// Imported or noted by hand.
    Recorded = "recorded", Closed;
}

/// What indexes are built on: it changes rarely, so that claims stay cheap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waits for a decision.
    Draft,
    /// Waits for the dispatcher or is with it.
    Queue,
    /// Waits for a person to look at a problem.
    Attention,
    /// Over.
    Closed,
}

impl Stage {
    /// The word in the generated column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Queue => "queue",
            Self::Attention => "attention",
            Self::Closed => "closed",
        }
    }
}

use Status::{
    Approved, BlockedByAllowlist, BlockedByPolicy, BlockedByQuota, Dispatching, DraftPendingApproval,
    Expired, Failed, Received, Recorded, Rejected, Sent, SentDryrun, Superseded, Uncertain, Withdrawn,
};

impl Status {
    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == word)
    }

    /// The word people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            DraftPendingApproval => "pending",
            Approved => "holding",
            BlockedByQuota => "quota",
            Dispatching => "sending",
            SentDryrun => "dry-run",
            BlockedByAllowlist => "allowlist",
            BlockedByPolicy => "blocked",
            other => other.as_str(),
        }
    }

    /// The statuses a row may be born with.
    pub const INITIAL: &[Self] =
        &[DraftPendingApproval, BlockedByAllowlist, BlockedByPolicy, Received, Recorded];

    /// Where an activity may go from here.
    #[must_use]
    pub fn successors(self) -> &'static [Self] {
        match self {
            DraftPendingApproval => {
                &[Approved, Rejected, Withdrawn, Expired, Superseded, BlockedByAllowlist, BlockedByPolicy]
            }
            Approved => &[
                Dispatching,
                DraftPendingApproval,
                BlockedByQuota,
                BlockedByAllowlist,
                BlockedByPolicy,
                Withdrawn,
                Expired,
            ],
            BlockedByQuota => {
                &[Approved, DraftPendingApproval, BlockedByAllowlist, BlockedByPolicy, Withdrawn, Expired]
            }
            BlockedByAllowlist | BlockedByPolicy => &[DraftPendingApproval, Withdrawn, Expired],
            Dispatching => &[Sent, SentDryrun, Failed, Uncertain, Approved],
            Uncertain => &[Sent, Failed, DraftPendingApproval],
            Failed => &[DraftPendingApproval],
            Sent | SentDryrun | Rejected | Withdrawn | Expired | Superseded | Received | Recorded => &[],
        }
    }

    /// Whether the transition is legal. Staying where one is, is.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next || self.successors().contains(&next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_thirty_five_pairs_of_the_design() {
        assert_eq!(Status::ALL.iter().map(|status| status.successors().len()).sum::<usize>(), 35);
        assert_eq!(Status::INITIAL.len(), 5);
    }

    #[test]
    fn words_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(*status));
        }
        assert_eq!(Status::parse("approved "), None);
    }
}
