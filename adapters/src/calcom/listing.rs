//! The list of Cal.com: bookings by the time they last changed, whoever made them.
use bytes::Bytes;
use countersign_core::channel::{List, Listed, Request, Response, Window};
use countersign_core::inbound::event::{Booking, Event, Phase, What, storable};
use countersign_core::inbound::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::interpret::Said;
use super::{ACTIVITY_KEY, VERSION_HEADER};
use crate::answer::is_usable_id;
use crate::hook::{NAME_CHARS, activity, provider_id, said, time};
use crate::listing::{formless, refused};

/// Bookings a page.
const PAGE: usize = 100;

/// Attendees of one booking that are kept.
const ATTENDEES_LIMIT: usize = 50;

pub(super) const LISTS: &[List] =
    &[List { name: "bookings", provider: Provider::CalCom, overlap: SignedDuration::from_mins(10) }];

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
}

/// Bookings that changed at one moment and are read; a provider that shows more shows the same ones again and again.
const MOMENT_LIMIT: usize = 10_000;

/// Where a page begins: with what changed at that time, which is included, but for so many of it. A booking that changes while the list is
/// read moves to its end, so that counting alone would pass over another one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    at: Timestamp,
    skip: usize,
}

impl Place {
    fn of(window: &Window<'_>) -> Self {
        let kept = window.place.and_then(|place| {
            let (skip, at) = place.split_once('@')?;
            Some(Self { at: at.parse().ok()?, skip: skip.parse().ok()? })
        });
        kept.unwrap_or(Self { at: window.since, skip: 0 })
    }

    /// Where the page behind this one begins, if there can be one.
    fn behind(self, page: &[Value]) -> Option<Self> {
        let last = page.last().filter(|_| page.len() >= PAGE)?;
        match changed(last) {
            Some(at) if at.as_millisecond() > self.at.as_millisecond() => Some(Self { at, skip: 0 }),
            // The list is not in the order that was asked for.
            Some(at) if at.as_millisecond() < self.at.as_millisecond() => None,
            _ => Some(Self { skip: self.skip + page.len(), ..self }).filter(|next| next.skip < MOMENT_LIMIT),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.skip, self.at)
    }
}

pub(super) fn list(window: &Window<'_>, version: &str) -> Request {
    let place = Place::of(window);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("afterUpdatedAt", &place.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
        // From the oldest on, so that what changes meanwhile comes behind.
        .append_pair("sortUpdatedAt", "asc")
        .append_pair("take", &PAGE.to_string())
        .append_pair("skip", &place.skip.to_string())
        .finish();
    Request::get(format!("/v2/bookings?{query}")).with_header(VERSION_HEADER, version)
}

/// When a booking last changed.
fn changed(booking: &Value) -> Option<Timestamp> {
    ["updatedAt", "createdAt"].iter().find_map(|name| time(&booking[*name]))
}

pub(super) fn listed(window: &Window<'_>, response: &Response) -> Listed {
    if response.status != 200 {
        return refused(response, &Said::read(response).detail);
    }
    let Ok(page) = serde_json::from_slice::<Page>(&response.body) else { return formless(response) };
    let next = Place::of(window).behind(&page.data).map(|place| place.to_string());
    Listed::Page { events: page.data.iter().filter_map(told).collect(), next }
}

/// A booking as it is now. The list tells no triggers, so that its events have ids of their own; what they do is the same.
fn told(booking: &Value) -> Option<Event> {
    let uid = booking["uid"].as_str().filter(|uid| is_usable_id(uid))?;
    let status = booking["status"].as_str()?;
    let earlier = booking["rescheduledFromUid"].as_str();
    let phase = match status {
        "accepted" if earlier.is_some() => Phase::Moved,
        "accepted" => Phase::Booked,
        "pending" => Phase::Requested,
        "cancelled" | "rejected" => Phase::Cancelled,
        _ => return None,
    };
    let at = changed(booking);
    let attendees = booking["attendees"].as_array().into_iter().flatten();
    let attendees =
        attendees.filter_map(|one| one["email"].as_str()).map(|email| storable(email.trim(), NAME_CHARS));
    let meeting = Booking {
        phase,
        uid: storable(uid, NAME_CHARS),
        attendees: attendees.filter(|email| !email.is_empty()).take(ATTENDEES_LIMIT).collect(),
        starts_at: time(&booking["start"]),
        reason: said(booking["cancellationReason"].as_str(), NAME_CHARS),
    };
    let about = activity(booking["metadata"][ACTIVITY_KEY].as_str())
        .into_iter()
        .chain(provider_id(Some(uid)))
        .chain(provider_id(earlier))
        .collect();
    let id = format!("listed:{uid}:{status}:{}", at.map_or(0, jiff::Timestamp::as_millisecond));
    Some(Event::new(&id, at, about, What::Booking(meeting), Bytes::from(booking.to_string())))
}
