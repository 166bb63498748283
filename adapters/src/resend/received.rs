//! A mail to us, as a whole. A webhook only announces it; what it answers, and whether a machine wrote it, is in its headers.
use countersign_core::activity::html;
use countersign_core::channel::{Request, Response};
use countersign_core::inbound::event::{Event, Letter, Reference, SUBJECT_LIMIT, TEXT_LIMIT, What};
use countersign_core::inbound::provider::Completion;
use serde_json::Value;

use super::event::{RECEIVED, addresses, is_mail_id, mailbox};
use super::interpret::Said;
use crate::hook::{message_id, parse, said};

/// Messages that a mail may name as those it answers.
const REFERENCES_LIMIT: usize = 50;

/// Asks for the mail an event announces.
pub(super) fn completes(event: &Event) -> Option<Request> {
    let id = event.external_id.strip_prefix(RECEIVED).filter(|id| is_mail_id(id))?;
    matches!(event.what, What::Message(_)).then(|| Request::get(format!("/emails/receiving/{id}")))
}

/// Reads the answer.
pub(super) fn completed(event: &Event, response: &Response) -> Completion {
    if response.status == 200 {
        return match (whole(event, response), &event.what) {
            (Ok(event), _) => Completion::Whole(Box::new(event)),
            (Err(why), _) => Completion::Later { why },
        };
    }
    let said = Said::read(response);
    let why = format!("{}: {}", response.status, said.detail);
    match (response.status, said.name.as_deref()) {
        (401, Some("restricted_api_key")) => Completion::Never {
            why: "the API key may only send; give the outbox a key with full access, so that replies can be read".to_owned(),
        },
        (403, Some("email_above_quota")) => Completion::Never { why },
        (404 | 410, _) => Completion::Never { why },
        // Everything else passes or can be mended: limits, outages, a key that is changed.
        _ => Completion::Later { why },
    }
}

fn whole(event: &Event, response: &Response) -> Result<Event, String> {
    let What::Message(announced) = &event.what else { return Ok(event.clone()) };
    let mail = parse(&response.body).map_err(|why| format!("the provider's answer: {why}"))?;
    let asked = event.external_id.strip_prefix(RECEIVED);
    if !mail.is_object() || mail["id"].as_str().is_some_and(|id| Some(id) != asked) {
        return Err("the provider answered with something else than this mail".to_owned());
    }
    let headers = &mail["headers"];
    // Some programs write no text part.
    let text = said(mail["text"].as_str(), TEXT_LIMIT)
        .or_else(|| said(mail["html"].as_str().map(html::words).as_deref(), TEXT_LIMIT));
    let (from, from_name) = mail["from"].as_str().map(mailbox).unwrap_or_default();
    let to = addresses(&[&mail["to"]]);
    let letter = Letter {
        from: if announced.from.is_empty() { from } else { announced.from.clone() },
        from_name: announced.from_name.clone().or(from_name),
        to: if announced.to.is_empty() { to } else { announced.to.clone() },
        subject: said(mail["subject"].as_str(), SUBJECT_LIMIT).or_else(|| announced.subject.clone()),
        text,
        id: mail["message_id"].as_str().and_then(message_id).or_else(|| announced.id.clone()),
        is_automatic: is_automatic(headers),
        is_announced: false,
        is_authentic: is_authentic(&mail["authentication"]),
    };
    let (id, at, raw) = (&event.external_id, event.occurred_at, event.raw.clone());
    Ok(Event::new(id, at, answered(headers), What::Message(letter), raw))
}

/// What a mail answers: the message it names as that, then those before it in the thread, the latest first.
fn answered(headers: &Value) -> Vec<Reference> {
    let ids = |name| values(headers, name).flat_map(message_ids);
    let mut thread: Vec<String> = ids("references").collect();
    thread.reverse();
    let mut found: Vec<String> = Vec::new();
    for id in ids("in-reply-to").chain(thread) {
        if found.len() < REFERENCES_LIMIT && !found.contains(&id) {
            found.push(id);
        }
    }
    found.into_iter().map(Reference::MessageId).collect()
}

/// The ids in a header. What stands between brackets is one, and what stands between them is not; without brackets every word may be.
fn message_ids(value: &str) -> Vec<String> {
    if value.contains('<') {
        let ids = value.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
        ids.filter_map(|(id, _)| message_id(id)).collect()
    } else {
        value.split_whitespace().filter_map(message_id).collect()
    }
}

/// Whether a machine wrote it (RFC 3834, and what older programs do).
fn is_automatic(headers: &Value) -> bool {
    let first_word =
        |value: &str| value.split([';', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase();
    let has = |name: &str| values(headers, name).next().is_some();
    values(headers, "auto-submitted").any(|value| !matches!(first_word(value.trim()).as_str(), "no" | ""))
        || values(headers, "precedence").any(|value| {
            matches!(first_word(value.trim()).as_str(), "bulk" | "junk" | "list" | "auto_reply" | "auto-reply")
        })
        || has("x-autoreply")
        || has("x-autorespond")
        // Nobody is told when it cannot be delivered: the mark of a notice.
        || values(headers, "return-path").any(|value| matches!(value.trim(), "<>" | ""))
}

/// Whether the domain of the sender vouches for it. Only DMARC speaks of the address that is shown; a signature of somebody else is no
/// proof, and no signature at all is none against it.
fn is_authentic(authentication: &Value) -> Option<bool> {
    let verdict = |name: &str| authentication[name].as_str();
    match verdict("dmarc") {
        Some("pass") => Some(true),
        Some("fail") => Some(false),
        _ if verdict("spf") == Some("fail") && verdict("dkim") == Some("fail") => Some(false),
        _ => None,
    }
}

/// The values of a header, whose name is in any case; several come as a list.
fn values<'a>(headers: &'a Value, name: &'a str) -> impl Iterator<Item = &'a str> {
    let found =
        headers.as_object().into_iter().flatten().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
    found
        .flat_map(|(_, value)| match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        })
        .filter_map(Value::as_str)
}
