//! Requests and answers as data.
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::secret::SecretText;

/// A rendered request without host, credential and idempotency key. Part of what is hashed and approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// HTTP method in capitals.
    pub method: String,
    /// Path and query, beginning with `/`; appended to the configured base URL.
    pub path: String,
    /// Value of the `Content-Type` header.
    pub content_type: String,
    /// The exact body.
    pub body: String,
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
