//! A WhatsApp message in the form of `POST …/Messages.json`.
//!
//! Refuses what would be sent differently from how it was shown: copies, headers and addresses this provider has no place for, ids
//! that are none, variables it would not take. Every value becomes one field of a form, encoded by a library.
use countersign_core::activity::payload::{Parts, Payload, WhatsappTemplate};
use countersign_core::channel::{ChannelName, Message, RenderError, Request};
use countersign_core::contact::address;
use url::form_urlencoded::Serializer;

use super::settings::{ACCOUNT, CALLBACK, SERVICE, SETTINGS, is_sid};
use crate::settings;

/// Characters of a message (the provider's error 21617).
const TEXT_CHARS: usize = 1600;

/// Where messages of an account are sent to and listed.
pub(super) fn path(account: &str) -> String {
    format!("/2010-04-01/Accounts/{account}/Messages.json")
}

/// The address of a number on this channel.
pub(super) fn on_whatsapp(number: &str) -> String {
    format!("whatsapp:{number}")
}

pub(super) fn render(message: &Message<'_>) -> Result<Request, RenderError> {
    let (payload, settings) = (message.payload, message.settings);
    if payload.channel != ChannelName::Whatsapp {
        return Err(error(
            "channel",
            format!("{} is not sent by WhatsApp; use an outbox of that channel", payload.channel),
        ));
    }
    let Parts::Whatsapp { text, template } = &payload.parts else {
        return Err(error("payload", "these are not the parts of a WhatsApp message; give text or template"));
    };
    settings::check(settings, SETTINGS)?;
    only_one_recipient(payload)?;
    let mut form = Serializer::new(String::new());
    form.append_pair("To", &on_whatsapp(&number("to", &payload.to)?));
    let from = on_whatsapp(&number("from", &payload.from)?);
    match settings.get(SERVICE) {
        Some(service) => form.append_pair("MessagingServiceSid", service),
        None => form.append_pair("From", &from),
    };
    match (text, template) {
        (Some(text), None) => {
            readable("payload.text", text)?;
            form.append_pair("Body", text);
        }
        (None, Some(template)) => {
            form.append_pair("ContentSid", &template.content_sid);
            if let Some(variables) = variables(template)? {
                form.append_pair("ContentVariables", &variables);
            }
        }
        _ => return Err(error("payload", "give either text or template")),
    }
    if let Some(url) = settings.get(CALLBACK) {
        form.append_pair("StatusCallback", url);
    }
    Ok(Request::form(path(settings.require(ACCOUNT)?), form.finish()))
}

fn only_one_recipient(payload: &Payload) -> Result<(), RenderError> {
    let extra = [
        ("payload.cc", payload.cc.is_empty()),
        ("payload.bcc", payload.bcc.is_empty()),
        ("payload.replyTo", payload.reply_to.is_none()),
        ("payload.headers", payload.headers.is_empty()),
    ];
    match extra.iter().find(|(_, is_absent)| !is_absent) {
        Some((field, _)) => Err(error(field, "WhatsApp has no place for it; leave it out")),
        None => Ok(()),
    }
}

fn number(field: &str, text: &str) -> Result<String, RenderError> {
    address::phone(text).map_err(|cause| error(field, cause.to_string()))
}

fn readable(field: &str, text: &str) -> Result<(), RenderError> {
    let count = text.chars().count();
    if text.trim().is_empty() {
        return Err(error(field, "it is empty"));
    }
    if count > TEXT_CHARS {
        return Err(error(field, format!("{count} characters, a message takes {TEXT_CHARS}")));
    }
    if text.contains('\0') {
        return Err(error(field, "it holds a NUL character; remove it"));
    }
    Ok(())
}

/// The values of a template as one JSON object; `None` where it has none.
fn variables(template: &WhatsappTemplate) -> Result<Option<String>, RenderError> {
    if !is_sid("HX", &template.content_sid) {
        let reason = "it is not the SID of a template: HX and 32 hexadecimal digits";
        return Err(error("payload.template.contentSid", reason));
    }
    readable("payload.template.renderedText", &template.rendered_text)?;
    for (name, value) in &template.variables {
        if value.trim().is_empty()
            || value.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            let reason = "the provider takes one line that is not empty; write it so";
            return Err(error(&format!("payload.template.variables.{name}"), reason));
        }
    }
    if template.variables.is_empty() {
        return Ok(None);
    }
    serde_json_canonicalizer::to_string(&template.variables).map(Some).map_err(|cause| {
        error("payload.template.variables", format!("they cannot be written as JSON: {cause}"))
    })
}

fn error(field: &str, reason: impl Into<String>) -> RenderError {
    RenderError::new(field, reason)
}

#[cfg(test)]
mod tests;
