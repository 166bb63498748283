//! What an answer of Twilio proves.
//!
//! The provider's code decides where it is known, the HTTP status where it is not. It keeps no idempotency keys: whatever does not
//! prove that a message was refused leaves it to evidence or to a person.
use std::time::Duration;

use countersign_core::channel::{Outcome, Response};
use serde::Deserialize;

use super::settings::is_sid;
use crate::answer::{is_our_code, unreadable, without_form, without_id};
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::wait;

/// A limit whose answer does not say when it is over lasts this long.
pub(super) const LIMITED: Duration = Duration::from_secs(60);

/// The limit of messages a day.
const DAILY: u32 = 63038;

/// The daily limit frees up over the day; until then asking every minute would be in vain.
const DAILY_LIMITED: Duration = Duration::from_hours(1);

/// A paused template rests for three or six hours; it is looked at once an hour.
pub(super) const RESTS: Duration = Duration::from_hours(1);

/// The provider's codes and what they mean as the answer to a message. A code counts with any status below 500.
const CODES: &[(u32, Class)] = &[
    // Credential and account.
    (10001, Class::Account),
    (20003, Class::Account),
    (20005, Class::Account),
    (30002, Class::Account),
    // Sender, service and their setup.
    (21212, Class::Account),
    (21606, Class::Account),
    (21703, Class::Account),
    (21705, Class::Account),
    (21910, Class::Account),
    (63001, Class::Account),
    (63002, Class::Account),
    (63007, Class::Account),
    (63008, Class::Account),
    (63020, Class::Account),
    (63022, Class::Account),
    (63051, Class::Account),
    // The template rests for some hours; other messages of the outbox are not concerned.
    (63041, Class::Waits),
    // The request as such.
    (20001, Class::Permanent),
    (20004, Class::Permanent),
    (20404, Class::Permanent),
    (20422, Class::Permanent),
    (21603, Class::Permanent),
    (21604, Class::Permanent),
    (21619, Class::Permanent),
    // The recipient cannot be reached.
    (21211, Class::Permanent),
    (21612, Class::Permanent),
    (21614, Class::Permanent),
    (63003, Class::Permanent),
    (63015, Class::Permanent),
    (63024, Class::Permanent),
    (63032, Class::Permanent),
    // The recipient does not want to be.
    (21610, Class::Permanent),
    (63014, Class::Permanent),
    (63033, Class::Permanent),
    // The words, or what carries them.
    (21602, Class::Permanent),
    (21617, Class::Permanent),
    (21620, Class::Permanent),
    (21623, Class::Permanent),
    (21658, Class::Permanent),
    (30004, Class::Permanent),
    (30007, Class::Permanent),
    (63005, Class::Permanent),
    (63006, Class::Permanent),
    (63013, Class::Permanent),
    (63016, Class::Permanent),
    (63019, Class::Permanent),
    (63021, Class::Permanent),
    (63026, Class::Permanent),
    (63034, Class::Permanent),
    // The template or its variables.
    (21655, Class::Permanent),
    (21656, Class::Permanent),
    (63027, Class::Permanent),
    (63028, Class::Permanent),
    (63030, Class::Permanent),
    (63040, Class::Permanent),
    (63042, Class::Permanent),
    // Too much at once.
    (14107, Class::Limited),
    (20429, Class::Limited),
    (21611, Class::Limited),
    (30001, Class::Limited),
    (63017, Class::Limited),
    (63018, Class::Limited),
    (63038, Class::Limited),
    // Documented for messages that were taken before they failed; nothing proves that this one was not.
    (30008, Class::Maybe),
    (63009, Class::Maybe),
    (63010, Class::Maybe),
    (63012, Class::Maybe),
    (63023, Class::Maybe),
    // The provider says itself that the message may have been sent.
    (20500, Class::Maybe),
    (20503, Class::Maybe),
];

pub(super) fn known(code: u32) -> Option<Class> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
}

/// The recipient told WhatsApp or the provider not to be written to, or blocked the number.
pub(super) fn opts_out(code: &str) -> bool {
    matches!(code, "21610" | "63014" | "63033")
}

pub(super) fn knows(code: &str) -> bool {
    is_our_code(code) || code.parse().ok().and_then(known).is_some()
}

pub(super) fn interpret(response: &Response) -> Outcome {
    if response.status == 201 {
        return accepted(response);
    }
    let said = Said::read(response);
    let class = match (response.status, said.code) {
        (400..=499, Some(code)) if let Some(class) = known(code) => class,
        // Not the provider's words: another server answers at this base URL, and it would refuse every message of the queue.
        (404 | 405, None) => Class::Account,
        (status, _) => Class::of_status(status, Class::Maybe),
    };
    let unsaid = if said.code == Some(DAILY) { DAILY_LIMITED } else { LIMITED };
    let asked = wait(response).or(match class {
        Class::Limited => Some(unsaid),
        Class::Waits => Some(RESTS),
        _ => None,
    });
    class.outcome(said.word(response.status), said.detail, asked)
}

#[derive(Deserialize)]
struct Taken {
    sid: String,
}

/// Whether a text is the id of a message.
pub(super) fn is_message(sid: &str) -> bool {
    is_sid("SM", sid) || is_sid("MM", sid)
}

fn accepted(response: &Response) -> Outcome {
    let (code, detail) = match serde_json::from_slice::<Taken>(&response.body) {
        Ok(Taken { sid }) if is_message(&sid) => {
            return Outcome::Accepted { provider_ref: Some(sid) };
        }
        Ok(_) => without_id(),
        Err(_) => unreadable(response),
    };
    Class::Maybe.outcome(code, detail, None)
}

#[derive(Deserialize)]
struct ErrorBody {
    code: u32,
    #[serde(default)]
    message: String,
}

/// What the provider said about a refusal.
pub(super) struct Said {
    /// Its code; `None` when the answer is not in the form of its API.
    pub(super) code: Option<u32>,
    pub(super) detail: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        match serde_json::from_slice::<ErrorBody>(&response.body) {
            // Every code of the provider has five digits.
            Ok(body) if (10_000..=99_999).contains(&body.code) => {
                Self { code: Some(body.code), detail: bounded(&body.message, DETAIL_CHARS) }
            }
            _ => Self { code: None, detail: without_form(response) },
        }
    }

    /// Its code, or the status of an answer without one.
    pub(super) fn word(&self, status: u16) -> String {
        self.code.map_or_else(|| status.to_string(), |code| code.to_string())
    }
}

#[cfg(test)]
mod tests;
