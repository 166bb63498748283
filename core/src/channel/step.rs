//! What an answer is read against: some messages take more than one request, and some answers mean another thing after an attempt
//! whose end nobody knows.
use super::{Outcome, Request};
use crate::activity::payload::Payload;

/// What earlier attempts at a message left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// What the provider keeps for it in this round, by [`Outcome::Prepared`].
    pub handle: Option<String>,
    /// Whether an attempt, of this round or of an earlier one, may have been accepted.
    pub may_be_accepted: bool,
    /// Whether that was one with exactly the words that are approved now.
    pub may_be_these_words: bool,
}

/// The request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What was to be said.
    pub payload: &'a Payload,
    /// The request that was approved.
    pub approved: &'a Request,
    /// What was asked: the approved request or one that follows from it.
    pub request: &'a Request,
    /// What was known before.
    pub past: &'a Past,
}

/// What an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The attempt is over.
    Proves(Outcome),
    /// One more request; what was asked so far reached nobody.
    Next(Request),
}

impl From<Outcome> for Reading {
    fn from(outcome: Outcome) -> Self {
        Self::Proves(outcome)
    }
}
