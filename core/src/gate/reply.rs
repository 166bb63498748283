//! Did the contact write, on any channel, after these words were written? Then they may be the wrong ones. So may be an advance that was
//! written before a meeting was booked.
use super::{Facts, Verdict};
use crate::activity::payload::Kind;
use crate::activity::status::Status;

const GATE: &str = "reply";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    let item = facts.item;
    let after = |at: Option<jiff::Timestamp>| at.filter(|at| *at > item.worded_at);
    if let (None, Some(at)) = (after(item.replied_at), after(item.account_replied_at)) {
        let sentence = format!("somebody of the account wrote at {at:.0}, after this was written");
        return Verdict::block(GATE, "replied", Status::BlockedByPolicy, sentence);
    }
    let is_advance = matches!(item.kind, Kind::FirstTouch | Kind::FollowUp);
    if let (None, Some(at)) = (after(item.replied_at), after(item.booked_at).filter(|_| is_advance)) {
        let sentence = format!("a meeting was booked at {at:.0}, after this was written");
        return Verdict::block(GATE, "booked", Status::BlockedByPolicy, sentence);
    }
    match item.replied_at {
        Some(at) if at > item.worded_at => Verdict::block(
            GATE,
            "replied",
            Status::BlockedByPolicy,
            format!("the contact wrote at {at:.0}, after this was written"),
        ),
        Some(_) => Verdict::pass(GATE, "written after the contact's last message"),
        None => Verdict::pass(GATE, "the contact has not written"),
    }
}
