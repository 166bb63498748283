//! Webhooks of Cal.com, signed over the raw body. Nothing in them is an id of the delivery, and a failed one is hardly repeated.
use bytes::Bytes;
use countersign_core::inbound::event::{Booking, Event, Phase, Reference, SUBJECT_LIMIT, What, storable};
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook};
use serde_json::Value;

use super::ACTIVITY_KEY;
use crate::hook::{
    NAME_CHARS, Sha256Mac, activity, digest_id, keys, other, parse, provider_id, said, time, unhex,
    unreadable,
};

/// The header of the signature. Without a secret it holds the words `no-secret-provided`, which prove nothing.
const SIGNATURE: &str = "x-cal-signature-256";

/// Attendees that are kept.
const ATTENDEES_LIMIT: usize = 50;

/// The webhooks of Cal.com.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::CalCom
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let signature = delivery.header(SIGNATURE).ok_or(Refusal::Header(SIGNATURE))?;
        let code = unhex(signature).ok_or(Refusal::Signature)?;
        if keys.iter().any(|key| Sha256Mac::of(key, &[delivery.body]).is(&code)) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        vec![read(delivery.body)]
    }
}

fn read(body: &[u8]) -> Event {
    let raw = Bytes::copy_from_slice(body);
    let value = match parse(body) {
        Ok(value) => value,
        Err(why) => {
            return unreadable(raw, format!("{why}; the webhook needs the provider's own payload template"));
        }
    };
    let Some(trigger) = value["triggerEvent"].as_str() else {
        return unreadable(
            raw,
            "it names no triggerEvent; the webhook needs the provider's own payload template",
        );
    };
    let payload = &value["payload"];
    let uid = ["uid", "bookingUid"]
        .iter()
        .find_map(|name| payload[*name].as_str())
        .or_else(|| value["uid"].as_str());
    let uid = uid.filter(|uid| !uid.is_empty());
    let external_id = match (uid, value["createdAt"].as_str()) {
        (Some(uid), Some(at)) => format!("{trigger}:{uid}:{at}"),
        _ => digest_id(body),
    };
    let at = time(&value["createdAt"]);
    let phase = match trigger {
        "BOOKING_CREATED" if is_pending(payload) => Phase::Requested,
        "BOOKING_CREATED" => Phase::Booked,
        "BOOKING_REQUESTED" => Phase::Requested,
        "BOOKING_RESCHEDULED" => Phase::Moved,
        "BOOKING_CANCELLED" | "BOOKING_REJECTED" => Phase::Cancelled,
        "BOOKING_NO_SHOW_UPDATED" if is_missed(payload) => Phase::Missed,
        _ => return other(&external_id, at, trigger, raw),
    };
    let Some(uid) = uid else {
        return unreadable(raw, format!("{trigger} names no booking"));
    };
    let reason = ["cancellationReason", "rejectionReason"].iter().find_map(|name| payload[*name].as_str());
    let meeting = Booking {
        phase,
        uid: storable(uid, NAME_CHARS),
        attendees: attendees(payload),
        starts_at: time(&payload["startTime"]),
        reason: said(reason, SUBJECT_LIMIT),
    };
    Event::new(&external_id, at, about(payload, uid), What::Booking(meeting), raw)
}

/// Our own id first; then the booking, and the one it replaces.
fn about(payload: &Value, uid: &str) -> Vec<Reference> {
    let earlier = ["rescheduleUid", "fromReschedule"].iter().find_map(|name| payload[*name].as_str());
    activity(payload["metadata"][ACTIVITY_KEY].as_str())
        .into_iter()
        .chain(provider_id(Some(uid)))
        .chain(provider_id(earlier))
        .collect()
}

/// Whether the host still has to agree.
fn is_pending(payload: &Value) -> bool {
    payload["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("pending"))
}

/// Whether somebody is said not to have come; the same trigger takes that back.
fn is_missed(payload: &Value) -> bool {
    payload["attendees"].as_array().into_iter().flatten().any(|attendee| attendee["noShow"] == true)
}

fn attendees(payload: &Value) -> Vec<String> {
    let listed = payload["attendees"].as_array().into_iter().flatten().map(|attendee| &attendee["email"]);
    let answered = &payload["responses"]["email"];
    let mut kept: Vec<String> = Vec::new();
    for address in listed.chain([&answered["value"], answered]).filter_map(Value::as_str) {
        let address = storable(address.trim(), NAME_CHARS);
        if kept.len() < ATTENDEES_LIMIT && !address.is_empty() && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept
}
