//! Twilio as the sandbox plays it: messages of one account, on WhatsApp only. Every template is approved and consists of its first
//! variable.
use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Method;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::Answer;
use super::ledger::Entry;
use super::play::{Act, Ask, Message, Play, Refusal, Trouble};

/// Twilio.
pub(super) struct Twilio;

const ACCOUNTS: &str = "/2010-04-01/Accounts/";

/// Where the templates are.
const TEMPLATES: &str = "/v1/Content/";

/// A row of the provider's table of errors.
macro_rules! row {
    ($status:literal, $code:literal, $message:literal) => {
        Refusal {
            code: stringify!($code),
            status: $status,
            body: concat!(
                "{\"code\":",
                stringify!($code),
                ",\"message\":\"",
                $message,
                "\",\"more_info\":\"https://www.twilio.com/docs/errors/",
                stringify!($code),
                "\",\"status\":",
                stringify!($status),
                "}"
            ),
        }
    };
}

/// The provider's table of errors.
const REFUSALS: &[Refusal] = &[
    row!(401, 20003, "Authenticate"),
    row!(403, 20005, "Account not active"),
    row!(400, 10001, "Account is not active"),
    row!(400, 30002, "Account suspended"),
    row!(404, 20404, "The requested resource was not found"),
    row!(400, 20422, "Invalid parameter"),
    row!(400, 20001, "Unknown parameters"),
    row!(405, 20004, "Method not allowed"),
    row!(429, 20429, "Too Many Requests"),
    row!(429, 14107, "SMS send rate limit exceeded"),
    row!(429, 63017, "The message rate limit of the channel is exceeded"),
    row!(429, 63018, "Rate limit exceeded for Channel"),
    row!(429, 63038, "Account exceeded its daily message limit"),
    row!(429, 21611, "This 'From' number has exceeded the maximum number of queued messages"),
    row!(429, 30001, "Queue overflow"),
    row!(400, 63009, "Channel provider returned an error"),
    row!(400, 63010, "Channel provider returned an internal error"),
    row!(400, 63012, "Channel provider returned an internal service error"),
    row!(400, 30008, "Unknown error"),
    row!(400, 63023, "Channel generic error"),
    row!(500, 20500, "Internal server error"),
    row!(503, 20503, "Service unavailable"),
    row!(400, 21211, "Invalid 'To' Phone Number"),
    row!(400, 21612, "The 'To' phone number is not currently reachable"),
    row!(400, 21614, "'To' number is not a valid mobile number"),
    row!(400, 63003, "Channel could not find To address"),
    row!(400, 63024, "Invalid message recipient"),
    row!(400, 21610, "Attempt to send to unsubscribed recipient"),
    row!(400, 63014, "Message blocked by user action"),
    row!(400, 63033, "Recipient has blocked the business"),
    row!(400, 21602, "Message body is required"),
    row!(400, 21617, "The concatenated message body exceeds the 1600 character limit"),
    row!(400, 21658, "The message content is not valid"),
    row!(400, 21620, "Invalid media URL"),
    row!(400, 21623, "The number of media files is exceeded"),
    row!(400, 63005, "Channel did not accept given content"),
    row!(400, 63006, "Could not format given content for the channel"),
    row!(400, 63019, "Media failed to download"),
    row!(400, 63021, "Channel invalid content error"),
    row!(400, 63034, "Media message failed to send"),
    row!(400, 21655, "The ContentSid is invalid"),
    row!(400, 21656, "The ContentVariables parameter is invalid"),
    row!(400, 63027, "Template does not exist for a language and locale"),
    row!(400, 63028, "Number of parameters provided does not match the expected number"),
    row!(400, 63030, "Unsupported parameter for type of channels message"),
    row!(400, 63040, "Template rejected"),
    row!(400, 63042, "Template disabled"),
    row!(400, 63041, "Template paused"),
    row!(400, 63016, "Failed to send freeform message because you are outside the allowed window"),
    row!(400, 63015, "Channel Sandbox can only send messages to phone numbers that have joined"),
    row!(400, 63013, "Channel policy violation"),
    row!(400, 63026, "Message flagged as spam"),
    row!(400, 30007, "Message filtered"),
    row!(400, 30004, "Message blocked"),
    row!(400, 21212, "Invalid 'From' Phone Number"),
    row!(400, 21606, "The 'From' phone number is not enabled for this account"),
    row!(400, 21703, "The Messaging Service does not contain any phone numbers"),
    row!(400, 21705, "The Messaging Service SID is invalid"),
    row!(400, 21910, "Invalid 'From' and 'To' pair"),
    row!(400, 63001, "Channel could not authenticate the request"),
    row!(400, 63002, "Channel could not find the From address"),
    row!(400, 63007, "Channel could not find a Channel with the specified From address"),
    row!(400, 63008, "Could not execute the request because the channel is misconfigured"),
    row!(400, 63020, "The business has not accepted the invitation to the business manager"),
    row!(400, 63022, "Invalid vname certificate"),
    row!(400, 63051, "The WhatsApp Business Account is restricted"),
    row!(400, 63032, "This message is part of an experiment of WhatsApp"),
];

