//! What becomes of one item of a decision. Pure.
use jiff::Timestamp;
use serde::Serialize;

use crate::activity::payload::PayloadHash;
use crate::activity::status::Status;
use crate::ids::ActivityId;

/// An item as it was seen: which, and which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// The activity.
    pub id: ActivityId,
    /// Hash of the bytes that were shown.
    pub payload_sha256: PayloadHash,
    /// The round it was seen in, where whoever asks says so: a request that comes late decides nothing after an undo.
    pub round: Option<i32>,
    /// The person was told that a recipient can be taken for somebody else, and means this one.
    pub confirms_look_alike: bool,
}

impl Item {
    /// An item as it was seen, with nothing confirmed beyond that.
    #[must_use]
    pub fn seen(id: ActivityId, payload_sha256: PayloadHash) -> Self {
        Self { id, payload_sha256, round: None, confirms_look_alike: false }
    }
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum ItemOutcome {
    /// Approved now; it leaves after this time unless taken back.
    #[serde(rename_all = "camelCase")]
    Approved {
        /// End of the undo window, or the time the draft asked for.
        send_after: Timestamp,
    },
    /// This approval stands, and a second person has to give theirs.
    NeedsSecond,
    /// Rejected now.
    Rejected,
    /// A draft again.
    Undone,
    /// It has other words now, and needs a decision about them.
    #[serde(rename_all = "camelCase")]
    Revised {
        /// The hash of what it says now.
        payload_sha256: PayloadHash,
    },
    /// Taken away by its drafter or an operator.
    Withdrawn,
    /// Hidden from the list of whoever asked, until this time.
    #[serde(rename_all = "camelCase")]
    Snoozed {
        /// When it is on the list again.
        until: Timestamp,
    },
    /// On the list again.
    Woken,
    /// An uncertain item was settled.
    #[serde(rename_all = "camelCase")]
    Resolved {
        /// Where it stands now.
        status: Status,
    },
    /// The same decision by the same person stands already; nothing changed.
    #[serde(rename_all = "camelCase")]
    Already {
        /// Where the item stands.
        status: Status,
    },
    /// The bytes are others than the ones that were shown; nothing was decided.
    #[serde(rename_all = "camelCase")]
    Changed {
        /// The hash it has now.
        payload_sha256: PayloadHash,
    },
    /// It became a draft again since it was seen; nothing was decided.
    #[serde(rename_all = "camelCase")]
    Reopened {
        /// The round it is in now.
        round: i32,
    },
    /// Somebody or something else was first.
    #[serde(rename_all = "camelCase")]
    Taken {
        /// Where the item stands.
        status: Status,
        /// Who decided last, where somebody did.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// There is no such item in this company.
    Missing,
    /// A recipient can be taken for somebody else; it has to be confirmed by itself.
    #[serde(rename_all = "camelCase")]
    NeedsConfirmation {
        /// Which recipient, and whom it looks like.
        reason: String,
    },
    /// Not by this person.
    #[serde(rename_all = "camelCase")]
    Refused {
        /// Why, as a sentence.
        reason: String,
    },
}

/// An item and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemResult {
    /// The activity.
    pub id: ActivityId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: ItemOutcome,
}

impl ItemOutcome {
    /// Whether the decision stands as asked.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(
            self,
            Self::Approved { .. }
                | Self::NeedsSecond
                | Self::Rejected
                | Self::Undone
                | Self::Revised { .. }
                | Self::Withdrawn
                | Self::Snoozed { .. }
                | Self::Woken
                | Self::Resolved { .. }
                | Self::Already { .. }
        )
    }

    /// Whether it met somebody else's change.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Reopened { .. } | Self::Taken { .. } | Self::Missing)
    }
}

/// What an item looks like under lock.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Where it stands.
    pub status: Status,
    /// Hash of the bytes it has now.
    pub payload_sha256: PayloadHash,
    /// The round of decisions it is in.
    pub round: i32,
    /// When it stops being worth a decision.
    pub expires_at: Option<Timestamp>,
    /// The operator who wrote the draft, if one did.
    pub proposed_by: Option<uuid::Uuid>,
    /// What was decided last.
    pub last: Option<LastDecision>,
    /// Who approved the bytes it has now, in this round.
    pub votes: Vec<uuid::Uuid>,
}

