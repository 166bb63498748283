//! What became of a WhatsApp message: the provider lists what it took for a number, with the words of each.
//!
//! The list cannot be narrowed to the time of a fresh message (`DateSent` is empty until it left), so it is read by its two numbers
//! and compared by the time it was made and by its words. That a message is not listed proves nothing.
use countersign_core::activity::payload::{Parts, Payload};
use countersign_core::channel::{
    Case, Finding, Lookup, Probe, ProviderSettings, RenderError, Request, Response,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::form_urlencoded::{self, Serializer};

use super::interpret::{Said, is_message};
use super::render::path;
use super::settings::{ACCOUNT, SETTINGS};
use crate::answer::without_form;
use crate::settings;
use crate::text::bounded;
use crate::wait::date;

/// Messages a page; so many of the longest stay below the largest answer that is read.
const PAGE: &str = "50";

/// Clocks of provider and database may differ by this much.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    next_page_uri: Option<String>,
    messages: Vec<Taken>,
}

#[derive(Deserialize)]
struct Taken {
    sid: String,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    messaging_service_sid: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error_code: Option<i64>,
    date_created: String,
}

/// The fields of the approved form by which a message is recognised.
struct Sought {
    to: String,
    from: Option<String>,
    service: Option<String>,
}

impl Sought {
    fn read(approved: &Request) -> Option<Self> {
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(approved.body.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        Some(Self { to: field("To")?, from: field("From"), service: field("MessagingServiceSid") })
    }

    fn is(&self, taken: &Taken) -> bool {
        // A service chooses the number, perhaps later; without one the number was ours to name.
        let is_sender = match &self.service {
            Some(_) => taken.messaging_service_sid == self.service,
            None => taken.from == self.from,
        };
        taken.to.as_deref() == Some(self.to.as_str()) && is_sender && is_message(&taken.sid)
    }
}

pub(super) fn first(case: &Case<'_>) -> Lookup {
    let Some(sought) = Sought::read(case.approved) else {
        return Lookup::Found(Finding::Impossible {
            why: "the approved request names no recipient".to_owned(),
        });
    };
    let mut query = Serializer::new(String::new());
    query.append_pair("To", &sought.to);
    if let Some(from) = &sought.from {
        query.append_pair("From", from);
    }
    query.append_pair("PageSize", PAGE);
    Lookup::Ask(Request::get(format!("{}?{}", case.approved.path, query.finish())))
}

pub(super) fn found(case: &Case<'_>, response: &Response) -> Lookup {
    if response.status != 200 {
        let detail = Said::read(response).detail;
        return Lookup::Found(Finding::Unclear { why: format!("{}: {detail}", response.status) });
    }
    let (Ok(page), Some(sought)) =
        (serde_json::from_slice::<Listed>(&response.body), Sought::read(case.approved))
    else {
        return Lookup::Found(Finding::Unclear { why: without_form(response) });
    };
    let since = case.first_wire_at.saturating_sub(TOLERANCE).unwrap_or(Timestamp::MIN);
    let is_fresh = |taken: &&Taken| date(&taken.date_created).is_some_and(|at| at >= since);
    let is_past = |taken: &Taken| date(&taken.date_created).is_some_and(|at| at < since);
    let ours = || page.messages.iter().filter(is_fresh).filter(|taken| sought.is(taken));
    if let Some(taken) = ours().find(|taken| has_words(taken, case.payload)) {
        return Lookup::Found(sent(taken));
    }
    if let (Some(taken), true) = (ours().next(), is_template(case.payload)) {
        return Lookup::Found(Finding::Unclear {
            why: format!(
                "it took a message to this number at {}, but with other words than the template was shown with ({})",
                taken.date_created, taken.sid
            ),
        });
    }
    // The newest come first, though not to the second: only a page of nothing but older messages ends the search early.
    match page.next_page_uri.filter(|_| !page.messages.iter().all(is_past)) {
        // Only pages of this list are read, whatever an answer names as the next one.
        Some(next) if next.strip_prefix(&case.approved.path).is_some_and(|rest| rest.starts_with('?')) => {
            Lookup::Ask(Request::get(next))
        }
        Some(_) => Lookup::Found(Finding::Unclear { why: "the list goes on at another place".to_owned() }),
        None => Lookup::Found(Finding::Absent {
            why: format!("no message with these words among those it took for this number since {since:.0}"),
        }),
    }
}

fn has_words(taken: &Taken, payload: &Payload) -> bool {
    let lines = |text: &str| text.trim().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    taken.body.as_deref().is_some_and(|body| lines(body) == lines(payload.parts.text()))
}

fn is_template(payload: &Payload) -> bool {
    matches!(&payload.parts, Parts::Whatsapp { template: Some(_), .. })
}

fn sent(taken: &Taken) -> Finding {
    let status = bounded(taken.status.as_deref().unwrap_or("unknown"), 40);
    let error = taken.error_code.map(|code| format!(", error {code}")).unwrap_or_default();
    Finding::Sent {
        provider_ref: Some(taken.sid.clone()),
        why: format!(
            "the provider took this message at {}; its status there is {status}{error}",
            bounded(&taken.date_created, 40)
        ),
    }
}

/// One message of the account: an API key may read messages, but often not the account itself.
pub(super) fn probe(provider: &ProviderSettings) -> Result<Request, RenderError> {
    settings::check(provider, SETTINGS)?;
    Ok(Request::get(format!("{}?PageSize=1", path(provider.require(ACCOUNT)?))))
}

pub(super) fn probed(response: &Response) -> Probe {
    let said = Said::read(response);
    match (response.status, said.code) {
        (200, _) if serde_json::from_slice::<Listed>(&response.body).is_ok() => {
            Probe::Works { says: "the credential reads the messages of the account".to_owned() }
        }
        // Of an account that the credential knows nothing of, the provider says that it is not there.
        (401 | 403, _) | (404, Some(_)) => Probe::Refused { says: said.detail },
        (status, _) => Probe::Unclear { says: format!("{status}: {}", said.detail) },
    }
}

#[cfg(test)]
mod tests;
