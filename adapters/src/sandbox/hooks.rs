//! Webhooks as the providers send them, for tests and demonstrations: what each can tell, in its own form and signed its own way.
//!
//! Written against the providers' descriptions and apart from the code that verifies, so that a mistake in one is not made in both.
mod told;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::inbound::provider::{Delivery, Provider};
use form_urlencoded::Serializer;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

pub use self::told::{About, Told};

/// A provider that sends to one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Which one.
    pub provider: Provider,
    /// The secret it shares with the endpoint, as the provider shows it.
    pub secret: &'a str,
    /// The address it was given.
    pub url: &'a str,
    /// Its clock.
    pub at: Timestamp,
}

/// One delivery, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What follows the `?` of the target.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Sent {
    /// The same as the listener gets it.
    #[must_use]
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery { query: &self.query, headers: &self.headers, body: &self.body }
    }
}

impl Caller<'_> {
    /// Tells something, if this provider can tell it. The id is that of the delivery, where the provider has one.
    #[must_use]
    pub fn tell(&self, id: &str, told: &Told<'_>) -> Option<Sent> {
        told.body(self.provider, self.at).map(|body| self.sign(id, &body))
    }

    /// Signs any body.
    #[must_use]
    pub fn sign(&self, id: &str, body: &[u8]) -> Sent {
        let at = self.at.as_second().to_string();
        let hex = |parts: &[&[u8]]| hex(&sha256_mac(self.secret.as_bytes(), parts));
        let (kind, headers) = match self.provider {
            Provider::Resend => {
                let secret = self.secret.strip_prefix("whsec_").unwrap_or(self.secret);
                // A secret that is none signs with nothing, and is refused.
                let key = STANDARD.decode(secret).unwrap_or_default();
                let mac = sha256_mac(&key, &[id.as_bytes(), b".", at.as_bytes(), b".", body]);
                let signature = format!("v1,{}", STANDARD.encode(mac));
                (
                    JSON,
                    vec![("svix-id", id.to_owned()), ("svix-timestamp", at), ("svix-signature", signature)],
                )
            }
            Provider::Twilio => {
                let signature = self.twilio(body);
                let kind = "application/x-www-form-urlencoded; charset=UTF-8";
                (kind, vec![("x-twilio-signature", signature), ("i-twilio-idempotency-token", id.to_owned())])
            }
            Provider::CalCom => (JSON, vec![("x-cal-signature-256", hex(&[body]))]),
            Provider::Calendly => {
                let mac = hex(&[at.as_bytes(), b".", body]);
                (JSON, vec![("calendly-webhook-signature", format!("t={at},v1={mac}"))])
            }
            Provider::Linkedin => (JSON, vec![("x-li-signature", hex(&[b"hmacsha256=", body]))]),
            Provider::Instagram => (JSON, vec![("x-hub-signature-256", format!("sha256={}", hex(&[body])))]),
        };
        let headers = std::iter::once(("content-type", kind.to_owned())).chain(headers);
        let headers = headers.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
        let query = self.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        Sent { query: query.split('#').next().unwrap_or_default().to_owned(), headers, body: body.to_vec() }
    }

    /// Twilio with a body in JSON: its hash becomes a part of the address, and the address is all that is signed.
    #[must_use]
    pub fn sign_json(&self, body: &[u8]) -> Sent {
        let (base, query) = self.url.split_once('?').unwrap_or((self.url, ""));
        let hash = format!("bodySHA256={}", hex(&Sha256::digest(body)));
        let query = if query.is_empty() { hash } else { format!("{query}&{hash}") };
        let signature = STANDARD.encode(sha1_mac(self.secret, &format!("{base}?{query}")));
        let headers = [("content-type", JSON), ("x-twilio-signature", &signature)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        Sent { query, headers, body: body.to_vec() }
    }

    fn twilio(&self, body: &[u8]) -> String {
        let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            sorted.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        let mut signed = self.url.split('#').next().unwrap_or_default().to_owned();
        for (name, mut values) in sorted {
            values.sort();
            values.dedup();
            values.iter().for_each(|value| signed.extend([name.as_str(), value]));
        }
        STANDARD.encode(sha1_mac(self.secret, &signed))
    }
}

const JSON: &str = "application/json";

fn sha256_mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("a key of any length is one");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn sha1_mac(key: &str, text: &str) -> [u8; 20] {
    let mut mac: Hmac<Sha1> = Hmac::new_from_slice(key.as_bytes()).expect("a key of any length is one");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A form as Twilio writes it.
fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}
