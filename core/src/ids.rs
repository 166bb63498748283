//! Identifiers, one type per thing, so that an outbox can never be passed where a contact is meant.
//!
//! New ids are UUIDv7 made by the client: they sort by creation and need no volatile function in SQL.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a new time-ordered id.
            #[must_use]
            pub fn new() -> Self {
                Self(new_uuid())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// A tenant.
    CompanyId,
    /// A person who decides.
    OperatorId,
    /// A program that drafts.
    AgentId,
    /// What lets somebody act as an operator or an agent.
    TokenId,
    /// A sending identity of a company on a channel.
    OutboxId,
    /// A company on the receiving side.
    AccountId,
    /// A person on the receiving side.
    ContactId,
    /// One message and its life.
    ActivityId,
    /// One decision about one activity.
    DecisionId,
    /// Decisions that were made together.
    BatchId,
    /// One claim of the dispatcher; also its fencing token.
    ClaimId,
    /// One process that runs an engine.
    EngineId,
    /// One row of the audit log.
    AuditId,
    /// Where a provider sends its webhooks.
    EndpointId,
    /// One thing that came in.
    EventId,
}

#[expect(clippy::disallowed_methods, reason = "the one place where random ids are made")]
fn new_uuid() -> Uuid {
    Uuid::now_v7()
}
