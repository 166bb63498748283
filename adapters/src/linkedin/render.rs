//! A post, comment or message in the form of LinkedIn's API.
//!
//! The words of a post travel as "little text", in which some signs are markup; each of them is escaped, so that what people read is
//! what was shown. Refuses what would be published by somebody else, elsewhere or under other words than were shown.
use std::fmt::Write as _;

use countersign_core::activity::payload::{LinkedinAction, Parts, Payload};
use countersign_core::channel::{ChannelName, Message, ProviderSettings, RenderError, Request};
use serde::Serialize;

use super::settings::{AUTHOR_URN, PARTNER_MESSAGES, PERSON, VISIBILITY, is_author, is_visibility};

/// The signs that are markup in little text.
const MARKUP: &[char] = &['\\', '|', '{', '}', '@', '[', ']', '(', ')', '<', '>', '#', '*', '_', '~'];

/// Characters of a post. What is counted is what people read; the escapes are gone by then.
const POST_CHARS: usize = 3000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Post<'a> {
    author: &'a str,
    commentary: String,
    visibility: &'a str,
    distribution: Distribution,
    lifecycle_state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Distribution {
    feed_distribution: &'static str,
    target_entities: [(); 0],
    third_party_distribution_channels: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Comment<'a> {
    actor: &'a str,
    object: &'a str,
    message: Words<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_comment: Option<&'a str>,
}

#[derive(Serialize)]
struct Words<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Letter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<&'a str>,
    body: &'a str,
    message_type: &'static str,
}

pub(super) fn render(message: &Message<'_>) -> Result<Request, RenderError> {
    let (payload, settings) = (message.payload, message.settings);
    if payload.channel != ChannelName::Linkedin {
        let reason =
            format!("{} is not sent through LinkedIn; use an outbox of that channel", payload.channel);
        return Err(RenderError::new("channel", reason));
    }
    let Parts::Linkedin { action, text, thread } = &payload.parts else {
        return Err(RenderError::new(
            "payload",
            "these are not the parts of a LinkedIn message; give action and text",
        ));
    };
    let author = author(payload, settings)?;
    match action {
        LinkedinAction::Post => post(payload, settings, author, text, thread.as_deref()),
        LinkedinAction::Comment => comment(payload, author, text, thread.as_deref()),
        LinkedinAction::Message => letter(payload, settings, author, text, thread.as_deref()),
    }
}

fn author<'a>(payload: &Payload, settings: &'a ProviderSettings) -> Result<&'a str, RenderError> {
    let author = settings.require(AUTHOR_URN)?;
    if !is_author(author) {
        let reason = format!("its {AUTHOR_URN} is no author; write urn:li:person:… or urn:li:organization:…");
        return Err(RenderError::new("outbox", reason));
    }
    if payload.from.starts_with("urn:li:") && payload.from != author {
        let reason = format!(
            "its sender {} is shown, but its {AUTHOR_URN} {author} would publish; make them the same",
            payload.from
        );
        return Err(RenderError::new("outbox", reason));
    }
    Ok(author)
}

fn post(
    payload: &Payload,
    settings: &ProviderSettings,
    author: &str,
    text: &str,
    thread: Option<&str>,
) -> Result<Request, RenderError> {
    if payload.to.strip_prefix("feed:") != Some(author) {
        return Err(RenderError::new(
            "to",
            format!("this outbox posts on feed:{author} and on no other feed"),
        ));
    }
    if thread.is_some() {
        return Err(RenderError::new("payload.thread", "a post belongs to no thread; leave it out"));
    }
    let length = text.chars().count();
    if length > POST_CHARS {
        return Err(RenderError::new(
            "payload.text",
            format!("{length} characters, a post takes {POST_CHARS}"),
        ));
    }
    let visibility = settings.get(VISIBILITY).unwrap_or("PUBLIC");
    if !is_visibility(visibility) {
        return Err(RenderError::new(
            "outbox",
            format!("its {VISIBILITY} is neither PUBLIC nor CONNECTIONS"),
        ));
    }
    let post = Post {
        author,
        commentary: little_text(text),
        visibility,
        distribution: Distribution {
            feed_distribution: "MAIN_FEED",
            target_entities: [],
            third_party_distribution_channels: [],
        },
        lifecycle_state: "PUBLISHED",
    };
    Ok(Request::json("/rest/posts", body(&post)?))
}

fn comment(
    payload: &Payload,
    author: &str,
    text: &str,
    parent: Option<&str>,
) -> Result<Request, RenderError> {
    let object = urn("to", &payload.to)?;
    let parent_comment = parent.map(|parent| urn("payload.thread", parent)).transpose()?;
    let path = format!("/rest/socialActions/{}/comments", percent_encoded(object));
    let comment = Comment { actor: author, object, message: Words { text }, parent_comment };
    Ok(Request::json(path, body(&comment)?))
}

fn letter(
    payload: &Payload,
    settings: &ProviderSettings,
    author: &str,
    text: &str,
    thread: Option<&str>,
) -> Result<Request, RenderError> {
    if settings.get(PARTNER_MESSAGES) != Some("yes") {
        let reason = format!(
            "LinkedIn takes messages from approved partners only; if this account is one, run \
             `countersign outboxes set NAME --set {PARTNER_MESSAGES}=yes`, else write to the member on linkedin.com"
        );
        return Err(RenderError::new("payload.action", reason));
    }
    if !author.starts_with(PERSON) {
        let reason = format!("{author} cannot write messages, only a member can; use an outbox of a person");
        return Err(RenderError::new("payload.action", reason));
    }
    let recipient = urn("to", &payload.to)?;
    if !recipient.starts_with(PERSON) {
        return Err(RenderError::new("to", "a message goes to a member; write urn:li:person:…"));
    }
    let thread = thread.map(|thread| urn("payload.thread", thread)).transpose()?;
    let recipients = thread.is_none().then_some([recipient]);
    let letter = Letter { recipients, thread, body: text, message_type: "MEMBER_TO_MEMBER" };
    Ok(Request::json("/v2/messages", body(&letter)?))
}

/// An URN becomes part of a path or stands where the provider looks people up.
fn urn<'a>(field: &str, text: &'a str) -> Result<&'a str, RenderError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.starts_with("urn:li:") && is_plain {
        Ok(text)
    } else {
        Err(RenderError::new(field, "is no URN; write urn:li:…"))
    }
}

fn body(value: &impl Serialize) -> Result<String, RenderError> {
    serde_json_canonicalizer::to_string(value)
        .map_err(|cause| RenderError::new("payload", format!("cannot be written as JSON: {cause}")))
}

/// Text as little text: every sign of its markup stands for itself.
fn little_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 16);
    for sign in text.chars() {
        if MARKUP.contains(&sign) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// Everything but the letters, digits and signs that mean nothing in a path.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(3 * text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text never fails.
            let _written = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests;
