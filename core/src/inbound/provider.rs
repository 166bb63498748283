//! The port between the listener and those who send webhooks: who sends them, how a delivery is proven to be theirs, and what it says.
//!
//! A [`Webhook`] is pure: no clock, no I/O. What is not proven is never read.
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::channel::{ChannelName, Request, Response};
use crate::secret::SecretText;

/// Who sends webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Mail: Resend, signed the way of Svix.
    Resend,
    /// WhatsApp: Twilio.
    Twilio,
    /// Bookings: Cal.com.
    CalCom,
    /// Bookings: Calendly.
    Calendly,
    /// LinkedIn: comments, likes and shares of an organization's posts. It tells of no messages.
    Linkedin,
    /// Instagram: Meta.
    Instagram,
}

impl Provider {
    /// Every provider, in the order of the documentation.
    pub const ALL: &[Self] =
        &[Self::Resend, Self::Twilio, Self::CalCom, Self::Calendly, Self::Linkedin, Self::Instagram];

    /// The word used in paths, in SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Twilio => "twilio",
            Self::CalCom => "cal-com",
            Self::Calendly => "calendly",
            Self::Linkedin => "linkedin",
            Self::Instagram => "instagram",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|provider| provider.as_str() == word)
    }

    /// Whether its signature covers the address it was given.
    #[must_use]
    pub fn signs_address(self) -> bool {
        self == Self::Twilio
    }

    /// Whether it shows a token of ours before it sends anything.
    #[must_use]
    pub fn shows_token(self) -> bool {
        self == Self::Instagram
    }

    /// How it names people: `email`, `phone` or `handle`. What it writes in another form names nobody.
    #[must_use]
    pub fn address_kind(self) -> &'static str {
        match self {
            Self::Resend | Self::CalCom | Self::Calendly => "email",
            Self::Twilio => "phone",
            Self::Linkedin | Self::Instagram => "handle",
        }
    }

    /// The channel its events are about.
    #[must_use]
    pub fn channel(self) -> ChannelName {
        match self {
            Self::Resend => ChannelName::Email,
            Self::Twilio => ChannelName::Whatsapp,
            Self::CalCom | Self::Calendly => ChannelName::CalCom,
            Self::Linkedin => ChannelName::Linkedin,
            Self::Instagram => ChannelName::Instagram,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A delivery as it came in, before anybody believed it.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// What follows the `?` of the target, as it was sent; empty without one.
    pub query: &'a str,
    /// Headers in the order they came, names in lower case. A value need not be text.
    pub headers: &'a [(String, Vec<u8>)],
    /// The body, to the byte.
    pub body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// The value of a header that was sent exactly once and is ASCII; signatures are nothing else.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
    }
}

/// What a delivery is held against.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// Every secret that counts for the endpoint: more than one while it is being rotated. Any of them is enough.
    pub secrets: &'a [SecretText],
    /// The address the provider was given, where it signs that.
    pub public_url: Option<&'a str>,
    /// SHA-256 of the token a provider has to show before it sends anything (Instagram's verify token).
    pub verify_sha256: Option<[u8; 32]>,
    /// Now.
    pub now: Timestamp,
}

/// Why a delivery is not believed. Nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No secret is stored, or every version was revoked: the endpoint is shut, never open.
    #[error("no secret of this endpoint can be used; store one with `countersign webhooks rotate`")]
    NoSecret,
    /// The address the provider signs is not known.
    #[error(
        "this provider signs the address it was given; say it with `countersign webhooks add {0} --url https://…`"
    )]
    NoAddress(Provider),
    /// A header that proves something is missing, there twice, or not text.
    #[error("header {0} is missing, there twice, or not ASCII")]
    Header(&'static str),
    /// A timestamp that is no plain decimal number of seconds.
    #[error("the timestamp is no whole number of seconds")]
    Timestamp,
    /// Signed too long ago, or in the future.
    #[error("the timestamp is more than {0} s away from now")]
    Stale(u64),
    /// No signature of a known scheme fits any secret.
    #[error("no signature fits")]
    Signature,
    /// The body is not the one that was signed beside the address.
    #[error("the body is not the one that was signed")]
    Body,
    /// A handshake that asks for nothing this provider asks for, or shows the wrong token.
    #[error("not a handshake of this provider")]
    Handshake,
}

/// The answer to a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its content type.
    pub content_type: &'static str,
    /// Its body.
    pub body: String,
}

/// What completing an event brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Completion {
    /// The whole event, under the same external id.
    Whole(Box<Event>),
    /// Not now.
    Later {
        /// What happened, in words; may quote foreign text.
        why: String,
    },
    /// It cannot be had.
    Never {
        /// Why not, in words; may quote foreign text.
        why: String,
    },
}

/// Bytes of a secret below which it could be guessed.
pub const SECRET_LEAST: usize = 16;

/// What the listener must know of a provider that sends webhooks. Pure: no clock, no I/O.
pub trait Webhook: Send + Sync {
    /// Whose webhooks these are.
    fn provider(&self) -> Provider;

    /// Whether a secret can prove anything here. One that could be guessed, or that deliveries cannot be held against, is better refused
    /// when it is stored than with the first delivery.
    ///
    /// # Errors
    /// Says what is wrong with it, in one sentence.
    fn check_secret(&self, secret: &SecretText) -> Result<(), &'static str> {
        match secret.expose().trim().len() {
            SECRET_LEAST.. => Ok(()),
            _ => Err("it is shorter than 16 characters; use the one that the provider shows or takes"),
        }
    }

    /// Proves that the provider sent exactly these bytes, by comparing in constant time and before anything of the body is read.
    ///
    /// # Errors
    /// Says what is missing or does not fit.
    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal>;

    /// Reads a proven delivery; never fails: what it does not understand becomes an event that says so. An event of a kind that is not
    /// known is kept like any other.
    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event>;

    /// Answers what a provider asks before it sends anything (`GET` on the same path).
    ///
    /// # Errors
    /// [`Refusal::Handshake`] for anything else.
    fn welcome(&self, query: &str, trust: &Trust<'_>) -> Result<Welcome, Refusal> {
        let _ = (query, trust);
        Err(Refusal::Handshake)
    }

    /// The request that brings what a delivery only announces, if that has to be fetched. It only reads.
    fn completes(&self, event: &Event) -> Option<Request> {
        let _ = event;
        None
    }

    /// What the answer to it says.
    fn completed(&self, event: &Event, response: &Response) -> Completion {
        let _ = response;
        Completion::Whole(Box::new(event.clone()))
    }
}
