//! Requests and answers as data.
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::secret::SecretText;

/// Where a request goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// The API of the channel's provider.
    #[default]
    Provider,
    /// The API of the provider's templates, where that has a host of its own.
    Templates,
    /// Somewhere on the web, by scheme and host; it is asked without credential.
    Web(String),
}

/// A rendered request without host, credential and idempotency key. Part of what is hashed and approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// HTTP method in capitals.
    pub method: String,
    /// Path and query, beginning with `/`; appended to the configured base URL.
    pub path: String,
    /// Value of the `Content-Type` header; empty where there is no body.
    pub content_type: String,
    /// Further headers by lower-case name, such as the version of an API. Never a credential.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The exact body.
    pub body: String,
    /// Where it goes. Never stored: what was approved goes to the provider and nowhere else.
    #[serde(skip)]
    pub host: Host,
}

impl Request {
    /// A request with a body in JSON.
    #[must_use]
    pub fn json(path: impl Into<String>, body: String) -> Self {
        Self::post(path, "application/json", body)
    }

    /// A request with a body as forms are sent.
    #[must_use]
    pub fn form(path: impl Into<String>, body: String) -> Self {
        Self::post(path, "application/x-www-form-urlencoded", body)
    }

    fn post(path: impl Into<String>, content_type: &str, body: String) -> Self {
        Self {
            method: "POST".to_owned(),
            path: path.into(),
            content_type: content_type.to_owned(),
            headers: BTreeMap::new(),
            body,
            host: Host::Provider,
        }
    }

    /// A request that only reads.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.into(),
            content_type: String::new(),
            headers: BTreeMap::new(),
            body: String::new(),
            host: Host::Provider,
        }
    }

    /// A request that fetches a file from the web; `None` if that is no whole URL of one.
    #[must_use]
    pub fn file(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("https://")?;
        let (host, path) = rest.split_at(rest.find('/')?);
        (!host.is_empty()).then(|| Self::get(path).at(Host::Web(format!("https://{host}"))))
    }

    /// The same at another place.
    #[must_use]
    pub fn at(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

/// A header that is added at the wire.
#[derive(Clone)]
pub struct Header {
    /// Lower-case name.
    pub name: &'static str,
    /// Value; a secret until proven otherwise.
    pub value: SecretText,
}

/// A request on its way to the wire.
#[derive(Clone)]
pub struct Call {
    /// What was approved.
    pub request: Request,
    /// Credential and idempotency key.
    pub headers: Vec<Header>,
}

/// What a provider answered, within the size limit.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, values that are not text left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}
