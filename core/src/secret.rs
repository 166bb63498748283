//! Secrets: references, encryption at rest, and the only type that carries a secret's text.
//!
//! A secret is resolved at call time, in credential columns only; text that merely looks like a reference stays text.
pub mod key;
mod random;
pub mod reference;
mod revoke;
mod set;
pub mod store;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use zeroize::Zeroize;

pub use self::key::MasterKey;
pub(crate) use self::random::random_text;
pub use self::reference::SecretRef;
pub use self::revoke::{Revoked, revoke};
pub(crate) use self::set::{Kind, put};
pub use self::set::{rotate, set};

/// The longest secret that is stored.
pub const SECRET_LIMIT_BYTES: usize = 16 * 1024;

/// The text of a secret. It has no `Display`, its `Debug` prints a placeholder, and its memory is wiped when it goes.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Parts of a secret shorter than this are too common to be taken out of a text.
const TELLING_BYTES: usize = 8;

impl SecretText {
    /// Takes the secret out of foreign bytes, should its reader have repeated it; also the password of `name:password`, and the whole as
    /// HTTP Basic writes it. A name is no secret, and answers need theirs: the account in the address of the next page.
    #[must_use]
    pub fn without(&self, bytes: Bytes) -> Bytes {
        let whole = self.0.trim();
        let basic = STANDARD.encode(whole);
        let password = whole.split_once(':').map(|(_, password)| password);
        let mut kept = bytes;
        for part in [whole, &basic].into_iter().chain(password).filter(|part| part.len() >= TELLING_BYTES) {
            kept = cut_out(kept, part);
        }
        kept
    }
}

fn cut_out(bytes: Bytes, part: &str) -> Bytes {
    let part = part.as_bytes();
    let mut kept = Vec::new();
    let mut rest = &bytes[..];
    while let Some(at) = rest.windows(part.len()).position(|window| window == part) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice("…".as_bytes());
        rest = &rest[at + part.len()..];
    }
    if rest.len() == bytes.len() {
        return bytes;
    }
    kept.extend_from_slice(rest);
    kept.into()
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why a secret cannot be read or written. No variant carries a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The reference is not of the form.
    #[error("`{0}` is not a secret reference: use secret://<id>:latest or secret://<id>:<version>")]
    BadReference(String),
    /// The id is not of the form.
    #[error("`{0}` is not a secret id: use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")]
    BadId(String),
    /// It was revoked; a revoked version never works again.
    #[error("secret `{0}` was revoked; store a new version with `countersign secrets rotate {id}`", id = .0.split(':').next().unwrap_or_default())]
    Revoked(String),
    /// No such secret or version.
    #[error("secret `{0}` does not exist; store it with `countersign secrets set {id}`", id = .0.split(':').next().unwrap_or_default())]
    Missing(String),
    /// Empty or longer than [`SECRET_LIMIT_BYTES`], or not one line of text.
    #[error("a secret has 1 to {SECRET_LIMIT_BYTES} bytes of text without control characters")]
    BadValue,
    /// The key does not fit the stored secret.
    #[error("secret `{0}` cannot be decrypted with this installation's key")]
    WrongKey(String),
    /// The key itself cannot be had.
    #[error("the key for secrets at {place} cannot be used: {problem}")]
    Key {
        /// File or variable.
        place: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S22: a provider that repeats what it was given does not get it into our records, also where the repetition would be cut short.
    #[test]
    fn a_repeated_secret_is_taken_out() {
        let secret = SecretText::new("AC0123456789:canary-canary\n".to_owned());
        let said = Bytes::from_static(b"AC0123456789: no AC0123456789:canary-canary, no canary-canary");
        assert_eq!(secret.without(said), "AC0123456789: no …, no …".as_bytes());
        let said = Bytes::from(format!("Basic {}", STANDARD.encode(secret.expose().trim())));
        assert_eq!(secret.without(said), "Basic …".as_bytes());
        let said = Bytes::from_static(b"nothing of it");
        assert_eq!(secret.without(said.clone()), said);
        assert_eq!(SecretText::new("a:b".to_owned()).without("a:b".into()), "a:b".as_bytes());
    }
}
