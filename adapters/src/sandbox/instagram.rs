//! Instagram as the sandbox plays it.
//!
//! A container is nothing but its number, so that every sandbox on one ledger knows it: the number says what became of it, and the
//! ledger whether it was published. A folder of its picture's URL decides: `/in-progress/`, `/error/` and `/expired/` make containers
//! that stay so; any other picture is ready at once.
mod refusals;

use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use self::refusals::REFUSALS;
use super::answer::Answer;
use super::ledger::Entry;
use super::play::{Act, Ask, Message, Play, Refusal, Trouble};

/// Instagram.
pub(super) struct Instagram;

/// Bytes of a direct message.
const MESSAGE_BYTES: usize = 1000;

/// Characters of a caption.
const CAPTION_CHARS: usize = 2200;

/// What becomes of a container, by the digit behind its prefix.
const STATES: [(&str, &str); 3] =
    [("/in-progress/", "IN_PROGRESS"), ("/error/", "ERROR"), ("/expired/", "EXPIRED")];

/// How the number of a container begins.
const CONTAINER: &str = "1799";

impl Play for Instagram {
    fn name(&self) -> &'static str {
        "instagram"
    }

    fn has(&self, path: &str) -> bool {
        place(path).is_some()
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        caller(ask)?;
        let (account, edge) = place(&ask.path).unwrap_or_default();
        match (&ask.method, edge) {
            (&Method::GET, "") => Ok(shown(account)),
            (&Method::GET, "content_publishing_limit") => {
                let used = json!({"quota_usage": 0, "config": {"quota_total": 50, "quota_duration": 86400}});
                Ok(Act::Say(Answer::json(200, &json!({"data": [used]}))))
            }
            (&Method::POST, "messages") => message(&fields(ask)?),
            (&Method::POST, "media") => container(&fields(ask)?),
            (&Method::POST, "media_publish") => publication(account, &fields(ask)?),
            _ => Err(error(400, 100, None, "Unsupported request")),
        }
    }

    fn taken(&self, ask: &Ask, id: &str) -> Answer {
        match place(&ask.path) {
            Some((_, "messages")) => {
                let sent: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
                Answer::json(200, &json!({"recipient_id": sent["recipient"]["id"], "message_id": id}))
            }
            _ => Answer::json(200, &json!({"id": id})),
        }
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited => {
                error(400, 613, Some(2_534_040), "Calls to this api have exceeded the rate limit.")
            }
            Trouble::Quota => {
                error(400, 9, Some(2_207_042), "You reached maximum number of posts that is allowed")
            }
            Trouble::Unauthorized => {
                error(400, 190, None, "Error validating access token: session has expired")
            }
            Trouble::Broken => {
                error(500, 2, None, "An unexpected error has occurred. Please retry your request later.")
            }
            Trouble::KeyConflict | Trouble::KeyRunning => {
                error(400, 9007, Some(2_207_027), "Media is not ready to be published")
            }
            Trouble::NoRoute => error(400, 100, None, "Unsupported request"),
        }
    }

    fn refusals(&self) -> &'static [Refusal] {
        REFUSALS
    }

    /// A limit nobody reaches.
    fn limits(&self) -> &'static [(&'static str, &'static str)] {
        &[("x-app-usage", r#"{"call_count":1,"total_cputime":0,"total_time":0}"#)]
    }
}

fn error(status: u16, code: i64, subcode: Option<i64>, message: &str) -> Answer {
    let mut error =
        json!({"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "sandbox"});
    if let Some(subcode) = subcode {
        error["error_subcode"] = subcode.into();
    }
    Answer::json(status, &json!({ "error": error }))
}

fn invalid(message: &str) -> Answer {
    error(400, 100, None, message)
}

fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Account or container, and the edge behind it if there is one: `/v25.0/{id}` or `/v25.0/{id}/{edge}`.
fn place(path: &str) -> Option<(&str, &str)> {
    let (version, rest) = path.strip_prefix("/v")?.split_once('/')?;
    let (major, minor) = version.split_once('.')?;
    let (id, edge) = rest.split_once('/').unwrap_or((rest, ""));
    let is_known = matches!(edge, "" | "messages" | "media" | "media_publish" | "content_publishing_limit");
    (is_id(major) && is_id(minor) && is_id(id) && is_known).then_some((id, edge))
}

fn caller(ask: &Ask) -> Result<(), Answer> {
    let token = ask.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match token {
        None | Some("") => {
            Err(error(400, 190, None, "An access token is required to request this resource."))
        }
        Some(token) if token.starts_with("ig_bad") => Err(error(400, 190, None, "Cannot parse access token")),
        Some(_) => Ok(()),
    }
}

fn fields(ask: &Ask) -> Result<Value, Answer> {
    if !ask.header("content-type").unwrap_or_default().starts_with("application/json") {
        return Err(invalid("The content type must be application/json"));
    }
    match serde_json::from_slice(&ask.body) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        _ => Err(invalid("Invalid JSON")),
    }
}

fn text<'a>(fields: &'a Value, pointer: &str) -> Result<&'a str, Answer> {
    let text = fields.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(&format!("The parameter {pointer} is required")))
}

