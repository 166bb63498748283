//! How long an answer asks to wait.
use std::time::Duration;

use countersign_core::channel::Response;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest wait that is believed. Quotas of a provider last a day at most, so a longer one is a defect of the answer.
const LONGEST: Duration = Duration::from_hours(24);

/// Reads `Retry-After` (seconds or a date), else `RateLimit-Reset` (seconds).
pub(crate) fn wait(response: &Response) -> Option<Duration> {
    let asked =
        response.header("retry-after").and_then(|value| seconds(value).or_else(|| until(value, response)));
    let asked = asked.or_else(|| response.header("ratelimit-reset").and_then(seconds))?;
    Some(asked.min(LONGEST))
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits that do not fit are simply a very long time.
    Some(text.parse().map_or(LONGEST, Duration::from_secs))
}

/// A date counts from the provider's own clock, which may differ from ours. Without that clock the wait is unknown, and waiting
/// too long is the safe mistake.
fn until(text: &str, response: &Response) -> Option<Duration> {
    let until = date(text)?;
    let Some(now) = response.header("date").and_then(date) else {
        return Some(LONGEST);
    };
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A wrong weekday does not make a date unreadable.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use countersign_core::channel::Response;
    use rstest::rstest;

    use super::wait;

    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

    /// F15, R21.
    #[rstest]
    #[case(&[], None)]
    #[case(&[("retry-after", "7")], Some(7))]
    #[case(&[("retry-after", "0")], Some(0))]
    #[case(&[("retry-after", " 7 ")], Some(7))]
    #[case(&[("retry-after", "7"), ("ratelimit-reset", "3")], Some(7))]
    #[case(&[("ratelimit-reset", "3")], Some(3))]
    #[case(&[("retry-after", "soon"), ("ratelimit-reset", "3")], Some(3))]
    #[case(&[("retry-after", "-1")], None)]
    #[case(&[("retry-after", "1e9")], None)]
    #[case(&[("retry-after", "")], None)]
    #[case(&[("retry-after", "86401")], Some(86_400))]
    #[case(&[("retry-after", "99999999999999999999999999")], Some(86_400))]
    #[case(&[DATE, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], Some(30))]
    #[case(&[DATE, ("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")], Some(0))]
    #[case(&[DATE, ("retry-after", "Sun, 06 Nov 2094 08:49:37 GMT")], Some(86_400))]
    #[case(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], Some(86_400))]
    fn the_wait_is_what_the_answer_asks_up_to_a_day(
        #[case] headers: &[(&str, &str)],
        #[case] expected: Option<u64>,
    ) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = Response { status: 429, headers, body: Bytes::new() };
        assert_eq!(wait(&response), expected.map(Duration::from_secs));
    }
}
