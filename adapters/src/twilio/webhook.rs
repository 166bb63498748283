//! Webhooks of Twilio, signed over the address it was given and every parameter. Nothing in them says when they were signed, so that a
//! repetition is told by its event alone.
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::inbound::event::Event;
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook};
use percent_encoding::percent_decode;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{address, event};
use crate::hook::{Sha1Mac, keys, unhex};

/// The parameter of the address that stands for a body that is no form. The provider puts it last.
const BODY_HASH: &str = "bodySHA256=";

/// Parameters that are put in order. The provider sends some sixty at most, and whoever sends more has proven nothing yet.
pub(super) const PARAMETERS_LIMIT: usize = 1000;

/// The webhooks of Twilio.
pub(crate) struct Hook;

impl Webhook for Hook {
    fn provider(&self) -> Provider {
        Provider::Twilio
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        let keys = keys(trust)?;
        let given = trust
            .public_url
            .filter(|url| !url.trim().is_empty())
            .ok_or(Refusal::NoAddress(Provider::Twilio))?;
        let signature = delivery.header("x-twilio-signature").ok_or(Refusal::Header("x-twilio-signature"))?;
        let code = STANDARD.decode(signature).map_err(|_| Refusal::Signature)?;
        let is_form = is_form(delivery);
        let hashed = hashed(delivery.query);
        let mut signed_after = Vec::with_capacity(2);
        match hashed {
            Some(hash) => {
                // A form that brings its hash may be signed either way.
                let is_body = unhex(hash)
                    .is_some_and(|hash| bool::from(Sha256::digest(delivery.body)[..].ct_eq(&hash)));
                if !is_body {
                    return Err(Refusal::Body);
                }
                signed_after.push(Vec::new());
            }
            // Of such a body nothing would be proven.
            None if !is_form => return Err(Refusal::Body),
            None => {}
        }
        if is_form {
            signed_after.push(signed_parameters(delivery.body).ok_or(Refusal::Signature)?);
        }
        let urls = address::spellings(given, delivery.query);
        let fits = |key: &&[u8]| {
            urls.iter().any(|url| {
                signed_after.iter().any(|after| Sha1Mac::of(key, &[url.as_bytes(), after]).is(&code))
            })
        };
        if keys.iter().any(fits) { Ok(()) } else { Err(Refusal::Signature) }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        vec![event::read(is_form(delivery), delivery.body)]
    }
}

/// Whether the body is a form. A delivery that does not say so is one unless its address brings a hash.
fn is_form(delivery: &Delivery<'_>) -> bool {
    let is_named = delivery.headers.iter().any(|(name, _)| name == "content-type");
    match delivery.header("content-type") {
        Some(kind) => {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        }
        None => !is_named && hashed(delivery.query).is_none(),
    }
}

/// The hash at the end of the address. Anywhere else it could be a part of somebody's words.
fn hashed(query: &str) -> Option<&str> {
    query.rsplit('&').next()?.strip_prefix(BODY_HASH)
}

/// Every parameter, whether it is known here or not: names in order, each followed by its distinct values in order. `None` if there are
/// more than anybody sends.
fn signed_parameters(body: &[u8]) -> Option<Vec<u8>> {
    let pairs = || body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    if pairs().nth(PARAMETERS_LIMIT).is_some() {
        return None;
    }
    let decoded: BTreeSet<(Vec<u8>, Vec<u8>)> = pairs().map(decoded).collect();
    Some(decoded.into_iter().flat_map(|(name, value)| [name, value]).flatten().collect())
}

/// A pair of a form, as bytes: what is no UTF-8 must not become something else before it is compared.
fn decoded(pair: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect()
    };
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    (decode(halves.next().unwrap_or_default()), decode(halves.next().unwrap_or_default()))
}
