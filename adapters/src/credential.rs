//! How a credential goes into a header.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use countersign_core::channel::Header;
use countersign_core::secret::SecretText;

/// `Authorization: Bearer …`.
pub(crate) fn bearer(credential: &SecretText) -> Header {
    // A key pasted into a secret often brings its line feed along.
    Header { name: "authorization", value: SecretText::new(format!("Bearer {}", credential.expose().trim())) }
}

/// `Authorization: Basic …` of `name:password`; `None` unless the name begins in one of these ways and there is a password.
pub(crate) fn basic(credential: &SecretText, names: &[&str]) -> Option<Header> {
    let pair = credential.expose().trim();
    let (name, password) = pair.split_once(':')?;
    if password.is_empty() || !names.iter().any(|beginning| name.starts_with(beginning)) {
        return None;
    }
    let encoded = SecretText::new(BASE64_STANDARD.encode(pair));
    Some(Header { name: "authorization", value: SecretText::new(format!("Basic {}", encoded.expose())) })
}
