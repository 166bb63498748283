//! Everything of an envelope that goes out, field by field, raw. What is compared is this and nothing less.
use countersign_core::activity::payload::{Envelope, InstagramAction, LinkedinAction, Parts, Payload};

use super::preview::RequestCheck;
use super::words;

/// One thing that is sent. A name may occur more than once, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// The fields of an envelope. Every part is taken apart here, so that a new one cannot be forgotten.
pub(crate) fn fields(envelope: &Envelope, check: RequestCheck) -> Vec<Field> {
    let Envelope { payload, renderer, request } = envelope;
    let Payload { channel, outbox_id, credential_id, kind, from, to, cc, bcc, reply_to, headers, parts } =
        payload;
    let mut out = Vec::new();
    let mut add = |name, text: String| out.push(Field { name, text });
    add("Channel", channel.as_str().to_owned());
    add("Kind", kind.as_str().to_owned());
    add("Outbox", outbox_id.to_string());
    add("Secret", credential_id.clone());
    add("From", from.clone());
    add("To", to.clone());
    cc.iter().for_each(|address| add("Cc", address.clone()));
    bcc.iter().for_each(|address| add("Bcc", address.clone()));
    reply_to.iter().for_each(|address| add("Reply-To", address.clone()));
    headers.iter().for_each(|(name, value)| add("Header", format!("{name}: {value}")));
    said(parts, &mut add);
    // A request that is what this version makes of the message says nothing the fields do not say.
    if let Some(request) = request.as_ref().filter(|_| check != RequestCheck::Same) {
        add("Renderer", renderer.clone().unwrap_or_default());
        add("Request", format!("{} {}", request.method, request.path));
        add("Type", request.content_type.clone());
        request.headers.iter().for_each(|(name, value)| add("Sends", format!("{name}: {value}")));
        add("Body", request.body.clone());
    }
    out
}

fn said(parts: &Parts, add: &mut impl FnMut(&'static str, String)) {
    match parts {
        Parts::Email { subject, text, html, in_reply_to, attachments } => {
            in_reply_to.iter().for_each(|message| add("Answers", message.clone()));
            add("Subject", subject.clone());
            add("Text", text.clone());
            html.iter().for_each(|html| add("HTML", html.clone()));
            for file in attachments {
                add("File", format!("{} ({}, sha256 {})", file.name, file.mime, file.sha256));
            }
        }
        Parts::CalCom { event_type_id, start, time_zone, attendee, notes, metadata } => {
            add("Event", event_type_id.to_string());
            add("Start", words::exact(*start));
            add("Zone", time_zone.clone());
            add("Attendee", attendee.name.clone());
            add("Address", attendee.email.clone());
            add("Language", attendee.language.clone());
            metadata.iter().for_each(|(name, value)| add("Data", format!("{name}: {value}")));
            notes.iter().for_each(|notes| add("Notes", notes.clone()));
        }
        Parts::Linkedin { action, text, thread } => {
            let action = match action {
                LinkedinAction::Post => "publish a post",
                LinkedinAction::Comment => "comment on a post",
                LinkedinAction::Message => "write to a member",
            };
            add("Action", action.to_owned());
            thread.iter().for_each(|thread| add("Thread", thread.clone()));
            add("Text", text.clone());
        }
        Parts::Whatsapp { text, template } => {
            if let Some(template) = template {
                add("Template", format!("{} version {}", template.content_sid, template.version));
                template.variables.iter().for_each(|(name, value)| add("Value", format!("{name}: {value}")));
                add("Rendered", template.rendered_text.clone());
            }
            text.iter().for_each(|text| add("Text", text.clone()));
        }
        Parts::Instagram { action, text, image_sha256, human_agent } => {
            let action = match action {
                InstagramAction::Dm => "write to a person",
                InstagramAction::Post => "publish a post",
            };
            add("Action", action.to_owned());
            image_sha256.iter().for_each(|hash| add("Picture", hash.to_string()));
            add("Tag", if *human_agent { "human agent" } else { "none" }.to_owned());
            add("Text", text.clone());
        }
    }
}
