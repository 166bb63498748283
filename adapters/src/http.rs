//! The transport that all providers share; the only user of reqwest.
//!
//! It moves one request and brings one answer, within limits of time and size. It decides nothing: whether an answer means
//! success is the adapter's matter. It only says whether a request can have been read when no whole answer came.
mod address;
mod base_url;
mod client;

use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_core::channel::{BoxFuture, Broken, Call, Host, Response, Transport};
use countersign_core::clock;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method};
use tokio::sync::OnceCell;

use self::base_url::Reach;
pub use self::base_url::{BaseUrl, BaseUrlError, BaseUrlProblem};
use self::client::{Lookup, system_lookup};
use crate::text::{DETAIL_CHARS, bounded};

/// The longest answer of a provider that is read.
pub const ANSWER_LIMIT_BYTES: usize = 1_048_576;

/// The longest file that is fetched from the web; of a longer one a byte more is kept, which tells that it is longer.
pub const FILE_LIMIT_BYTES: usize = 8 * 1_048_576;

/// Headers that are added at the wire, or that the connection depends on. A rendered request may not bring its own.
const OUR_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
];

/// How long each part of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name, TCP and TLS together.
    pub connect: Duration,
    /// The answer's body, once its head is there.
    pub body: Duration,
    /// Everything.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            body: Duration::from_secs(15),
            total: Duration::from_secs(30),
        }
    }
}

/// Moves calls to one provider.
pub struct HttpTransport {
    base: BaseUrl,
    templates: Option<BaseUrl>,
    timeouts: Timeouts,
    lookup: Lookup,
    clients: Clients,
}

/// One client for each reach. Made at its first call: reading the machine's certificates takes a while, and a machine without any
/// starts all the same.
#[derive(Default)]
struct Clients {
    public: OnceCell<Client>,
    loopback: OnceCell<Client>,
}

impl HttpTransport {
    /// Prepares a transport to that provider. Opens no connection.
    #[must_use]
    pub fn new(base: BaseUrl) -> Self {
        Self::with_timeouts(base, Timeouts::default())
    }

    /// The same with other limits of time.
    #[must_use]
    pub fn with_timeouts(base: BaseUrl, timeouts: Timeouts) -> Self {
        Self { base, templates: None, timeouts, lookup: system_lookup, clients: Clients::default() }
    }

    /// The same with a host of its own for templates.
    #[must_use]
    pub fn with_templates(self, templates: Option<BaseUrl>) -> Self {
        Self { templates, ..self }
    }

    /// Where the calls go.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Where a call goes. A transport that stays on this machine stays there: what is on the web has its path there too.
    fn way(&self, host: &Host) -> Result<Cow<'_, BaseUrl>, Broken> {
        match host {
            Host::Templates => Ok(Cow::Borrowed(self.templates.as_ref().unwrap_or(&self.base))),
            Host::Web(origin) if !self.base.is_loopback() => match BaseUrl::web(origin) {
                Ok(base) => Ok(Cow::Owned(base)),
                Err(problem) => Err(not_sent(&format!("{problem}; nothing is fetched from there"))),
            },
            Host::Provider | Host::Web(_) => Ok(Cow::Borrowed(&self.base)),
        }
    }

    async fn client(&self, reach: Reach) -> Result<&Client, Broken> {
        let client = match reach {
            Reach::Public => &self.clients.public,
            Reach::Loopback => &self.clients.loopback,
        };
        client
            .get_or_try_init(async || client::client(reach, self.timeouts, self.lookup))
            .await
            .map_err(|error| not_sent(&format!("the HTTP client could not be made: {}", chain(error))))
    }

    async fn run(&self, call: Call) -> Result<Response, Broken> {
        let way = self.way(&call.request.host)?.into_owned();
        let is_file = matches!(call.request.host, Host::Web(_));
        let client = self.client(way.reach()).await?;
        let request = request(client, &way, call)?;
        let answer = client.execute(request).await.map_err(|error| broken(&way, error))?;
        if let Some(encoding) = answer.headers().get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(maybe_sent(&way, "the answer is compressed, which was not asked for"));
        }
        let status = answer.status().as_u16();
        let headers = text_headers(answer.headers());
        let body = tokio::time::timeout(self.timeouts.body, body(&way, answer, is_file))
            .await
            .map_err(|_| maybe_sent(&way, "the answer began but did not end in time"))??;
        Ok(Response { status, headers, body })
    }
}

fn request(client: &Client, way: &BaseUrl, call: Call) -> Result<reqwest::Request, Broken> {
    let method = match call.request.method.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => {
            return Err(not_sent("the rendered request has no HTTP method; draft the message again"));
        }
    };
    let url = way.join(&call.request.path).ok_or_else(|| {
        not_sent("the path of the rendered request does not begin with /; draft the message again")
    })?;
    let mut request = client.request(method, url);
    if !call.request.content_type.is_empty() {
        request = request.header(CONTENT_TYPE, call.request.content_type);
    }
    for (name, value) in &call.request.headers {
        if OUR_HEADERS.contains(&name.as_str()) {
            return Err(not_sent(&format!(
                "the rendered request sets the header {name}; draft the message again"
            )));
        }
        request = request.header(name, value);
    }
    for header in call.headers {
        let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| {
            not_sent(&format!(
                "the value of the header {} holds a character HTTP does not allow; set the secret again",
                header.name
            ))
        })?;
        value.set_sensitive(true);
        request = request.header(header.name, value);
    }
    request
        .body(call.request.body)
        .build()
        .map_err(|error| not_sent(&format!("the request could not be built: {}", chain(error))))
}

async fn body(way: &BaseUrl, mut answer: reqwest::Response, is_file: bool) -> Result<Bytes, Broken> {
    let limit = if is_file { FILE_LIMIT_BYTES } else { ANSWER_LIMIT_BYTES };
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(way, error))? {
        let is_too_long = body.len() + chunk.len() > limit;
        if is_too_long && !is_file {
            return Err(maybe_sent(way, "the answer is larger than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
        if is_too_long {
            body.truncate(limit + 1);
            break;
        }
    }
    Ok(body.freeze())
}

/// Only a connection that never came about proves that nothing was read.
fn broken(way: &BaseUrl, error: reqwest::Error) -> Broken {
    if error.is_connect() || error.is_builder() {
        not_sent(&format!("no connection to {}: {}", way.host_label(), chain(error)))
    } else if error.is_timeout() {
        maybe_sent(way, "no answer in time")
    } else {
        maybe_sent(way, &format!("the connection broke before a whole answer came: {}", chain(error)))
    }
}

fn maybe_sent(way: &BaseUrl, what: &str) -> Broken {
    Broken::MaybeSent { detail: bounded(&format!("{}: {what}", way.host_label()), DETAIL_CHARS) }
}

impl Transport for HttpTransport {
    fn exchange<'a>(&'a self, call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(self.run(call))
    }
}

fn not_sent(what: &str) -> Broken {
    Broken::NotSent { detail: bounded(what, DETAIL_CHARS) }
}

/// The error and its causes in one line, without the URL.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Wrappers often repeat the error they wrap.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Every header whose value is text. An answer without `Date` gets the time it came in (RFC 9110, 6.6.1), so that a date in
/// `Retry-After` can be turned into a wait without asking a clock again.
fn text_headers(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    if !headers.contains_key("date") {
        kept.push(("date".to_owned(), clock::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    }
    kept
}

#[cfg(test)]
mod tests;
