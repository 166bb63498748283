//! The steps of a post: which request is which, and the container that is remembered between them.
use std::time::Duration;

use countersign_core::channel::{Host, Past, Request, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::picture;
use super::settings::is_id;
use crate::wait::date;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Writes to somebody.
    Message,
    /// Asks how much may still be published.
    Quota,
    /// Looks at the picture where the provider will.
    Picture,
    /// Makes a container. It publishes nothing.
    Container,
    /// Asks how a container is.
    Status,
    /// Publishes a container.
    Publish,
}

impl Step {
    pub(super) fn of(request: &Request) -> Self {
        match request.path.rsplit('/').next() {
            _ if matches!(request.host, Host::Web(_)) => Self::Picture,
            Some(question) if question.starts_with(picture::QUOTA) => Self::Quota,
            _ if request.method == "GET" => Self::Status,
            Some("media") => Self::Container,
            Some("media_publish") => Self::Publish,
            _ => Self::Message,
        }
    }
}

/// A container, and when the provider made it, by the provider's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    made_at: Option<Timestamp>,
}

impl Container {
    /// The container that an answer names.
    pub(super) fn made(id: &str, response: &Response) -> Option<Self> {
        is_id(id).then(|| Self { id: id.to_owned(), made_at: told(response) })
    }

    /// What is remembered of it.
    pub(super) fn handle(&self) -> String {
        match self.made_at {
            Some(at) => format!("{}@{}", self.id, at.as_second()),
            None => self.id.clone(),
        }
    }

    /// The one that earlier attempts left behind.
    pub(super) fn of(past: &Past) -> Option<Self> {
        let handle = past.handle.as_deref()?;
        let (id, made_at) = handle.split_once('@').unwrap_or((handle, ""));
        let made_at = made_at.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        is_id(id).then(|| Self { id: id.to_owned(), made_at })
    }

    /// For how long it has been there; nothing if nobody knows.
    pub(super) fn age(&self, response: &Response) -> Duration {
        let age = self.made_at.zip(told(response)).map(|(made_at, now)| now.duration_since(made_at));
        age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default()
    }

    /// The question how it is. The version of the API is the one that was approved.
    pub(super) fn question(&self, approved: &Request) -> Request {
        let version = approved.path.split('/').nth(1).unwrap_or_default();
        Request::get(format!("/{version}/{}?fields=status_code,status", self.id))
    }

    /// The request that publishes it.
    pub(super) fn publication(&self, approved: &Request) -> Request {
        let body = serde_json::json!({ "creation_id": self.id }).to_string();
        Request::json(format!("{}_publish", approved.path), body)
    }
}

fn told(response: &Response) -> Option<Timestamp> {
    response.header("date").and_then(date)
}

/// The first request of an attempt: where a container is there, it is asked about, else one is on its way.
pub(super) fn first(approved: &Request, past: &Past) -> Request {
    match (Step::of(approved), Container::of(past)) {
        (Step::Container, Some(container)) => container.question(approved),
        (Step::Container, None) => picture::quota(approved),
        _ => approved.clone(),
    }
}

/// What becomes a container.
#[derive(Serialize)]
pub(super) struct Draft<'a> {
    pub(super) image_url: String,
    pub(super) caption: &'a str,
}
