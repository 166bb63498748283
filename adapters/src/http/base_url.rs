//! The base URL of a provider: pinned in code, or overridden by local configuration within narrow limits.
//!
//! Checks what is written. What a name resolves to is checked when a connection is made, in `client`.
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use countersign_core::channel::ChannelName;
use reqwest::Url;

use super::address::is_public;
use crate::text::bounded;

/// Which addresses a transport may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Hosts on the open internet only.
    Public,
    /// This machine only.
    Loopback,
}

/// Scheme, host and port a provider is reached at. Requests bring their own path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    host_label: String,
    reach: Reach,
}

/// A base URL that configuration may not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source_key}: {problem}; {fix}")]
pub struct BaseUrlError {
    /// The configuration key, and where it was read, as the caller named it.
    pub source_key: String,
    /// What is wrong with the value.
    pub problem: BaseUrlProblem,
    fix: String,
}

/// What is wrong with a base URL. Never quotes a part that may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlProblem {
    /// Not a URL, or one that different readers understand differently.
    #[error("the base URL is not a plain URL")]
    NotAUrl,
    /// Something other than `https` or `http`.
    #[error("the base URL does not begin with https://")]
    Scheme,
    /// A user name, a password, or both.
    #[error("the base URL carries a user name or password")]
    Userinfo,
    /// More than scheme, host and port.
    #[error("the base URL has a path, query or fragment")]
    TooMuch,
    /// An address in a spelling other than the usual one; the usual one may be another host than a reader expects.
    #[error("the host of the base URL is an unusual spelling of {0}")]
    Spelling(String),
    /// `http` to another machine.
    #[error("the base URL sends credentials to {0} without encryption")]
    Unencrypted(String),
    /// `https` to this machine.
    #[error("the base URL uses https for the loopback host {0}")]
    EncryptedLoopback(String),
    /// A private, link-local or otherwise inside address.
    #[error("the address {0} is not a public one")]
    InsideAddress(IpAddr),
    /// A name that only means something inside a network.
    #[error("the host name {0} is not a public one")]
    InsideName(String),
    /// The sandbox was told to be somewhere else than on this machine.
    #[error("the address {0} is not a loopback address")]
    NotLoopback(SocketAddr),
}

/// Last labels that never lead to the open internet.
const INSIDE_SUFFIXES: &[&str] = &["localhost", "local", "internal", "lan", "intranet", "home.arpa"];

impl BaseUrl {
    /// The host this product pins for the channel; `None` while the channel has no adapter.
    #[must_use]
    pub fn pinned(channel: ChannelName) -> Option<Self> {
        pinned_host(channel).map(Self::public)
    }

    /// The host this product pins for the templates of the channel, where they have one of their own.
    #[must_use]
    pub fn pinned_templates(channel: ChannelName) -> Option<Self> {
        pinned_templates_host(channel).map(Self::public)
    }

    fn public(host: &str) -> Self {
        Self { origin: format!("https://{host}"), host_label: host.to_owned(), reach: Reach::Public }
    }

    /// Reads an override. `source` names the configuration key and is repeated in the error.
    ///
    /// `https` with a public host is allowed, and `http` for this machine (127.0.0.0/8, `[::1]`, `localhost`).
    ///
    /// # Errors
    /// Names the problem of the value, the key, and the fix.
    pub fn parse(channel: ChannelName, text: &str, source: &str) -> Result<Self, BaseUrlError> {
        Self::parse_for(pinned_host(channel), text, source)
    }

    /// The same of the templates of the channel.
    ///
    /// # Errors
    /// Names the problem of the value, the key, and the fix.
    pub fn parse_templates(channel: ChannelName, text: &str, source: &str) -> Result<Self, BaseUrlError> {
        Self::parse_for(pinned_templates_host(channel), text, source)
    }

    fn parse_for(pinned: Option<&str>, text: &str, source: &str) -> Result<Self, BaseUrlError> {
        read(text).map_err(|problem| BaseUrlError {
            source_key: source.to_owned(),
            fix: fix(pinned, &problem),
            problem,
        })
    }

    /// A place on the open internet that a message names, by scheme and host; never one on this machine or inside a network.
    pub(super) fn web(origin: &str) -> Result<Self, BaseUrlProblem> {
        let base = read(origin)?;
        match base.reach {
            Reach::Public => Ok(base),
            Reach::Loopback => Err(BaseUrlProblem::InsideName(base.host_label)),
        }
    }

