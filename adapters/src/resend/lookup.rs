//! What became of a mail: the provider lists what it took, newest first, and shows the words of each.
//!
//! The list has no tags, so a mail is recognised by recipient, subject and time, and then by its text. One with other words may hide
//! the one that is sought, so the search goes on behind it.
use countersign_core::activity::payload::{Parts, Payload};
use countersign_core::channel::{Case, Finding, Lookup, Probe, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::event::is_mail_id;
use super::interpret::Said;
use crate::answer::{is_usable_id, without_form};
use crate::text::bounded;

/// Mails a page.
const PAGE: usize = 100;

/// Clocks of provider and database may differ by this much.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    has_more: bool,
    data: Vec<Mail>,
}

#[derive(Deserialize)]
struct Mail {
    id: String,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    text: Option<String>,
    created_at: String,
}

pub(super) fn first() -> Lookup {
    Lookup::Ask(Request::get(format!("/emails?limit={PAGE}")))
}

pub(super) fn found(case: &Case<'_>, asked: &Request, response: &Response) -> Lookup {
    if response.status != 200 {
        return Lookup::Found(refused(response));
    }
    match asked.path.strip_prefix("/emails/") {
        Some(id) => shown(case.payload, id, response),
        None => listed(case, response),
    }
}

fn refused(response: &Response) -> Finding {
    let said = Said::read(response);
    match said.name.as_deref() {
        Some("restricted_api_key") if response.status == 401 => Finding::Impossible {
            why: "the API key may only send; look in the provider's dashboard, or give the outbox a key with full access"
                .to_owned(),
        },
        _ => Finding::Unclear { why: format!("{}: {}", response.status, said.detail) },
    }
}

fn listed(case: &Case<'_>, response: &Response) -> Lookup {
    let Ok(page) = serde_json::from_slice::<Listed>(&response.body) else {
        return Lookup::Found(Finding::Unclear { why: without_form(response) });
    };
    let since = case.first_wire_at.saturating_sub(TOLERANCE).unwrap_or(Timestamp::MIN);
    let is_ours = |mail: &&Mail| {
        created(mail).is_some_and(|at| at >= since)
            && is_addressed(mail, case.payload)
            && is_mail_id(&mail.id)
    };
    if let Some(mail) = page.data.iter().find(is_ours) {
        return Lookup::Ask(Request::get(format!("/emails/{}", mail.id)));
    }
    let is_past = page.data.last().and_then(created).is_some_and(|at| at < since);
    match page.data.last().filter(|mail| page.has_more && !is_past && is_mail_id(&mail.id)) {
        Some(last) => Lookup::Ask(behind(&last.id)),
        None => Lookup::Found(Finding::Absent {
            why: format!(
                "no mail with this recipient and subject and these words among those it took since {since:.0}"
            ),
        }),
    }
}

/// What was taken before that mail.
fn behind(id: &str) -> Request {
    Request::get(format!("/emails?limit={PAGE}&after={id}"))
}

fn shown(payload: &Payload, id: &str, response: &Response) -> Lookup {
    let Ok(mail) = serde_json::from_slice::<Mail>(&response.body) else {
        return Lookup::Found(Finding::Unclear { why: without_form(response) });
    };
    let Parts::Email { text, .. } = &payload.parts else {
        return Lookup::Found(Finding::Impossible { why: "this was not a mail".to_owned() });
    };
    let Some(theirs) = &mail.text else {
        let why =
            format!("it took a mail with this recipient and subject, but does not show its words ({id})");
        return Lookup::Found(Finding::Unclear { why });
    };
    let is_same = theirs.lines().map(str::trim_end).eq(text.lines().map(str::trim_end));
    if !is_same || !is_addressed(&mail, payload) {
        return Lookup::Ask(behind(id));
    }
    Lookup::Found(Finding::Sent {
        why: format!("the provider took this mail at {}", bounded(&mail.created_at, 40)),
        provider_ref: Some(mail.id).filter(|id| is_usable_id(id)),
    })
}

fn is_addressed(mail: &Mail, payload: &Payload) -> bool {
    let Parts::Email { subject, .. } = &payload.parts else { return false };
    mail.subject == *subject && mail.to.iter().any(|to| to.eq_ignore_ascii_case(&payload.to))
}

/// The provider writes `2023-04-03 22:13:42.674981+00`, or a time in RFC 3339.
fn created(mail: &Mail) -> Option<Timestamp> {
    mail.created_at.parse().ok()
}

pub(super) fn probed(response: &Response) -> Probe {
    let said = Said::read(response);
    match (response.status, said.name.as_deref()) {
        (200, _) => Probe::Works { says: "the API key has full access".to_owned() },
        (401, Some("restricted_api_key")) => {
            Probe::Works { says: "the API key may send, and nothing else".to_owned() }
        }
        (401 | 403, _) => Probe::Refused { says: said.detail },
        (status, _) => Probe::Unclear { says: format!("{status}: {}", said.detail) },
    }
}

#[cfg(test)]
mod tests;
