//! Posts, comments and messages through LinkedIn.
//!
//! Puts them into the form of the versioned REST API and says what an answer proves. LinkedIn keeps no idempotency keys, but refuses
//! a post whose words it has and names the earlier one: that is read as its acceptance if an attempt of ours may have made it.
mod guide;
mod interpret;
mod lookup;
mod render;
mod settings;
pub(crate) mod webhook;

use std::time::Duration;

use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, Lookup, Message, Probe, ProviderSettings, Reading,
    RenderError, Request, Response, Setting,
};
use countersign_core::secret::SecretText;

use crate::credential::bearer;

/// The version of the API this was written for, by its month. The provider refuses one after about a year.
const VERSION: &str = "202607";

/// The adapter of LinkedIn.
#[derive(Clone, Debug)]
pub struct Linkedin {
    version: String,
}

impl Linkedin {
    /// Speaks that version of the API, or the one it was written for.
    #[must_use]
    pub fn new(version: Option<&str>) -> Self {
        Self { version: version.unwrap_or(VERSION).to_owned() }
    }

    /// What every request carries.
    fn versioned(&self, request: Request) -> Request {
        request
            .with_header("linkedin-version", self.version.as_str())
            .with_header("x-restli-protocol-version", "2.0.0")
    }
}

impl Channel for Linkedin {
    fn name(&self) -> ChannelName {
        ChannelName::Linkedin
    }

    fn renderer(&self) -> &'static str {
        "linkedin/1"
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
        Ok(self.versioned(render::render(message)?))
    }

    fn wire_headers(&self, credential: &SecretText, _idempotency_key: &str) -> Result<Vec<Header>, String> {
        Ok(vec![bearer(credential)])
    }

    fn asks_about_past(&self) -> bool {
        true
    }

    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading {
        interpret::interpret(asked, response).into()
    }

    fn knows(&self, code: &str) -> bool {
        interpret::knows(code)
    }

    fn lookup(&self, case: &Case<'_>) -> Lookup {
        lookup::lookup(case)
    }

    fn found(&self, case: &Case<'_>, _asked: &Request, _response: &Response) -> Lookup {
        lookup::lookup(case)
    }

    fn probe(&self, _settings: &ProviderSettings) -> Result<Request, RenderError> {
        Ok(self.versioned(Request::get("/v2/userinfo")))
    }

    fn probed(&self, response: &Response) -> Probe {
        lookup::probed(response)
    }
}
