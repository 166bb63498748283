//! The list of Twilio: every message of the account, in and out, by the day.
use countersign_core::channel::{List, Listed, RenderError, Request, Response, Window};
use countersign_core::inbound::event::Event;
use countersign_core::inbound::provider::Provider;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::event;
use super::interpret::{Said, is_message};
use super::render::path;
use super::settings::ACCOUNT;
use crate::listing::{formless, refused};
use crate::wait::date;

/// Messages a page; so many of the longest stay below the largest answer that is read.
const PAGE: &str = "50";

/// The list is narrowed by days, in UTC.
pub(super) const LISTS: &[List] =
    &[List { name: "messages", provider: Provider::Twilio, overlap: SignedDuration::from_hours(24) }];

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    next_page_uri: Option<String>,
    messages: Vec<Value>,
}

pub(super) fn list(window: &Window<'_>) -> Result<Request, RenderError> {
    let path = path(window.settings.require(ACCOUNT)?);
    if let Some(place) = window.place {
        return Ok(Request::get(format!("{path}?{place}")));
    }
    let day = window.since.to_zoned(TimeZone::UTC).date().to_string();
    let mut query = Serializer::new(String::new());
    query.append_pair("DateSent>", &day).append_pair("PageSize", PAGE);
    Ok(Request::get(format!("{path}?{}", query.finish())))
}

pub(super) fn listed(window: &Window<'_>, response: &Response) -> Listed {
    if response.status != 200 {
        return refused(response, &Said::read(response).detail);
    }
    let Ok(page) = serde_json::from_slice::<Page>(&response.body) else { return formless(response) };
    // Only pages of this list are read, whatever an answer names as the next one.
    let here = window.settings.require(ACCOUNT).map(path).unwrap_or_default();
    let next =
        page.next_page_uri.as_deref().and_then(|next| next.strip_prefix(here.as_str())?.strip_prefix('?'));
    Listed::Page { events: page.messages.iter().filter_map(told).collect(), next: next.map(str::to_owned) }
}

/// A message in the words of the webhook that tells it. The list calls a message that came in by its direction.
fn told(message: &Value) -> Option<Event> {
    let sid = message["sid"].as_str().filter(|sid| is_message(sid))?;
    let is_whatsapp =
        |side: &str| message[side].as_str().is_some_and(|number| number.starts_with("whatsapp:"));
    if !is_whatsapp("from") && !is_whatsapp("to") {
        return None;
    }
    let is_inbound = message["direction"].as_str() == Some("inbound");
    let status = if is_inbound { "received" } else { message["status"].as_str()? };
    let said = json!({
        "MessageSid": sid, "MessageStatus": status, "From": message["from"], "To": message["to"], "Body": message["body"],
        "ErrorCode": message["error_code"], "ErrorMessage": message["error_message"],
    });
    let mut event = event::read(false, said.to_string().as_bytes());
    let sent = ["date_sent", "date_created"].iter().find_map(|name| message[*name].as_str());
    // When a message of ours reached somebody is not said.
    event.occurred_at = sent.filter(|_| is_inbound).and_then(date);
    Some(event)
}
