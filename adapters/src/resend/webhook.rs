//! Webhooks of Resend, which are signed the way of Svix and of Standard Webhooks: over the id, the time and the raw body.
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use countersign_core::channel::{Request, Response};
use countersign_core::inbound::event::Event;
use countersign_core::inbound::provider::{
    Completion, Delivery, Provider, Refusal, SECRET_LEAST, Trust, Webhook,
};
use countersign_core::secret::SecretText;

use super::{event, received};
use crate::hook::{Sha256Mac, check_time};

/// A signed time may be this far away, either way.
const TOLERANCE_SECS: u64 = 300;

/// The headers: id, time, signatures. Those of the standard come instead of the older ones, never mixed with them.
const SETS: [[&str; 3]; 2] = [
    ["svix-id", "svix-timestamp", "svix-signature"],
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
];

/// Keys come with and without padding, and from more than one encoder. Of a signature there is one spelling only.
const KEYS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The webhooks of Resend.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::Resend
    }

    fn check_secret(&self, secret: &SecretText) -> Result<(), &'static str> {
        match key(secret) {
            Some(key) if key.len() >= SECRET_LEAST => Ok(()),
            Some(_) => Err("what follows whsec_ stands for fewer than 16 bytes; copy all of it from Resend"),
            None => Err("what follows whsec_ is not base64; copy the signing secret from Resend"),
        }
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let signed = Signed::of(delivery)?;
        check_time(signed.time, trust.now, TOLERANCE_SECS)?;
        // Several may be there while keys are changed; those of other versions say nothing.
        let codes: Vec<Vec<u8>> = signed
            .signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .filter_map(|code| STANDARD.decode(code).ok())
            .collect();
        let parts: [&[u8]; 5] = [signed.id.as_bytes(), b".", signed.time.as_bytes(), b".", delivery.body];
        let fits = |key: &Vec<u8>| {
            let mac = Sha256Mac::of(key, &parts);
            codes.iter().any(|code| mac.is(code))
        };
        if keys.iter().any(fits) { Ok(()) } else { Err(Refusal::Signature) }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        let id = Signed::of(delivery).ok().map(|signed| signed.id);
        vec![event::read(id, delivery.body)]
    }

    fn completes(&self, event: &Event) -> Option<Request> {
        received::completes(event)
    }

    fn completed(&self, event: &Event, response: &Response) -> Completion {
        received::completed(event, response)
    }
}

/// What is signed beside the body, and how.
struct Signed<'a> {
    id: &'a str,
    time: &'a str,
    signatures: &'a str,
}

impl<'a> Signed<'a> {
    fn of(delivery: &Delivery<'a>) -> Result<Self, Refusal> {
        let is_used =
            |set: &[&str; 3]| delivery.headers.iter().any(|(known, _)| set.contains(&known.as_str()));
        let names = SETS.into_iter().find(|set| is_used(set)).unwrap_or(SETS[0]);
        let [id, time, signatures] = names
            .map(|name| delivery.header(name).filter(|value| !value.is_empty()).ok_or(Refusal::Header(name)));
        let (id, time, signatures) = (id?, time?, signatures?);
        // A dot would let the end of an id be read as the time.
        if id.contains('.') {
            return Err(Refusal::Header(names[0]));
        }
        Ok(Self { id, time, signatures })
    }
}

fn keys(trust: &Trust<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
    let keys: Vec<Vec<u8>> = trust.secrets.iter().filter_map(key).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() { Err(Refusal::NoSecret) } else { Ok(keys) }
}

fn key(secret: &SecretText) -> Option<Vec<u8>> {
    let text = secret.expose().trim();
    KEYS.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("whsec_AAECAwQFBgcICQoLDA0ODw==", true)]
    #[case("AAECAwQFBgcICQoLDA0ODw\n", true)]
    #[case("whsec_AAECAwQFBgcICQoLDA0O", false)]
    #[case("whsec_", false)]
    #[case("re_this-is-an-api-key-and-no-secret", false)]
    fn only_a_signing_secret_is_taken(#[case] text: &str, #[case] is_taken: bool) {
        assert_eq!(Hook.check_secret(&SecretText::new(text.to_owned())).is_ok(), is_taken);
    }
}
