//! What an answer of Cal.com proves.
//!
//! The provider's code or message names what went wrong; where neither is known, the HTTP status decides. No key makes a repeat
//! harmless, so what is in doubt is looked up.
use std::time::Duration;

use countersign_core::channel::{Outcome, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{is_code, is_our_code, is_usable_id, unreadable, without_form, without_id};
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait;

/// An API key that asked too often is blocked this long, where the answer does not say it.
const BLOCKED: Duration = Duration::from_secs(60);

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// What the provider says, in its code or its message, and what that means.
const CODES: &[(&str, Class)] = &[
    ("no_available_users_found_error", Class::Permanent),
    ("hosts_unavailable_for_booking", Class::Permanent),
    ("booking_time_out_of_bounds_error", Class::Permanent),
    ("booker_limit_exceeded_error", Class::Permanent),
    ("booker_email_blocked", Class::Permanent),
    ("booker_email_requires_login", Class::Permanent),
    ("invalid_verification_code", Class::Permanent),
    ("booking_conflict_error", Class::Maybe),
];

/// Those that a booking of ours may itself be the cause of.
const TAKEN: &[&str] = &["no_available_users_found_error", "hosts_unavailable_for_booking"];

/// What the framework under the API calls its refusals.
const BY_STATUS: &[&str] = &[
    "BAD_REQUEST",
    "CONFLICT",
    "FORBIDDEN",
    "INTERNAL_SERVER_ERROR",
    "NOT_FOUND",
    "TOO_MANY_REQUESTS",
    "UNAUTHORIZED",
    "BadRequestException",
    "ConflictException",
    "ForbiddenException",
    "InternalServerErrorException",
    "NotFoundException",
    "ThrottlerException",
    "UnauthorizedException",
    "UnprocessableEntityException",
];

pub(super) fn knows(code: &str) -> bool {
    is_our_code(code) || BY_STATUS.contains(&code) || CODES.iter().any(|(known, _)| *known == code)
}

/// `may_be_accepted`: an earlier attempt may have made the booking that now stands in the way.
pub(super) fn interpret(may_be_accepted: bool, response: &Response) -> Outcome {
    if matches!(response.status, 200 | 201) {
        return accepted(response);
    }
    let said = Said::read(response);
    let known = said.known();
    let class = match (response.status, known) {
        (400..=499, Some((word, _))) if may_be_accepted && TAKEN.contains(&word) => Class::Maybe,
        // Refused in words nobody here was told of: perhaps for the booking of that attempt.
        (400, None) if may_be_accepted => Class::Maybe,
        (400..=499, Some((_, class))) => class,
        // An event type that is not there, or another server at this base URL: no message of this outbox would fare better.
        (404 | 405, _) => Class::Account,
        (status, _) => Class::of_status(status, Class::Maybe),
    };
    let code = match (known, &said.code) {
        (Some((word, _)), _) => word.to_owned(),
        (None, Some(code)) => code.clone(),
        (None, None) => response.status.to_string(),
    };
    class.outcome(code, said.detail, (class == Class::Limited).then(|| limited_for(response)))
}

#[derive(Deserialize)]
struct Taken {
    status: String,
    data: Value,
}

fn accepted(response: &Response) -> Outcome {
    let (code, detail) = match serde_json::from_slice::<Taken>(&response.body) {
        Ok(Taken { status, data }) if status == "success" => {
            // A recurring event type answers with a list; the first of it stands for all.
            let first = data.as_array().and_then(|all| all.first()).unwrap_or(&data);
            match first["uid"].as_str() {
                Some(uid) if is_usable_id(uid) => {
                    return Outcome::Accepted { provider_ref: Some(uid.to_owned()) };
                }
                _ => without_id(),
            }
        }
        _ => unreadable(response),
    };
    Class::Maybe.outcome(code, detail, None)
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What the provider said about a refusal.
pub(super) struct Said {
    /// Its code; `None` when the answer is not in the form of its API.
    code: Option<String>,
    message: String,
    pub(super) detail: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        match serde_json::from_slice::<ErrorBody>(&response.body) {
            Ok(ErrorBody { error: Refusal { code, message } }) => Self {
                detail: bounded(&message, DETAIL_CHARS),
                code: Some(code).filter(|code| is_code(code)),
                message,
            },
            Err(_) => Self { code: None, message: String::new(), detail: without_form(response) },
        }
    }

    fn known(&self) -> Option<(&'static str, Class)> {
        let code = self.code.as_deref().unwrap_or_default();
        CODES.iter().copied().find(|(word, _)| code == *word || self.message.contains(word))
    }
}

/// The provider writes the time that is left, or the moment at which it is over, in seconds or milliseconds.
fn limited_for(response: &Response) -> Duration {
    let number =
        response.header("x-ratelimit-reset-default").and_then(|text| text.trim().parse::<i64>().ok());
    let asked = match number {
        Some(left @ 0..=999_999_999) => Duration::try_from(jiff::SignedDuration::from_secs(left)).ok(),
        Some(moment) => {
            let until = match moment {
                10_000_000_000.. => Timestamp::from_millisecond(moment),
                _ => Timestamp::from_second(moment),
            };
            let now = response.header("date").and_then(wait::date);
            let left = until.ok().zip(now).map(|(until, now)| until.duration_since(now));
            left.and_then(|left| Duration::try_from(left).ok())
        }
        None => wait::wait(response),
    };
    asked.unwrap_or(BLOCKED).min(LONGEST)
}

#[cfg(test)]
mod tests;
