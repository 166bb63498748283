//! Who counts as the drafter of a draft. Pure.
use std::borrow::Cow;

use uuid::Uuid;

use super::input::DEFAULT_DRAFTER;
use super::store::Patience;
use crate::actor::Actor;

/// Who counts as the drafter of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drafter {
    /// The agent each draft names; an operator only carried the file.
    Named,
    /// The caller.
    Caller,
}

/// The drafter as it is stored.
pub(super) struct Proposed {
    pub(super) kind: &'static str,
    /// Of whoever showed who they are.
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
}

impl Drafter {
    /// How long the call waits for other filings of its company.
    pub(super) fn patience(self) -> Patience {
        match self {
            Self::Named => Patience::Import,
            Self::Caller => Patience::Person,
        }
    }

    /// The drafter of one draft; `named` is what the draft says itself.
    pub(super) fn proposed(self, actor: &Actor, named: Option<&str>) -> Proposed {
        let agent = |id, name: &str| Proposed { kind: "agent", id, name: name.to_owned() };
        match (named, actor) {
            (Some(name), _) => agent(None, name),
            (None, Actor::Operator { id, name, .. } | Actor::TokenHolder { id, name, .. })
                if self == Self::Caller =>
            {
                Proposed { kind: "operator", id: Some(id.0), name: name.clone() }
            }
            (None, Actor::AgentTokenHolder { id, name, .. }) => agent(Some(id.0), name),
            (None, Actor::Agent { name }) => agent(None, name),
            (None, _) => agent(None, DEFAULT_DRAFTER),
        }
    }

    /// What tells two drafts of the same words apart that came without a key.
    pub(super) fn known_as<'a>(self, actor: &Actor, named: Option<&'a str>) -> Cow<'a, str> {
        match (named, self) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Self::Named) => Cow::Borrowed(DEFAULT_DRAFTER),
            (None, Self::Caller) => Cow::Owned(format!("{} {}", actor.kind(), actor.name())),
        }
    }
}
