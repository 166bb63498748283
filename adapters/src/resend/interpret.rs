//! What an answer of Resend proves.
//!
//! The provider's code decides where it is known, the HTTP status where it is not. In doubt a message may have been sent:
//! repeating it with the same key and the same bytes is harmless here, losing or doubling it is not.
use countersign_core::channel::{Outcome, Response};
use serde::Deserialize;

use crate::answer::{is_code, is_our_code, is_usable_id, unreadable, without_form, without_id};
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::wait;

/// The provider's codes with the status of each, and what they mean. A code counts with any refusing status.
const CODES: &[(&str, Class)] = &[
    ("missing_api_key", Class::Account),
    ("invalid_api_key", Class::Account),
    ("restricted_api_key", Class::Account),
    ("suspended_api_key", Class::Account),
    ("invalid_permission", Class::Account),
    ("daily_quota_exceeded", Class::Account),
    ("monthly_quota_exceeded", Class::Account),
    ("security_error", Class::Permanent),
    ("invalid_access", Class::Permanent),
    ("invalid_region", Class::Permanent),
    ("invalid_idempotent_request", Class::Maybe),
];

/// Codes whose status decides: they were read in the provider's documentation and need no word in the log.
const BY_STATUS: &[&str] = &[
    "application_error",
    "concurrent_idempotent_requests",
    "email_above_quota",
    "internal_server_error",
    "invalid_attachment",
    "invalid_from_address",
    "invalid_idempotency_key",
    "invalid_parameter",
    "method_not_allowed",
    "missing_required_field",
    "missing_required_parameter",
    "not_found",
    "rate_limit_exceeded",
    "resource_locked",
    "service_unavailable",
    "validation_error",
];

pub(super) fn knows(code: &str) -> bool {
    is_our_code(code) || BY_STATUS.contains(&code) || CODES.iter().any(|(known, _)| *known == code)
}

pub(super) fn interpret(response: &Response) -> Outcome {
    if response.status == 200 {
        return accepted(response);
    }
    let said = Said::read(response);
    let class = class(response.status, said.name.as_deref());
    let code = said.name.unwrap_or_else(|| response.status.to_string());
    class.outcome(code, said.detail, wait(response))
}

fn class(status: u16, name: Option<&str>) -> Class {
    let known = name.and_then(|name| CODES.iter().find(|(known, _)| *known == name));
    match (status, name) {
        (400..=499, _) if known.is_some() => known.map_or(Class::MaybeSameKey, |(_, class)| *class),
        // Not the provider's words: another server answers at this base URL, and it would refuse every message of the queue.
        (404 | 405, None) => Class::Account,
        // Any 403 concerns the key, the domain or the missing User-Agent. A 409 is a first request that still runs, or a locked
        // resource; anything else in conflict is not proven refused.
        _ => Class::of_status(status, Class::MaybeSameKey),
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
        Ok(_) => without_id(),
        Err(_) => unreadable(response),
    };
    Class::MaybeSameKey.outcome(code, detail, None)
}

#[derive(Deserialize)]
struct ErrorBody {
    name: String,
    #[serde(default)]
    message: String,
}

/// What the provider said about a refusal.
pub(super) struct Said {
    /// Its code; `None` when the answer is not in the form of its API.
    pub(super) name: Option<String>,
    pub(super) detail: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        match serde_json::from_slice::<ErrorBody>(&response.body) {
            Ok(body) if is_code(&body.name) => {
                Self { name: Some(body.name), detail: bounded(&body.message, DETAIL_CHARS) }
            }
            _ => Self { name: None, detail: without_form(response) },
        }
    }
}

#[cfg(test)]
mod tests;
