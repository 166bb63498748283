//! What an answer of Resend proves.
//!
//! The provider's code decides where it is known, the HTTP status where it is not. In doubt a message may have been sent:
//! repeating it with the same key and the same bytes is harmless here, losing or doubling it is not.
use countersign_core::channel::{Outcome, Replay, Response};
use serde::Deserialize;

use super::wait::wait;
use crate::text::{DETAIL_CHARS, bounded};

/// The longest id or code that is believed.
const NAME_CHARS: usize = 128;

/// The classes of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// This message will never be taken.
    Permanent,
    /// Perhaps taken; the same key and bytes may go again.
    Transient,
    /// Not taken; wait.
    Limited,
    /// Key, account or configuration are broken.
    Account,
    /// Something was done under this key; a person decides.
    KeyConflict,
}

pub(super) fn interpret(response: &Response) -> Outcome {
    if response.status == 200 {
        return accepted(response);
    }
    let said = Said::read(response);
    let class = class(response.status, said.name.as_deref());
    let code = said.name.unwrap_or_else(|| response.status.to_string());
    let detail = said.detail;
    match class {
        Class::Permanent => Outcome::Rejected { code, detail },
        Class::Transient => Outcome::MaybeSent { code, detail, replay: Replay::SameKey(wait(response)) },
        Class::Limited => Outcome::Retry { code, detail, after: wait(response) },
        Class::Account => Outcome::AccountBroken { code, detail },
        Class::KeyConflict => Outcome::MaybeSent { code, detail, replay: Replay::Never },
    }
}

fn class(status: u16, name: Option<&str>) -> Class {
    match (status, name) {
        (
            400..=499,
            Some("missing_api_key" | "invalid_api_key" | "restricted_api_key" | "suspended_api_key"),
        ) => Class::Account,
        (400..=499, Some("invalid_permission" | "daily_quota_exceeded" | "monthly_quota_exceeded")) => {
            Class::Account
        }
        (400..=499, Some("security_error" | "invalid_access" | "invalid_region")) => Class::Permanent,
        (409, Some("invalid_idempotent_request")) => Class::KeyConflict,
        // Covers a first request that still runs and a locked resource; anything else in conflict is not proven refused.
        (409, _) => Class::Transient,
        // 402 and 407 ask for money or for a proxy's credential. Any 403 concerns the key, the domain or the missing User-Agent.
        (401 | 402 | 403 | 407, _) => Class::Account,
        // Not the provider's words: another server answers at this base URL, and it would refuse every message of the queue.
        (404 | 405, None) => Class::Account,
        // Somebody on the way gave up waiting; the provider may have gone on.
        (408 | 425, _) => Class::Transient,
        (429, _) => Class::Limited,
        (400..=499, _) => Class::Permanent,
        // Never followed: the message stayed here, and every other one would be sent elsewhere as well.
        (301 | 302 | 307 | 308, _) => Class::Account,
        // All of 5xx, and statuses that make no sense here: nothing proves that the message was not taken.
        _ => Class::Transient,
    }
}

#[derive(Deserialize)]
struct Taken {
    id: String,
}

fn accepted(response: &Response) -> Outcome {
    let (code, detail) = match serde_json::from_slice::<Taken>(&response.body) {
        Ok(Taken { id }) if is_usable_id(&id) => {
            return Outcome::Accepted { provider_ref: Some(id) };
        }
        Ok(_) => ("no-id", "the provider accepted without a usable id".to_owned()),
        Err(_) => {
            ("unreadable-answer", format!("the provider answered 200 with: {}", excerpt(&response.body)))
        }
    };
    Outcome::MaybeSent {
        code: code.to_owned(),
        detail: bounded(&detail, DETAIL_CHARS),
        replay: Replay::SameKey(None),
    }
}

/// Correlation compares ids later, so only what survives storage and logs unchanged is one.
fn is_usable_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= NAME_CHARS && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[derive(Deserialize)]
struct ErrorBody {
    name: String,
    #[serde(default)]
    message: String,
}

/// What the provider said about a refusal.
struct Said {
    /// Its code; `None` when the answer is not in the form of its API.
    name: Option<String>,
    detail: String,
}

impl Said {
    fn read(response: &Response) -> Self {
        match serde_json::from_slice::<ErrorBody>(&response.body) {
            Ok(body) if is_code(&body.name) => {
                Self { name: Some(body.name), detail: bounded(&without_keys(&body.message), DETAIL_CHARS) }
            }
            _ => Self { name: None, detail: Self::without_body(response) },
        }
    }

    fn without_body(response: &Response) -> String {
        let what = match response.status {
            301 | 302 | 307 | 308 => "redirects are not followed; check the base URL of the channel",
            404 | 405 => "this is not the provider's API; check the base URL of the channel",
            _ => return excerpt(&response.body),
        };
        what.to_owned()
    }
}

fn is_code(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_CHARS
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn excerpt(body: &[u8]) -> String {
    let beginning = &body[..body.len().min(4 * DETAIL_CHARS)];
    let text = bounded(&without_keys(&String::from_utf8_lossy(beginning)), DETAIL_CHARS);
    if text.is_empty() { "nothing".to_owned() } else { text }
}

/// Takes out what looks like an API key, should the provider repeat the one it was given.
fn without_keys(text: &str) -> String {
    let is_key_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split_inclusive(|c| !is_key_char(c))
        .map(|piece| {
            let word = piece.trim_end_matches(|c| !is_key_char(c));
            if word.starts_with("re_") && word.len() >= 11 {
                piece.replacen(word, "re_…", 1)
            } else {
                piece.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
