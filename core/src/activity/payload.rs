//! The payload: everything a recipient or provider is told, in one canonical form whose sha256 is its identity.
//!
//! The canonical form is RFC 8785 (JSON Canonicalization Scheme). An [`Envelope`] holds the payload together with the request
//! rendered from it; one buffer is painted, hashed, approved and sent.
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::channel::{ChannelName, Request};
use crate::ids::OutboxId;

/// What kind of touch a message is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first message to a contact.
    FirstTouch,
    /// A later message without an answer in between.
    FollowUp,
    /// An answer to something the contact wrote.
    Reply,
    /// A meeting.
    Booking,
    /// A public post.
    Post,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::FirstTouch, Self::FollowUp, Self::Reply, Self::Booking, Self::Post];

    /// The word used in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstTouch => "first_touch",
            Self::FollowUp => "follow_up",
            Self::Reply => "reply",
            Self::Booking => "booking",
            Self::Post => "post",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// sha256 of an envelope: the identity a decision is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// Hashes the bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The raw digest, as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a stored digest; `None` unless it has 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The first ten bytes in groups of four digits, for people to compare.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0[..10]
            .chunks(2)
            .map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadHash({self})")
    }
}

/// The text is not the 64 hexadecimal digits of a sha256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payload hash is 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for PayloadHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for PayloadHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // One spelling, so that one file has one name.
        match text.parse::<Self>() {
            Ok(hash) if hash.to_string() == text => Ok(hash),
            _ => Err(serde::de::Error::custom("write a sha256 as 64 hexadecimal digits in lower case")),
        }
    }
}

impl Serialize for PayloadHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Everything a recipient or provider is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    /// Channel it travels on.
    pub channel: ChannelName,
    /// Sending identity.
    pub outbox_id: OutboxId,
    /// Id of the secret the provider is addressed with, without its version.
    pub credential_id: String,
    /// Kind of touch.
    pub kind: Kind,
    /// Sender as the recipient sees it.
    pub from: String,
    /// Recipient: address, number, handle, thread or feed, as the channel defines it.
    pub to: String,
    /// Further visible recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Further hidden recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// Where answers go, if not to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Extra headers, names from the allowlist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The content, in the shape of the channel.
    pub parts: Parts,
}

/// The content, one shape a channel. `dry-run` takes the shape of mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Parts {
    /// A mail.
    Email {
        /// Subject line.
        subject: String,
        /// Plain text.
        text: String,
        /// The same as HTML.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        html: Option<String>,
        /// Message-ID of the mail this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<String>,
        /// Files that go with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
    },
    /// A booking.
    CalCom {
        /// The provider's event type.
        event_type_id: i64,
        /// Start of the meeting.
        start: Timestamp,
        /// Zone the attendee sees.
        time_zone: String,
        /// Who is booked.
        attendee: Attendee,
        /// Words that go with the booking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<String>,
        /// Opaque pairs kept by the provider.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metadata: BTreeMap<String, String>,
    },
    /// A post, comment or message.
    Linkedin {
        /// What to do with the text.
        action: LinkedinAction,
        /// The text.
        text: String,
        /// Thread a message belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<String>,
    },
    /// A WhatsApp message: free text, or an approved template.
    Whatsapp {
        /// Free text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Template with its variables.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<WhatsappTemplate>,
    },
    /// A direct message or a post.
    Instagram {
        /// What to do with the text.
        action: InstagramAction,
        /// The text.
        text: String,
        /// Picture of a post, by hash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_sha256: Option<String>,
        /// A person wrote this answer by hand.
        human_agent: bool,
    },
}

/// A file that goes with a mail. Its bytes are stored by us and stand in the rendered request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// Name the recipient sees.
    pub name: String,
    /// Media type, `type/subtype`.
    pub mime: String,
    /// Of its bytes.
    pub sha256: PayloadHash,
}

/// Who is booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attendee {
    /// Name as told to the provider.
    pub name: String,
    /// Address the provider mails.
    pub email: String,
    /// Language of that mail.
    pub language: String,
}

