//! What the webhooks of Instagram say. One delivery holds many things, and each is kept with its own bytes: one that is broken spoils no
//! other.
use bytes::Bytes;
use countersign_core::activity::fact::Fact;
use countersign_core::inbound::event::{
    Echo, Event, Letter, Progress, Reference, TEXT_LIMIT, What, storable,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answer::is_usable_id;
use crate::hook::{
    NAME_CHARS, digest_id, fits_form, other, parse, provider_id, said, unix_time, unreadable, word,
};

#[derive(Deserialize)]
struct Envelope<'a> {
    object: String,
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    time: Value,
    #[serde(borrow, default)]
    messaging: Vec<&'a RawValue>,
    /// What another app has taken over; people write in it all the same.
    #[serde(borrow, default)]
    standby: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    changes: Vec<&'a RawValue>,
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Vec<Event> {
    let raw = Bytes::copy_from_slice(body);
    let envelope: Envelope<'_> = match fits_form(body) {
        Ok(envelope) => envelope,
        Err(why) => return vec![unreadable(raw, why)],
    };
    let mut events = Vec::new();
    if envelope.object == "instagram" {
        envelope.entry.iter().for_each(|part| entry(part.get(), &mut events));
    }
    if events.is_empty() {
        events.push(other(&digest_id(body), None, &envelope.object, raw));
    }
    events
}

fn entry(part: &str, events: &mut Vec<Event>) {
    let entry: Entry<'_> = match fits_form(part.as_bytes()) {
        Ok(entry) => entry,
        Err(why) => return events.push(unreadable(Bytes::copy_from_slice(part.as_bytes()), why)),
    };
    let (account, sent_at) = (word(&entry.id), unix_time(&entry.time));
    let mut each = |part: &RawValue, read: fn(&Value, &Place<'_>) -> Event| {
        let raw = Bytes::copy_from_slice(part.get().as_bytes());
        events.push(match parse(part.get().as_bytes()) {
            Ok(item) => read(&item, &Place { account: account.as_deref(), sent_at, raw }),
            Err(why) => unreadable(raw, why),
        });
    };
    entry.messaging.iter().chain(&entry.standby).for_each(|part| each(part, messaging));
    entry.changes.iter().for_each(|part| each(part, change));
}

/// Where a thing stood in its delivery.
struct Place<'a> {
    /// Our account.
    account: Option<&'a str>,
    /// When the delivery was sent.
    sent_at: Option<Timestamp>,
    /// Its own bytes.
    raw: Bytes,
}

impl Place<'_> {
    fn unreadable(&self, why: &str) -> Event {
        unreadable(self.raw.clone(), why)
    }

    fn other(&self, external_id: &str, at: Option<Timestamp>, name: &str) -> Event {
        other(external_id, at, name, self.raw.clone())
    }
}