impl Play for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn has(&self, path: &str) -> bool {
        path.starts_with(ACCOUNTS) || path.starts_with(TEMPLATES)
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        caller(ask)?;
        if let Some(place) = ask.path.strip_prefix(TEMPLATES) {
            return template(ask, place);
        }
        let account = ask.path.strip_prefix(ACCOUNTS).and_then(|rest| rest.strip_suffix("/Messages.json"));
        let Some(account) = account.filter(|account| is_sid("AC", account)) else {
            return Err(error(404, 20404, "The requested resource was not found"));
        };
        match ask.method {
            Method::POST => message(ask),
            Method::GET => Ok(list(account, &ask.query)),
            _ => Err(error(405, 20004, "Method not allowed")),
        }
    }

    fn taken(&self, ask: &Ask, id: &str) -> Answer {
        let account = ask.path[ACCOUNTS.len()..].split('/').next().unwrap_or_default();
        let form = Form::read(&ask.body);
        let status = if form.get("MessagingServiceSid").is_some() { "accepted" } else { "queued" };
        Answer::json(201, &resource(account, id, &form, status, None))
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited => error(429, 20429, "Too Many Requests"),
            Trouble::Quota => error(429, 63038, "Account exceeded its daily message limit"),
            Trouble::Unauthorized => error(401, 20003, "Authenticate"),
            // Keys are not kept, so there is no trouble with them.
            Trouble::Broken | Trouble::KeyConflict | Trouble::KeyRunning => {
                error(500, 20500, "Internal server error")
            }
            Trouble::NoRoute => error(404, 20404, "The requested resource was not found"),
        }
    }

    fn refusals(&self) -> &'static [Refusal] {
        REFUSALS
    }
}

/// An error in the provider's form.
fn error(status: u16, code: u32, message: &str) -> Answer {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    Answer::json(status, &json!({"code": code, "message": message, "more_info": more_info, "status": status}))
}

/// HTTP Basic with an account or an API key, and a secret that is not a bad one.
fn caller(ask: &Ask) -> Result<(), Answer> {
    let pair = ask.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let pair = pair.and_then(|value| BASE64_STANDARD.decode(value).ok());
    let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    match pair.split_once(':') {
        Some((name, secret))
            if (is_sid("AC", name) || is_sid("SK", name))
                && !secret.is_empty()
                && !secret.starts_with("bad") =>
        {
            Ok(())
        }
        _ => Err(error(401, 20003, "Authenticate")),
    }
}

/// A template, or what WhatsApp says of it.
fn template(ask: &Ask, place: &str) -> Result<Act, Answer> {
    let (sid, edge) = place.split_once('/').unwrap_or((place, ""));
    let answer = match (&ask.method, edge) {
        _ if !is_sid("HX", sid) => return Err(error(404, 20404, "The requested resource was not found")),
        (&Method::GET, "") => json!({
            "sid": sid,
            "friendly_name": "sandbox",
            "language": "en",
            "variables": { "1": "" },
            "types": { "twilio/text": { "body": "{{1}}" } },
            "date_created": "2026-01-01T00:00:00Z",
            "date_updated": "2026-01-01T00:00:00Z",
        }),
        (&Method::GET, "ApprovalRequests") => {
            let whatsapp = json!({"type": "whatsapp", "name": "sandbox", "category": "UTILITY", "status": "approved", "rejection_reason": ""});
            json!({"sid": sid, "whatsapp": whatsapp})
        }
        _ => return Err(error(405, 20004, "Method not allowed")),
    };
    Ok(Act::Say(Answer::json(200, &answer)))
}

/// The fields of a form; of a repeated one the first, and whether any is repeated.
struct Form {
    fields: HashMap<String, String>,
    is_repeating: bool,
}

