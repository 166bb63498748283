//! Faults a sandbox shows on demand, and which of them the next request meets.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

/// One way to fail. "Before" and "after" say whether the message is in the ledger when it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Fault {
    /// Takes its time, then behaves. The only one that adds to another.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// 429, before.
    RateLimited {
        /// Value of `Retry-After`: seconds, a date, or absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// The quota of the day is used up, before.
    DailyQuota,
    /// 401, before.
    Unauthorized,
    /// A row of the provider's table of errors, before.
    Refuse {
        /// Its code, as in [`Refusal`](super::Refusal).
        code: String,
    },
    /// A refusal with more than a client should read, before.
    HugeError,
    /// 307 to another place, before.
    Redirect {
        /// Where to.
        location: String,
    },
    /// 500, before.
    ErrorBeforeAccept,
    /// 500, after.
    ErrorAfterAccept,
    /// The connection is reset, before.
    ResetBeforeAccept,
    /// The connection is reset, after.
    ResetAfterAccept,
    /// No answer until the faults change; then accepts, even if the caller has gone.
    HangBeforeAccept,
    /// Accepts, then no answer until the faults change.
    HangAfterAccept,
    /// Accepts, sends half an answer, then nothing until the faults change.
    HangInBody,
    /// Accepts, then closes amid the headers.
    HalfHeaders,
    /// Accepts, then closes amid the body.
    HalfBody,
    /// Accepts, then answers 200 with a page.
    HtmlPage,
    /// Accepts, then answers 200 with nothing.
    EmptyBody,
    /// Accepts, then answers 200 with an object without an id.
    NoId,
    /// Accepts, then answers with more than a client should read.
    HugeBody,
    /// Accepts, then answers in a compression nobody asked for.
    GzipBody,
}

impl Fault {
    /// For the next so many requests.
    #[must_use]
    pub fn times(self, times: u32) -> FaultRule {
        FaultRule { fault: self, times: Some(times) }
    }

    /// For every request.
    #[must_use]
    pub fn always(self) -> FaultRule {
        FaultRule { fault: self, times: None }
    }
}

/// A fault and how often it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// To how many requests; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Text that is no list of faults.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// Not in the form of a fault.
    #[error("this is not a fault such as {{\"fault\":\"reset-after-accept\",\"times\":1}}")]
    Malformed(#[from] serde_json::Error),
    /// A parameter the fault does not have; without this check a misspelled `times` would mean "for ever".
    #[error("the fault has no parameter \"{0}\"; remove it")]
    Unknown(String),
}

impl FaultRule {
    /// Reads one fault, a list of them, or `{"fault":null}` for none.
    ///
    /// # Errors
    /// When a fault or one of its parameters is unknown.
    pub fn parse_list(json: &[u8]) -> Result<Vec<Self>, FaultError> {
        let items = match serde_json::from_slice(json)? {
            Value::Array(items) => items,
            item => vec![item],
        };
        items.iter().filter(|item| item.get("fault") != Some(&Value::Null)).map(Self::parse).collect()
    }

    fn parse(item: &Value) -> Result<Self, FaultError> {
        let rule = Self::deserialize(item)?;
        let known = serde_json::to_value(&rule)?;
        let unknown = item
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, value)| !value.is_null() && known.get(name).is_none());
        match unknown {
            Some((name, _)) => Err(FaultError::Unknown(name.clone())),
            None => Ok(rule),
        }
    }
}

/// The faults in force.
#[derive(Debug)]
pub(super) struct Faults {
    rules: Mutex<Vec<FaultRule>>,
    changes: watch::Sender<()>,
}

/// What one request meets.
pub(super) struct Drawn {
    pub(super) latency: Duration,
    pub(super) fault: Option<Fault>,
    changes: watch::Receiver<()>,
}

impl Drawn {
    /// Returns when the faults were changed after this draw.
    pub(super) async fn released(&mut self) {
        // An error means that the sandbox is gone, which releases as well.
        let _gone = self.changes.changed().await;
    }
}

impl Faults {
    pub(super) fn new() -> Self {
        Self { rules: Mutex::new(Vec::new()), changes: watch::Sender::new(()) }
    }

    pub(super) fn set(&self, rules: Vec<FaultRule>) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
        self.changes.send_replace(());
    }

    pub(super) fn rules(&self) -> Vec<FaultRule> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes every latency, and the first other fault that has not been used up.
    pub(super) fn draw(&self) -> Drawn {
        // Subscribed before looking, so that no change is missed.
        let mut drawn = Drawn { latency: Duration::ZERO, fault: None, changes: self.changes.subscribe() };
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter_mut().filter(|rule| rule.times != Some(0)) {
            match &rule.fault {
                Fault::Latency { ms } => drawn.latency += Duration::from_millis(*ms),
                fault if drawn.fault.is_none() => drawn.fault = Some(fault.clone()),
                _ => continue,
            }
            rule.times = rule.times.map(|times| times - 1);
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Fault, FaultRule, Faults};

    #[rstest]
    #[case(r#"{"fault":null}"#, vec![])]
    #[case("[]", vec![])]
    #[case(r#"{"fault":"reset-after-accept","times":1}"#, vec![Fault::ResetAfterAccept.times(1)])]
    #[case(r#"{"fault":"rate-limited"}"#, vec![Fault::RateLimited { retry_after: None }.always()])]
    #[case(
        r#"[{"fault":"latency","ms":5},{"fault":"rate-limited","retryAfter":"2","times":3}]"#,
        vec![Fault::Latency { ms: 5 }.always(), Fault::RateLimited { retry_after: Some("2".to_owned()) }.times(3)]
    )]
    fn faults_are_read_from_json(#[case] json: &str, #[case] rules: Vec<FaultRule>) {
        assert_eq!(FaultRule::parse_list(json.as_bytes()).expect("faults"), rules);
    }

    #[rstest]
    #[case("")]
    #[case("{}")]
    #[case("7")]
    #[case(r#"{"fault":"explode"}"#)]
    #[case(r#"{"fault":"latency"}"#)]
    #[case(r#"{"fault":"half-body","time":1}"#)]
    #[case(r#"{"fault":"half-body","ms":1}"#)]
    fn a_misspelled_fault_is_refused(#[case] json: &str) {
        assert!(FaultRule::parse_list(json.as_bytes()).is_err());
    }

    #[test]
    fn faults_are_used_up_in_order_and_latency_adds_to_them() {
        let faults = Faults::new();
        faults.set(vec![
            Fault::NoId.times(1),
            Fault::HtmlPage.times(1),
            Fault::Latency { ms: 4 }.always(),
            Fault::Latency { ms: 3 }.times(1),
        ]);
        let drawn: Vec<_> = (0..3).map(|_| faults.draw()).map(|d| (d.fault, d.latency.as_millis())).collect();
        assert_eq!(drawn, [(Some(Fault::NoId), 7), (Some(Fault::HtmlPage), 4), (None, 4)]);
    }
}
