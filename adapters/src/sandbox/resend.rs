//! Resend as the sandbox plays it.
use hyper::{HeaderMap, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::ledger::Entry;
use super::play::{Act, Ask, Message, Play, Refusal, Trouble};

/// Resend.
pub(super) struct Resend;

/// The provider's table of errors.
const REFUSALS: &[Refusal] = &[
    refusal("validation_error", 400, r#"{"statusCode":400,"name":"validation_error","message":"Invalid"}"#),
    refusal(
        "invalid_idempotency_key",
        400,
        r#"{"statusCode":400,"name":"invalid_idempotency_key","message":"Invalid"}"#,
    ),
    refusal("missing_api_key", 401, r#"{"statusCode":401,"name":"missing_api_key","message":"Missing"}"#),
    refusal(
        "restricted_api_key",
        401,
        r#"{"statusCode":401,"name":"restricted_api_key","message":"Restricted"}"#,
    ),
    refusal("invalid_api_key", 403, r#"{"statusCode":403,"name":"invalid_api_key","message":"Invalid"}"#),
    refusal(
        "suspended_api_key",
        403,
        r#"{"statusCode":403,"name":"suspended_api_key","message":"Suspended"}"#,
    ),
    refusal(
        "invalid_permission",
        403,
        r#"{"statusCode":403,"name":"invalid_permission","message":"Invalid"}"#,
    ),
    refusal(
        "unverified_domain",
        403,
        r#"{"statusCode":403,"name":"validation_error","message":"The domain is not verified"}"#,
    ),
    refusal("security_error", 403, r#"{"statusCode":403,"name":"security_error","message":"Refused"}"#),
    refusal("invalid_region", 403, r#"{"statusCode":403,"name":"invalid_region","message":"Refused"}"#),
    refusal("1010", 403, "error code: 1010"),
    refusal("not_found", 404, r#"{"statusCode":404,"name":"not_found","message":"Not found"}"#),
    refusal("method_not_allowed", 405, r#"{"statusCode":405,"name":"method_not_allowed","message":"POST"}"#),
    refusal(
        "concurrent_idempotent_requests",
        409,
        r#"{"statusCode":409,"name":"concurrent_idempotent_requests","message":"In progress"}"#,
    ),
    refusal("resource_locked", 409, r#"{"statusCode":409,"name":"resource_locked","message":"Locked"}"#),
    refusal(
        "invalid_idempotent_request",
        409,
        r#"{"statusCode":409,"name":"invalid_idempotent_request","message":"Another body"}"#,
    ),
    refusal(
        "missing_required_field",
        422,
        r#"{"statusCode":422,"name":"missing_required_field","message":"Missing"}"#,
    ),
    refusal(
        "missing_required_parameter",
        422,
        r#"{"statusCode":422,"name":"missing_required_parameter","message":"Missing"}"#,
    ),
    refusal(
        "invalid_attachment",
        422,
        r#"{"statusCode":422,"name":"invalid_attachment","message":"Invalid"}"#,
    ),
    refusal("invalid_parameter", 422, r#"{"statusCode":422,"name":"invalid_parameter","message":"Invalid"}"#),
    refusal(
        "invalid_from_address",
        422,
        r#"{"statusCode":422,"name":"invalid_from_address","message":"Invalid"}"#,
    ),
    refusal("invalid_access", 422, r#"{"statusCode":422,"name":"invalid_access","message":"Refused"}"#),
    refusal(
        "rate_limit_exceeded",
        429,
        r#"{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many"}"#,
    ),
    refusal(
        "daily_quota_exceeded",
        429,
        r#"{"statusCode":429,"name":"daily_quota_exceeded","message":"Quota"}"#,
    ),
    refusal(
        "monthly_quota_exceeded",
        429,
        r#"{"statusCode":429,"name":"monthly_quota_exceeded","message":"Quota"}"#,
    ),
    refusal("application_error", 500, r#"{"statusCode":500,"name":"application_error","message":"Error"}"#),
    refusal(
        "internal_server_error",
        500,
        r#"{"statusCode":500,"name":"internal_server_error","message":"Error"}"#,
    ),
    refusal(
        "service_unavailable",
        503,
        r#"{"statusCode":503,"name":"service_unavailable","message":"Later"}"#,
    ),
];

const fn refusal(code: &'static str, status: u16, body: &'static str) -> Refusal {
    Refusal { code, status, body }
}

impl Play for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    fn has(&self, path: &str) -> bool {
        path == "/emails" || path.starts_with("/emails/") || path == "/domains"
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        match (&ask.method, ask.path.as_str()) {
            (&Method::POST, "/emails") => {
                caller(&ask.headers)?;
                let key = key(&ask.headers)?;
                let (to, activity_id) = message(&ask.headers, &ask.body)?;
                Ok(Act::Take(Message { id: new_id(), key, to, activity_id }))
            }
            (&Method::GET, "/emails") => {
                caller(&ask.headers)?;
                Ok(list(&ask.query))
            }
            (&Method::GET, "/emails/receiving") => {
                caller(&ask.headers)?;
                // Nobody writes to it.
                Ok(Act::Say(Answer::json(200, &json!({"object": "list", "has_more": false, "data": []}))))
            }
            (&Method::GET, "/domains") => {
                caller(&ask.headers)?;
                Ok(Act::Say(Answer::json(200, &json!({"object": "list", "has_more": false, "data": []}))))
            }
            (&Method::GET, path) if path.len() > "/emails/".len() => {
                caller(&ask.headers)?;
                Ok(show(&path["/emails/".len()..]))
            }
            _ => Err(error(405, "method_not_allowed", "This endpoint takes POST")),
        }
    }

    fn taken(&self, _ask: &Ask, id: &str) -> Answer {
        Answer::json(200, &json!({"id": id}))
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited => error(429, "rate_limit_exceeded", "Too many requests"),
            Trouble::Quota => error(429, "daily_quota_exceeded", "You have reached your daily email quota"),
            Trouble::Unauthorized => error(401, "restricted_api_key", "This API key is restricted"),
            Trouble::Broken => error(500, "application_error", "An unexpected error occurred"),
            Trouble::KeyConflict => error(
                409,
                "invalid_idempotent_request",
                "This idempotency key has been used with another body",
            ),
            Trouble::KeyRunning => error(
                409,
                "concurrent_idempotent_requests",
                "Another request with this idempotency key is in progress",
            ),
            Trouble::NoRoute => error(404, "not_found", "The requested endpoint does not exist"),
        }
    }

    fn refusals(&self) -> &'static [Refusal] {
        REFUSALS
    }

    /// A limit nobody reaches.
    fn limits(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("ratelimit-limit", "10000"),
            ("ratelimit-remaining", "9999"),
            ("ratelimit-reset", "1"),
            ("ratelimit-policy", "10000;w=1"),
        ]
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider makes its own ids; they are none of the product's")]
fn new_id() -> String {
    Uuid::now_v7().to_string()
}

fn list(query: &str) -> Act {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20_usize).clamp(1, 100);
    let after = value("after");
    Act::Look(Box::new(move |entries| {
        let mut newest = entries.iter().rev();
        if let Some(after) = &after {
            newest.find(|entry| entry.id == *after);
        }
        let mails: Vec<Value> =
            newest.by_ref().filter(|entry| is_mail(entry)).take(limit).map(email).collect();
        Answer::json(200, &json!({"object": "list", "has_more": newest.any(is_mail), "data": mails}))
    }))
}

fn show(id: &str) -> Act {
    let id = id.to_owned();
    Act::Look(Box::new(move |entries| match entries.iter().find(|entry| entry.id == id) {
        Some(entry) => Answer::json(200, &email(entry)),
        None => error(404, "not_found", "Email not found"),
    }))
}

fn is_mail(entry: &Entry) -> bool {
    entry.provider.as_deref().is_none_or(|provider| provider == "resend")
}

fn email(entry: &Entry) -> Value {
    let sent: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    json!({
        "object": "email",
        "id": entry.id,
        "to": entry.to,
        "from": sent["from"],
        "subject": sent["subject"],
        "text": sent["text"],
        "html": sent["html"],
        "tags": sent["tags"],
        "created_at": entry.at.strftime("%Y-%m-%d %H:%M:%S%.6f+00").to_string(),
        "message_id": format!("<{}@sandbox.invalid>", entry.id),
        "last_event": "delivered",
    })
}

/// An error in the provider's form.
fn error(status: u16, name: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"statusCode": status, "name": name, "message": message}))
}

/// Who calls: the edge wants a User-Agent, the API a key.
fn caller(headers: &HeaderMap) -> Result<(), Answer> {
    if !headers.contains_key("user-agent") {
        return Err(Answer::new(403, "text/plain", "error code: 1010"));
    }
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    match key.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim) {
        None | Some("") => Err(error(401, "missing_api_key", "Missing API key in the authorization header")),
        Some(key) if key.starts_with("re_bad") => Err(error(403, "invalid_api_key", "API key is invalid")),
        Some(_) => Ok(()),
    }
}

/// The idempotency key: none, or 1 to 256 characters.
fn key(headers: &HeaderMap) -> Result<Option<String>, Answer> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=256).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(error(400, "invalid_idempotency_key", "The idempotency key must have 1 to 256 characters")),
    }
}

/// The body of `POST /emails`.
fn message(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<String>, Option<String>), Answer> {
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
            return Err(error(422, "missing_required_field", &message));
        }
    }
    let texts = ["from", "subject", "text", "html"];
    if texts.iter().any(|field| mail.get(*field).is_some_and(|value| !value.is_string() && !value.is_null()))
    {
        return Err(invalid("`from`, `subject`, `text` and `html` must be strings"));
    }
    if !mail["from"].as_str().is_some_and(|from| from.contains('@')) {
        return Err(error(422, "invalid_from_address", "Invalid `from` field"));
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
    Ok((to, activity_id))
}

fn invalid(message: &str) -> Answer {
    error(400, "validation_error", message)
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
