//! What the webhooks of Twilio say: a message that came in, or what became of one of ours. They tell no times.
use bytes::Bytes;
use countersign_core::activity::fact::Fact;
use countersign_core::inbound::event::{Event, Letter, Progress, TEXT_LIMIT, What};
use serde_json::Value;

use super::interpret::opts_out;
use crate::answer::is_usable_id;
use crate::hook::{NAME_CHARS, digest_id, other, parse, provider_id, said, unreadable, word};
use crate::text::{DETAIL_CHARS, bounded};

/// The parameters of a delivery.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(is_form: bool, body: &[u8]) -> Result<Self, String> {
        if is_form {
            let pairs = form_urlencoded::parse(body);
            return Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()));
        }
        let Value::Object(fields) = parse(body)? else {
            return Err("it is JSON, but no object".to_owned());
        };
        Ok(Self(fields.iter().filter_map(|(name, value)| Some((name.clone(), word(value)?))).collect()))
    }

    /// The first value that says anything.
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The id of the message it is about, under the names it has had.
    fn sid(&self) -> Option<&str> {
        ["MessageSid", "SmsMessageSid", "SmsSid"]
            .iter()
            .find_map(|name| self.get(name))
            .filter(|sid| is_usable_id(sid))
    }
}

/// Reads a body.
pub(super) fn read(is_form: bool, body: &[u8]) -> Event {
    let raw = Bytes::copy_from_slice(body);
    let parameters = match Parameters::read(is_form, body) {
        Ok(parameters) => parameters,
        Err(why) => return unreadable(raw, why),
    };
    let status = parameters.get("MessageStatus").or_else(|| parameters.get("SmsStatus"));
    let came_in = matches!(status, Some("received" | "receiving"))
        || status.is_none()
            && ["Body", "NumMedia"].iter().any(|name| parameters.0.iter().any(|(known, _)| known == name));
    match status {
        _ if came_in => received(&parameters, raw),
        Some(status) => progress(&parameters, status, raw),
        // A call, or something newer.
        None => {
            let name = parameters.get("EventType").or_else(|| parameters.get("CallSid").map(|_| "call"));
            other(&digest_id(&raw), None, name.unwrap_or("unknown"), raw)
        }
    }
}

fn received(parameters: &Parameters, raw: Bytes) -> Event {
    let Some(from) = parameters.get("From") else {
        return unreadable(raw, "a message names no sender");
    };
    // A message may carry nothing but a picture or the label of a button.
    let text = ["Body", "ButtonText", "Label"].iter().find_map(|name| parameters.get(name));
    let letter = Letter {
        from: bare(from),
        from_name: said(parameters.get("ProfileName"), NAME_CHARS),
        to: parameters.get("To").map(bare).into_iter().collect(),
        text: said(text, TEXT_LIMIT),
        id: parameters.sid().map(str::to_owned),
        ..Letter::default()
    };
    let about = provider_id(parameters.get("OriginalRepliedMessageSid")).into_iter().collect();
    let external_id = parameters.sid().map_or_else(|| digest_id(&raw), str::to_owned);
    Event::new(&external_id, None, about, What::Message(letter), raw)
}

fn progress(parameters: &Parameters, status: &str, raw: Bytes) -> Event {
    let Some(sid) = parameters.sid() else {
        return unreadable(raw, "a status names no message");
    };
    let external_id = format!("{sid}:{status}");
    let fact = match status {
        "accepted" | "queued" | "scheduled" | "sending" | "sent" => Fact::Accepted,
        "delivered" => Fact::Delivered,
        "read" => Fact::Read,
        "undelivered" | "failed" | "canceled" => Fact::Failed,
        _ => return other(&external_id, None, &format!("status {status}"), raw),
    };
    let code = parameters.get("ErrorCode").filter(|code| *code != "0");
    let words = parameters.get("ErrorMessage").or_else(|| parameters.get("ChannelStatusMessage"));
    let detail = match (code, words) {
        (None, None) => (fact == Fact::Failed).then(|| status.to_owned()),
        (code, words) => Some(code.into_iter().chain(words).collect::<Vec<_>>().join(": ")),
    };
    let progress = Progress {
        fact,
        recipient: None,
        detail: detail.map(|detail| bounded(&detail, DETAIL_CHARS)),
        message_id: None,
        is_opt_out: fact == Fact::Failed && code.is_some_and(opts_out),
    };
    Event::new(&external_id, None, provider_id(Some(sid)).into_iter().collect(), What::Status(progress), raw)
}

/// An address without the word that names its network. What is left need not be a number.
fn bare(address: &str) -> String {
    let address = address.trim();
    said(Some(address.strip_prefix("whatsapp:").unwrap_or(address)), NAME_CHARS).unwrap_or_default()
}
