//! What became of a booking: the natural key is the attendee, the event type and the start.
//!
//! The list holds the bookings that the owner of the API key hosts or may see. Other people can host those of a team, so that a booking
//! that is not listed may have been made all the same.
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
    #[serde(default)]
    status: String,
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
    let is_fresh = |booking: &Booking| booking.created_at.is_some_and(|at| at >= since);
    let id = |booking: &Booking| booking.metadata[ACTIVITY_KEY].as_str().map(str::to_owned);
    let has_our_id = |booking: &&Booking| id(booking).as_ref() == Some(&activity);
    // A provider that lost the metadata still knows who was booked for when; what bears another id is of another message.
    let is_like_ours = |booking: &&Booking| {
        booking.start == *start
            && is_fresh(booking)
            && id(booking).is_none()
            && booking.attendees.iter().any(|one| one.email.eq_ignore_ascii_case(&attendee.email))
    };
    let bookings = || page.data.iter();
    let standing = |booking: &&Booking| !booking.is_off() && is_fresh(booking);
    if let Some(booking) = bookings().filter(has_our_id).find(standing) {
        return sent(booking, "the booking is there, with the id of this message");
    }
    // Somebody may have cancelled the booking of an earlier round and decided on a new one, which bears the same id.
    if let Some(booking) = bookings().find(has_our_id) {
        return Finding::Unclear { why: doubt(booking) };
    }
    if let Some(booking) = bookings().filter(is_like_ours).find(standing) {
        return sent(booking, "a booking of this attendee for this time was made after this message left");
    }
    if let Some(booking) = bookings().find(is_like_ours) {
        return Finding::Unclear { why: doubt(booking) };
    }
    Finding::Absent {
        why: "no booking of this attendee for this time is among those this API key can see; those of a team or round-robin event \
              type may be hosted by others, so ask the hosts before it is booked again"
            .to_owned(),
    }
}

fn sent(booking: &Booking, why: &str) -> Finding {
    Finding::Sent {
        why: why.to_owned(),
        provider_ref: Some(booking.uid.clone()).filter(|uid| is_usable_id(uid)),
    }
}

impl Booking {
    /// Whether it was called off.
    fn is_off(&self) -> bool {
        matches!(self.status.as_str(), "cancelled" | "rejected")
    }
}

/// Why a booking that would be ours is no proof.
fn doubt(booking: &Booking) -> String {
    let what = match booking.is_off() {
        true => format!("was {}", booking.status),
        false => "was made before this message left, or its answer does not say when".to_owned(),
    };
    format!(
        "a booking that may be this one is there, but it {what}; look at it before anything is booked again ({})",
        bounded(&booking.uid, 60)
    )
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