impl Form {
    fn read(bytes: &[u8]) -> Self {
        let mut form = Self { fields: HashMap::new(), is_repeating: false };
        for (name, value) in form_urlencoded::parse(bytes) {
            if form.fields.contains_key(name.as_ref()) {
                form.is_repeating = true;
            } else {
                form.fields.insert(name.into_owned(), value.into_owned());
            }
        }
        form
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// What may stand in a form here. The provider knows more, and none of it is ours to send.
const FIELDS: &[&str] =
    &["To", "From", "MessagingServiceSid", "Body", "ContentSid", "ContentVariables", "StatusCallback"];

/// The body of a message.
fn message(ask: &Ask) -> Result<Act, Answer> {
    let is_form =
        ask.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let form = Form::read(if is_form { &ask.body } else { b"" });
    if form.is_repeating || form.fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
        return Err(error(400, 20001, "Unknown parameters"));
    }
    let Some(to) = form.get("To") else { return Err(error(400, 21604, "A 'To' phone number is required.")) };
    if !is_on_whatsapp(to) {
        return Err(error(400, 21211, "Invalid 'To' Phone Number"));
    }
    match (form.get("From"), form.get("MessagingServiceSid")) {
        (_, Some(service)) if !is_sid("MG", service) => {
            return Err(error(400, 21705, "The Messaging Service SID is invalid"));
        }
        (Some(from), _) if !is_on_whatsapp(from) => {
            return Err(error(400, 21212, "Invalid 'From' Phone Number"));
        }
        (None, None) => return Err(error(400, 21603, "A 'From' phone number is required.")),
        _ => {}
    }
    content(&form)?;
    if form.get("StatusCallback").is_some_and(|url| !url.starts_with("https://")) {
        return Err(error(400, 20422, "Invalid parameter"));
    }
    Ok(Act::Take(Message { id: new_id(), key: None, to: vec![to.to_owned()], activity_id: None }))
}

fn content(form: &Form) -> Result<(), Answer> {
    match (form.get("Body"), form.get("ContentSid")) {
        (Some(_), Some(_)) => Err(error(400, 20422, "Body and ContentSid exclude each other")),
        (Some(""), None) => Err(error(400, 21602, "Message body is required.")),
        (Some(body), None) if body.chars().count() > 1600 => {
            Err(error(400, 21617, "The concatenated message body exceeds the 1600 character limit"))
        }
        (Some(_), None) if form.get("ContentVariables").is_some() => {
            Err(error(400, 21656, "The ContentVariables parameter is invalid"))
        }
        (Some(_), None) => Ok(()),
        (None, Some(sid)) if !is_sid("HX", sid) => Err(error(400, 21655, "The ContentSid is invalid")),
        (None, Some(_)) => {
            match form.get("ContentVariables").map(serde_json::from_str::<HashMap<String, String>>) {
                Some(Err(_)) => Err(error(400, 21656, "The ContentVariables parameter is invalid")),
                _ => Ok(()),
            }
        }
        (None, None) => Err(error(400, 21619, "A text message body or media urls must be specified.")),
    }
}

/// Messages that fit the query, newest first, a page of them.
fn list(account: &str, query: &str) -> Act {
    let (account, wanted) = (account.to_owned(), Form::read(query.as_bytes()));
    Act::Look(Box::new(move |entries| {
        let number = |name: &str| wanted.get(name).and_then(|value| value.parse::<usize>().ok());
        let size = number("PageSize").unwrap_or(50).clamp(1, 1000);
        let page = number("Page").unwrap_or(0);
        let fits = |entry: &&Entry| {
            let form = Form::read(entry.body.as_bytes());
            let is = |name: &str| wanted.get(name).is_none_or(|value| form.get(name) == Some(value));
            entry.provider.as_deref() == Some("twilio") && is("To") && is("From")
        };
        let mut newest = entries.iter().rev().filter(fits).skip(page * size);
        let messages: Vec<Value> = newest.by_ref().take(size).map(|entry| shown(&account, entry)).collect();
        let next = newest.next().map(|_| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let kept = ["To", "From"].into_iter().filter_map(|name| Some((name, wanted.get(name)?)));
            query.extend_pairs(kept);
            query.append_pair("PageSize", &size.to_string()).append_pair("Page", &(page + 1).to_string());
            format!("{ACCOUNTS}{account}/Messages.json?{}", query.finish())
        });
        Answer::json(
            200,
            &json!({"messages": messages, "next_page_uri": next, "page": page, "page_size": size}),
        )
    }))
}

fn shown(account: &str, entry: &Entry) -> Value {
    let at = entry.at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    resource(account, &entry.id, &Form::read(entry.body.as_bytes()), "delivered", Some(&at))
}

/// A message as the provider shows it. A template is shown as its variables.
fn resource(account: &str, id: &str, form: &Form, status: &str, at: Option<&str>) -> Value {
    let values = form.get("ContentVariables").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let values = values.as_ref().and_then(Value::as_object).into_iter().flatten();
    let template: Vec<&str> = values.filter_map(|(_, value)| value.as_str()).collect();
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "sid": id,
        "to": form.get("To"),
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "body": form.get("Body").map_or_else(|| template.join(" "), str::to_owned),
        "status": status,
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "date_created": at,
        "num_segments": "1",
        "uri": format!("{ACCOUNTS}{account}/Messages/{id}.json"),
    })
}

fn is_sid(kind: &str, text: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_on_whatsapp(address: &str) -> bool {
    address.strip_prefix("whatsapp:+").is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[expect(clippy::disallowed_methods, reason = "a provider makes its own ids; they are none of the product's")]
fn new_id() -> String {
    format!("SM{}", Uuid::now_v7().simple())
}
