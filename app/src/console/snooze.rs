//! Until when to snooze: the presets behind the digits, and what people type. Pure; the clock and the zone are arguments.
use jiff::civil::{Time, Weekday};
use jiff::{Span, Timestamp, Zoned};

/// When the working day begins, for the presets that name a day.
const MORNING: Time = Time::constant(9, 0, 0, 0);

/// Reads a digit of the presets, a duration (`90m`, `2h 30m`, `3d`) or a time (`2026-11-24T09:00Z`).
pub(crate) fn until(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let time = match text.trim() {
        "1" => now.checked_add(Span::new().hours(1)),
        "2" => now.checked_add(Span::new().hours(4)),
        "3" => now.tomorrow().and_then(|day| day.with().time(MORNING).build()),
        "4" => next_monday(now),
        text => match text.parse::<Span>() {
            Ok(span) => now.checked_add(span),
            Err(_) => match text.parse::<Timestamp>() {
                Ok(time) => return Ok(time),
                Err(_) => return Err(format!("`{text}` is neither a duration (90m, 2h, 3d) nor a time")),
            },
        },
    };
    time.map(|time| time.timestamp()).map_err(|error| error.to_string())
}

/// The next Monday that is not today.
fn next_monday(now: &Zoned) -> Result<Zoned, jiff::Error> {
    now.nth_weekday(1, Weekday::Monday)?.with().time(MORNING).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", "2026-11-23T15:02:00+01:00")]
    #[case("2", "2026-11-23T18:02:00+01:00")]
    #[case("3", "2026-11-24T09:00:00+01:00")]
    #[case("4", "2026-11-30T09:00:00+01:00")]
    #[case("90m", "2026-11-23T15:32:00+01:00")]
    #[case("2h 30m", "2026-11-23T16:32:00+01:00")]
    #[case("3d", "2026-11-26T14:02:00+01:00")]
    #[case("2026-11-24T07:00Z", "2026-11-24T08:00:00+01:00")]
    fn digits_durations_and_times_are_read(#[case] text: &str, #[case] expected: &str) {
        let now: Zoned = "2026-11-23T14:02:00+01:00[Europe/Paris]".parse().unwrap();
        assert_eq!(until(text, &now), Ok(expected.parse().unwrap()));
    }

    #[test]
    fn a_morning_is_a_morning_when_the_clocks_change() {
        let saturday: Zoned = "2026-03-28T14:00:00[Europe/Paris]".parse().unwrap();
        assert_eq!(until("3", &saturday), Ok("2026-03-29T09:00:00+02:00".parse().unwrap()));
    }

    #[rstest]
    #[case("soon")]
    #[case("5")]
    #[case("2x")]
    fn anything_else_is_refused_with_an_example(#[case] text: &str) {
        let now: Zoned = "2026-11-23T14:02:00[Europe/Paris]".parse().unwrap();
        assert!(until(text, &now).unwrap_err().contains("90m"));
    }
}
