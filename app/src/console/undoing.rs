//! What can be taken back now, and in which order it is: what the cursor means, then the latest approvals.
use countersign_core::activity::status::Status;
use countersign_core::ids::ActivityId;
use jiff::Timestamp;

use super::model::{Focus, Model, Screen};

/// What would be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undoing {
    /// The approved message under the cursor.
    Row(ActivityId),
    /// The own first approval of two of the draft under the cursor.
    Vote(ActivityId),
    /// The newest approvals, and when the first of them cannot be taken back any more.
    Latest(Vec<ActivityId>, Timestamp),
}

impl Model {
    /// What `undo` means now.
    ///
    /// An approval counts down and a first approval of two does not, so the latter comes first only right after it was given: an anxious
    /// key must not reach it in place of something that is about to leave.
    pub(crate) fn undoing(&self) -> Option<Undoing> {
        if self.screen == Screen::Outbox
            && self.focus == Focus::Rows
            && let Some(row) = self.current().filter(|row| row.can_be_taken_back())
        {
            return Some(Undoing::Row(row.id()));
        }
        let vote = self.own_vote();
        if let Some(id) = vote.filter(|id| self.voted == Some(*id)) {
            return Some(Undoing::Vote(id));
        }
        let latest = self.undoable().map(|(ids, until)| Undoing::Latest(ids, until));
        latest.or(vote.map(Undoing::Vote))
    }

    /// The draft under the cursor, if its first approval of two is this person's, be it from now or from another day.
    fn own_vote(&self) -> Option<ActivityId> {
        if self.screen != Screen::Approvals {
            return None;
        }
        let row = self.current().filter(|row| row.status == Status::DraftPendingApproval)?;
        let preview = self.preview.as_ref().filter(|preview| preview.item == row.item);
        let is_own = self.voted == Some(row.id())
            || preview.is_some_and(|preview| preview.approvers.contains(&self.operator));
        is_own.then(|| row.id())
    }

    /// The newest approvals that can still be taken back, and when the first of them cannot.
    pub(crate) fn undoable(&self) -> Option<(Vec<ActivityId>, Timestamp)> {
        let now = self.now();
        self.batches.iter().rev().find_map(|batch| {
            let open: Vec<_> = batch.open.iter().filter(|(_, until)| *until > now).collect();
            let until = open.iter().map(|(_, until)| *until).min()?;
            Some((open.iter().map(|(id, _)| *id).collect(), until))
        })
    }
}
