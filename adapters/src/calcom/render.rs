//! A booking in the form of `POST /v2/bookings`.
use std::collections::BTreeMap;

use countersign_core::activity::payload::Parts;
use countersign_core::channel::{ChannelName, Message, RenderError, Request};
use serde::Serialize;

use super::{ACTIVITY_KEY, VERSION_HEADER, settings};

/// Pairs that a draft may bring; the provider takes 50 and one is ours.
const PAIRS_LIMIT: usize = 49;

/// The languages the provider writes its mails in.
const LANGUAGES: &[&str] = &[
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he",
    "hr", "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk",
    "sr", "sv", "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Booking<'a> {
    event_type_id: i64,
    /// The provider wants UTC and refuses an offset.
    start: String,
    attendee: Attendee<'a>,
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_fields_responses: Option<Fields<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attendee<'a> {
    name: &'a str,
    email: &'a str,
    time_zone: &'a str,
    language: &'a str,
}

/// The field every event type has.
#[derive(Serialize)]
struct Fields<'a> {
    notes: &'a str,
}

pub(super) fn render(message: &Message<'_>, version: &str) -> Result<Request, RenderError> {
    let payload = message.payload;
    if payload.channel != ChannelName::CalCom {
        return Err(RenderError::new("channel", format!("{} is not a booking", payload.channel)));
    }
    let Parts::CalCom { event_type_id, start, time_zone, attendee, notes, metadata } = &payload.parts else {
        return Err(RenderError::new("payload", "these are not the parts of a booking"));
    };
    if !attendee.email.eq_ignore_ascii_case(&payload.to) {
        return Err(RenderError::new("to", "a booking goes to its attendee"));
    }
    settings::check(message.settings, *event_type_id)?;
    if !LANGUAGES.contains(&attendee.language.as_str()) {
        return Err(RenderError::new(
            "payload.attendee.language",
            format!("Cal.com writes its mails in {}", LANGUAGES.join(", ")),
        ));
    }
    if metadata.len() > PAIRS_LIMIT || metadata.contains_key(ACTIVITY_KEY) {
        return Err(RenderError::new(
            "payload.metadata",
            format!("at most {PAIRS_LIMIT} pairs, and none called {ACTIVITY_KEY}, which is ours"),
        ));
    }
    let activity = message.activity.to_string();
    let mut pairs: BTreeMap<&str, &str> =
        metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    pairs.insert(ACTIVITY_KEY, &activity);
    let booking = Booking {
        event_type_id: *event_type_id,
        start: start.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        attendee: Attendee {
            name: &attendee.name,
            email: &attendee.email,
            time_zone,
            language: &attendee.language,
        },
        metadata: pairs,
        booking_fields_responses: notes.as_deref().map(|notes| Fields { notes }),
    };
    let body = serde_json_canonicalizer::to_string(&booking)
        .map_err(|cause| RenderError::new("payload", format!("cannot be written as JSON: {cause}")))?;
    Ok(Request::json("/v2/bookings", body).with_header(VERSION_HEADER, version))
}

#[cfg(test)]
mod tests;
