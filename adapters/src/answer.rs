//! What all adapters read out of an answer in the same way.
use countersign_core::channel::Response;

use crate::text::{DETAIL_CHARS, bounded};

/// The longest id that is believed; Instagram's have about 200 characters.
const ID_CHARS: usize = 512;

/// The longest code that is believed.
const CODE_CHARS: usize = 128;

/// Correlation compares ids later, so only what survives storage and logs unchanged is one.
pub(crate) fn is_usable_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_CHARS && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a provider's word is a code and not prose.
pub(crate) fn is_code(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= CODE_CHARS
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
}

/// The beginning of a body that is not in the form of the provider's API, or what its status says by itself.
pub(crate) fn without_form(response: &Response) -> String {
    match response.status {
        301 | 302 | 307 | 308 => "redirects are not followed; check the base URL of the channel".to_owned(),
        404 | 405 => "this is not the provider's API; check the base URL of the channel".to_owned(),
        _ => excerpt(&response.body),
    }
}

/// The beginning of a body, in words that can be stored.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let beginning = &body[..body.len().min(4 * DETAIL_CHARS)];
    let text = bounded(&String::from_utf8_lossy(beginning), DETAIL_CHARS);
    if text.is_empty() { "nothing".to_owned() } else { text }
}

/// A success that is not a whole answer: code and words.
pub(crate) fn unreadable(response: &Response) -> (String, String) {
    let words = format!("the provider answered {} with: {}", response.status, excerpt(&response.body));
    ("unreadable-answer".to_owned(), bounded(&words, DETAIL_CHARS))
}

/// A success without the id of the message: code and words.
pub(crate) fn without_id() -> (String, String) {
    ("no-id".to_owned(), "the provider accepted without a usable id".to_owned())
}

/// Codes that are ours: what adapters and the dispatcher say of an answer that has none, such as its status.
pub(crate) fn is_our_code(code: &str) -> bool {
    (code.len() == 3 && code.parse::<u16>().is_ok()) || crate::OUR_CODES.contains(&code)
}
