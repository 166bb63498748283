//! Webhooks of LinkedIn: what people do with an organization's posts. It tells of no messages and no connections.
use bytes::Bytes;
use countersign_core::inbound::event::{Event, Reference, TEXT_LIMIT, What, storable};
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook, Welcome};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hook::{
    NAME_CHARS, Sha256Mac, digest_id, fits_form, keys, limited, other, parse, provider_id, said, unhex,
    unix_time, unreadable, word,
};

/// The header of the signature.
const SIGNATURE: &str = "x-li-signature";

/// Stands before the body in what is signed; the header may carry it too.
const PREFIX: &str = "hmacsha256=";

/// The webhooks of LinkedIn.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::Linkedin
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let signature = delivery.header(SIGNATURE).ok_or(Refusal::Header(SIGNATURE))?;
        let code = unhex(signature.strip_prefix(PREFIX).unwrap_or(signature)).ok_or(Refusal::Signature)?;
        if keys.iter().any(|key| Sha256Mac::of(key, &[PREFIX.as_bytes(), delivery.body]).is(&code)) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        limited(read(delivery.body), delivery.body)
    }

    /// Proves that the secret is known here, at first and every two hours. The first of the secrets is the one in force.
    fn welcome(&self, query: &str, trust: &Trust<'_>) -> Result<Welcome, Refusal> {
        let keys = keys(trust)?;
        let mut challenges = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "challengeCode")
            .map(|(_, code)| code);
        let (Some(code), None) = (challenges.next(), challenges.next()) else {
            return Err(Refusal::Handshake);
        };
        // Whatever else is asked would be signed, and said, in our name.
        if code.len() != 36 || uuid::Uuid::try_parse(&code).is_err() {
            return Err(Refusal::Handshake);
        }
        let response = Sha256Mac::of(keys[0], &[code.as_bytes()]).hex();
        let body = serde_json::json!({ "challengeCode": code, "challengeResponse": response }).to_string();
        Ok(Welcome { content_type: "application/json", body })
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    notifications: Option<Vec<&'a RawValue>>,
}

fn read(body: &[u8]) -> Vec<Event> {
    let raw = || Bytes::copy_from_slice(body);
    let envelope: Envelope<'_> = match fits_form(body) {
        Ok(envelope) => envelope,
        Err(why) => return vec![unreadable(raw(), why)],
    };
    match envelope.notifications {
        Some(parts) if !parts.is_empty() => parts.into_iter().map(|part| notification(part.get())).collect(),
        _ => vec![other(&digest_id(body), None, &envelope.kind, raw())],
    }
}

fn notification(part: &str) -> Event {
    let raw = Bytes::copy_from_slice(part.as_bytes());
    let value = match parse(part.as_bytes()) {
        Ok(value) => value,
        Err(why) => return unreadable(raw, why),
    };
    let (Some(id), Some(action)) = (word(&value["notificationId"]), value["action"].as_str()) else {
        return unreadable(raw, "a notification has no id or says nothing");
    };
    let (by, text) = generated(&value["decoratedGeneratedActivity"]);
    let what = What::Social { action: storable(action, 100).to_lowercase(), by, text };
    let about: Vec<Reference> = provider_id(value["sourcePost"].as_str()).into_iter().collect();
    Event::new(&id, unix_time(&value["lastModifiedAt"]), about, what, raw)
}

/// Who did it and in which words, wherever they are told.
fn generated(activity: &Value) -> (Option<String>, Option<String>) {
    let inner = activity.as_object().into_iter().flatten().map(|(_, inner)| inner);
    let all = || std::iter::once(activity).chain(inner.clone());
    let by = all().find_map(|one| one["owner"].as_str().or_else(|| one["actor"].as_str()));
    let text = all().find_map(|one| one["text"].as_str().or_else(|| one["message"]["text"].as_str()));
    (said(by, NAME_CHARS), said(text, TEXT_LIMIT))
}