/// The newest decision about an item in its present round.
#[derive(Clone, Debug)]
pub struct LastDecision {
    /// `approve`, `reject` or `undo`.
    pub verdict: String,
    /// On which bytes.
    pub payload_sha256: PayloadHash,
    /// By whom.
    pub actor_id: uuid::Uuid,
    /// Their name.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Let it go.
    Approve,
    /// Let it be.
    Reject,
}

/// Says whether a decision about seen bytes can be made; `None` means yes.
#[must_use]
pub fn objection(
    asked: Asked,
    standing: Option<&Standing>,
    seen: Item,
    operator: uuid::Uuid,
    now: Timestamp,
) -> Option<ItemOutcome> {
    let Some(standing) = standing else {
        return Some(ItemOutcome::Missing);
    };
    let is_other_round = seen.round.is_some_and(|round| round != standing.round);
    if standing.status != Status::DraftPendingApproval {
        let word = if asked == Asked::Approve { "approve" } else { "reject" };
        let is_same = standing.last.as_ref().is_some_and(|last| {
            last.verdict == word && last.actor_id == operator && last.payload_sha256 == seen.payload_sha256
        });
        return Some(if is_same && !is_other_round {
            ItemOutcome::Already { status: standing.status }
        } else {
            standing.taken()
        });
    }
    if standing.payload_sha256 != seen.payload_sha256 {
        return Some(ItemOutcome::Changed { payload_sha256: standing.payload_sha256 });
    }
    if is_other_round {
        return Some(ItemOutcome::Reopened { round: standing.round });
    }
    if asked == Asked::Reject {
        return None;
    }
    if standing.proposed_by == Some(operator) {
        return Some(ItemOutcome::Refused {
            reason: "you drafted it; somebody else has to approve it".to_owned(),
        });
    }
    if standing.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Some(ItemOutcome::Refused { reason: "it has expired; nothing that old is sent".to_owned() });
    }
    None
}

/// Whether an approval completes the matter. Where two people are asked for, the first of them does not.
pub(crate) fn completes(standing: &Standing, operator: uuid::Uuid, needs_two: bool) -> bool {
    !needs_two || standing.votes.iter().any(|vote| *vote != operator)
}

/// Says whether an item can become a draft that nobody approved; `None` means yes.
#[must_use]
pub fn objection_to_undo(standing: Option<&Standing>) -> Option<ItemOutcome> {
    match standing {
        None => Some(ItemOutcome::Missing),
        Some(standing) => match standing.status {
            Status::Approved
            | Status::BlockedByQuota
            | Status::BlockedByAllowlist
            | Status::BlockedByPolicy
            | Status::Failed => None,
            // The first of two approvals that were asked for.
            Status::DraftPendingApproval if !standing.votes.is_empty() => None,
            Status::DraftPendingApproval => Some(ItemOutcome::Already { status: standing.status }),
            Status::Dispatching => {
                Some(ItemOutcome::Refused { reason: "it is being sent; too late to take it back".to_owned() })
            }
            _ => Some(standing.taken()),
        },
    }
}

/// The same of an item that was seen.
pub(crate) fn objection_to_undo_seen(standing: &Standing, seen: Item) -> Option<ItemOutcome> {
    if standing.payload_sha256 != seen.payload_sha256 {
        return Some(ItemOutcome::Changed { payload_sha256: standing.payload_sha256 });
    }
    if seen.round.is_some_and(|round| round != standing.round) {
        return Some(ItemOutcome::Reopened { round: standing.round });
    }
    objection_to_undo(Some(standing))
}

