//! Has enough time passed since the last message of an outbox whose channel wants them apart?
use std::time::Duration;

use super::{Facts, Verdict};
use crate::channel::ChannelName;

const GATE: &str = "spacing";

/// Messages of one LinkedIn account leave two to five minutes apart.
const LINKEDIN: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(300));

/// How far apart messages of a channel leave; `None` where that does not matter. `dice` is in 0 … 1.
#[must_use]
pub fn spacing(channel: ChannelName, dice: f64) -> Option<Duration> {
    let (least, most) = match channel {
        ChannelName::Linkedin => LINKEDIN,
        _ => return None,
    };
    Some(least + (most - least).mul_f64(dice.clamp(0.0, 1.0)))
}

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    match facts.outbox.spaced_until {
        Some(until) if until > facts.now => {
            let sentence = format!("the next message of this outbox leaves at {until:.0}");
            Verdict::defer(GATE, "spacing", until, sentence)
        }
        _ => Verdict::pass(GATE, "far enough from the last one"),
    }
}
