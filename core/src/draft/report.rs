//! What became of a batch of lines, and how a batch with bad lines is dealt with. Plain data.
use serde::Serialize;

use crate::ids::ActivityId;

/// A line that was not filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LineError {
    /// Number of the line, from 1.
    pub line: usize,
    /// The field, in the API's spelling.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
    /// Whether the line is good by itself and meets something on file.
    #[serde(skip)]
    pub is_conflict: bool,
}

/// A line that is on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Filed {
    /// Number of the line, from 1.
    pub line: usize,
    /// The activity.
    pub id: ActivityId,
    /// Whether this call made it; otherwise it was there.
    pub created: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lines on file. Empty if nothing was written.
    pub filed: Vec<Filed>,
    /// Lines that are not acceptable.
    pub errors: Vec<LineError>,
}

/// What happens to the good lines of a batch with bad ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One bad line and nothing is written.
    AllOrNothing,
    /// Good lines are written.
    Partial,
    /// Nothing is written; the report says what would be wrong.
    Check,
}
