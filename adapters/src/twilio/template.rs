//! The template behind a message, as the provider holds it: read before every message, since it may have changed after the approval.
//!
//! What was approved is the text that a person read. It has to be what the template says now with the approved values, and WhatsApp
//! has to let the template go. Nothing here reaches anybody, so whatever comes of it proves that nothing was sent.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{Asked, Host, Reading, Request, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::interpret::{LIMITED, RESTS, Said, known};
use super::settings::is_sid;
use crate::answer::unreadable;
use crate::class::Class;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::{date, wait};

/// It reads otherwise than what was approved.
const CHANGED: &str = "template-changed";

/// The provider has it no more.
const GONE: &str = "template-gone";

/// WhatsApp does not let it go.
const NOT_APPROVED: &str = "template-not-approved";

/// WhatsApp lets it rest.
const PAUSED: &str = "template-paused";

/// The code for something that was not found.
const NOT_FOUND: u32 = 20404;

/// So much of the present text is shown where it differs.
const SHOWN_CHARS: usize = 160;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What the template says.
    Words,
    /// Whether WhatsApp lets it go.
    Approval,
    /// Sends the message.
    Message,
}

impl Step {
    pub(super) fn of(request: &Request) -> Self {
        match request.host {
            Host::Templates if request.path.ends_with("/ApprovalRequests") => Self::Approval,
            Host::Templates => Self::Words,
            _ => Self::Message,
        }
    }
}

/// The first request of an attempt: where a message has a template, that is read.
pub(super) fn first(approved: &Request) -> Request {
    match sid(approved) {
        Some(sid) => Request::get(format!("/v1/Content/{sid}")).at(Host::Templates),
        None => approved.clone(),
    }
}

fn sid(approved: &Request) -> Option<String> {
    let mut fields = form_urlencoded::parse(approved.body.as_bytes());
    let (_, sid) = fields.find(|(name, _)| name == "ContentSid")?;
    is_sid("HX", &sid).then(|| sid.into_owned())
}

/// A template as the provider shows it.
#[derive(Deserialize)]
struct Content {
    sid: String,
    /// What stands for a variable that a message leaves out.
    #[serde(default)]
    variables: Option<BTreeMap<String, Value>>,
    /// The same words for channels of different abilities.
    types: BTreeMap<String, Option<Kind>>,
    #[serde(default)]
    date_updated: Option<String>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    body: Option<String>,
}

/// What the words of a template prove.
pub(super) fn words(asked: &Asked<'_>, response: &Response) -> Reading {
    if response.status != 200 {
        return refused(response);
    }
    let content = match serde_json::from_slice::<Content>(&response.body) {
        Ok(content) if asked.request.path.ends_with(&content.sid) => content,
        _ => return unclear(response),
    };
    match difference(asked.payload, &content) {
        None => Reading::Next(
            Request::get(format!("{}/ApprovalRequests", asked.request.path)).at(Host::Templates),
        ),
        Some(difference) => {
            held(CHANGED, &format!("{difference}; make it a draft again with its present words"))
        }
    }
}

/// In which way a template is not the one that was approved.
fn difference(payload: &Payload, content: &Content) -> Option<String> {
    let Parts::Whatsapp { template: Some(template), .. } = &payload.parts else {
        return Some("what was approved has no template".to_owned());
    };
    if let (Some(version), updated) = (instant(&template.version), content.date_updated.as_deref())
        && updated.and_then(instant) != Some(version)
    {
        let updated = updated.unwrap_or("an unknown time");
        return Some(format!(
            "the template was changed at {}, and its version {} was approved",
            bounded(updated, 40),
            template.version
        ));
    }
    let mut texts = content.types.values().flatten().filter_map(|kind| kind.body.as_deref()).peekable();
    if texts.peek().is_none() {
        return Some("the template has no text any more".to_owned());
    }
    let other =
        texts.map(|text| filled(text, template, content)).find(|text| *text != template.rendered_text)?;
    Some(format!(
        "the template reads otherwise than what was approved: \u{201c}{}\u{201d}",
        bounded(&other, SHOWN_CHARS)
    ))
}

/// A version may be the provider's own word for one, which is when it was last changed; any other is the drafter's.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| date(text))
}

/// The text of a template with the values of a message. A value is put in once, whatever it holds.
fn filled(text: &str, template: &WhatsappTemplate, content: &Content) -> String {
    let default = |name: &str| content.variables.as_ref()?.get(name)?.as_str();
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = behind.split_once("}}") else {
            filled.push_str("{{");
            rest = behind;
            continue;
        };
        match template.variables.get(name.trim()).map(String::as_str).or_else(|| default(name.trim())) {
            Some(value) => filled.push_str(value),
            None => filled.extend(["{{", name, "}}"]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// What WhatsApp says of a template.
#[derive(Deserialize)]
struct Approval {
    sid: String,
    #[serde(default)]
    whatsapp: Option<Whatsapp>,
}

#[derive(Deserialize)]
struct Whatsapp {
    #[serde(default)]
    status: String,
    #[serde(default)]
    rejection_reason: Option<String>,
}

/// What the approval of a template proves.
pub(super) fn approval(asked: &Asked<'_>, response: &Response) -> Reading {
    if response.status != 200 {
        return refused(response);
    }
    let whatsapp = match serde_json::from_slice::<Approval>(&response.body) {
        Ok(approval) if sid(asked.approved).as_deref() == Some(approval.sid.as_str()) => approval.whatsapp,
        _ => return unclear(response),
    };
    let Some(Whatsapp { status, rejection_reason }) = whatsapp else {
        return held(
            NOT_APPROVED,
            "the template was never handed in to WhatsApp; only an approved one is sent",
        );
    };
    match status.as_str() {
        "approved" => Reading::Next(asked.approved.clone()),
        "paused" => Class::Waits
            .outcome(
                PAUSED.to_owned(),
                "WhatsApp lets the template rest for some hours".to_owned(),
                Some(RESTS),
            )
            .into(),
        other => {
            let why = rejection_reason.filter(|why| !why.is_empty()).map(|why| format!(" ({why})"));
            let (other, why) = (bounded(other, 40), why.unwrap_or_default());
            held(
                NOT_APPROVED,
                &format!(
                    "the template is \u{201c}{other}\u{201d} at WhatsApp{why}; only an approved one is sent"
                ),
            )
        }
    }
}

/// A person has to look: what was approved cannot be sent any more.
fn held(code: &str, why: &str) -> Reading {
    Class::Permanent.outcome(code.to_owned(), bounded(why, DETAIL_CHARS), None).into()
}

fn unclear(response: &Response) -> Reading {
    let (code, detail) = unreadable(response);
    Class::Again.outcome(code, detail, None).into()
}

/// A template that cannot be read.
fn refused(response: &Response) -> Reading {
    let said = Said::read(response);
    let class = match (response.status, said.code) {
        (404, Some(NOT_FOUND)) => {
            return held(
                GONE,
                "the provider has this template no more; make it a draft again with another one",
            );
        }
        (404 | 405, None) => Class::Account,
        (400..=499, Some(code)) if let Some(class) = known(code) => class,
        (status, _) => Class::of_status(status, Class::Again),
    };
    // Nothing was sent by asking.
    let class = if class == Class::Maybe { Class::Again } else { class };
    let asked = wait(response).or((class == Class::Limited).then_some(LIMITED));
    class.outcome(said.word(response.status), said.detail, asked).into()
}

#[cfg(test)]
mod tests;