    /// The base URL of a server on this machine.
    ///
    /// # Errors
    /// When the address is not a loopback address.
    pub fn loopback(addr: SocketAddr) -> Result<Self, BaseUrlError> {
        if !addr.ip().is_loopback() {
            return Err(BaseUrlError {
                source_key: "sandbox".to_owned(),
                problem: BaseUrlProblem::NotLoopback(addr),
                fix: "use 127.0.0.1 or [::1]".to_owned(),
            });
        }
        Ok(Self { origin: format!("http://{addr}"), host_label: addr.to_string(), reach: Reach::Loopback })
    }

    /// Whether messages stay on this machine; the console says so in a banner.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.reach == Reach::Loopback
    }

    /// Host, and port where one is written, for people.
    #[must_use]
    pub fn host_label(&self) -> &str {
        &self.host_label
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// Puts a path behind the host; the host cannot change through it, since a path begins with `/`.
    pub(super) fn join(&self, path: &str) -> Option<Url> {
        path.starts_with('/').then(|| Url::parse(&format!("{}{path}", self.origin)).ok()).flatten()
    }

    #[cfg(test)]
    pub(super) fn unchecked(origin: &str, reach: Reach) -> Self {
        Self { origin: origin.to_owned(), host_label: origin.to_owned(), reach }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

fn pinned_host(channel: ChannelName) -> Option<&'static str> {
    Some(match channel {
        ChannelName::Email => "api.resend.com",
        ChannelName::CalCom => "api.cal.com",
        ChannelName::Linkedin => "api.linkedin.com",
        ChannelName::Whatsapp => "api.twilio.com",
        ChannelName::Instagram => "graph.instagram.com",
        ChannelName::DryRun => return None,
    })
}

fn pinned_templates_host(channel: ChannelName) -> Option<&'static str> {
    (channel == ChannelName::Whatsapp).then_some("content.twilio.com")
}

fn fix(pinned: Option<&str>, problem: &BaseUrlProblem) -> String {
    use BaseUrlProblem as P;
    let advice = match problem {
        P::NotAUrl | P::Scheme => "write https:// and a host",
        P::Userinfo => "write only https:// and the host, the credential belongs in a secret",
        P::TooMuch => "write only https:// and the host",
        P::Spelling(_) => "write the host the usual way",
        P::Unencrypted(_) => "write https, http is for 127.0.0.1, [::1] and localhost",
        P::EncryptedLoopback(_) => "write http for a server on this machine",
        P::InsideAddress(_) | P::InsideName(_) | P::NotLoopback(_) => "write a public host",
    };
    match pinned {
        Some(host) => format!("{advice}, or remove the key to use https://{host}"),
        None => advice.to_owned(),
    }
}

fn read(text: &str) -> Result<BaseUrl, BaseUrlProblem> {
    // URL readers drop tabs and line feeds and take `\` for `/`; a value that needs such mercy hides something.
    if text.is_empty() || text.contains(|c: char| c == '\\' || !c.is_ascii_graphic()) {
        return Err(BaseUrlProblem::NotAUrl);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(BaseUrlProblem::Scheme);
    };
    let encrypted = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(BaseUrlProblem::Scheme),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(BaseUrlProblem::Userinfo);
    }
    let url = Url::parse(text).map_err(|_| BaseUrlProblem::NotAUrl)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(BaseUrlProblem::TooMuch);
    }
    let host = url.host_str().ok_or(BaseUrlProblem::NotAUrl)?;
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let typed = typed_host(authority);
    // `http://2130706433`, `0x7f.1` and `[::0001]` all mean this machine to a URL reader and something else to a person.
    if typed != host && (address.is_some() || !typed.eq_ignore_ascii_case(host)) {
        return Err(BaseUrlProblem::Spelling(bounded(host, 100)));
    }
    let reach = reach(host, address, encrypted)?;
    let host_label = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Ok(BaseUrl { origin: format!("{}://{host_label}", url.scheme()), host_label, reach })
}

fn typed_host(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn reach(host: &str, address: Option<IpAddr>, encrypted: bool) -> Result<Reach, BaseUrlProblem> {
    let loopback = address.map_or(host == "localhost", |address| address.is_loopback());
    match (loopback, encrypted, address) {
        (true, false, _) => Ok(Reach::Loopback),
        (true, true, _) => Err(BaseUrlProblem::EncryptedLoopback(host.to_owned())),
        (false, _, Some(address)) if !is_public(address) => Err(BaseUrlProblem::InsideAddress(address)),
        (false, _, None) if is_inside_name(host) => Err(BaseUrlProblem::InsideName(bounded(host, 100))),
        (false, false, _) => Err(BaseUrlProblem::Unencrypted(bounded(host, 100))),
        (false, true, _) => Ok(Reach::Public),
    }
}

fn is_inside_name(host: &str) -> bool {
    !host.contains('.')
        || host.ends_with('.')
        || INSIDE_SUFFIXES.iter().any(|suffix| {
            host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[cfg(test)]
mod tests;
