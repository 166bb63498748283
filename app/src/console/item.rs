//! One row of a list as the screen holds it: foreign text is made safe here, once.
use countersign_core::activity::payload::Kind;
use countersign_core::activity::status::Status;
use countersign_core::activity::view::{ActivityRow, Cursor, Hold, List};
use countersign_core::approval::Item;
use countersign_core::approval::risk::Risk;
use countersign_core::channel::ChannelName;
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

use super::listing::Listed;
use super::theme::Charset;

/// A row of a list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) item: Item,
    pub(crate) channel: ChannelName,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    /// Contact and account.
    pub(crate) who: SafeText,
    pub(crate) drafted_by: SafeText,
    pub(crate) created_at: Timestamp,
    pub(crate) send_after: Timestamp,
    pub(crate) hold: Option<SafeText>,
    pub(crate) hold_until: Option<Timestamp>,
    /// What ends the hold, where it is not a time.
    pub(crate) ends_by: Option<&'static str>,
    pub(crate) risk: Risk,
    /// People who approved a draft that needs one more.
    pub(crate) approvals: i64,
    pub(crate) attempts: i16,
    pub(crate) wire_at: Option<Timestamp>,
    pub(crate) closed_at: Option<Timestamp>,
    /// What its list is sorted by.
    sort_at: Timestamp,
    /// Something in the row had to be replaced by a mark.
    pub(crate) is_suspicious: bool,
}

/// What ends a hold that has no time: a person's word.
pub(crate) fn ends_by(hold: Option<&Hold>) -> Option<&'static str> {
    match hold?.code.as_str() {
        "outbox_killed" => Some("when lifted"),
        "outbox_paused" => Some("when resumed"),
        _ => None,
    }
}

impl Row {
    pub(crate) fn new(row: &ActivityRow, list: List, charset: Charset) -> Self {
        let who = match &row.account {
            Some(account) => charset.joined(&[&row.contact, charset.glyphs().between, account]),
            None => charset.line(&row.contact),
        };
        let drafted_by = charset.line(&row.proposed_by);
        let address = SafeText::line(&row.to);
        let headline = SafeText::line(&row.headline);
        let is_suspicious = [&who, &drafted_by, &address, &headline].into_iter().any(SafeText::is_suspicious);
        Self {
            item: Item::seen(row.id, row.payload_sha256),
            channel: row.channel,
            kind: row.kind,
            status: row.status,
            who,
            drafted_by,
            created_at: row.created_at,
            send_after: row.send_after,
            hold: row.hold.as_ref().map(|hold| charset.line(&hold.sentence)),
            hold_until: row.hold.as_ref().and_then(|hold| hold.until),
            ends_by: ends_by(row.hold.as_ref()),
            risk: row.risk,
            approvals: row.approvals,
            attempts: row.attempts,
            wire_at: row.wire_at,
            closed_at: row.closed_at,
            sort_at: match list {
                List::Approvals | List::Attention => row.created_at,
                List::Queue => row.send_after,
                List::Closed => row.closed_at.unwrap_or(row.created_at),
            },
            is_suspicious,
        }
    }

    pub(crate) fn id(&self) -> ActivityId {
        self.item.id
    }

    /// Whether a decision about it can still be taken back, as far as this screen knows.
    pub(crate) fn can_be_taken_back(&self) -> bool {
        matches!(self.status, Status::Approved | Status::BlockedByQuota) && self.wire_at.is_none()
    }

    /// Whether it can become a draft again although its decision is used up.
    pub(crate) fn can_be_tried_again(&self) -> bool {
        matches!(self.status, Status::Failed | Status::BlockedByAllowlist | Status::BlockedByPolicy)
    }
}

impl Listed for Row {
    type Id = ActivityId;
    type Cursor = Cursor;
    type Place = (Timestamp, ActivityId);

    fn id(&self) -> ActivityId {
        self.item.id
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.sort_at, id: self.item.id }
    }

    fn place(cursor: Cursor) -> (Timestamp, ActivityId) {
        (cursor.at, cursor.id)
    }
}
