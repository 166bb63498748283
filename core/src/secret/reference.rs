//! `secret://<id>:<version|latest>`.
use std::fmt;
use std::str::FromStr;

use super::SecretError;

/// A pointer to a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretRef {
    /// Which secret.
    pub id: String,
    /// Which version; `None` is the latest at the time of the call.
    pub version: Option<i32>,
}

/// Checks a secret's id.
///
/// # Errors
/// When it is not 1 to 63 of `a-z 0-9 -`, beginning with a letter or digit.
pub fn check_id(id: &str) -> Result<(), SecretError> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (1..=63).contains(&id.len())
        && id.bytes().all(|byte| is_word(byte) || byte == b'-')
        && id.bytes().next().is_some_and(is_word);
    if fits { Ok(()) } else { Err(SecretError::BadId(crate::safe_text::SafeText::line(id).to_string())) }
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || SecretError::BadReference(crate::safe_text::SafeText::line(text).to_string());
        let (id, version) =
            text.strip_prefix("secret://").and_then(|rest| rest.split_once(':')).ok_or_else(refuse)?;
        check_id(id).map_err(|_| refuse())?;
        let version = if version == "latest" {
            None
        } else if (1..=9).contains(&version.len())
            && version.bytes().all(|byte| byte.is_ascii_digit())
            && !version.starts_with('0')
        {
            Some(version.parse().map_err(|_| refuse())?)
        } else {
            return Err(refuse());
        };
        Ok(Self { id: id.to_owned(), version })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "secret://{}:{version}", self.id),
            None => write!(f, "secret://{}:latest", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("secret://resend:latest")]
    #[case("secret://a-1:7")]
    fn a_reference_reads_back(#[case] text: &str) {
        assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
    }

    #[rstest::rstest]
    #[case("secret://resend")]
    #[case("secret://resend:")]
    #[case("secret://resend:0")]
    #[case("secret://resend:07")]
    #[case("secret://Resend:1")]
    #[case("secret://-a:1")]
    #[case("secret://a:1:2")]
    #[case("secret://a:9999999999")]
    #[case("resend:latest")]
    #[case("secret://a b:latest")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<SecretRef>().is_err());
    }
}
