//! What is configured of the listener: where it listens, what the world calls it, and for how long it waits.
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign_core::inbound::public_url::PublicUrl;

use super::shape::Listener;
use super::{ConfigError, overlay, within};
use crate::api::{Pace, Rates};

/// Where it listens unless told otherwise: only this machine can reach it there.
const DEFAULT_PORT: u16 = 8787;

/// Where and how the listener works.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listening {
    /// Where it listens; `None` for nowhere.
    pub(crate) place: Option<SocketAddr>,
    /// Under which address the world reaches it.
    pub(crate) public_url: Option<PublicUrl>,
    /// How long the head of a request may take from its first byte on.
    pub(crate) header_timeout: Duration,
    /// How long its body may take.
    pub(crate) body_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub(crate) idle_timeout: Duration,
    /// How long a request may take from its head to its answer.
    pub(crate) request_timeout: Duration,
    /// How often the API may be asked.
    pub(crate) rates: Rates,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            place: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))),
            public_url: None,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            rates: Rates::default(),
        }
    }
}

pub(super) fn read(shape: &Listener) -> Result<Listening, ConfigError> {
    let defaults = Listening::default();
    let refuse = |key: &str, problem: &str| ConfigError::Value(format!("listener.{key}: {problem}"));
    let place = match &shape.listen {
        None => defaults.place,
        Some(text) => parse_listen(text).map_err(|problem| refuse("listen", &problem))?,
    };
    let public_url = match &shape.public_url {
        None => None,
        Some(text) => match PublicUrl::parse(text) {
            Ok(url) if url.has_query() => return Err(refuse("public_url", "leave the query out")),
            Ok(url) => Some(url),
            Err(problem) => return Err(refuse("public_url", problem)),
        },
    };
    let often = |key: &str, value: Option<u32>, default| match value {
        None => Ok(default),
        Some(value) if (1..=100_000).contains(&value) => Ok(value),
        Some(_) => Err(refuse(key, "use 1 to 100000")),
    };
    let token = Pace {
        every: Duration::from_secs(1) / often("token_rate", shape.token_rate, 50)?,
        burst: often("token_burst", shape.token_burst, defaults.rates.token.burst)?,
    };
    let limit = |key: &str, value, default| within(&format!("listener.{key}"), value, default, 100, 120_000);
    Ok(Listening {
        place,
        public_url,
        header_timeout: limit("header_timeout", shape.header_timeout, defaults.header_timeout)?,
        body_timeout: limit("body_timeout", shape.body_timeout, defaults.body_timeout)?,
        idle_timeout: limit("idle_timeout", shape.idle_timeout, defaults.idle_timeout)?,
        request_timeout: limit("request_timeout", shape.request_timeout, defaults.request_timeout)?,
        rates: Rates { token, ..defaults.rates },
    })
}

/// Reads an address, or `off`. Names are not looked up: what one stands for today need not be what it stands for tomorrow.
pub(crate) fn parse_listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        format!("`{}` is no address with a port, like 127.0.0.1:8787, and not `off`", overlay::one_line(text))
    })
}
