//! Turns a draft as it was handed in into a payload, or says which field is wrong. Pure.
mod cal_com;
mod headers;
mod instagram;
mod linkedin;
#[cfg(test)]
mod samples;
mod whatsapp;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::headers::HEADER_NAMES;
pub(crate) use self::headers::{ONE_CLICK, UNSUBSCRIBE, UNSUBSCRIBE_POST};
use super::attachments;
use super::input::{ContactInput, DraftInput};
use crate::activity::payload::{Attachment, Kind, LinkedinAction, Parts, Payload};
use crate::channel::ChannelName;
use crate::contact::address::{self, AddressError};
use crate::outbox::store::OutboxSettings;
use crate::safe_text::SafeText;
use crate::secret::SecretRef;

/// Most carbon copies, hidden ones included: the provider takes 50 recipients.
pub const COPIES_LIMIT: usize = 49;

/// A field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field, in the API's spelling.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
    /// Whether the value is good by itself and meets something on file.
    pub is_conflict: bool,
}

impl FieldError {
    /// Names a field whose value meets something on file.
    pub(crate) fn conflict(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { is_conflict: true, ..Self::new(field, reason) }
    }

    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into(), is_conflict: false }
    }
}

pub(crate) fn address_error(field: &str) -> impl FnOnce(AddressError) -> FieldError {
    let field = field.to_owned();
    move |error| {
        // Some of these errors name their field already.
        let reason = error.to_string();
        let reason = reason.strip_prefix(&field).map_or(reason.as_str(), str::trim_start).to_owned();
        FieldError::new(field, reason)
    }
}

/// A draft that may be filed, but for what only the database knows.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Everything the recipient is told; the kind may still be derived.
    pub payload: Payload,
    /// Kind of touch, if the draft named it.
    pub kind: Option<Kind>,
    /// Which sort of address `to` is: `email`, `phone` or `handle`.
    pub address_kind: &'static str,
    /// The address in the form in which contacts are matched.
    pub address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mail {
    subject: String,
    text: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    reply_to: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    in_reply_to: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

fn shape<T: DeserializeOwned>(payload: &Value) -> Result<T, FieldError> {
    read(payload, "payload")
}

/// Reads one draft as it was handed in.
///
/// # Errors
/// Names the field that is missing, unknown or of another shape.
pub fn parse(json: &[u8]) -> Result<DraftInput, FieldError> {
    read_line(json, "a draft")
}

/// Reads one JSON object that stands alone on its line; `what` it should be is said where it is none.
///
/// # Errors
/// Names the field that is missing, unknown or of another shape.
pub fn read_line<T: DeserializeOwned>(json: &[u8], what: &str) -> Result<T, FieldError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let input = read(&mut deserializer, "").map_err(|error| match error.field.as_str() {
        "line" => FieldError::new("line", error.reason.replacen("a draft", what, 1)),
        _ => error,
    })?;
    deserializer.end().map_err(|_| {
        FieldError::new("line", format!("more follows after {what}; write one JSON object a line"))
    })?;
    Ok(input)
}

/// Reads a value; an error names the field below `root`. What is foreign in serde's message is made safe.
fn read<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(source: D, root: &str) -> Result<T, FieldError>
where
    D::Error: std::fmt::Display,
{
    serde_path_to_error::deserialize(source).map_err(|error| {
        // `?` is a place inside something that was never finished.
        let path = error.path().to_string();
        let path = path.trim_end_matches('?').trim_end_matches('.');
        let message = error.inner().to_string();
        // A missing or unknown field is named in the message and not in the path.
        let named = message.contains(" field `").then(|| message.split('`').nth(1)).flatten();
        let place: Vec<&str> = [root, path].into_iter().filter(|part| !part.is_empty()).collect();
        let mut field = place.join(".");
        if let Some(named) = named.filter(|named| !field.ends_with(named)) {
            field = if field.is_empty() { named.to_owned() } else { format!("{field}.{named}") };
        }
        if field.is_empty() {
            return FieldError::new(
                "line",
                format!("not a draft in JSON: {}", SafeText::line(&message).truncated(200)),
            );
        }
        FieldError::new(SafeText::line(&field).truncated(80), SafeText::line(&message).truncated(200))
    })
}

