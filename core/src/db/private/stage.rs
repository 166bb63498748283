//! What a start of the private server is at, as far as it can be seen from outside. Data only; who looks is `lease`.
use std::time::Duration;

/// What a process waits for that wants the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What is being done.
    pub stage: Stage,
    /// After this time it is given up. How long it takes otherwise nobody knows.
    pub left: Duration,
}

/// A part of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A server that nobody needed any more is being stopped.
    EarlierStops,
    /// There is no data yet: `initdb` makes it.
    MakesCluster,
    /// The server was started and nobody listens yet.
    Starts {
        /// The cluster was made by this start.
        is_first: bool,
    },
    /// The server listens and takes no connections yet, as after a crash.
    Recovers {
        /// The cluster was made by this start.
        is_first: bool,
    },
}

impl Stage {
    /// Its number and how many there are; the stop of an earlier server comes before all of them.
    #[must_use]
    pub fn number(self) -> Option<(usize, usize)> {
        match self {
            Self::EarlierStops => None,
            Self::MakesCluster => Some((1, 2)),
            Self::Starts { is_first: true } | Self::Recovers { is_first: true } => Some((2, 2)),
            Self::Starts { .. } | Self::Recovers { .. } => Some((1, 1)),
        }
    }

    /// What is being done, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::EarlierStops => "an earlier server stops",
            Self::MakesCluster => "initdb makes the data",
            Self::Starts { .. } => "the server starts",
            Self::Recovers { .. } => "the server starts or recovers",
        }
    }
}
