//! Webhooks of Calendly, signed over the time and the raw body.
use bytes::Bytes;
use countersign_core::inbound::event::{Booking, Event, Phase, Reference, SUBJECT_LIMIT, What, storable};
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook};
use serde_json::Value;

use crate::hook::{
    NAME_CHARS, Sha256Mac, activity, check_time, digest_id, keys, other, parse, provider_id, said, time,
    unhex, unreadable,
};

/// A signed time may be this far away, either way.
const TOLERANCE_SECS: u64 = 180;

/// The header of the time and the signatures: `t=…,v1=…`.
const SIGNATURE: &str = "calendly-webhook-signature";

/// The webhooks of Calendly.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::Calendly
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let header = delivery.header(SIGNATURE).ok_or(Refusal::Header(SIGNATURE))?;
        let values = |name: &'static str| {
            let parts = header.split(',').map(str::trim).filter_map(|part| part.split_once('='));
            parts.filter(move |(known, _)| *known == name).map(|(_, value)| value)
        };
        let mut times = values("t");
        let (Some(at), None) = (times.next(), times.next()) else {
            return Err(Refusal::Timestamp);
        };
        check_time(at, trust.now, TOLERANCE_SECS)?;
        let codes: Vec<[u8; 32]> = values("v1").filter_map(unhex).collect();
        let fits = |key: &&[u8]| {
            let mac = Sha256Mac::of(key, &[at.as_bytes(), b".", delivery.body]);
            codes.iter().any(|code| mac.is(code))
        };
        if keys.iter().any(fits) { Ok(()) } else { Err(Refusal::Signature) }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        vec![read(delivery.body)]
    }
}

fn read(body: &[u8]) -> Event {
    let raw = Bytes::copy_from_slice(body);
    let value = match parse(body) {
        Ok(value) => value,
        Err(why) => return unreadable(raw, why),
    };
    let Some(kind) = value["event"].as_str() else {
        return unreadable(raw, "it names no event");
    };
    let payload = &value["payload"];
    let uri = payload["uri"].as_str().filter(|uri| !uri.is_empty());
    let external_id = match (uri, value["created_at"].as_str()) {
        (Some(uri), Some(at)) => format!("{kind}:{uri}:{at}"),
        _ => digest_id(body),
    };
    let at = time(&value["created_at"]);
    let is_moved = payload["old_invitee"].is_string() || payload["rescheduled"] == true;
    let phase = match kind {
        // Moving a meeting calls one off and makes another; either says that they meet.
        "invitee.created" | "invitee.canceled" if is_moved => Phase::Moved,
        "invitee.created" => Phase::Booked,
        "invitee.canceled" => Phase::Cancelled,
        "invitee_no_show.created" => Phase::Missed,
        _ => return other(&external_id, at, kind, raw),
    };
    // A no-show is a thing of its own, and names the invitee it is about.
    let invitee = payload["invitee"].as_str().or(uri);
    let Some(uid) = invitee.filter(|uid| !uid.is_empty()) else {
        return unreadable(raw, format!("{kind} names no invitee"));
    };
    let is_old = kind == "invitee.canceled" && phase == Phase::Moved;
    let attendee = said(payload["email"].as_str().map(str::trim), NAME_CHARS);
    let meeting = Booking {
        phase,
        uid: storable(uid, NAME_CHARS),
        attendees: attendee.into_iter().collect(),
        starts_at: time(&payload["scheduled_event"]["start_time"]).filter(|_| !is_old),
        reason: said(payload["cancellation"]["reason"].as_str(), SUBJECT_LIMIT),
    };
    Event::new(&external_id, at, about(payload, uid), What::Booking(meeting), raw)
}

/// Our own id, if the link that was followed carried it; then the booking, and those it replaces or is replaced by.
fn about(payload: &Value, uid: &str) -> Vec<Reference> {
    let tracking = &payload["tracking"];
    let ours =
        ["utm_content", "salesforce_uuid"].iter().filter_map(|name| activity(tracking[*name].as_str()));
    let others =
        ["old_invitee", "new_invitee"].iter().filter_map(|name| provider_id(payload[*name].as_str()));
    ours.chain(provider_id(Some(uid))).chain(others).collect()
}
