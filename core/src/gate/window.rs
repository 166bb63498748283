//! Does the provider let this be said to this contact now? Chat channels take free words only for a while after the contact wrote.
//! A window that nobody knows of is closed.
use jiff::{SignedDuration, Timestamp};

use super::{Facts, Verdict};
use crate::activity::payload::{InstagramAction, Parts};
use crate::activity::status::Status;
use crate::channel::ChannelName;

const GATE: &str = "window";

/// WhatsApp and Instagram take free words for 24 hours after the contact's last message.
const FREE: SignedDuration = SignedDuration::from_hours(24);

/// Instagram takes words that a person wrote, under its human-agent tag, for seven days.
const HUMAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether it matters who wrote the words of a message on that channel.
pub(super) fn asks_about_draft(channel: ChannelName) -> bool {
    channel == ChannelName::Instagram
}

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let Some(envelope) = &facts.item.envelope else {
        // The decision gate says what is wrong with it.
        return Verdict::pass(GATE, "nothing to ask");
    };
    let closed = |sentence: &'static str| Verdict::block(GATE, "window", Status::BlockedByPolicy, sentence);
    let last = facts.item.replied_here_at;
    match &envelope.payload.parts {
        Parts::Whatsapp { template: Some(_), .. } => Verdict::pass(GATE, "a template needs no open window"),
        Parts::Whatsapp { .. } => match last.filter(|at| is_within(*at, facts.now, FREE)) {
            Some(at) => Verdict::pass(GATE, format!("open until {:.0}", at + FREE)),
            None => {
                closed("the contact has not written on WhatsApp within 24 hours; only a template may be sent")
            }
        },
        Parts::Instagram { action: InstagramAction::Dm, human_agent, .. } => match last {
            Some(at) if is_within(at, facts.now, FREE) => {
                if *human_agent && !facts.item.is_handwritten {
                    return closed(
                        "the human-agent tag is for words that a person wrote; nobody edited these",
                    );
                }
                Verdict::pass(GATE, format!("open until {:.0}", at + FREE))
            }
            Some(at) if is_within(at, facts.now, HUMAN) => match (human_agent, facts.item.is_handwritten) {
                (true, true) => Verdict::pass(GATE, format!("open for a person until {:.0}", at + HUMAN)),
                (true, false) => {
                    closed("after 24 hours only words that a person wrote may be sent; nobody edited these")
                }
                (false, _) => closed("after 24 hours only an answer under the human-agent tag may be sent"),
            },
            _ => closed("the contact has not written on Instagram within seven days; nothing may be sent"),
        },
        _ => Verdict::pass(GATE, "this channel has no window"),
    }
}

/// A message from the future is one of a clock that is wrong; it opens nothing.
fn is_within(at: Timestamp, now: Timestamp, window: SignedDuration) -> bool {
    at <= now && now.duration_since(at) < window
}
