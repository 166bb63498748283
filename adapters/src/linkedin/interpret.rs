//! What an answer of LinkedIn proves.
//!
//! The status decides; few answers bring a code. In doubt a message may have been taken, and nothing is repeated by itself.
use std::time::Duration;

use countersign_core::channel::{Asked, Outcome, Past, Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::answer::{is_code, is_our_code, is_usable_id, unreadable, without_form, without_id};
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::{date, wait};

/// The code under which a refusal of words that are there already is kept.
const DUPLICATE: &str = "duplicate";

/// The provider's codes, which say no more than their status. `service-…` is its `serviceErrorCode`.
const CODES: &[&str] = &["ILLEGAL_ARGUMENT", "NONEXISTENT_VERSION", "service-100", DUPLICATE];

/// A day begins at 00:00 UTC for the provider's quotas; if an answer does not say when it was made, it is over at the latest then.
const DAY: Duration = Duration::from_hours(24);

pub(super) fn knows(code: &str) -> bool {
    is_our_code(code) || CODES.contains(&code)
}

pub(super) fn interpret(asked: &Asked<'_>, response: &Response) -> Outcome {
    match response.status {
        201 => created(response),
        200..=299 => {
            let (code, detail) = unreadable(response);
            Class::Maybe.outcome(code, detail, None)
        }
        status => {
            let said = Said::read(response);
            if status == 422 && asked.request.path == "/rest/posts" && said.is_duplicate() {
                return duplicate(asked, said);
            }
            let class = class(status, said.is_in_form);
            let code = said.code.unwrap_or_else(|| status.to_string());
            let limited = || until_midnight(response).filter(|_| class == Class::Limited);
            class.outcome(code, said.detail, wait(response).or_else(limited))
        }
    }
}

fn class(status: u16, is_in_form: bool) -> Class {
    match status {
        // Not the provider's words: another server answers at this base URL, and it would refuse every message of the queue.
        404 | 405 if !is_in_form => Class::Account,
        // In conflict with something else that happens to what this one is about.
        409 => Class::Waits,
        // The version of the API has gone.
        426 => Class::Account,
        _ => Class::of_status(status, Class::Maybe),
    }
}

/// The id of what was made is in a header; the body says no more.
fn created(response: &Response) -> Outcome {
    match response.header("x-restli-id").filter(|id| is_usable_id(id)) {
        Some(id) => Outcome::Accepted { provider_ref: Some(id.to_owned()) },
        None => {
            let (code, detail) = without_id();
            Class::Maybe.outcome(code, detail, None)
        }
    }
}

/// A post with these words is there. If an attempt of ours may have made it and it is named, it did; if none is, this one is refused.
///
/// An unclear attempt and no post to show for it prove neither: the words may be public already, and a refusal would say they are not.
fn duplicate(asked: &Asked<'_>, said: Said) -> Outcome {
    if !may_be_ours(asked.past) {
        return Class::Permanent.outcome(DUPLICATE.to_owned(), said.detail, None);
    }
    match said.earlier_post() {
        Some(urn) => Outcome::Accepted { provider_ref: Some(urn) },
        None => Class::Maybe.outcome(DUPLICATE.to_owned(), said.detail, None),
    }
}

/// Whether a post that is there may be of an earlier attempt at this one.
fn may_be_ours(past: &Past) -> bool {
    past.may_be_these_words
}

fn until_midnight(response: &Response) -> Option<Duration> {
    let left = || {
        let now = date(response.header("date")?)?.to_zoned(TimeZone::UTC);
        let midnight = now.tomorrow().ok()?.start_of_day().ok()?;
        Duration::try_from(midnight.timestamp().duration_since(now.timestamp())).ok()
    };
    Some(left().unwrap_or(DAY))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    message: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    service_error_code: Option<u32>,
}

/// What the provider said about a refusal.
pub(super) struct Said {
    /// Its code, if there is one.
    code: Option<String>,
    /// Whether the answer is in the form of its API.
    is_in_form: bool,
    /// All of its words, for what has to be found in them.
    words: String,
    pub(super) detail: String,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        match serde_json::from_slice::<ErrorBody>(&response.body) {
            Ok(body) => {
                let service = || body.service_error_code.map(|number| format!("service-{number}"));
                let code = body.code.filter(|code| is_code(code)).or_else(service);
                let detail = bounded(&body.message, DETAIL_CHARS);
                Self { code, is_in_form: true, words: body.message, detail }
            }
            Err(_) => {
                Self { code: None, is_in_form: false, words: String::new(), detail: without_form(response) }
            }
        }
    }

    fn is_duplicate(&self) -> bool {
        self.words.to_ascii_lowercase().contains(DUPLICATE)
    }

    /// The post that was named. Beside a person it is not known what is in the way, and whose.
    fn earlier_post(&self) -> Option<String> {
        if self.words.contains("urn:li:person:") {
            return None;
        }
        ["urn:li:share:", "urn:li:ugcPost:"].iter().find_map(|kind| {
            let (_, rest) = self.words.split_once(kind)?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let id = format!("{kind}{}", &rest[..digits]);
            (digits > 0 && is_usable_id(&id)).then_some(id)
        })
    }
}

#[cfg(test)]
mod tests;
