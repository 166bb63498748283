//! What the webhooks of all providers have in common: keys and their MACs, times, and bodies that anybody may have written.
mod json;
mod mac;

use bytes::Bytes;
use countersign_core::ids::ActivityId;
use countersign_core::inbound::EVENTS_LIMIT;
use countersign_core::inbound::event::{Event, Reference, What, storable};
use countersign_core::inbound::provider::Refusal;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) use self::json::{fits_form, parse, word};
pub(crate) use self::mac::{Sha1Mac, Sha256Mac, keys, unhex};

use crate::answer::is_usable_id;

/// The longest address, name or identifying word that is kept, in characters.
pub(crate) const NAME_CHARS: usize = 500;

/// The longest Message-ID that is believed; a header line is not longer.
const MESSAGE_ID_BYTES: usize = 998;

/// Reads a signed time and holds it against the clock. Only plain digits are one: every other spelling of a number is a trick.
pub(crate) fn check_time(text: &str, now: Timestamp, tolerance_secs: u64) -> Result<(), Refusal> {
    let is_plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let at: i64 = Some(text)
        .filter(|text| is_plain && (!text.starts_with('0') || text.len() == 1))
        .and_then(|text| text.parse().ok())
        .ok_or(Refusal::Timestamp)?;
    if now.as_second().abs_diff(at) > tolerance_secs {
        return Err(Refusal::Stale(tolerance_secs));
    }
    Ok(())
}

/// The id of an event that has none of its own: nothing else was sent with the same bytes.
pub(crate) fn digest_id(raw: &[u8]) -> String {
    let hex: String = Sha256::digest(raw).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// An event that is kept because nobody can read it.
pub(crate) fn unreadable(raw: Bytes, why: impl Into<String>) -> Event {
    Event::new(&digest_id(&raw), None, Vec::new(), What::Unreadable { why: why.into() }, raw)
}

/// An event the product has no use for.
pub(crate) fn other(external_id: &str, at: Option<Timestamp>, name: &str, raw: Bytes) -> Event {
    let name = storable(name, 100);
    Event::new(external_id, at, Vec::new(), What::Other { name }, raw)
}

/// The events of a delivery, as many as may be stored at once. What is above stays in the bytes of one that says so.
pub(crate) fn limited(mut events: Vec<Event>, body: &[u8]) -> Vec<Event> {
    let count = events.len();
    if count > EVENTS_LIMIT {
        events.truncate(EVENTS_LIMIT - 1);
        let why =
            format!("{count} events in one delivery; all after the first {} are unread", EVENTS_LIMIT - 1);
        events.push(unreadable(Bytes::copy_from_slice(body), why));
    }
    events
}

/// A time as providers write it: RFC 3339, or with a blank and a short offset.
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A time as a number, in seconds or milliseconds since 1970; the two are far apart.
pub(crate) fn unix_time(value: &Value) -> Option<Timestamp> {
    const MILLIS_FROM: i64 = 100_000_000_000;
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    if number >= MILLIS_FROM {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}

/// A reference to a message of ours by our own id, if the text is one.
pub(crate) fn activity(text: Option<&str>) -> Option<Reference> {
    text?.trim().parse::<ActivityId>().ok().map(Reference::Activity)
}

/// A reference by the provider's id, if the text can be one.
pub(crate) fn provider_id(text: Option<&str>) -> Option<Reference> {
    text.filter(|id| is_usable_id(id)).map(|id| Reference::Provider(id.to_owned()))
}

/// A Message-ID without its angle brackets, if the text is one.
pub(crate) fn message_id(text: &str) -> Option<String> {
    let id = text.trim();
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
    let is_one = !id.is_empty()
        && id.len() <= MESSAGE_ID_BYTES
        && !id.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>'));
    is_one.then(|| id.to_owned())
}

/// Foreign text that is kept if it says anything.
pub(crate) fn said(text: Option<&str>, most: usize) -> Option<String> {
    text.map(|text| storable(text, most)).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// S29: nine spellings that are no time, and the edges of the window.
    #[rstest]
    #[case("1000", Ok(()))]
    #[case("700", Ok(()))]
    #[case("1300", Ok(()))]
    #[case("699", Err(Refusal::Stale(300)))]
    #[case("1301", Err(Refusal::Stale(300)))]
    #[case("0", Err(Refusal::Stale(300)))]
    #[case("1000000", Err(Refusal::Stale(300)))]
    #[case("", Err(Refusal::Timestamp))]
    #[case("-1000", Err(Refusal::Timestamp))]
    #[case("+1000", Err(Refusal::Timestamp))]
    #[case("1000.0", Err(Refusal::Timestamp))]
    #[case("1e3", Err(Refusal::Timestamp))]
    #[case("0x3e8", Err(Refusal::Timestamp))]
    #[case(" 1000", Err(Refusal::Timestamp))]
    #[case("1000 ", Err(Refusal::Timestamp))]
    #[case("01000", Err(Refusal::Timestamp))]
    #[case("1_000", Err(Refusal::Timestamp))]
    #[case("NaN", Err(Refusal::Timestamp))]
    #[case("99999999999999999999", Err(Refusal::Timestamp))]
    fn only_plain_seconds_near_now_are_a_time(#[case] text: &str, #[case] expected: Result<(), Refusal>) {
        let now = Timestamp::from_second(1000).unwrap();
        assert_eq!(check_time(text, now, 300), expected);
    }

    #[rstest]
    #[case("<a@b>", Some("a@b"))]
    #[case(" a@b ", Some("a@b"))]
    #[case("<>", None)]
    #[case("<a b>", None)]
    #[case("<a><b>", None)]
    #[case("a\0b", None)]
    fn a_message_id_has_no_brackets_and_no_blanks(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(message_id(text).as_deref(), expected);
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let at = Timestamp::from_second(1_767_225_600).ok();
        assert_eq!(unix_time(&json!(1_767_225_600)), at);
        assert_eq!(unix_time(&json!(1_767_225_600_000_i64)), at);
        assert_eq!(unix_time(&json!("1767225600000")), at);
        assert_eq!(unix_time(&json!(1.5)), None);
        assert_eq!(unix_time(&json!(i64::MAX)), None);
    }

    /// A larger delivery than may be stored is kept all the same.
    #[test]
    fn what_is_above_the_limit_is_not_lost() {
        let many = (0..1001).map(|n| other(&n.to_string(), None, "x", Bytes::new())).collect();
        let kept = limited(many, b"body");
        assert_eq!(kept.len(), EVENTS_LIMIT);
        assert!(matches!(&kept[999].what, What::Unreadable { why } if why.contains("1001")));
        assert_eq!(kept[999].raw, Bytes::from_static(b"body"));
    }
}
