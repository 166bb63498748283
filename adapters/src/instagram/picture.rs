//! What is looked at before a container is made: whether the account may still publish, and whether the picture that was approved lies
//! where the provider will fetch it. Nothing here publishes anything.
use std::time::Duration;

use countersign_core::activity::payload::{Parts, PayloadHash};
use countersign_core::channel::{Asked, Reading, Request, Response};
use serde::Deserialize;
use serde_json::Value;

use super::code::{Means, QUOTA_WAITS, Said};
use super::interpret::by_status;
use super::render::JPEG;
use crate::class::Class;
use crate::http::FILE_LIMIT_BYTES;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::wait;

/// Another picture lies there than the approved one.
const CHANGED: &str = "picture-changed";

/// No picture lies there.
const GONE: &str = "picture-gone";

/// The approved file is none that the provider takes.
const UNUSABLE: &str = "picture-unusable";

/// Whoever keeps the picture has trouble.
const UNREACHABLE: &str = "unreachable";

/// The account has published as much as it may.
const USED_UP: &str = "posts-used-up";

/// Whoever has trouble is asked again after so long, unless they say otherwise.
const TROUBLE_LASTS: Duration = Duration::from_mins(1);

/// The name of the question how much an account may still publish.
pub(super) const QUOTA: &str = "content_publishing_limit";

/// The first question on the way to a container.
pub(super) fn quota(approved: &Request) -> Request {
    let account = approved.path.strip_suffix("/media").unwrap_or(&approved.path);
    Request::get(format!("{account}/{QUOTA}?fields=config,quota_usage"))
}

#[derive(Deserialize)]
struct Usage {
    data: Vec<Used>,
}

#[derive(Deserialize)]
struct Used {
    quota_usage: u64,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    quota_total: u64,
}

/// What the usage of an account proves. One that cannot be told keeps nobody from trying: the provider counts for itself.
pub(super) fn used(asked: &Asked<'_>, response: &Response) -> Reading {
    if response.status == 200 {
        let usage = serde_json::from_slice::<Usage>(&response.body).ok();
        let full = usage.and_then(|usage| {
            usage.data.into_iter().find(|used| used.quota_usage >= used.config.quota_total)
        });
        return match full {
            Some(Used { quota_usage, config }) => {
                let detail =
                    format!("{quota_usage} of {} posts of a moving day are published", config.quota_total);
                Class::Waits.outcome(USED_UP.to_owned(), detail, Some(QUOTA_WAITS)).into()
            }
            None => look(asked),
        };
    }
    let said = Said::read(response);
    let class = match said.means {
        Some(Means::Account) => Class::Account,
        Some(Means::Limited) => Class::Limited,
        Some(Means::Quota) => Class::Waits,
        Some(Means::Temporary | Means::Maybe) => Class::Again,
        Some(Means::Permanent | Means::NotReady | Means::Expired) => return look(asked),
        None => match by_status(response.status, said.is_in_form, Class::Again) {
            Class::Permanent => return look(asked),
            class => class,
        },
    };
    class.outcome(said.code, said.detail, said.after).into()
}

/// Where the provider will fetch the picture.
fn url(approved: &Request) -> String {
    let body = serde_json::from_str::<Value>(&approved.body).unwrap_or_default();
    body["image_url"].as_str().unwrap_or_default().to_owned()
}

fn look(asked: &Asked<'_>) -> Reading {
    let url = url(asked.approved);
    match Request::file(&url) {
        Some(request) => Reading::Next(request),
        None => held(GONE, &format!("\u{201c}{url}\u{201d} is no place on the web")),
    }
}

/// What lies where the picture should.
pub(super) fn looked_at(asked: &Asked<'_>, response: &Response) -> Reading {
    let url = url(asked.approved);
    match response.status {
        200 => {}
        status @ (408 | 425 | 429 | 500..) => {
            let detail = bounded(&format!("{url} answers {status}"), DETAIL_CHARS);
            let again = wait(response).unwrap_or(TROUBLE_LASTS);
            return Class::Waits.outcome(UNREACHABLE.to_owned(), detail, Some(again)).into();
        }
        status => {
            return held(GONE, &format!("{url} answers {status}, and the approved picture has to lie there"));
        }
    }
    let approved = match &asked.payload.parts {
        Parts::Instagram { image_sha256: Some(digits), .. } => digits.parse::<PayloadHash>().ok(),
        _ => None,
    };
    if approved != Some(PayloadHash::of(&response.body)) {
        return held(CHANGED, &format!("at {url} lies something else than the approved picture"));
    }
    if response.body.len() > FILE_LIMIT_BYTES {
        return held(
            UNUSABLE,
            &format!("what lies at {url} has more than 8 MiB, and Instagram takes no more"),
        );
    }
    if !response.body.starts_with(JPEG) {
        return held(UNUSABLE, &format!("what lies at {url} is no JPEG, and Instagram takes no other kind"));
    }
    Reading::Next(asked.approved.clone())
}

/// A person has to look: what was approved cannot be published.
fn held(code: &str, why: &str) -> Reading {
    let why = format!("{why}; mend that and make it a draft again");
    Class::Permanent.outcome(code.to_owned(), bounded(&why, DETAIL_CHARS), None).into()
}

#[cfg(test)]
mod tests;
