//! A mail in the form of `POST /emails`.
//!
//! Refuses what would be sent differently from how it was shown: line breaks in header fields, headers that are fields of
//! their own, two values for one header. Whether an address or a header name is welcome at all was decided at intake.
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::activity::payload::{Attachment, Parts};
use countersign_core::channel::{ChannelName, Files, Message, RenderError, Request};
use countersign_core::draft::attachments::ATTACHMENTS_LIMIT_BYTES;
use serde::Serialize;

/// Headers the request expresses by fields, or that only a mail server may write. As extra headers they could add recipients
/// or contradict what was shown.
const OWN_FIELDS: &[&str] = &[
    "bcc",
    "cc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "dkim-signature",
    "from",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];

#[derive(Serialize)]
struct Mail<'a> {
    from: &'a str,
    to: [&'a str; 1],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cc: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    bcc: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    subject: &'a str,
    // Always there, also when empty: the provider makes up a text part for a mail that has none.
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
    tags: [Tag<'a>; 1],
}

/// A file with its bytes: an address could lead to other bytes later.
#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    content: String,
}

#[derive(Serialize)]
struct Tag<'a> {
    name: &'a str,
    value: &'a str,
}

pub(super) fn render(message: &Message<'_>) -> Result<Request, RenderError> {
    let (payload, activity) = (message.payload, message.activity);
    if payload.channel != ChannelName::Email {
        return Err(error(
            "channel",
            format!("{} is not sent as mail; use an outbox of that channel", payload.channel),
        ));
    }
    let Parts::Email { subject, text, html, in_reply_to, attachments } = &payload.parts else {
        return Err(error("parts", "these are not the parts of a mail; give subject and text"));
    };
    one_line("from", &payload.from, true)?;
    one_line("to", &payload.to, true)?;
    one_line("subject", subject, true)?;
    for (field, values) in [("cc", &payload.cc), ("bcc", &payload.bcc)] {
        values.iter().try_for_each(|value| one_line(field, value, true))?;
    }
    if let Some(reply_to) = &payload.reply_to {
        one_line("replyTo", reply_to, true)?;
    }
    let activity = activity.to_string();
    let mail = Mail {
        from: &payload.from,
        to: [&payload.to],
        cc: &payload.cc,
        bcc: &payload.bcc,
        reply_to: payload.reply_to.as_deref(),
        subject,
        text,
        html: html.as_deref(),
        headers: headers(&payload.headers, in_reply_to.as_deref())?,
        attachments: files(attachments, message.files)?,
        // Comes back in every webhook, so that an event finds its message also when the answer of this call was lost.
        tags: [Tag { name: "activity_id", value: &activity }],
    };
    let body = serde_json_canonicalizer::to_string(&mail)
        .map_err(|cause| error("parts", format!("the mail cannot be written as JSON: {cause}")))?;
    Ok(Request::json("/emails", body))
}

fn files<'a>(attachments: &'a [Attachment], stored: &Files) -> Result<Vec<File<'a>>, RenderError> {
    let mut total = 0;
    let mut files = Vec::with_capacity(attachments.len());
    for (index, Attachment { name, mime, sha256 }) in attachments.iter().enumerate() {
        let Some(bytes) = stored.get(*sha256) else {
            let reason = "no file with this hash is stored; run `countersign files add PATH`";
            return Err(error(&format!("payload.attachments[{index}].sha256"), reason));
        };
        one_line(&format!("payload.attachments[{index}].name"), name, true)?;
        total += bytes.len();
        files.push(File { filename: name, content_type: mime, content: STANDARD.encode(bytes) });
    }
    if total > ATTACHMENTS_LIMIT_BYTES {
        let reason =
            format!("together {total} bytes, the limit is {ATTACHMENTS_LIMIT_BYTES}; link to what is larger");
        return Err(error("payload.attachments", reason));
    }
    Ok(files)
}

fn headers<'a>(
    extra: &'a BTreeMap<String, String>,
    in_reply_to: Option<&'a str>,
) -> Result<BTreeMap<&'a str, &'a str>, RenderError> {
    let mut headers = BTreeMap::new();
    for (name, value) in extra {
        let field = format!("headers.{name}");
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return Err(error(&field, "is not a header name; use letters, digits and hyphens"));
        }
        if OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(error(
                &field,
                "cannot be set as an extra header; use the field of that name, or leave it out",
            ));
        }
        if given(&headers, name).is_some() {
            return Err(error(&field, "is given twice in different spellings; keep one"));
        }
        one_line(&field, value, false)?;
        headers.insert(name.as_str(), value.as_str());
    }
    if let Some(answered) = in_reply_to {
        one_line("inReplyTo", answered, true)?;
        match given(&headers, "In-Reply-To") {
            Some(other) if other != answered => {
                return Err(error("inReplyTo", "differs from the header In-Reply-To; keep one of them"));
            }
            Some(_) => {}
            None => _ = headers.insert("In-Reply-To", answered),
        }
        if given(&headers, "References").is_none() {
            headers.insert("References", answered);
        }
    }
    Ok(headers)
}

fn given<'a>(headers: &BTreeMap<&'a str, &'a str>, name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// RFC 5322 allows more, but nothing that anybody uses.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn one_line(field: &str, value: &str, required: bool) -> Result<(), RenderError> {
    if required && value.trim().is_empty() {
        return Err(error(field, "is empty; the provider requires a value"));
    }
    if value.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(error(field, "holds a line break or control character; write it in one line"));
    }
    Ok(())
}

fn error(field: &str, reason: impl Into<String>) -> RenderError {
    RenderError { field: field.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
