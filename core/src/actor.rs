//! Who acts. Every use case takes an [`Actor`], and every audit row names one.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AgentId, OperatorId, TokenId};

/// What an operator may do in a company; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything of the company, changes nothing.
    Viewer,
    /// Also decides about drafts and settles what is uncertain.
    Approver,
    /// Also changes outboxes, allowlists, secrets and operators.
    Admin,
}

impl Role {
    /// The word used on screen, in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Approver, Self::Admin].into_iter().find(|role| role.as_str() == word)
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person with a role in the company that is acted upon.
    Operator {
        /// Stable id.
        id: OperatorId,
        /// Name as registered; foreign text like any other.
        name: String,
        /// Role in the company.
        role: Role,
    },
    /// Somebody who showed an operator's token and acts as that operator, for as long as operator and token stand.
    TokenHolder {
        /// The operator's stable id.
        id: OperatorId,
        /// The operator's name.
        name: String,
        /// The operator's role.
        role: Role,
        /// The token that was shown.
        token: TokenId,
    },
    /// A drafting agent, by the name it gave. Can file drafts and nothing else.
    Agent {
        /// Name as given.
        name: String,
    },
    /// A drafting agent that showed its token. Files, changes and withdraws its own drafts and nothing else, for as long as agent and
    /// token stand.
    AgentTokenHolder {
        /// The agent's stable id.
        id: AgentId,
        /// The agent's name.
        name: String,
        /// The token that was shown.
        token: TokenId,
    },
    /// A part of the engine itself, named for the audit log (`dispatcher`, `expiry`).
    Engine(&'static str),
}

impl Actor {
    /// The kind as written to decision and audit rows.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } | Self::TokenHolder { .. } => "operator",
            Self::Agent { .. } | Self::AgentTokenHolder { .. } => "agent",
            Self::Engine(_) => "engine",
        }
    }

    /// The id, where the actor has one.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Operator { id, .. } | Self::TokenHolder { id, .. } => Some(id.0),
            Self::AgentTokenHolder { id, .. } => Some(id.0),
            Self::Agent { .. } | Self::Engine(_) => None,
        }
    }

    /// The name as written to the audit log.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator { name, .. }
            | Self::TokenHolder { name, .. }
            | Self::Agent { name }
            | Self::AgentTokenHolder { name, .. } => name,
            Self::Engine(name) => name,
        }
    }

    /// The role it came with; what counts is what the database says when something is asked.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Operator { role, .. } | Self::TokenHolder { role, .. } => Some(*role),
            Self::Agent { .. } | Self::AgentTokenHolder { .. } | Self::Engine(_) => None,
        }
    }

    /// The token it acts by, if it showed one.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        match self {
            Self::TokenHolder { token, .. } | Self::AgentTokenHolder { token, .. } => Some(*token),
            _ => None,
        }
    }

    /// The operator behind the actor, if it is one that holds at least `needed`.
    #[must_use]
    pub fn operator(&self, needed: Role) -> Option<OperatorId> {
        match self {
            Self::Operator { id, role, .. } | Self::TokenHolder { id, role, .. } if *role >= needed => {
                Some(*id)
            }
            _ => None,
        }
    }
}
