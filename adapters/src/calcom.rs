//! Bookings through Cal.com.
//!
//! Puts a booking into the form of `POST /v2/bookings` and says what an answer proves. A booking is a send: Cal.com mails the attendee.
//! Pure: the transport moves the bytes.
mod guide;
mod interpret;
mod listing;
mod lookup;
mod render;
mod settings;
pub(crate) mod webhook;

use std::time::Duration;

use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, List, Listed, Lookup, Message, Probe, ProviderSettings,
    Reading, RenderError, Request, Response, Setting, Window,
};
use countersign_core::secret::SecretText;

use crate::credential::bearer;

/// The contract this adapter was written for. Another value silently selects another contract, an absent one the oldest.
const VERSION: &str = "2024-08-13";

/// The header that selects a contract.
const VERSION_HEADER: &str = "cal-api-version";

/// The pair of metadata by which a booking of ours is recognised.
const ACTIVITY_KEY: &str = "countersign_activity_id";

/// The adapter of bookings.
#[derive(Clone, Debug)]
pub struct Calcom {
    version: String,
}

impl Calcom {
    /// The adapter for that version of the API; without one, the one it was written for.
    #[must_use]
    pub fn new(version: Option<&str>) -> Self {
        Self { version: version.unwrap_or(VERSION).to_owned() }
    }
}

impl Channel for Calcom {
    fn name(&self) -> ChannelName {
        ChannelName::CalCom
    }

    fn renderer(&self) -> &'static str {
        "calcom/1"
    }

    fn keeps_keys_for(&self) -> Option<Duration> {
        None
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn guide(&self) -> &'static Guide {
        &guide::GUIDE
    }

    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError> {
        render::render(message, &self.version)
    }

    fn wire_headers(&self, credential: &SecretText, _idempotency_key: &str) -> Result<Vec<Header>, String> {
        Ok(vec![bearer(credential)])
    }

    fn asks_about_past(&self) -> bool {
        true
    }

    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading {
        interpret::interpret(asked.past.may_be_accepted, response).into()
    }

    fn knows(&self, code: &str) -> bool {
        interpret::knows(code)
    }

    fn lookup(&self, case: &Case<'_>) -> Lookup {
        lookup::first(case, &self.version)
    }

    fn found(&self, case: &Case<'_>, _asked: &Request, response: &Response) -> Lookup {
        Lookup::Found(lookup::found(case, response))
    }

    fn probe(&self, _settings: &ProviderSettings) -> Result<Request, RenderError> {
        Ok(Request::get("/v2/me"))
    }

    fn probed(&self, response: &Response) -> Probe {
        lookup::probed(response)
    }

    fn lists(&self) -> &'static [List] {
        listing::LISTS
    }

    fn list(&self, _list: &List, window: &Window<'_>) -> Result<Request, RenderError> {
        Ok(listing::list(window, &self.version))
    }

    fn listed(&self, _list: &List, window: &Window<'_>, response: &Response) -> Listed {
        listing::listed(window, response)
    }
}
