//! The providers: one file or folder each, the HTTP transport they share, and the sandbox provider.
//!
//! An adapter renders a payload and interprets an answer; it has no clock and does no I/O, so every one of them is tested by
//! table. Only [`http`] talks to the network, and only the dispatcher of `countersign-core` holds an adapter together with a
//! transport, so nothing else can send. What providers send by themselves is proven and read as purely.
mod answer;
pub mod calcom;
mod calendly;
mod class;
mod credential;
pub mod dry_run;
mod hook;
pub mod http;
pub mod instagram;
pub mod linkedin;
mod listing;
pub mod resend;
#[cfg(test)]
mod samples;
pub mod sandbox;
mod settings;
mod text;
pub mod twilio;
mod version;
mod wait;

/// Codes of outcomes that are no provider's.
const OUR_CODES: &[&str] = &[
    "adapter_fault",
    "credential_malformed",
    "late",
    "no-id",
    "no_answer",
    "not_sent",
    "picture-changed",
    "picture-gone",
    "picture-unusable",
    "posts-used-up",
    "prepared",
    "template-changed",
    "template-gone",
    "template-not-approved",
    "template-paused",
    "unfinished",
    "unreachable",
    "unreadable-answer",
    "worker_lost",
];

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::channel::{Channel, ChannelName, Line, Lines};
use countersign_core::inbound::provider::{Provider, Webhook};

use crate::calcom::Calcom;
use crate::dry_run::{DryRun, DryRunTransport};
use crate::http::{BaseUrl, BaseUrlError, HttpTransport};
use crate::instagram::Instagram;
use crate::linkedin::Linkedin;
use crate::resend::Resend;
use crate::twilio::Twilio;

/// Where the provider of a channel is reached; comes from local configuration only, never from the database or the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The channel.
    pub channel: ChannelName,
    /// Its host.
    pub base: BaseUrl,
    /// The host of its templates, where that is another one.
    pub templates: Option<BaseUrl>,
    /// The version of its API, where there is more than one; absent for the one its adapter was written for.
    pub version: Option<String>,
}

/// What configuration says of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Where its requests go.
    pub base_url: Option<&'a str>,
    /// Where its templates are read.
    pub templates_base_url: Option<&'a str>,
    /// The version of its API.
    pub version: Option<&'a str>,
}

/// A channel that is configured in a way that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReachedError {
    /// Its base URL.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// Its version.
    #[error("channels.{channel}.api_version: {fix}")]
    Version {
        /// The channel.
        channel: ChannelName,
        /// What would be right.
        fix: String,
    },
    /// A host of templates for a channel that reads none elsewhere.
    #[error("channels.{0}.templates_base_url: this channel reads no templates; remove it")]
    NoTemplates(ChannelName),
    /// A channel that no provider serves.
    #[error("channels.{0}: this channel has no provider; remove it")]
    NoProvider(ChannelName),
}

impl Reached {
    /// Reads what configuration says of a channel; what is absent is pinned. Who leads a channel elsewhere leads its templates there
    /// too, unless told otherwise: one provider is one place.
    ///
    /// # Errors
    /// Names the key and the fix.
    pub fn read(channel: ChannelName, given: Given<'_>) -> Result<Self, ReachedError> {
        let pinned = BaseUrl::pinned_templates(channel);
        let templates = match (given.templates_base_url, given.base_url) {
            (Some(_), _) if pinned.is_none() => return Err(ReachedError::NoTemplates(channel)),
            (Some(text), _) => {
                let key = format!("channels.{channel}.templates_base_url");
                Some(BaseUrl::parse_templates(channel, text, &key)?)
            }
            (None, Some(_)) => None,
            (None, None) => pinned,
        };
        let base = match given.base_url {
            Some(text) => BaseUrl::parse(channel, text, &format!("channels.{channel}.base_url"))?,
            None => BaseUrl::pinned(channel).ok_or(ReachedError::NoProvider(channel))?,
        };
        if let Some(version) = given.version {
            version::check(channel, version).map_err(|fix| ReachedError::Version { channel, fix })?;
        }
        Ok(Self { channel, base, templates, version: given.version.map(str::to_owned) })
    }

    /// The same channel at its pinned host.
    #[must_use]
    pub fn pinned(channel: ChannelName) -> Option<Self> {
        let (base, templates) = (BaseUrl::pinned(channel)?, BaseUrl::pinned_templates(channel));
        Some(Self { channel, base, templates, version: None })
    }
}

/// Where each line leads.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The providers of ordinary companies.
    pub channels: Vec<Reached>,
    /// The sandbox provider that companies marked `sandbox` are served by, when one runs.
    pub sandbox: Option<SocketAddr>,
    /// Sends everything into the dry-run line, whatever the channel. The gates do not change.
    pub dry_run: bool,
}

/// Builds every line this process can use. Opens no connection.
///
/// # Errors
/// When the address of the sandbox is not a loopback address.
pub fn lines(settings: &Settings) -> Result<Lines, BaseUrlError> {
    let dry_run = Line { channel: Arc::new(DryRun), transport: Arc::new(DryRunTransport) };
    let mut lines = Lines::new().with_live(dry_run.clone()).with_sandbox(dry_run.clone());
    for reached in &settings.channels {
        let Some(channel) = adapter(reached) else { continue };
        let line = |transport| Line { channel: Arc::clone(&channel), transport: Arc::new(transport) };
        let live = HttpTransport::new(reached.base.clone()).with_templates(reached.templates.clone());
        lines = lines.with_live(line(live));
        if let Some(addr) = settings.sandbox {
            lines = lines.with_sandbox(line(HttpTransport::new(BaseUrl::loopback(addr)?)));
        }
    }
    if settings.dry_run {
        lines = lines.with_dry_run(dry_run);
    }
    Ok(lines)
}

/// The adapter of a channel. A new channel is one more line here, and a folder.
#[must_use]
pub fn adapter(reached: &Reached) -> Option<Arc<dyn Channel>> {
    Some(match reached.channel {
        ChannelName::Email => Arc::new(Resend),
        ChannelName::CalCom => Arc::new(Calcom::new(reached.version.as_deref())),
        ChannelName::Instagram => Arc::new(Instagram::new(reached.version.as_deref())),
        ChannelName::Linkedin => Arc::new(Linkedin::new(reached.version.as_deref())),
        ChannelName::Whatsapp => Arc::new(Twilio),
        _ => return None,
    })
}

/// How deliveries of a provider are proven and read.
#[must_use]
pub fn webhook(provider: Provider) -> &'static dyn Webhook {
    match provider {
        Provider::Resend => &resend::webhook::Hook,
        Provider::Twilio => &twilio::webhook::Hook,
        Provider::CalCom => &calcom::webhook::Hook,
        Provider::Calendly => &calendly::webhook::Hook,
        Provider::Linkedin => &linkedin::webhook::Hook,
        Provider::Instagram => &instagram::webhook::Hook,
    }
}
