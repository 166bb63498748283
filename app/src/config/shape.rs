//! The shape of the file. Every key is here, so that serde refuses all others by name.
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Shape {
    pub(super) console: Console,
    pub(super) database: Database,
    pub(super) dispatcher: Dispatcher,
    pub(super) listener: Listener,
    pub(super) log: Log,
    pub(super) channels: Channels,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Database {
    #[serde(deserialize_with = "letters")]
    pub(super) phases_off: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Console {
    pub(super) theme: Option<String>,
    pub(super) borders: Option<Borders>,
}

/// What lines and gauges are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Borders {
    /// Box drawing, where the locale is UTF-8.
    #[default]
    Unicode,
    /// ASCII, in everything the console shows.
    Ascii,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Dispatcher {
    #[serde(deserialize_with = "duration")]
    pub(super) lease: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) poll: Option<Duration>,
    pub(super) max_in_flight: Option<usize>,
    pub(super) batch: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Listener {
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    #[serde(deserialize_with = "duration")]
    pub(super) header_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) body_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) idle_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) request_timeout: Option<Duration>,
    pub(super) token_rate: Option<u32>,
    pub(super) token_burst: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) level: Option<String>,
}

/// Where each provider is reached, and which version of its API is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Channels {
    pub(super) email: Channel,
    #[serde(rename = "cal-com")]
    pub(super) cal_com: Channel,
    pub(super) linkedin: Channel,
    pub(super) whatsapp: Channel,
    pub(super) instagram: Channel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Channel {
    pub(super) base_url: Option<String>,
    pub(super) templates_base_url: Option<String>,
    pub(super) api_version: Option<String>,
}

/// `["b", "c"]` in the file, `b,c` in a variable.
fn letters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "letters of phases, like [\"b\"] or \"b,c\"")]
    enum Letters {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Letters::deserialize(deserializer)? {
        Letters::List(list) => list,
        Letters::Text(text) => {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
    })
}

/// `30s`, `2m`, `1h 30m`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Reads a duration as people write it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{}` is not a duration; write 30s, 2m or 1h", super::overlay::one_line(text)))
}

/// Reads a duration in which days may stand, each of 24 hours: `30d`, `12h`.
pub(crate) fn parse_days(text: &str) -> Result<Duration, String> {
    let days_are_24_hours = jiff::SpanRelativeTo::days_are_24_hours();
    text.parse::<jiff::Span>()
        .ok()
        .and_then(|span| span.to_duration(days_are_24_hours).ok())
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("`{}` is not a duration; write 30d or 12h", super::overlay::one_line(text)))
}
