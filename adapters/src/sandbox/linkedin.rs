//! LinkedIn as the sandbox plays it.
//!
//! A post with the words of an earlier one is refused with the name of that one for as long as the ledger keeps a key.
mod refusals;

use countersign_core::activity::payload::PayloadHash;
use hyper::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::refusals::REFUSALS;
use super::answer::Answer;
use super::play::{Act, Ask, Message, Play, Refusal, Trouble};

/// LinkedIn.
pub(super) struct Linkedin;

/// The oldest version of the API that is answered.
const OLDEST: &str = "202507";

/// Characters of a post, without its escapes.
const POST_CHARS: usize = 3000;

const COMMENTS: &str = "/rest/socialActions/";

impl Play for Linkedin {
    fn name(&self) -> &'static str {
        "linkedin"
    }

    fn has(&self, path: &str) -> bool {
        matches!(path, "/rest/posts" | "/v2/messages" | "/v2/userinfo") || commented(path).is_some()
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        caller(ask)?;
        match (&ask.method, ask.path.as_str()) {
            (&Method::GET, "/v2/userinfo") => {
                Ok(Act::Say(Answer::json(200, &json!({"sub": "sandbox", "name": "Sandbox Member"}))))
            }
            (&Method::POST, "/rest/posts") => post(&object(ask)?),
            (&Method::POST, "/v2/messages") => letter(&object(ask)?),
            (&Method::POST, path) if commented(path).is_some() => comment(path, &object(ask)?),
            _ => Err(error(405, "Method not allowed on this resource")),
        }
    }

    fn taken(&self, _ask: &Ask, id: &str) -> Answer {
        Answer::json(201, &json!({})).with_header("x-restli-id", id)
    }

    fn repeated(&self, _ask: &Ask, id: &str) -> Answer {
        error(422, &format!("Content is a duplicate of {id}"))
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited => {
                error(429, "Resource level throttle limit for calls to this resource is reached.")
            }
            Trouble::Quota => error(
                429,
                "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
            ),
            Trouble::Unauthorized => error(401, "The token used in the request has been revoked by the user"),
            Trouble::Broken => error(500, "Internal Server Error"),
            Trouble::KeyConflict => error(422, "Content is a duplicate"),
            Trouble::KeyRunning => error(409, "Another request changes this resource"),
            Trouble::NoRoute => error(404, "Resource not found"),
        }
    }

    fn refusals(&self) -> &'static [Refusal] {
        REFUSALS
    }
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"status": status, "message": message}))
}

fn invalid(message: &str) -> Answer {
    Answer::json(400, &json!({"status": 400, "code": "ILLEGAL_ARGUMENT", "message": message}))
}

fn unprocessable(message: &str) -> Answer {
    error(422, message)
}

fn caller(ask: &Ask) -> Result<(), Answer> {
    let token = ask.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match token {
        None | Some("") => return Err(error(401, "Empty oauth2 access token")),
        Some(token) if token.starts_with("li_bad") => return Err(error(401, "Invalid access token")),
        Some(_) => {}
    }
    let is_version = |text: &&str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    match ask.header("linkedin-version").filter(is_version) {
        None => {
            return Err(invalid(
                "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
            ));
        }
        Some(version) if version < OLDEST => {
            let message = format!("Requested version {version} is not active");
            return Err(Answer::json(
                426,
                &json!({"status": 426, "code": "NONEXISTENT_VERSION", "message": message}),
            ));
        }
        Some(_) => {}
    }
    match ask.header("x-restli-protocol-version") {
        Some("2.0.0") => Ok(()),
        _ => Err(invalid("Protocol version 2.0.0 is required")),
    }
}

