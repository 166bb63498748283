//! What every token is, whoever's: its text, its hash, and how long it may count. A token is shown once, stored as a hash, and dead
//! from the moment it is revoked, expires, or whoever it belongs to is disabled.
//!
//! Whose tokens there are is with operators and agents, each in a table of its own.
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::ids::TokenId;
use crate::secret::{SecretText, random_text};

/// How long a token counts unless somebody says otherwise: 90 days.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// The longest life of a token: 366 days.
pub const LIFE_LIMIT: Duration = Duration::from_secs(366 * 24 * 3600);

/// The shortest life of a token.
const LEAST_LIFE: Duration = Duration::from_secs(60);

/// Tokens of one holder that count at the same time.
pub const TOKENS_LIMIT: i64 = 20;

/// Whose token it is. The text says so, so that one that leaked is recognised by people and scanners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Operator,
    Agent,
}

impl Holder {
    const ALL: [Self; 2] = [Self::Operator, Self::Agent];

    fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "cst_",
            Self::Agent => "csa_",
        }
    }
}

/// A token that was just made. Its text is never seen again.
#[derive(Debug)]
pub struct NewToken {
    /// Names it for revoking.
    pub id: TokenId,
    /// The token.
    pub text: SecretText,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// A token as it is listed: everything but its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// Names it for revoking.
    pub id: TokenId,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Made by.
    pub created_by: String,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Whether it can be used now.
    pub is_usable: bool,
}

/// Whether a token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Expired,
    Revoked,
}

impl Standing {
    pub(crate) fn of(is_revoked: bool, is_expired: bool) -> Self {
        match (is_revoked, is_expired) {
            (true, _) => Self::Revoked,
            (false, true) => Self::Expired,
            (false, false) => Self::Good,
        }
    }

    /// Why a token does not count; `None` if it does.
    pub(crate) fn problem(standing: Option<Self>) -> Option<&'static str> {
        match standing {
            Some(Self::Good) => None,
            Some(Self::Expired) => Some("has expired"),
            Some(Self::Revoked) => Some("was revoked"),
            None => Some("does not exist any more"),
        }
    }
}

/// Checks what a token is called and how long it shall count.
pub(crate) fn check_new(name: &str, life: Duration) -> Result<(), Error> {
    let refuse = |field: &str, reason: &str| {
        Err(Error::Invalid { field: field.to_owned(), reason: reason.to_owned() })
    };
    if !(LEAST_LIFE..=LIFE_LIMIT).contains(&life) {
        return refuse("expires", "use 1 minute to 366 days");
    }
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return refuse("label", "use 1 to 100 characters on one line");
    }
    Ok(())
}

/// A new token and its hash.
pub(crate) fn generate(holder: Holder) -> (SecretText, [u8; 32]) {
    let text = random_text(holder.prefix());
    let hash = Sha256::digest(text.expose().as_bytes()).into();
    (text, hash)
}

/// The hash of what may be a token, and whose it would be; `None` for what cannot be one.
pub(crate) fn hash_of(text: &SecretText) -> Option<(Holder, [u8; 32])> {
    let (holder, digits) = Holder::ALL
        .into_iter()
        .find_map(|holder| Some((holder, text.expose().strip_prefix(holder.prefix())?)))?;
    let is_token = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_token.then(|| (holder, Sha256::digest(text.expose().as_bytes()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S43: a token has 256 random bits, no two are alike, and its debug output shows nothing of it.
    #[rstest::rstest]
    #[case(Holder::Operator)]
    #[case(Holder::Agent)]
    fn a_token_is_long_random_and_silent(#[case] holder: Holder) {
        let (one, hash) = generate(holder);
        let (other, _) = generate(holder);
        assert_eq!(one.expose().len(), holder.prefix().len() + 64);
        assert_ne!(one.expose(), other.expose());
        assert_eq!(hash_of(&one), Some((holder, hash)));
        assert!(!format!("{one:?}").contains(&one.expose()[4..]));
    }

    /// S43: what is shorter, longer or spelled in another way is no token.
    #[rstest::rstest]
    #[case("")]
    #[case("cst_")]
    #[case("cst_0123")]
    #[case("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    #[case("cst_0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
    #[case("cst_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0")]
    #[case("csx_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    fn what_is_no_token_has_no_hash(#[case] text: &str) {
        assert_eq!(hash_of(&SecretText::new(text.to_owned())), None);
    }
}
