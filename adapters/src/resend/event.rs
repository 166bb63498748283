//! What the webhooks of Resend say.
use bytes::Bytes;
use countersign_core::activity::fact::Fact;
use countersign_core::inbound::event::{Event, Letter, Progress, Reference, SUBJECT_LIMIT, What};
use serde_json::Value;

use crate::hook::{
    NAME_CHARS, activity, digest_id, message_id, other, parse, provider_id, said, time, unreadable,
};
use crate::text::{DETAIL_CHARS, bounded};

/// Begins the id of a mail to us, so that it is the same however it was learned of.
pub(super) const RECEIVED: &str = "received:";

/// Addresses of one mail that are kept.
const ADDRESSES_LIMIT: usize = 50;

/// Reads the body of a delivery with that id.
pub(super) fn read(id: Option<&str>, body: &[u8]) -> Event {
    let raw = Bytes::copy_from_slice(body);
    let value = match parse(body) {
        Ok(value) => value,
        Err(why) => return unreadable(raw, why),
    };
    let Some(kind) = value["type"].as_str() else {
        return unreadable(raw, "it names no type");
    };
    let id = id.map_or_else(|| digest_id(body), str::to_owned);
    let data = &value["data"];
    // When it happened; a mail also says when it was made, which is something else.
    let at = time(&value["created_at"]).or_else(|| time(&data["created_at"]));
    let what = match kind {
        "email.received" => return received(&id, &value, raw),
        "suppression.added" | "suppression.removed" => match suppression(kind, data) {
            Some(what) => what,
            None => return unreadable(raw, format!("{kind} names no address")),
        },
        _ => match fact(kind, data) {
            Some((fact, detail)) => What::Status(Progress {
                fact,
                // Its recipients are those of the whole mail; which one it is about is not said.
                recipient: None,
                detail: detail.and_then(|detail| said(Some(&bounded(&detail, DETAIL_CHARS)), DETAIL_CHARS)),
                message_id: data["message_id"].as_str().and_then(message_id),
                is_opt_out: false,
            }),
            None => return other(&id, at, kind, raw),
        },
    };
    let about = about(data);
    if about.is_empty() && matches!(what, What::Status(_)) {
        return unreadable(raw, format!("{} names no mail", bounded(kind, 40)));
    }
    Event::new(&id, at, about, what, raw)
}

/// What became of a mail, and in which words.
fn fact(kind: &str, data: &Value) -> Option<(Fact, Option<String>)> {
    Some(match kind {
        "email.sent" | "email.scheduled" => (Fact::Accepted, None),
        "email.delivered" => (Fact::Delivered, None),
        "email.delivery_delayed" => (Fact::Delayed, None),
        "email.opened" => (Fact::Opened, None),
        "email.clicked" => (Fact::Clicked, data["click"]["link"].as_str().map(str::to_owned)),
        "email.complained" => (Fact::Complained, None),
        "email.bounced" => {
            let bounce = &data["bounce"];
            // A machine that answers may look like a passing bounce; only what is called permanent says that an address is dead.
            let is_permanent =
                bounce["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("permanent"));
            let fact = if is_permanent { Fact::Bounced } else { Fact::SoftBounced };
            (fact, words(&[&bounce["type"], &bounce["subType"]], &bounce["message"]))
        }
        "email.suppressed" => {
            let suppressed = &data["suppressed"];
            (Fact::Failed, words(&[&suppressed["type"], &suppressed["reason"]], &suppressed["message"]))
        }
        "email.failed" => (Fact::Failed, words(&[&data["failed"]["reason"]], &Value::Null)),
        _ => return None,
    })
}

/// `Permanent/General: message`.
fn words(codes: &[&Value], message: &Value) -> Option<String> {
    let codes: Vec<&str> = codes.iter().filter_map(|code| code.as_str()).collect();
    let code = codes.join("/");
    match (code.as_str(), message.as_str()) {
        ("", message) => message.map(str::to_owned),
        (code, None) => Some(code.to_owned()),
        (code, Some(message)) => Some(format!("{code}: {message}")),
    }
}

fn about(data: &Value) -> Vec<Reference> {
    let id = data["email_id"].as_str().or_else(|| data["source_id"].as_str());
    let message_id = data["message_id"].as_str().and_then(message_id).map(Reference::MessageId);
    activity(tag(&data["tags"], "activity_id")).into_iter().chain(provider_id(id)).chain(message_id).collect()
}

/// A tag by its name; they come as an object, and are sent as a list.
fn tag<'a>(tags: &'a Value, name: &str) -> Option<&'a str> {
    match tags {
        Value::Array(list) => list.iter().find(|tag| tag["name"] == name)?["value"].as_str(),
        tags => tags[name].as_str(),
    }
}

fn suppression(kind: &str, data: &Value) -> Option<What> {
    let address = data["email"].as_str().or_else(|| data["address"].as_str());
    Some(What::Suppression {
        address: said(address, NAME_CHARS)?.trim().to_owned(),
        origin: said(data["origin"].as_str(), 40).unwrap_or_default(),
        is_lifted: kind == "suppression.removed",
    })
}

/// Somebody wrote. The words, and what they answer, have to be fetched.
fn received(id: &str, value: &Value, raw: Bytes) -> Event {
    let data = &value["data"];
    let Some(from) = data["from"].as_str().filter(|from| !from.trim().is_empty()) else {
        return unreadable(raw, "email.received names no sender");
    };
    let (from, from_name) = mailbox(from);
    let external_id = data["email_id"]
        .as_str()
        .filter(|id| is_mail_id(id))
        .map_or_else(|| id.to_owned(), |id| format!("{RECEIVED}{id}"));
    let letter = Letter {
        from,
        from_name,
        to: addresses(&[&data["to"], &data["received_for"]]),
        subject: said(data["subject"].as_str(), SUBJECT_LIMIT),
        text: None,
        id: data["message_id"].as_str().and_then(message_id),
        is_announced: true,
        ..Letter::default()
    };
    let at = time(&data["created_at"]).or_else(|| time(&value["created_at"]));
    Event::new(&external_id, at, Vec::new(), What::Message(letter), raw)
}

/// Whether a text is an id of a mail that can be asked for: part of a path, and nothing that leads elsewhere.
pub(super) fn is_mail_id(id: &str) -> bool {
    (1..=100).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An address, and the name before it if there is one.
pub(super) fn mailbox(text: &str) -> (String, Option<String>) {
    let text = text.trim();
    let parts = text.rsplit_once('<').and_then(|(name, rest)| Some((name, rest.split_once('>')?.0)));
    let Some((name, address)) = parts.filter(|(_, address)| !address.trim().is_empty()) else {
        return (said(Some(text), NAME_CHARS).unwrap_or_default(), None);
    };
    let name = name.trim().trim_matches('"').trim();
    (said(Some(address.trim()), NAME_CHARS).unwrap_or_default(), said(Some(name), NAME_CHARS))
}

/// The addresses of some lists, each once.
pub(super) fn addresses(lists: &[&Value]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for address in lists.iter().filter_map(|list| list.as_array()).flatten().filter_map(Value::as_str) {
        let (address, _) = mailbox(address);
        if kept.len() < ADDRESSES_LIMIT && !address.is_empty() && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept
}
