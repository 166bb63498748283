//! What an adapter is given to render, and what an outbox tells it.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::activity::payload::{Payload, PayloadHash};
use crate::ids::ActivityId;

/// A message as its adapter sees it. What is made of it is frozen with the payload, so nothing else may be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What is said to whom.
    pub payload: &'a Payload,
    /// The activity, for providers that keep an id of ours.
    pub activity: ActivityId,
    /// Provider settings of its outbox.
    pub settings: &'a ProviderSettings,
    /// The files its payload names by hash.
    pub files: &'a Files,
}

/// Provider settings of one outbox by key: account, author, sending service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProviderSettings(BTreeMap<String, String>);

impl ProviderSettings {
    /// Reads what is stored; what is not text is left out.
    #[must_use]
    pub fn stored(config: &serde_json::Value) -> Self {
        let pairs = config.as_object().into_iter().flatten();
        Self(pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// The same as it is stored.
    #[must_use]
    pub fn to_stored(&self) -> serde_json::Value {
        serde_json::json!(self.0)
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The value of a setting without which nothing can be sent.
    ///
    /// # Errors
    /// Names the key and the command that sets it.
    pub fn require(&self, key: &'static str) -> Result<&str, RenderError> {
        self.get(key).ok_or_else(|| RenderError {
            field: "outbox".to_owned(),
            reason: format!("it has no {key}; run `countersign outboxes set NAME --set {key}=…`"),
        })
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for ProviderSettings {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Files by the hash of their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(Arc<HashMap<PayloadHash, Bytes>>);

impl Files {
    /// Takes files in; each is named by the hash of its bytes, so none can be another one.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = Bytes>) -> Self {
        Self(Arc::new(files.into_iter().map(|bytes| (PayloadHash::of(&bytes), bytes)).collect()))
    }

    /// The bytes with that hash.
    #[must_use]
    pub fn get(&self, sha256: PayloadHash) -> Option<&Bytes> {
        self.0.get(&sha256)
    }
}

/// The payload cannot be put into the provider's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct RenderError {
    /// The payload field at fault, in the API's spelling.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl RenderError {
    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// One provider setting that a channel knows.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key, `a-z 0-9 _`.
    pub key: &'static str,
    /// Whether nothing can be sent without it.
    pub is_required: bool,
    /// What it is and how it is written, to follow "is".
    pub what: &'static str,
    /// Whether a value is written that way.
    pub fits: fn(&str) -> bool,
}