impl Standing {
    fn taken(&self) -> ItemOutcome {
        ItemOutcome::Taken {
            status: self.status,
            by: self.last.as_ref().map(|last| last.by.clone()),
            at: self.last.as_ref().map(|last| last.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(status: Status) -> Standing {
        Standing {
            status,
            payload_sha256: PayloadHash::of(b"bytes"),
            round: 2,
            expires_at: None,
            proposed_by: None,
            last: Some(LastDecision {
                verdict: "approve".to_owned(),
                payload_sha256: PayloadHash::of(b"bytes"),
                actor_id: uuid::Uuid::nil(),
                by: "ben".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            }),
            votes: Vec::new(),
        }
    }

    const ME: uuid::Uuid = uuid::Uuid::from_u128(7);

    fn ask(asked: Asked, standing: &Standing) -> Option<ItemOutcome> {
        ask_about(asked, standing, None)
    }

    fn ask_about(asked: Asked, standing: &Standing, round: Option<i32>) -> Option<ItemOutcome> {
        let seen = Item { round, ..Item::seen(ActivityId(uuid::Uuid::nil()), PayloadHash::of(b"bytes")) };
        objection(asked, Some(standing), seen, ME, Timestamp::UNIX_EPOCH)
    }

    /// S12: a request that comes again after its approval was taken back decides nothing, and claims nothing as its own.
    #[test]
    fn a_late_repeat_names_another_round() {
        let draft = standing(Status::DraftPendingApproval);
        assert_eq!(ask_about(Asked::Approve, &draft, Some(2)), None);
        assert_eq!(ask_about(Asked::Approve, &draft, Some(1)), Some(ItemOutcome::Reopened { round: 2 }));
        let mut mine = standing(Status::Approved);
        mine.last.as_mut().unwrap().actor_id = ME;
        assert!(matches!(ask_about(Asked::Approve, &mine, Some(2)), Some(ItemOutcome::Already { .. })));
        assert!(matches!(ask_about(Asked::Approve, &mine, Some(1)), Some(ItemOutcome::Taken { .. })));
    }

    /// S8: other bytes than the ones shown are never approved.
    #[test]
    fn changed_bytes_are_named_and_not_decided() {
        let mut draft = standing(Status::DraftPendingApproval);
        draft.payload_sha256 = PayloadHash::of(b"other");
        let outcome = ask(Asked::Approve, &draft);
        assert_eq!(outcome, Some(ItemOutcome::Changed { payload_sha256: PayloadHash::of(b"other") }));
    }

    /// S12: who proposed never approves, but may reject.
    #[test]
    fn a_drafter_rejects_but_does_not_approve() {
        let mut draft = standing(Status::DraftPendingApproval);
        draft.proposed_by = Some(ME);
        assert!(matches!(ask(Asked::Approve, &draft), Some(ItemOutcome::Refused { .. })));
        assert_eq!(ask(Asked::Reject, &draft), None);
    }

    #[test]
    fn an_expired_draft_is_not_approved() {
        let mut draft = standing(Status::DraftPendingApproval);
        draft.expires_at = Some(Timestamp::UNIX_EPOCH);
        assert!(matches!(ask(Asked::Approve, &draft), Some(ItemOutcome::Refused { .. })));
    }

    /// S11: the loser hears who was first, and when.
    #[test]
    fn somebody_elses_decision_is_named() {
        let taken = ask(Asked::Reject, &standing(Status::Approved));
        let by_ben = ItemOutcome::Taken {
            status: Status::Approved,
            by: Some("ben".to_owned()),
            at: Some(Timestamp::UNIX_EPOCH),
        };
        assert_eq!(taken, Some(by_ben));
    }

    /// S12: the same request twice is one decision.
    #[test]
    fn the_same_decision_again_is_no_conflict() {
        let mut mine = standing(Status::Approved);
        mine.last.as_mut().unwrap().actor_id = ME;
        assert_eq!(ask(Asked::Approve, &mine), Some(ItemOutcome::Already { status: Status::Approved }));
    }

    #[test]
    fn two_people_are_two_people() {
        let mut draft = standing(Status::DraftPendingApproval);
        assert!(completes(&draft, ME, false) && !completes(&draft, ME, true));
        draft.votes = vec![ME];
        assert!(!completes(&draft, ME, true) && completes(&draft, uuid::Uuid::nil(), true));
    }

    #[test]
    fn what_is_on_the_wire_cannot_be_taken_back() {
        assert!(matches!(
            objection_to_undo(Some(&standing(Status::Dispatching))),
            Some(ItemOutcome::Refused { .. })
        ));
        assert_eq!(objection_to_undo(Some(&standing(Status::Approved))), None);
        let mut draft = standing(Status::DraftPendingApproval);
        let already = ItemOutcome::Already { status: Status::DraftPendingApproval };
        assert_eq!(objection_to_undo(Some(&draft)), Some(already));
        draft.votes = vec![ME];
        assert_eq!(objection_to_undo(Some(&draft)), None);
        assert!(matches!(objection_to_undo(Some(&standing(Status::Sent))), Some(ItemOutcome::Taken { .. })));
    }
}
