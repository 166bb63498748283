//! Webhooks of Instagram, which Meta signs over the raw body as it was escaped.
use countersign_core::inbound::event::Event;
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook, Welcome};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::event;
use crate::hook::{Sha256Mac, keys, limited, unhex};

/// The header of the signature. There is an older one with SHA-1, which nothing falls back to.
const SIGNATURE: &str = "x-hub-signature-256";

/// The longest challenge that is repeated.
const CHALLENGE_DIGITS: usize = 40;

/// The webhooks of Instagram.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::Instagram
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let signature = delivery.header(SIGNATURE).ok_or(Refusal::Header(SIGNATURE))?;
        let code = signature.strip_prefix("sha256=").and_then(unhex).ok_or(Refusal::Signature)?;
        if keys.iter().any(|key| Sha256Mac::of(key, &[delivery.body]).is(&code)) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        limited(event::read(delivery.body), delivery.body)
    }

    /// Repeats a number to whoever shows the token, and nothing else to anybody.
    fn welcome(&self, query: &str, trust: &Trust<'_>) -> Result<Welcome, Refusal> {
        let expected = trust.verify_sha256.ok_or(Refusal::Handshake)?;
        let only = |name: &str| {
            let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            let (_, value) = found.next()?;
            found.next().is_none().then_some(value)
        };
        let (Some(mode), Some(token), Some(challenge)) =
            (only("hub.mode"), only("hub.verify_token"), only("hub.challenge"))
        else {
            return Err(Refusal::Handshake);
        };
        let is_shown = bool::from(Sha256::digest(token.as_bytes())[..].ct_eq(&expected)) && !token.is_empty();
        let is_number = (1..=CHALLENGE_DIGITS).contains(&challenge.len())
            && challenge.bytes().all(|byte| byte.is_ascii_digit());
        if mode == "subscribe" && is_shown && is_number {
            Ok(Welcome { content_type: "text/plain; charset=utf-8", body: challenge.into_owned() })
        } else {
            Err(Refusal::Handshake)
        }
    }
}
