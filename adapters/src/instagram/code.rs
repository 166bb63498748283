//! The provider's codes, each with a subcode or for all of them, and how it says how long to wait.
use std::time::Duration;

use countersign_core::channel::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::OUR_CODES;
use crate::answer::without_form;
use crate::text::{DETAIL_CHARS, bounded};
use crate::wait::wait;

/// What a refusal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// This message will never be taken.
    Permanent,
    /// Token, permission, account or configuration.
    Account,
    /// Too much, for the whole account.
    Limited,
    /// As many posts as the account may publish; its messages are another matter.
    Quota,
    /// Something inside; a message may have gone all the same, a post has a container to ask.
    Temporary,
    /// Documented: it was sent although an error came back.
    Maybe,
    /// The container is not ready, or not there yet.
    NotReady,
    /// The container has expired.
    Expired,
}

/// Codes with the subcode they count with; without one they count with any other.
const CODES: &[(i64, Option<i64>, Means)] = &[
    (-2, Some(2_207_003), Means::Temporary),
    (-2, Some(2_207_020), Means::Expired),
    (-1, Some(2_207_001), Means::Temporary),
    (-1, Some(2_207_032), Means::Temporary),
    (1, Some(1_357_046), Means::Maybe),
    (1, None, Means::Temporary),
    (2, None, Means::Temporary),
    (4, Some(2_207_051), Means::Account),
    (4, None, Means::Limited),
    (9, Some(2_207_042), Means::Quota),
    // Outside the window; the second one is what Messenger calls it.
    (10, Some(2_534_022), Means::Permanent),
    (10, Some(2_018_278), Means::Permanent),
    (10, Some(1_893_063), Means::Account),
    (10, None, Means::Account),
    (17, None, Means::Limited),
    (24, Some(2_207_006), Means::Permanent),
    (24, Some(2_207_008), Means::NotReady),
    (25, Some(2_207_050), Means::Account),
    (32, None, Means::Limited),
    (100, Some(2_207_028), Means::Permanent),
    (100, Some(2_207_040), Means::Permanent),
    (100, Some(2_534_014), Means::Permanent),
    (100, Some(2_534_029), Means::Account),
    (100, None, Means::Permanent),
    (190, None, Means::Account),
    (200, Some(2_534_041), Means::Account),
    (551, None, Means::Permanent),
    (613, None, Means::Limited),
    (9004, Some(2_207_052), Means::Permanent),
    (9007, Some(2_207_027), Means::NotReady),
    (36_000, Some(2_207_004), Means::Permanent),
    (36_001, Some(2_207_005), Means::Permanent),
    (36_003, Some(2_207_009), Means::Permanent),
    (36_004, Some(2_207_010), Means::Permanent),
];

/// Without a hint a throttled account waits so long; the provider counts in moving hours.
const THROTTLED: Duration = Duration::from_mins(5);

/// Without a hint a used-up quota of posts waits so long; it counts in a moving day.
pub(super) const QUOTA_WAITS: Duration = Duration::from_hours(1);

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// The subcode under which an error of a container is told.
pub(super) fn of_container(subcode: i64) -> Option<Means> {
    CODES.iter().find(|(_, sub, _)| *sub == Some(subcode)).map(|(_, _, means)| *means)
}

fn means(code: i64, subcode: Option<i64>) -> Option<Means> {
    let find = |wanted| CODES.iter().find(|(known, sub, _)| (*known, *sub) == (code, wanted));
    let exact = subcode.and_then(|subcode| find(Some(subcode))).or_else(|| find(None));
    match exact {
        Some((_, _, means)) => Some(*means),
        // All of them are permissions.
        None if (200..=299).contains(&code) => Some(Means::Account),
        None => None,
    }
}

/// Whether a code is in the tables. A number alone may also be an HTTP status; those of success are none.
pub(super) fn knows(code: &str) -> bool {
    let is_known = |code: &str, subcode: Option<&str>| {
        let subcode = subcode.map(str::parse).transpose();
        code.parse().is_ok_and(|code| subcode.is_ok_and(|subcode| means(code, subcode).is_some()))
    };
    match code.split_once('/') {
        Some((code, subcode)) => is_known(code, Some(subcode)),
        None => {
            let is_status =
                code.parse::<u16>().is_ok_and(|status| matches!(status, 100..=308 | 400..=599 | 999));
            OUR_CODES.contains(&code)
                || code == super::interpret::CONTAINER_ERROR
                || is_status
                || is_known(code, None)
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorFields,
}

#[derive(Deserialize)]
struct ErrorFields {
    code: i64,
    #[serde(default)]
    error_subcode: Option<i64>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_user_msg: Option<String>,
    #[serde(default)]
    is_transient: bool,
}

/// What the provider said about a refusal.
pub(super) struct Said {
    /// Its code with the subcode, or the HTTP status.
    pub(super) code: String,
    /// What that means, where it is documented.
    pub(super) means: Option<Means>,
    /// Whether the answer is in the form of its API.
    pub(super) is_in_form: bool,
    pub(super) detail: String,
    /// How long it asked to wait, or has to be waited.
    pub(super) after: Option<Duration>,
}

impl Said {
    pub(super) fn read(response: &Response) -> Self {
        let told = wait(response).max(regain(response));
        let Ok(ErrorBody { error }) = serde_json::from_slice::<ErrorBody>(&response.body) else {
            return Self {
                code: response.status.to_string(),
                means: None,
                is_in_form: false,
                detail: without_form(response),
                after: Some(told.unwrap_or(THROTTLED)),
            };
        };
        let ErrorFields { code, error_subcode, message, error_user_msg, is_transient } = error;
        let means = means(code, error_subcode).or(is_transient.then_some(Means::Temporary));
        let unhinted = if means == Some(Means::Quota) { QUOTA_WAITS } else { THROTTLED };
        Self {
            code: error_subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}")),
            means,
            is_in_form: true,
            detail: bounded(
                &error_user_msg.filter(|words| !words.is_empty()).unwrap_or(message),
                DETAIL_CHARS,
            ),
            after: Some(told.unwrap_or(unhinted)),
        }
    }
}

/// Minutes until calls are taken again, as the headers on usage tell; the longest of them.
fn regain(response: &Response) -> Option<Duration> {
    let headers = ["x-business-use-case-usage", "x-app-usage"];
    let usages = headers.iter().filter_map(|name| serde_json::from_str::<Value>(response.header(name)?).ok());
    let minutes = usages.filter_map(|usage| longest(&usage)).max().filter(|minutes| *minutes > 0)?;
    Some(Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST))
}

fn longest(usage: &Value) -> Option<u64> {
    match usage {
        Value::Array(items) => items.iter().filter_map(longest).max(),
        Value::Object(fields) => {
            let own = fields.get("estimated_time_to_regain_access").and_then(Value::as_u64);
            own.max(fields.values().filter_map(longest).max())
        }
        _ => None,
    }
}
