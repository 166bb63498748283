//! Engines: the processes that work without being asked, what each of their tasks does, and how other processes learn of it.
//!
//! `board` is what a process knows of its own tasks; `crm_engine_processes` is what it tells the others, and `beat` how. No correctness
//! rests on either: leases and locks decide who works on what.
mod beat;
pub mod board;
mod keep;
pub mod store;
pub mod store_depth;
pub mod tally;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::beat::{Heart, announce};
use self::board::{Health, Task};
pub use self::keep::{Pauses, keep};

/// How often a process says that it lives.
pub const BEAT: Duration = Duration::from_secs(30);

/// Silent for longer than this, a process counts as gone.
pub const SILENCE: Duration = Duration::from_secs(120);

/// The task that takes work and puts it on the wire; a process without it sends nothing.
pub const DISPATCHER: &str = "dispatcher";

/// What kind of process runs the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A console with its engine.
    Console,
    /// The engine without a screen.
    Serve,
    /// A run that ends when nothing is left to send.
    Dispatch,
}

impl Mode {
    /// The word on screen and in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Serve => "serve",
            Self::Dispatch => "dispatch",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Console, Self::Serve, Self::Dispatch].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// A process that runs an engine, as it last told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its row.
    pub id: uuid::Uuid,
    /// What kind of process.
    pub mode: Mode,
    /// Name of the machine; foreign text.
    pub host: String,
    /// Process number there.
    pub pid: i32,
    /// Version of the program; foreign text.
    pub version: String,
    /// Its tasks.
    pub parts: Vec<Task>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last told.
    pub seen_at: Timestamp,
    /// It was heard from within [`SILENCE`], by the database's clock.
    pub is_fresh: bool,
}

impl Process {
    /// The state of its dispatcher, if it runs one.
    #[must_use]
    pub fn dispatcher(&self) -> Option<&Task> {
        self.parts.iter().find(|task| task.name == DISPATCHER && task.health != Health::Off)
    }
}
