//! Direct messages and posts through the Instagram Graph API.
//!
//! A message is one request and has no second chance: the provider keeps no keys and lists nothing. A post takes two attempts: the
//! first looks at the picture and makes a container, which publishes nothing; the next one asks how the container is and publishes it. The container is what
//! is remembered between them, so that a post whose end nobody knows can be looked up.
mod code;
mod container;
mod event;
mod guide;
mod interpret;
mod lookup;
mod picture;
mod render;
mod settings;
pub(crate) mod webhook;

use std::time::Duration;

use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, Lookup, Message, Past, Probe, ProviderSettings,
    Reading, RenderError, Request, Response, Setting,
};
use countersign_core::secret::SecretText;

use crate::credential::bearer;

/// The version of the API this was written for; the provider answers it until 2028-07-29.
const VERSION: &str = "v25.0";

/// The adapter of Instagram.
#[derive(Clone, Debug)]
pub struct Instagram {
    version: String,
}

impl Instagram {
    /// Speaks that version of the API, or the one it was written for.
    #[must_use]
    pub fn new(version: Option<&str>) -> Self {
        Self { version: version.unwrap_or(VERSION).to_owned() }
    }
}

impl Channel for Instagram {
    fn name(&self) -> ChannelName {
        ChannelName::Instagram
    }

    fn renderer(&self) -> &'static str {
        "instagram/1"
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
        render::render(&self.version, message)
    }

    fn wire_headers(&self, credential: &SecretText, _idempotency_key: &str) -> Result<Vec<Header>, String> {
        Ok(vec![bearer(credential)])
    }

    fn asks_about_past(&self) -> bool {
        true
    }

    fn first(&self, approved: &Request, past: &Past) -> Request {
        container::first(approved, past)
    }

    /// A question, and a container that nobody has published.
    fn is_harmless(&self, request: &Request) -> bool {
        !matches!(container::Step::of(request), container::Step::Message | container::Step::Publish)
    }

    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading {
        interpret::interpret(asked, response)
    }

    fn knows(&self, code: &str) -> bool {
        code::knows(code)
    }

    fn lookup(&self, case: &Case<'_>) -> Lookup {
        lookup::first(case)
    }

    fn found(&self, case: &Case<'_>, _asked: &Request, response: &Response) -> Lookup {
        Lookup::Found(lookup::found(case, response))
    }

    fn probe(&self, settings: &ProviderSettings) -> Result<Request, RenderError> {
        let id = render::account(settings)?;
        Ok(Request::get(format!("/{}/{id}?fields=username", self.version)))
    }

    fn probed(&self, response: &Response) -> Probe {
        lookup::probed(response)
    }
}
