//! The port between the dispatcher and a provider: what a channel must be able to say about a message, and what a call proved.
//!
//! A [`Channel`] is pure: it renders a payload into a request and interprets the answer. A [`Transport`] moves bytes and decides
//! nothing. Only the dispatcher holds both, so nothing else can send.
pub mod guide;
pub mod listing;
pub mod lookup;
pub mod message;
pub mod outcome;
pub mod request;
pub mod step;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::guide::Guide;
pub use self::listing::{List, Listed, Window};
pub use self::lookup::{Case, Finding, Lookup, Probe};
pub use self::message::{Files, Message, ProviderSettings, RenderError, Setting};
pub use self::outcome::{Broken, Outcome, Replay};
pub use self::request::{Call, Header, Host, Request, Response};
pub use self::step::{Asked, Past, Reading};
use crate::secret::SecretText;

/// The channels the product knows, whether or not an adapter exists.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelName {
    /// Electronic mail.
    Email,
    /// Bookings through Cal.com.
    CalCom,
    /// Posts, comments and messages on LinkedIn.
    Linkedin,
    /// WhatsApp messages through Twilio.
    Whatsapp,
    /// Direct messages and posts on Instagram.
    Instagram,
    /// Everything but the wire.
    DryRun,
}

impl ChannelName {
    /// Every channel, in the order of the documentation.
    pub const ALL: &[Self] =
        &[Self::Email, Self::CalCom, Self::Linkedin, Self::Whatsapp, Self::Instagram, Self::DryRun];

    /// The word used in SQL, in the API and in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::CalCom => "cal-com",
            Self::Linkedin => "linkedin",
            Self::Whatsapp => "whatsapp",
            Self::Instagram => "instagram",
            Self::DryRun => "dry-run",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == word)
    }

    /// How long a decision can be taken back before the dispatcher may act on it: 30 s for mail, bookings and posts, 10 s for chat.
    #[must_use]
    pub fn default_undo_window(self) -> Duration {
        match self {
            Self::Whatsapp | Self::Instagram => Duration::from_secs(10),
            _ => Duration::from_secs(30),
        }
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the dispatcher must know of a provider. Pure: no clock, no I/O.
pub trait Channel: Send + Sync {
    /// Which channel this serves.
    fn name(&self) -> ChannelName;

    /// Name and version of the renderer, stored with what it rendered (`resend/1`).
    fn renderer(&self) -> &'static str;

    /// For how long after the first attempt the provider recognises a repeated idempotency key; `None` if it keeps none.
    fn keeps_keys_for(&self) -> Option<Duration>;

    /// Whether an accepted message really left. Only the dry-run adapter says no.
    fn reaches_people(&self) -> bool {
        true
    }

    /// The provider settings that an outbox of this channel has.
    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    /// The rules of the channel, for people.
    fn guide(&self) -> &'static Guide;

    /// Puts the message into the provider's form. Called once, when the draft is filed; the result is what is approved and sent.
    ///
    /// # Errors
    /// Names the payload field that cannot be sent this way, or the outbox where a setting is missing.
    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError>;

    /// The headers that are added at the wire and never stored: the credential and the idempotency key.
    ///
    /// # Errors
    /// Says how the credential has to be written, without repeating it.
    fn wire_headers(&self, credential: &SecretText, idempotency_key: &str) -> Result<Vec<Header>, String>;

    /// Whether earlier attempts decide what is asked, or what an answer means.
    fn asks_about_past(&self) -> bool {
        false
    }

    /// The first request of an attempt: the approved one, or what follows from what earlier attempts left behind.
    fn first(&self, approved: &Request, _past: &Past) -> Request {
        approved.clone()
    }

    /// Whether a request reaches nobody even if the provider took it, so that one without an answer proves nothing was sent. Such
    /// requests are made before a message is on the wire.
    fn is_harmless(&self, _request: &Request) -> bool {
        false
    }

    /// Says what the answer proves.
    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading;

    /// Whether the provider's code of an outcome is one this adapter was written for. Others are handled by their HTTP status.
    fn knows(&self, code: &str) -> bool;

    /// Whether a refusal with this code says that the recipient does not want to be written to.
    fn opts_out(&self, _code: &str) -> bool {
        false
    }

    /// How to find out what became of a message.
    fn lookup(&self, case: &Case<'_>) -> Lookup;

    /// What an answer to a question of [`Channel::lookup`] says.
    fn found(&self, case: &Case<'_>, asked: &Request, response: &Response) -> Lookup;

    /// The cheapest request that shows whether a credential is taken.
    ///
    /// # Errors
    /// Names the setting that is missing.
    fn probe(&self, settings: &ProviderSettings) -> Result<Request, RenderError>;

    /// What the answer to that says.
    fn probed(&self, response: &Response) -> Probe;

    /// The lists in which it keeps what its webhooks tell. A channel without any is told by webhooks alone.
    fn lists(&self) -> &'static [List] {
        &[]
    }

    /// Asks for a page of one of its lists.
    ///
    /// # Errors
    /// Names the setting that is missing.
    fn list(&self, _list: &List, _window: &Window<'_>) -> Result<Request, RenderError> {
        Err(RenderError::new("list", "this channel keeps none"))
    }

    /// Reads a page of one of its lists.
    fn listed(&self, _list: &List, _window: &Window<'_>, _response: &Response) -> Listed {
        Listed::Shut { why: "this channel keeps no list".to_owned() }
    }
}

/// A boxed future, so that transports can be held as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Moves one call to a provider and brings back what it answered. Never repeats, never redirects, always ends in time.
pub trait Transport: Send + Sync {
    /// Performs the call.
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>>;
}

/// A channel with the transport that carries it.
#[derive(Clone)]
pub struct Line {
    /// Renders and interprets.
    pub channel: Arc<dyn Channel>,
    /// Moves bytes.
    pub transport: Arc<dyn Transport>,
}

/// Every line this process can use. Companies marked `sandbox` only ever get the sandbox lines.
#[derive(Clone, Default)]
pub struct Lines {
    live: HashMap<ChannelName, Line>,
    sandbox: HashMap<ChannelName, Line>,
    dry_run: Option<Line>,
}

impl Lines {
    /// Starts without any line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line for ordinary companies.
    #[must_use]
    pub fn with_live(mut self, line: Line) -> Self {
        self.live.insert(line.channel.name(), line);
        self
    }

    /// Adds a line for companies marked `sandbox`.
    #[must_use]
    pub fn with_sandbox(mut self, line: Line) -> Self {
        self.sandbox.insert(line.channel.name(), line);
        self
    }

    /// Sends everything, whatever the channel, into this line instead (`AIMETIER_CRM_DRY_RUN`). The gates do not change.
    #[must_use]
    pub fn with_dry_run(mut self, line: Line) -> Self {
        self.dry_run = Some(line);
        self
    }

    /// Whether everything goes into the dry-run line.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run.is_some()
    }

    /// The adapter that renders drafts of a channel, if there is one. Rendering never depends on dry-run or sandbox.
    #[must_use]
    pub fn renderer(&self, name: ChannelName) -> Option<&Arc<dyn Channel>> {
        self.live.get(&name).or_else(|| self.sandbox.get(&name)).map(|line| &line.channel)
    }

    /// The line a message would travel, if there is one.
    #[must_use]
    pub fn line(&self, name: ChannelName, company_is_sandbox: bool) -> Option<&Line> {
        if let Some(line) = &self.dry_run {
            return Some(line);
        }
        if company_is_sandbox { self.sandbox.get(&name) } else { self.live.get(&name) }
    }
}
