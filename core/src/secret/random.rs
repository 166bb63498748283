//! Secrets that this product makes itself: 256 random bits, written in hexadecimal behind a word that says what they are.
use chacha20poly1305::aead::Generate as _;
use zeroize::Zeroizing;

use super::SecretText;

/// Makes one. What it begins with lets people and scanners recognise one that leaked.
pub(crate) fn random_text(prefix: &str) -> SecretText {
    let bytes = Zeroizing::new(<[u8; 32]>::generate());
    let mut text = String::with_capacity(prefix.len() + 64);
    text.push_str(prefix);
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    SecretText::new(text)
}
