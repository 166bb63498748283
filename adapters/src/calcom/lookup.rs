//! What became of a booking: the natural key is the attendee, the event type and the start.
use std::time::Duration;

use countersign_core::activity::payload::Parts;
use countersign_core::channel::{Case, Finding, Lookup, Probe, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::interpret::Said;
use super::{ACTIVITY_KEY, VERSION_HEADER};
use crate::answer::{is_usable_id, without_form};
use crate::text::bounded;

/// Bookings a page.
const PAGE: usize = 100;

/// Bookings stand in the list as soon as they are made; this is far longer than a request under way can take.
const SETTLED: Duration = Duration::from_mins(5);

/// Clocks of provider and database may differ by this much.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn first(case: &Case<'_>, version: &str) -> Lookup {
    let Parts::CalCom { event_type_id, start, attendee, .. } = &case.payload.parts else {
        return Lookup::Found(Finding::Impossible { why: "this was not a booking".to_owned() });
    };
    let minute = SignedDuration::from_mins(1);
    let after = start.saturating_sub(minute).unwrap_or(*start);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("attendeeEmail", &attendee.email)
        .append_pair("eventTypeId", &event_type_id.to_string())
        .append_pair("afterStart", &after.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .append_pair("take", &PAGE.to_string())
        .finish();
    Lookup::Ask(Request::get(format!("/v2/bookings?{query}")).with_header(VERSION_HEADER, version))
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Booking>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Booking {
    uid: String,
    start: Timestamp,
    #[serde(default)]
    created_at: Option<Timestamp>,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    attendees: Vec<Attendee>,
}

#[derive(Deserialize)]
struct Attendee {
    #[serde(default)]
    email: String,
}

pub(super) fn found(case: &Case<'_>, response: &Response) -> Finding {
    let Parts::CalCom { start, attendee, .. } = &case.payload.parts else {
        return Finding::Impossible { why: "this was not a booking".to_owned() };
    };
    if response.status != 200 {
        return Finding::Unclear { why: format!("{}: {}", response.status, Said::read(response).detail) };
    }
    let Ok(page) = serde_json::from_slice::<Listed>(&response.body) else {
        return Finding::Unclear { why: without_form(response) };
    };
    let activity = case.activity.to_string();
    let since = case.first_wire_at.saturating_sub(TOLERANCE).unwrap_or(Timestamp::MIN);
    let is_ours = |booking: &&Booking| booking.metadata[ACTIVITY_KEY].as_str() == Some(&activity);
    // A provider that lost the metadata still knows who was booked for when; an older booking is not this one.
    let is_like_ours = |booking: &&Booking| {
        booking.start == *start
            && booking.created_at.is_some_and(|at| at >= since)
            && booking.attendees.iter().any(|one| one.email.eq_ignore_ascii_case(&attendee.email))
    };
    let found = page.data.iter().find(is_ours).or_else(|| page.data.iter().find(is_like_ours));
    match found {
        Some(booking) => Finding::Sent {
            why: match is_ours(&booking) {
                true => "the booking is there, with the id of this message".to_owned(),
                false => {
                    "a booking of this attendee for this time was made after this message left".to_owned()
                }
            },
            provider_ref: Some(booking.uid.clone()).filter(|uid| is_usable_id(uid)),
        },
        // A list that may go on, or that may have been searched for another spelling, proves nothing.
        None if case.age >= SETTLED && page.data.len() < PAGE && is_plain(&attendee.email) => {
            Finding::NotSent { why: "no booking of this attendee for this time is there".to_owned() }
        }
        None => Finding::Absent { why: "no booking of this attendee for this time is there yet".to_owned() },
    }
}

/// Whether an address has one spelling only: how the provider compares capitals is not documented.
fn is_plain(address: &str) -> bool {
    !address.chars().any(char::is_uppercase)
}

#[derive(Deserialize)]
struct Me {
    data: Owner,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

pub(super) fn probed(response: &Response) -> Probe {
    let said = || Said::read(response).detail;
    match response.status {
        200 => {
            let owner = serde_json::from_slice::<Me>(&response.body).ok().map(|me| me.data);
            let name = owner.and_then(|owner| owner.username.or(owner.email));
            Probe::Works {
                says: match name {
                    Some(name) => bounded(&format!("the API key of {name}"), 200),
                    None => "the API key is taken".to_owned(),
                },
            }
        }
        401 | 403 => Probe::Refused { says: said() },
        status => Probe::Unclear { says: format!("{status}: {}", said()) },
    }
}

#[cfg(test)]
mod tests;