/// Checks a draft against the outbox it names.
///
/// # Errors
/// The first field that is not acceptable.
pub fn check(input: &DraftInput, outbox: &OutboxSettings) -> Result<Checked, FieldError> {
    if input.channel != outbox.channel {
        return Err(FieldError::new(
            "channel",
            format!("outbox {} sends {}, not {}", outbox.name, outbox.channel, input.channel),
        ));
    }
    check_dedup_key(input)?;
    if let Some(name) = &input.proposed_by {
        check_line("proposedBy", name, 100)?;
    }
    if let Some(contact) = &input.contact {
        check_contact(contact)?;
    }
    let credential: SecretRef = outbox.secret_ref.parse().map_err(|_| {
        FieldError::new("outbox", format!("outbox {} has no usable secret reference", outbox.name))
    })?;
    let mut payload = Payload {
        channel: input.channel,
        outbox_id: outbox.id,
        credential_id: credential.id,
        kind: input.kind.unwrap_or(Kind::FirstTouch),
        from: outbox.sender.clone(),
        to: input.to.clone().unwrap_or_default(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Linkedin { action: LinkedinAction::Post, text: String::new(), thread: None },
    };
    let (address_kind, address) = match input.channel {
        ChannelName::Email | ChannelName::DryRun => mail(&mut payload, shape(&input.payload)?)?,
        ChannelName::CalCom => cal_com::check(&mut payload, shape(&input.payload)?)?,
        ChannelName::Linkedin => linkedin::fill(&mut payload, shape(&input.payload)?)?,
        ChannelName::Whatsapp => whatsapp::check(&mut payload, shape(&input.payload)?)?,
        ChannelName::Instagram => instagram::fill(&mut payload, shape(&input.payload)?)?,
    };
    if input.kind.is_some_and(|kind| (kind == Kind::Post) != payload.parts.is_post()) {
        let reason = "a post is what is published on a feed, and nothing else is; leave the kind out";
        return Err(FieldError::new("kind", reason));
    }
    let is_message = matches!(payload.parts, Parts::Linkedin { action: LinkedinAction::Message, .. });
    if is_message && input.send_after.is_some() {
        // LinkedIn takes messages that follow something a member did, never by schedule.
        let reason = "a LinkedIn message is sent as soon as it is approved; leave it out";
        return Err(FieldError::new("sendAfter", reason));
    }
    if let (Some(send_after), Some(expires_at)) = (input.send_after, input.expires_at)
        && expires_at <= send_after
    {
        return Err(FieldError::new("expiresAt", "it lies before sendAfter, so this could never be sent"));
    }
    Ok(Checked { payload, kind: input.kind, address_kind, address })
}

fn mail(payload: &mut Payload, mail: Mail) -> Result<(&'static str, String), FieldError> {
    let to = address::email(&payload.to).map_err(address_error("to"))?;
    if mail.cc.len() + mail.bcc.len() > COPIES_LIMIT {
        return Err(FieldError::new(
            "payload.cc",
            format!("at most {COPIES_LIMIT} copies, cc and bcc together"),
        ));
    }
    for (field, list) in [("payload.cc", &mail.cc), ("payload.bcc", &mail.bcc)] {
        for copy in list {
            address::email(copy).map_err(address_error(field))?;
        }
    }
    if let Some(reply_to) = &mail.reply_to {
        address::mailbox(reply_to).map_err(address_error("payload.replyTo"))?;
    }
    address::header_value("payload.subject", &mail.subject).map_err(address_error("payload.subject"))?;
    if mail.subject.trim().is_empty() {
        return Err(FieldError::new("payload.subject", "it is empty"));
    }
    if mail.text.trim().is_empty() {
        return Err(FieldError::new("payload.text", "it is empty; a plain text is needed also beside html"));
    }
    check_nul("payload.text", &mail.text)?;
    check_nul("payload.html", mail.html.as_deref().unwrap_or_default())?;
    headers::check(&mail.headers)?;
    mail.in_reply_to.as_deref().map_or(Ok(()), headers::check_in_reply_to)?;
    attachments::check(&mail.attachments)?;
    payload.to.clone_from(&to.address);
    payload.cc = mail.cc;
    payload.bcc = mail.bcc;
    payload.reply_to = mail.reply_to;
    payload.headers = mail.headers;
    payload.parts = Parts::Email {
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        in_reply_to: mail.in_reply_to,
        attachments: mail.attachments,
    };
    Ok(("email", to.address.to_lowercase()))
}

fn check_dedup_key(input: &DraftInput) -> Result<(), FieldError> {
    match &input.client_dedup_key {
        Some(key) if key.is_empty() || key.chars().count() > 128 || key.contains('\0') => {
            Err(FieldError::new("clientDedupKey", "use 1 to 128 characters"))
        }
        _ => Ok(()),
    }
}

fn check_contact(contact: &ContactInput) -> Result<(), FieldError> {
    if let Some(name) = &contact.name {
        check_line("contact.name", name, 200)?;
    }
    if let Some(account) = &contact.account {
        check_line("contact.account", account, 200)?;
    }
    if let Some(locale) = &contact.locale {
        check_locale("contact.locale", locale)?;
    }
    contact.zone.as_deref().map_or(Ok(()), |zone| check_zone("contact.zone", zone))
}

pub(crate) fn check_locale(field: &str, locale: &str) -> Result<(), FieldError> {
    let fits = (2..=35).contains(&locale.len())
        && locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(()) } else { Err(FieldError::new(field, "use a BCP 47 tag like nb-NO")) }
}

pub(crate) fn check_zone(field: &str, zone: &str) -> Result<(), FieldError> {
    TimeZone::get(zone)
        .map(|_| ())
        .map_err(|_| FieldError::new(field, "use an IANA time zone like Europe/Oslo"))
}

/// One line of at most so many characters.
pub(crate) fn check_line(field: &str, text: &str, limit: usize) -> Result<(), FieldError> {
    if text.trim().is_empty() || text.chars().count() > limit {
        return Err(FieldError::new(field, format!("use 1 to {limit} characters")));
    }
    address::header_value(field, text).map_err(address_error(field))
}

/// Text that a person reads; PostgreSQL and providers both refuse NUL.
fn check_text(field: &str, text: &str) -> Result<(), FieldError> {
    if text.trim().is_empty() {
        return Err(FieldError::new(field, "it is empty"));
    }
    check_nul(field, text)
}

fn check_nul(field: &str, text: &str) -> Result<(), FieldError> {
    if text.contains('\0') {
        return Err(FieldError::new(field, "it holds a NUL character; remove it"));
    }
    Ok(())
}
