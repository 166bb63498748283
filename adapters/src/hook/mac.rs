//! Keys, and the codes that prove who wrote something. Comparing takes the same time whatever is compared.
use countersign_core::inbound::provider::{Refusal, Trust};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;

/// HMAC-SHA256 over some bytes.
pub(crate) struct Sha256Mac(Hmac<Sha256>);

/// HMAC-SHA1 over some bytes.
pub(crate) struct Sha1Mac(Hmac<Sha1>);

impl Sha256Mac {
    /// The code of these bytes, one part after the other.
    pub(crate) fn of(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::new_from_slice(key).expect("a key of any length is one");
        parts.iter().for_each(|part| mac.update(part));
        Self(mac)
    }

    /// Whether it is that one; compares in constant time.
    pub(crate) fn is(&self, code: &[u8]) -> bool {
        self.0.clone().verify_slice(code).is_ok()
    }

    /// The code itself, in lower-case hex, for what we prove to somebody else.
    pub(crate) fn hex(self) -> String {
        self.0.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Sha1Mac {
    /// The code of these bytes, one part after the other.
    pub(crate) fn of(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::new_from_slice(key).expect("a key of any length is one");
        parts.iter().for_each(|part| mac.update(part));
        Self(mac)
    }

    /// Whether it is that one; compares in constant time.
    pub(crate) fn is(&self, code: &[u8]) -> bool {
        self.0.clone().verify_slice(code).is_ok()
    }
}

/// The keys that are secrets as they are written. An empty one would let everybody in, so that it is none.
pub(crate) fn keys<'a>(trust: &Trust<'a>) -> Result<Vec<&'a [u8]>, Refusal> {
    let keys: Vec<&[u8]> = trust
        .secrets
        .iter()
        .map(|secret| secret.expose().trim_end_matches(['\r', '\n']))
        .filter(|text| !text.trim().is_empty())
        .map(str::as_bytes)
        .collect();
    if keys.is_empty() { Err(Refusal::NoSecret) } else { Ok(keys) }
}

/// Thirty-two bytes in lower-case hex: the one spelling providers use, so that no letter of a header can be changed.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use countersign_core::secret::SecretText;
    use jiff::Timestamp;

    use super::*;

    /// RFC 4231, case 2, and RFC 2202, case 2.
    #[test]
    fn codes_are_those_of_the_standards() {
        let text: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(Sha256Mac::of(b"Jefe", text).is(&unhex(code).unwrap()));
        assert_eq!(Sha256Mac::of(b"Jefe", text).hex(), code);
        let code = [
            0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74, 0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c,
            0x25, 0x9a, 0x7c, 0x79,
        ];
        assert!(Sha1Mac::of(b"Jefe", text).is(&code));
        assert!(!Sha1Mac::of(b"Jefe", text).is(&code[..19]));
        assert!(!Sha1Mac::of(b"Jefe", text).is(&[]));
    }

    #[test]
    fn only_lower_case_hex_of_the_full_length_is_read() {
        let hex = "ab".repeat(32);
        assert_eq!(unhex(&hex), Some([0xab; 32]));
        for wrong in [&hex.to_uppercase(), &hex[1..], &format!("{hex}a"), &hex.replace('b', "g"), ""] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }

    /// S26: what is empty is no key.
    #[test]
    fn an_empty_secret_is_none() {
        let keys_of = |texts: &[&str]| {
            let secrets: Vec<_> = texts.iter().map(|&text| SecretText::new(text.to_owned())).collect();
            let now = Timestamp::UNIX_EPOCH;
            let trust = Trust { secrets: &secrets, public_url: None, verify_sha256: None, now };
            keys(&trust).map(|keys| keys.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>())
        };
        assert_eq!(keys_of(&[]), Err(Refusal::NoSecret));
        assert_eq!(keys_of(&["", " \n"]), Err(Refusal::NoSecret));
        assert_eq!(keys_of(&["", "a b\n"]), Ok(vec![b"a b".to_vec()]));
    }
}
