//! A direct message, or the container of a post, in the form of the Graph API.
//!
//! Refuses what would come from another account, go elsewhere, or carry a tag or a picture that the account cannot send.
use countersign_core::activity::payload::{InstagramAction, Parts, Payload, PayloadHash};
use countersign_core::channel::{ChannelName, Message, ProviderSettings, RenderError, Request};
use serde::Serialize;

use super::container::Draft;
use super::settings::{HUMAN_AGENT, IG_ID, MEDIA_URL, is_folder, is_id};

/// How every JPEG begins.
pub(super) const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

#[derive(Serialize)]
struct Letter<'a> {
    recipient: Recipient<'a>,
    message: Words<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'static str>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Words<'a> {
    text: &'a str,
}

pub(super) fn render(version: &str, message: &Message<'_>) -> Result<Request, RenderError> {
    let (payload, settings) = (message.payload, message.settings);
    if payload.channel != ChannelName::Instagram {
        let reason =
            format!("{} is not sent through Instagram; use an outbox of that channel", payload.channel);
        return Err(RenderError::new("channel", reason));
    }
    let Parts::Instagram { action, text, image_sha256, human_agent } = &payload.parts else {
        let reason = "these are not the parts of an Instagram message; give action and text";
        return Err(RenderError::new("payload", reason));
    };
    let account = account(settings)?;
    if is_id(&payload.from) && payload.from != account {
        let reason =
            format!("its sender {} is shown, but its {IG_ID} is {account}; make them the same", payload.from);
        return Err(RenderError::new("outbox", reason));
    }
    match action {
        InstagramAction::Dm => {
            let body = letter(payload, settings, text, *human_agent)?;
            Ok(Request::json(format!("/{version}/{account}/messages"), body))
        }
        InstagramAction::Post => {
            let body = post(message, account, text, image_sha256.as_deref())?;
            Ok(Request::json(format!("/{version}/{account}/media"), body))
        }
    }
}

/// The account that writes and posts.
pub(super) fn account(settings: &ProviderSettings) -> Result<&str, RenderError> {
    let id = settings.require(IG_ID)?;
    if is_id(id) {
        Ok(id)
    } else {
        Err(RenderError::new("outbox", format!("its {IG_ID} is no id; write its digits")))
    }
}

fn letter(
    payload: &Payload,
    settings: &ProviderSettings,
    text: &str,
    human_agent: bool,
) -> Result<String, RenderError> {
    if !is_id(&payload.to) {
        let reason = "a direct message goes to the id that a message of the person brought, its digits, and to no user name";
        return Err(RenderError::new("to", reason));
    }
    if human_agent && settings.get(HUMAN_AGENT) != Some("yes") {
        let reason = format!(
            "the human-agent tag needs a feature that Meta grants; if this account has it, run \
             `countersign outboxes set NAME --set {HUMAN_AGENT}=yes`, else leave the tag out"
        );
        return Err(RenderError::new("payload.humanAgent", reason));
    }
    body(&Letter {
        recipient: Recipient { id: &payload.to },
        message: Words { text },
        messaging_type: human_agent.then_some("MESSAGE_TAG"),
        tag: human_agent.then_some("HUMAN_AGENT"),
    })
}

fn post(
    message: &Message<'_>,
    account: &str,
    caption: &str,
    picture: Option<&str>,
) -> Result<String, RenderError> {
    if message.payload.to.strip_prefix("feed:") != Some(account) {
        let reason = format!("this outbox posts on feed:{account} and on no other feed");
        return Err(RenderError::new("to", reason));
    }
    let Some(folder) = message.settings.get(MEDIA_URL) else {
        let reason = format!(
            "Instagram fetches the picture of a post, and this outbox does not say where; run \
             `countersign outboxes set NAME --set {MEDIA_URL}=https://…/`"
        );
        return Err(RenderError::new("payload.action", reason));
    };
    if !is_folder(folder) {
        let reason =
            format!("its {MEDIA_URL} is no folder on the web; write https://…/ with a slash at its end");
        return Err(RenderError::new("outbox", reason));
    }
    let Some(sha256) = picture.and_then(|digits| digits.parse::<PayloadHash>().ok()) else {
        return Err(RenderError::new(
            "payload.imageSha256",
            "a post shows a picture; give the sha256 of the JPEG",
        ));
    };
    if message.files.get(sha256).is_some_and(|bytes| !bytes.starts_with(JPEG)) {
        return Err(RenderError::new(
            "payload.imageSha256",
            "this picture is no JPEG, and Instagram takes no other kind",
        ));
    }
    body(&Draft { image_url: format!("{folder}{sha256}.jpg"), caption })
}

fn body(value: &impl Serialize) -> Result<String, RenderError> {
    serde_json_canonicalizer::to_string(value)
        .map_err(|cause| RenderError::new("payload", format!("cannot be written as JSON: {cause}")))
}

#[cfg(test)]
mod tests;
