//! What the provider checks before it takes a message: the caller, the key, the body.
use hyper::HeaderMap;
use serde_json::Value;

use super::answer::Answer;

/// The facts of a valid message that the ledger keeps.
pub(super) struct Message {
    pub(super) to: Vec<String>,
    pub(super) activity_id: Option<String>,
}

/// Who calls: the edge wants a User-Agent, the API a key.
pub(super) fn caller(headers: &HeaderMap) -> Result<(), Answer> {
    if !headers.contains_key("user-agent") {
        return Err(Answer::new(403, "text/plain", "error code: 1010"));
    }
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    match key.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim) {
        None | Some("") => {
            Err(Answer::error(401, "missing_api_key", "Missing API key in the authorization header"))
        }
        Some(key) if key.starts_with("re_bad") => {
            Err(Answer::error(403, "invalid_api_key", "API key is invalid"))
        }
        Some(_) => Ok(()),
    }
}

/// The idempotency key: none, or 1 to 256 characters.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Answer> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=256).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Answer::error(
            400,
            "invalid_idempotency_key",
            "The idempotency key must have 1 to 256 characters",
        )),
    }
}

/// The body of `POST /emails`.
pub(super) fn message(headers: &HeaderMap, body: &[u8]) -> Result<Message, Answer> {
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err(invalid("The content type must be application/json"));
    }
    let Ok(Value::Object(mail)) = serde_json::from_slice(body) else {
        return Err(invalid("The body must be a JSON object"));
    };
    for field in ["from", "to", "subject"] {
        if mail.get(field).is_none_or(Value::is_null) {
            let message = format!("Missing `{field}` field");
            return Err(Answer::error(422, "missing_required_field", &message));
        }
    }
    let texts = ["from", "subject", "text", "html"];
    if texts.iter().any(|field| mail.get(*field).is_some_and(|value| !value.is_string() && !value.is_null()))
    {
        return Err(invalid("`from`, `subject`, `text` and `html` must be strings"));
    }
    if !mail["from"].as_str().is_some_and(|from| from.contains('@')) {
        return Err(Answer::error(422, "invalid_from_address", "Invalid `from` field"));
    }
    let to = addresses(&mail["to"]).filter(|to| (1..=50).contains(&to.len()));
    let others = ["cc", "bcc", "reply_to"];
    let others_valid =
        others.iter().all(|field| mail.get(*field).is_none_or(|value| addresses(value).is_some()));
    let (Some(to), true) = (to, others_valid) else {
        return Err(invalid("A recipient field must be an address or a list of addresses"));
    };
    if mail.get("headers").is_some_and(|headers| !headers.is_object()) {
        return Err(invalid("`headers` must be an object"));
    }
    let activity_id =
        tags(mail.get("tags")).ok_or_else(|| invalid("A tag may hold ASCII letters, digits, _ and -"))?;
    Ok(Message { to, activity_id })
}

fn invalid(message: &str) -> Answer {
    Answer::error(400, "validation_error", message)
}

fn addresses(value: &Value) -> Option<Vec<String>> {
    let address = |value: &Value| value.as_str().filter(|text| text.contains('@')).map(str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(address).collect(),
        one => Some(vec![address(one)?]),
    }
}

/// The tag `activity_id` where there is one; `None` if a tag is invalid.
fn tags(tags: Option<&Value>) -> Option<Option<String>> {
    let Some(tags) = tags else { return Some(None) };
    let mut activity_id = None;
    for tag in tags.as_array()? {
        let (name, value) = (tag.get("name")?.as_str()?, tag.get("value")?.as_str()?);
        if ![name, value].iter().all(|text| is_tag_text(text)) {
            return None;
        }
        if name == "activity_id" {
            activity_id = Some(value.to_owned());
        }
    }
    Some(activity_id)
}

fn is_tag_text(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
