//! What a booking has to be, in the provider's own units.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FieldError, address_error, check_line, check_nul, check_zone};
use crate::activity::payload::{Attendee, Parts, Payload};
use crate::contact::address;

/// Pairs of metadata: the provider keeps 50, and one of them is ours.
const METADATA_PAIRS: usize = 49;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;

/// The languages in which the provider writes to an attendee.
const LANGUAGES: &[&str] = &[
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he",
    "hr", "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk",
    "sr", "sv", "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Booking {
    event_type_id: i64,
    start: jiff::Timestamp,
    time_zone: String,
    attendee: Attendee,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

pub(super) fn check(payload: &mut Payload, booking: Booking) -> Result<(&'static str, String), FieldError> {
    let attendee =
        address::email(&booking.attendee.email).map_err(address_error("payload.attendee.email"))?;
    if !payload.to.is_empty() && !payload.to.eq_ignore_ascii_case(&attendee.address) {
        return Err(FieldError::new(
            "to",
            "a booking goes to its attendee; leave `to` out or repeat the address",
        ));
    }
    if booking.event_type_id < 1 {
        return Err(FieldError::new("payload.eventTypeId", "use the number of an event type"));
    }
    if booking.start.subsec_nanosecond() != 0 {
        return Err(FieldError::new("payload.start", "use whole seconds"));
    }
    check_zone("payload.timeZone", &booking.time_zone)?;
    check_line("payload.attendee.name", &booking.attendee.name, 200)?;
    if !LANGUAGES.contains(&booking.attendee.language.as_str()) {
        let reason = "the provider does not write in it; use one of its languages, like en, de, pt-BR, zh-CN, or no for Norwegian";
        return Err(FieldError::new("payload.attendee.language", reason));
    }
    check_nul("payload.notes", booking.notes.as_deref().unwrap_or_default())?;
    metadata(&booking.metadata)?;
    payload.to.clone_from(&attendee.address);
    payload.parts = Parts::CalCom {
        event_type_id: booking.event_type_id,
        start: booking.start,
        time_zone: booking.time_zone,
        // What is compared and what is sent are one spelling.
        attendee: Attendee { email: attendee.address.clone(), ..booking.attendee },
        notes: booking.notes,
        metadata: booking.metadata,
    };
    Ok(("email", attendee.address.to_lowercase()))
}

fn metadata(pairs: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if pairs.len() > METADATA_PAIRS {
        let reason = format!("{} pairs, a booking takes {METADATA_PAIRS}", pairs.len());
        return Err(FieldError::new("payload.metadata", reason));
    }
    for (key, value) in pairs {
        check_line("payload.metadata", key, METADATA_KEY_CHARS)?;
        let field = format!("payload.metadata.{key}");
        if value.chars().count() > METADATA_VALUE_CHARS {
            return Err(FieldError::new(field, format!("use at most {METADATA_VALUE_CHARS} characters")));
        }
        check_nul(&field, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::samples::{check_as, draft};
    use super::super::{Checked, FieldError};
    use crate::activity::payload::Parts;
    use crate::channel::ChannelName;

    fn booking(change: impl FnOnce(&mut Value)) -> Value {
        let mut booking = json!({
            "eventTypeId": 812_034,
            "start": "2026-12-01T10:00:00+01:00",
            "timeZone": "Europe/Oslo",
            "attendee": { "name": "Kari Nordmann", "email": "kari@example.org", "language": "no" },
            "metadata": { "account": "Fjord Bygg" },
        });
        change(&mut booking);
        booking
    }

    fn checked(to: Option<&str>, payload: &Value) -> Result<Checked, FieldError> {
        check_as(ChannelName::CalCom, &draft(to, payload))
    }

    fn pairs(count: usize) -> Value {
        (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    }

    #[rstest]
    #[case(None, booking(|_| {}))]
    #[case(Some("KARI@example.org"), booking(|_| {}))]
    #[case(None, booking(|b| b["notes"] = json!("two\r\nlines")))]
    #[case(None, booking(|b| b["metadata"] = pairs(49)))]
    #[case(None, booking(|b| b["metadata"] = json!({ "k".repeat(40): "é".repeat(500) })))]
    fn what_fits_is_taken(#[case] to: Option<&str>, #[case] payload: Value) {
        let checked = checked(to, &payload).expect("fits");
        assert_eq!((checked.address_kind, checked.address.as_str()), ("email", "kari@example.org"));
    }

    #[test]
    fn the_attendee_is_written_to_at_the_address_that_is_shown() {
        let checked =
            checked(None, &booking(|b| b["attendee"]["email"] = json!("Kari@EXAMPLE.org"))).expect("fits");
        let Parts::CalCom { attendee, .. } = checked.payload.parts else { panic!("a booking") };
        assert_eq!(
            (attendee.email, checked.payload.to),
            ("Kari@example.org".to_owned(), "Kari@example.org".to_owned())
        );
    }

    /// S15: every limit names its field.
    #[rstest]
    #[case(booking(|b| b["eventTypeId"] = json!(0)), "payload.eventTypeId")]
    #[case(booking(|b| b["start"] = json!("tomorrow")), "payload.start")]
    #[case(booking(|b| b["start"] = json!("2026-12-01T10:00:00.5Z")), "payload.start")]
    #[case(booking(|b| b["timeZone"] = json!("Oslo")), "payload.timeZone")]
    #[case(booking(|b| b["attendee"]["name"] = json!("Kari\r\nBcc: x")), "payload.attendee.name")]
    #[case(booking(|b| b["attendee"]["name"] = json!("Kari\u{2028}")), "payload.attendee.name")]
    #[case(booking(|b| b["attendee"]["name"] = json!("Kari\u{0}")), "payload.attendee.name")]
    #[case(booking(|b| b["attendee"]["email"] = json!("kari@example.org, bo@example.org")), "payload.attendee.email")]
    #[case(booking(|b| b["attendee"]["email"] = json!("kari@example.org\r\n")), "payload.attendee.email")]
    #[case(booking(|b| b["attendee"]["language"] = json!("nb")), "payload.attendee.language")]
    #[case(booking(|b| b["attendee"]["phone"] = json!("+4712345678")), "payload.attendee.phone")]
    #[case(booking(|b| b["notes"] = json!("a\u{0}b")), "payload.notes")]
    #[case(booking(|b| b["metadata"] = pairs(50)), "payload.metadata")]
    #[case(booking(|b| b["metadata"] = json!({ "k".repeat(41): "v" })), "payload.metadata")]
    #[case(booking(|b| b["metadata"] = json!({ "a\r\nb": "v" })), "payload.metadata")]
    #[case(booking(|b| b["metadata"]["account"] = json!("v".repeat(501))), "payload.metadata.account")]
    #[case(booking(|b| b["guests"] = json!(["bo@example.org"])), "payload.guests")]
    fn what_the_provider_would_not_take_names_its_field(#[case] payload: Value, #[case] field: &str) {
        assert_eq!(checked(None, &payload).expect_err("is refused").field, field);
    }

    #[test]
    fn a_booking_goes_to_its_attendee() {
        assert_eq!(checked(Some("bo@example.org"), &booking(|_| {})).expect_err("is refused").field, "to");
    }
}