/// Something between a person and our account.
fn messaging(item: &Value, place: &Place<'_>) -> Event {
    let at = unix_time(&item["timestamp"]).or(place.sent_at);
    let event = |id: String, about: Option<Reference>, what| {
        Event::new(&id, at, about.into_iter().collect(), what, place.raw.clone())
    };
    let (Some(sender), Some(recipient)) = (word(&item["sender"]["id"]), word(&item["recipient"]["id"]))
    else {
        return place.unreadable("it names no sender or no recipient");
    };
    let (sender, recipient) = (storable(&sender, NAME_CHARS), storable(&recipient, NAME_CHARS));
    let is_ours = place.account == Some(sender.as_str());
    let letter = |mid: Option<&str>, text: &Value| {
        What::Message(Letter {
            from: sender.clone(),
            to: vec![recipient.clone()],
            text: said(text.as_str(), TEXT_LIMIT),
            id: mid.map(str::to_owned),
            ..Letter::default()
        })
    };
    let kinds = ["message", "message_edit", "reaction", "read", "postback"];
    let Some(kind) = kinds.into_iter().find(|kind| item[*kind].is_object()) else {
        let name = item.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let name = name.filter(|name| !matches!(*name, "sender" | "recipient" | "timestamp")).min();
        return place.other(&digest_id(&place.raw), at, name.unwrap_or("unknown"));
    };
    let thing = &item[kind];
    let mid = thing["mid"].as_str().filter(|mid| is_usable_id(mid));
    let Some(mid) = mid else {
        // What a person says counts also without a name.
        return match kind {
            "message" if !is_ours && thing["is_echo"] != true && thing["is_deleted"] != true => {
                event(digest_id(&place.raw), None, letter(None, &thing["text"]))
            }
            _ => place.unreadable("it names no message"),
        };
    };
    let id = format!("{mid}:{kind}");
    match kind {
        "message" if thing["is_deleted"] == true => {
            place.other(&format!("{mid}:deleted"), at, "message deleted")
        }
        "message" if is_ours || thing["is_echo"] == true => {
            let text = said(thing["text"].as_str(), TEXT_LIMIT);
            let echo = Echo { to: recipient, text, id: mid.to_owned() };
            event(format!("{mid}:echo"), provider_id(Some(mid)), What::Echo(echo))
        }
        "message" => {
            let about = provider_id(thing["reply_to"]["mid"].as_str());
            event(id, about, letter(Some(mid), &thing["text"]))
        }
        // What somebody says instead counts as if they had just said it.
        "message_edit" if !is_ours => {
            let number = word(&thing["num_edit"]).unwrap_or_else(|| digest_id(&place.raw));
            event(format!("{id}:{number}"), None, letter(Some(mid), &thing["text"]))
        }
        // Who presses a button says what is written on it.
        "postback" if !is_ours => event(id, None, letter(Some(mid), &thing["title"])),
        "reaction" if !is_ours => {
            let action = thing["action"].as_str().unwrap_or("react");
            let emoji = thing["emoji"].as_str().or_else(|| thing["reaction"].as_str());
            let what = What::Social {
                action: storable(action, 100),
                by: Some(sender.clone()),
                text: said(emoji, 100),
            };
            // The same person may take it back and do it again.
            let number = word(&item["timestamp"]).unwrap_or_default();
            event(format!("{id}:{action}:{sender}:{number}"), provider_id(Some(mid)), what)
        }
        "read" if !is_ours => {
            let progress = Progress {
                fact: Fact::Read,
                recipient: None,
                detail: None,
                message_id: None,
                is_opt_out: false,
            };
            event(id, provider_id(Some(mid)), What::Status(progress))
        }
        kind => place.other(&id, at, kind),
    }
}

/// Something under a post.
fn change(item: &Value, place: &Place<'_>) -> Event {
    let (Some(field), value) = (item["field"].as_str(), &item["value"]) else {
        return place.unreadable("a change names no field");
    };
    if value["sender"].is_object() {
        // The same as above in another wrapping.
        return messaging(value, place);
    }
    let action = match field {
        "comments" | "live_comments" => "comment",
        "mentions" => "mention",
        _ => return place.other(&digest_id(&place.raw), place.sent_at, field),
    };
    let id = ["id", "comment_id", "media_id"].iter().find_map(|name| word(&value[*name]));
    let external_id = id.map_or_else(|| digest_id(&place.raw), |id| format!("{id}:{field}"));
    let by = value["from"]["username"].as_str().map(str::to_owned).or_else(|| word(&value["from"]["id"]));
    let what = What::Social {
        action: action.to_owned(),
        by: said(by.as_deref(), NAME_CHARS),
        text: said(value["text"].as_str(), TEXT_LIMIT),
    };
    let posts = [&value["media"]["id"], &value["media_id"], &value["parent_id"]];
    let about = posts.into_iter().filter_map(word).filter_map(|id| provider_id(Some(&id))).collect();
    Event::new(&external_id, place.sent_at, about, what, place.raw.clone())
}
