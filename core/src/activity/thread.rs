//! What was said with a contact before, and what an item said before. Plain data; foreign text in here is raw.
use jiff::Timestamp;

use super::fact::Told;
use super::payload::{Envelope, Kind, PayloadHash};
use super::status::Status;
use crate::channel::ChannelName;
use crate::ids::ActivityId;

/// No thread holds more activities than this; the reader is told that there are more.
pub const THREAD_LIMIT: usize = 50;

const LINES: usize = 3;
const CHARS: usize = 400;

/// What was said with one contact, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// At most [`THREAD_LIMIT`] activities.
    pub touches: Vec<Touch>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// One activity of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The activity.
    pub id: ActivityId,
    /// Where it stands; says also in which direction it went.
    pub status: Status,
    /// Channel.
    pub channel: ChannelName,
    /// Kind of touch.
    pub kind: Kind,
    /// When it ended, or was filed if it has not.
    pub at: Timestamp,
    /// Subject or first words.
    pub headline: String,
    /// What became of it after it was sent, the furthest first.
    pub facts: Vec<Told>,
    /// First lines of the text, if it is there and not very long.
    pub text: Option<String>,
}

/// An earlier envelope of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its identity.
    pub payload_sha256: PayloadHash,
    /// What it said.
    pub envelope: Envelope,
    /// When it was put on file.
    pub at: Timestamp,
}

/// The first lines that are not blank; ends with `…` if something was left out.
pub(super) fn beginning(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first: Vec<&str> = lines.by_ref().take(LINES).collect();
    let joined = first.join("\n");
    let kept: String = joined.chars().take(CHARS).collect();
    let is_cut = kept.len() < joined.len() || lines.next().is_some();
    if is_cut { format!("{kept} …") } else { kept }
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_beginning_says_that_it_is_one() {
        assert_eq!(beginning("Hi\n\nthere"), "Hi\nthere");
        assert_eq!(beginning("1\n2\n3\n4"), "1\n2\n3 …");
        assert_eq!(beginning(&"x".repeat(401)).chars().count(), 402);
    }
}
