//! Cal.com as the sandbox plays it.
use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::ledger::Entry;
use super::play::{Act, Ask, Message, Play, Refusal, Trouble};

/// Cal.com.
pub(super) struct Calcom;

/// The provider's table of errors.
const REFUSALS: &[Refusal] = &[
    refusal(400, "no_available_users_found_error"),
    refusal(400, "hosts_unavailable_for_booking"),
    refusal(400, "booking_time_out_of_bounds_error"),
    refusal(400, "booker_limit_exceeded_error"),
    refusal(400, "booker_email_blocked"),
    refusal(400, "booker_email_requires_login"),
    refusal(400, "invalid_verification_code"),
    refusal(409, "booking_conflict_error"),
    refusal(404, "NotFoundException"),
    refusal(401, "UnauthorizedException"),
    refusal(403, "ForbiddenException"),
    refusal(429, "ThrottlerException"),
    refusal(500, "InternalServerErrorException"),
];

const fn refusal(status: u16, code: &'static str) -> Refusal {
    Refusal { code, status, body: "" }
}

impl Play for Calcom {
    fn name(&self) -> &'static str {
        "calcom"
    }

    fn has(&self, path: &str) -> bool {
        path == "/v2/bookings" || path == "/v2/me"
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        caller(ask)?;
        match (&ask.method, ask.path.as_str()) {
            (&Method::POST, "/v2/bookings") => {
                let (to, activity_id) = booking(ask)?;
                let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &ask.body).simple().to_string();
                Ok(Act::Take(Message { id, key: None, to: vec![to], activity_id }))
            }
            (&Method::GET, "/v2/bookings") => Ok(list(&ask.query)),
            (&Method::GET, "/v2/me") => {
                let me = json!({ "status": "success", "data": { "id": 1, "username": "sandbox", "email": "me@sandbox.invalid" } });
                Ok(Act::Say(Answer::json(200, &me)))
            }
            _ => Err(self.trouble(Trouble::NoRoute)),
        }
    }

    fn taken(&self, ask: &Ask, id: &str) -> Answer {
        let asked: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
        let data = json!({
            "id": 1, "uid": id, "status": "accepted", "start": asked["start"], "metadata": asked["metadata"],
            "attendees": [asked["attendee"]], "hosts": [], "location": "integrations:daily",
        });
        Answer::json(201, &json!({ "status": "success", "data": data }))
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        let (status, code, message) = match trouble {
            Trouble::RateLimited | Trouble::Quota => {
                (429, "ThrottlerException", "ThrottlerException: Too Many Requests")
            }
            Trouble::Unauthorized => (401, "UnauthorizedException", "Invalid API Key"),
            Trouble::Broken => (500, "InternalServerErrorException", "Internal Server Error"),
            Trouble::KeyConflict | Trouble::KeyRunning => {
                (409, "ConflictException", "booking_conflict_error")
            }
            Trouble::NoRoute => (404, "NotFoundException", "Cannot find this endpoint"),
        };
        error(status, code, message)
    }

    fn refusals(&self) -> &'static [Refusal] {
        REFUSALS
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let code = match refusal.status {
            400 => "BadRequestException",
            409 => "ConflictException",
            _ => refusal.code,
        };
        let message = match refusal.code {
            "NotFoundException" => "Event type with id=1 not found",
            "ThrottlerException" => "ThrottlerException: Too Many Requests",
            other => other,
        };
        let answer = error(refusal.status, code, message);
        match refusal.status {
            429 => answer.with_header("x-ratelimit-reset-default", "17"),
            _ => answer,
        }
    }

    fn limits(&self) -> &'static [(&'static str, &'static str)] {
        &[("x-ratelimit-limit-default", "10000"), ("x-ratelimit-remaining-default", "9999")]
    }
}

/// Who calls, and by which contract. The provider takes an absent version for the oldest one; a test should notice.
fn caller(ask: &Ask) -> Result<(), Answer> {
    let key = ask.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match key {
        None | Some("") => {
            return Err(error(401, "UnauthorizedException", "No authentication method provided"));
        }
        Some(key) if key.starts_with("cal_bad") => {
            return Err(error(401, "UnauthorizedException", "Invalid API Key"));
        }
        Some(_) => {}
    }
    if ask.path == "/v2/bookings" && ask.header("cal-api-version").is_none() {
        return Err(error(400, "BadRequestException", "cal-api-version is missing"));
    }
    Ok(())
}

fn booking(ask: &Ask) -> Result<(String, Option<String>), Answer> {
    let refuse = |message: &str| error(400, "BadRequestException", message);
    if !ask.header("content-type").is_some_and(|value| value.starts_with("application/json")) {
        return Err(refuse("The content type must be application/json"));
    }
    let Ok(body) = serde_json::from_slice::<Value>(&ask.body) else {
        return Err(refuse("The body must be JSON"));
    };
    let is_utc = |text: &str| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok();
    if !body["start"].as_str().is_some_and(is_utc) {
        return Err(refuse("start must be a time in UTC"));
    }
    if body["eventTypeId"].as_i64().is_none() {
        return Err(refuse("eventTypeId must be a number"));
    }
    let attendee = &body["attendee"];
    let is_text = |key: &str| attendee[key].as_str().is_some_and(|text| !text.is_empty());
    if !is_text("name") || !is_text("timeZone") {
        return Err(refuse("attendee needs name and timeZone"));
    }
    let fits = |(key, value): (&String, &Value)| {
        key.chars().count() <= 40 && value.as_str().is_some_and(|text| text.chars().count() <= 500)
    };
    let metadata = body["metadata"].as_object();
    if metadata.is_some_and(|pairs| pairs.len() > 50 || !pairs.iter().all(fits)) {
        return Err(refuse("metadata has at most 50 pairs, keys of 40 and values of 500 characters"));
    }
    let email = attendee["email"].as_str().filter(|email| email.contains('@'));
    let email = email.ok_or_else(|| refuse("attendee.email must be an address"))?;
    Ok((email.to_owned(), body["metadata"]["countersign_activity_id"].as_str().map(str::to_owned)))
}

fn list(query: &str) -> Act {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = move |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Act::Look(Box::new(move |entries| {
        let bookings: Vec<Value> = entries
            .iter()
            .filter(|entry| entry.provider.as_deref() == Some("calcom"))
            .map(shown)
            .filter(|booking| {
                let is = |wanted: Option<String>, given: &Value| {
                    wanted.is_none_or(|wanted| {
                        given.as_str().is_some_and(|given| given.eq_ignore_ascii_case(&wanted))
                    })
                };
                is(value("attendeeEmail"), &booking["attendees"][0]["email"])
                    && value("eventTypeId")
                        .is_none_or(|id| booking["eventTypeId"].as_i64() == id.parse().ok())
            })
            .collect();
        Answer::json(200, &json!({ "status": "success", "data": bookings }))
    }))
}

fn shown(entry: &Entry) -> Value {
    let asked: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    json!({
        "uid": entry.id, "status": "accepted", "start": asked["start"], "eventTypeId": asked["eventTypeId"],
        "metadata": asked["metadata"], "attendees": [asked["attendee"]], "createdAt": entry.at,
    })
}

/// An error in the provider's form.
fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({
            "status": "error", "timestamp": "2026-11-25T09:00:00.000Z", "path": "/v2/bookings",
            "error": { "code": code, "message": message, "details": {} },
        }),
    )
}