fn object(ask: &Ask) -> Result<Map<String, Value>, Answer> {
    if !ask.header("content-type").unwrap_or_default().starts_with("application/json") {
        return Err(error(415, "Unsupported content type"));
    }
    match serde_json::from_slice(&ask.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(invalid("The body cannot be read as JSON")),
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a str, Answer> {
    object
        .get(field)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| unprocessable(&format!("{field} is required")))
}

#[expect(clippy::disallowed_methods, reason = "a provider makes its own ids; they are none of the product's")]
fn new_number() -> u64 {
    // Nineteen digits, as the provider's have.
    7_000_000_000_000_000_000 + Uuid::now_v7().as_u64_pair().1 % 1_000_000_000_000_000_000
}

fn taken(id: String, key: Option<String>, to: String) -> Act {
    Act::Take(Message { id, key, to: vec![to], activity_id: None })
}

fn post(post: &Map<String, Value>) -> Result<Act, Answer> {
    let author = text(post, "author")?;
    if !author.starts_with("urn:li:person:") && !author.starts_with("urn:li:organization:") {
        return Err(unprocessable("author is no person and no organization"));
    }
    let commentary = text(post, "commentary")?;
    let shown =
        shown(commentary).ok_or_else(|| unprocessable("commentary holds markup that is not escaped"))?;
    if shown.chars().count() > POST_CHARS {
        return Err(unprocessable("commentary is too long"));
    }
    if !matches!(text(post, "visibility")?, "PUBLIC" | "CONNECTIONS")
        || text(post, "lifecycleState")? != "PUBLISHED"
    {
        return Err(unprocessable("visibility or lifecycleState has no such value"));
    }
    let lists = ["targetEntities", "thirdPartyDistributionChannels"];
    let is_distribution = |value: &Value| {
        value["feedDistribution"] == "MAIN_FEED" && lists.iter().all(|list| value[*list].is_array())
    };
    if !post.get("distribution").is_some_and(is_distribution) {
        return Err(unprocessable("distribution is required"));
    }
    // The words of an author; who else sees them makes no other post of it.
    let words = PayloadHash::of(json!([author, shown]).to_string().as_bytes());
    let id = format!("urn:li:share:{}", new_number());
    Ok(taken(id, Some(format!("linkedin-{words}")), format!("feed:{author}")))
}

/// What people read of little text; `None` where a sign of its markup stands alone.
fn shown(commentary: &str) -> Option<String> {
    let mut shown = String::with_capacity(commentary.len());
    let mut signs = commentary.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => shown.push(signs.next()?),
            '|' | '{' | '}' | '@' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '*' | '_' | '~' => return None,
            sign => shown.push(sign),
        }
    }
    Some(shown)
}

/// The URN in the path of its comments, as it is written there.
fn commented(path: &str) -> Option<&str> {
    path.strip_prefix(COMMENTS)?.strip_suffix("/comments").filter(|urn| !urn.is_empty() && !urn.contains('/'))
}

fn comment(path: &str, comment: &Map<String, Value>) -> Result<Act, Answer> {
    let object = text(comment, "object")?;
    // The same URN in the path, with its colons and brackets encoded.
    let written: String = commented(path).unwrap_or_default().replace("%3A", ":").replace("%28", "(");
    if written.replace("%29", ")").replace("%2C", ",") != object {
        return Err(invalid("object and path name different posts"));
    }
    text(comment, "actor")?;
    comment.get("message").and_then(Value::as_object).map_or_else(
        || Err(unprocessable("message is required")),
        |message| text(message, "text").map(|_| ()),
    )?;
    let id = format!("urn:li:comment:({object},{})", new_number());
    Ok(taken(id, None, object.to_owned()))
}

fn letter(letter: &Map<String, Value>) -> Result<Act, Answer> {
    text(letter, "body")?;
    if text(letter, "messageType")? != "MEMBER_TO_MEMBER" {
        return Err(unprocessable("messageType has no such value"));
    }
    let recipients: Vec<&str> = letter
        .get("recipients")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let to = match (recipients.as_slice(), letter.get("thread").and_then(Value::as_str)) {
        ([recipient], None) if recipient.starts_with("urn:li:person:") => recipient,
        ([], Some(thread)) => thread,
        _ => return Err(unprocessable("give either recipients or thread")),
    };
    let id = format!("urn:li:message:{}", new_number());
    Ok(taken(id, None, to.to_owned()))
}