#[expect(clippy::disallowed_methods, reason = "a provider makes its own ids; they are none of the product's")]
fn number() -> u64 {
    // Thirteen digits: what is random of the id.
    Uuid::now_v7().as_u64_pair().1 % 10_000_000_000_000
}

fn message(fields: &Value) -> Result<Act, Answer> {
    let recipient = text(fields, "/recipient/id")?;
    if !is_id(recipient) {
        return Err(error(400, 100, Some(2_534_014), "The requested user cannot be found."));
    }
    if text(fields, "/message/text")?.len() > MESSAGE_BYTES {
        return Err(invalid("Length of param message[text] must be less than or equal to 1000"));
    }
    match (fields.get("messaging_type").and_then(Value::as_str), fields.get("tag").and_then(Value::as_str)) {
        (None, None) | (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => {}
        _ => return Err(invalid("Invalid message tag")),
    }
    let id = format!("aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEO{:013}", number());
    Ok(Act::Take(Message { id, key: None, to: vec![recipient.to_owned()], activity_id: None }))
}

fn container(fields: &Value) -> Result<Act, Answer> {
    let url = text(fields, "/image_url")?;
    if !url.starts_with("https://") || !url.ends_with(".jpg") {
        return Err(error(400, 9004, Some(2_207_052), "The media could not be fetched from this URI"));
    }
    let caption = fields.get("caption").and_then(Value::as_str).unwrap_or_default();
    if caption.chars().count() > CAPTION_CHARS {
        return Err(error(400, 36_004, Some(2_207_010), "The caption was too long"));
    }
    let state = STATES.iter().position(|(folder, _)| url.contains(folder)).map_or(0, |place| place + 1);
    Ok(Act::Say(Answer::json(200, &json!({"id": format!("{CONTAINER}{state}{:013}", number())}))))
}

/// What a container stays, if it is one: nothing for one that is ready.
fn stays(id: &str) -> Option<Option<&'static str>> {
    let state = id.strip_prefix(CONTAINER).filter(|rest| rest.len() == 14)?.chars().next()?;
    let place = state.to_digit(10)? as usize;
    Some(place.checked_sub(1).and_then(|place| STATES.get(place)).map(|(_, state)| *state))
}

fn key(container: &str) -> String {
    format!("instagram-{container}")
}

/// A container, or the account that calls.
fn shown(id: &str) -> Act {
    let Some(state) = stays(id) else {
        return Act::Say(Answer::json(200, &json!({"id": id, "username": "sandbox.account"})));
    };
    let id = id.to_owned();
    Act::Look(Box::new(move |entries| {
        let is_published = |entry: &&Entry| entry.idempotency_key.as_deref() == Some(key(&id).as_str());
        let state = match entries.iter().find(is_published) {
            Some(_) => "PUBLISHED",
            None => state.unwrap_or("FINISHED"),
        };
        let status =
            if state == "ERROR" { "Error: Media upload has failed with error code 2207052" } else { state };
        Answer::json(200, &json!({"status_code": state, "status": status, "id": id}))
    }))
}

fn publication(account: &str, fields: &Value) -> Result<Act, Answer> {
    let container = text(fields, "/creation_id")?;
    match stays(container) {
        None => {
            Err(error(400, 24, Some(2_207_008), "The media builder with this creation id does not exist"))
        }
        Some(Some("IN_PROGRESS")) => {
            Err(error(400, 9007, Some(2_207_027), "The media is not ready for publishing"))
        }
        Some(Some(_)) => {
            Err(error(400, -2, Some(2_207_020), "The media you are trying to access has expired"))
        }
        Some(None) => {
            let id = format!("1788{:014}", number());
            Ok(Act::Take(Message {
                id,
                key: Some(key(container)),
                to: vec![format!("feed:{account}")],
                activity_id: None,
            }))
        }
    }
}
