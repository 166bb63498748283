//! What an answer is read against: some messages take more than one request, and some answers mean another thing after an attempt
//! whose end nobody knows.
use super::{Outcome, Request};

/// What earlier attempts at a message left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// What the provider keeps for it in this round, by [`Outcome::Prepared`].
    pub handle: Option<String>,
    /// Whether an attempt, of this round or of an earlier one, may have been accepted.
    pub may_be_accepted: bool,
}

/// The request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What was approved.
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