/// What to do on LinkedIn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkedinAction {
    /// Publish on the author's feed.
    Post,
    /// Comment on a post.
    Comment,
    /// Write to a member.
    Message,
}

/// What to do on Instagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstagramAction {
    /// Write to a person.
    Dm,
    /// Publish on the feed.
    Post,
}

/// A provider-side template, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatsappTemplate {
    /// The provider's id.
    pub content_sid: String,
    /// Version it was rendered with.
    pub version: String,
    /// Values by placeholder.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What the recipient will read.
    pub rendered_text: String,
}

impl Payload {
    /// Everyone who would receive it.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        std::iter::once(&self.to).chain(&self.cc).chain(&self.bcc).cloned().collect()
    }

    /// The files it names.
    #[must_use]
    pub fn files(&self) -> Vec<PayloadHash> {
        match &self.parts {
            Parts::Email { attachments, .. } => attachments.iter().map(|file| file.sha256).collect(),
            Parts::Instagram { image_sha256: Some(sha256), .. } => sha256.parse().into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

impl Parts {
    /// The line a list shows: subject, or the first words.
    #[must_use]
    pub fn headline(&self) -> &str {
        match self {
            Self::Email { subject, .. } => subject,
            _ => self.text().lines().find(|line| !line.trim().is_empty()).unwrap_or(""),
        }
    }

    /// Whether it is published for everybody and written to nobody.
    #[must_use]
    pub fn is_post(&self) -> bool {
        matches!(
            self,
            Self::Linkedin { action: LinkedinAction::Post, .. }
                | Self::Instagram { action: InstagramAction::Post, .. }
        )
    }

    /// The words a recipient reads.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Email { text, .. } | Self::Linkedin { text, .. } | Self::Instagram { text, .. } => text,
            Self::CalCom { notes, .. } => notes.as_deref().unwrap_or(""),
            Self::Whatsapp { text, template } => text
                .as_deref()
                .or(template.as_ref().map(|template| template.rendered_text.as_str()))
                .unwrap_or(""),
        }
    }
}

/// Payload and rendered request, frozen together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// What is said to whom.
    pub payload: Payload,
    /// Name and version of the renderer; absent while the channel has no adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renderer: Option<String>,
    /// What goes on the wire; absent while the channel has no adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// An envelope larger than this is refused (also by the database).
pub const ENVELOPE_LIMIT_BYTES: usize = 1_048_576;

/// Canonical bytes and their hash; the only way to make a pair that belongs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    sha256: PayloadHash,
}

impl Sealed {
    /// The canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their hash.
    #[must_use]
    pub fn sha256(&self) -> PayloadHash {
        self.sha256
    }
}

/// An envelope that cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Larger than [`ENVELOPE_LIMIT_BYTES`].
    #[error("the message has {0} bytes in canonical form, the limit is {ENVELOPE_LIMIT_BYTES}")]
    TooLarge(usize),
    /// A number that canonical JSON would round (RFC 8785 numbers are doubles), so that two numbers had one hash.
    #[error("event type {0} is larger than canonical JSON can hold; use a number below 2^53")]
    InexactNumber(i64),
    /// Stored or given bytes that are not an envelope.
    #[error("these bytes are not an envelope of this version")]
    Malformed(#[from] serde_json::Error),
}

impl Envelope {
    /// Brings the envelope into canonical form and hashes it.
    ///
    /// # Errors
    /// When it is too large, or holds a number JSON cannot carry.
    pub fn seal(&self) -> Result<Sealed, EnvelopeError> {
        if let Parts::CalCom { event_type_id, .. } = &self.payload.parts
            && event_type_id.unsigned_abs() >= 1 << 53
        {
            return Err(EnvelopeError::InexactNumber(*event_type_id));
        }
        let bytes = serde_json_canonicalizer::to_vec(self)?;
        if bytes.len() > ENVELOPE_LIMIT_BYTES {
            return Err(EnvelopeError::TooLarge(bytes.len()));
        }
        let sha256 = PayloadHash::of(&bytes);
        Ok(Sealed { bytes, sha256 })
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When the bytes are not an envelope of this version.
    pub fn open(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
