//! Limits of an outbox beside its daily cap: quiet hours, warm-up, consent, and the circuit. Pure.
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::Serialize;

/// Calls without a clear answer, one after the other, that open the circuit of an outbox.
pub const CIRCUIT_OPENS_AT: i32 = 5;

/// How long an open circuit waits before the next probe: doubling from the first to the last.
const CIRCUIT_FIRST: Duration = Duration::from_secs(2);
const CIRCUIT_LAST: Duration = Duration::from_secs(300);

/// The furthest a look ahead for an open hour goes; every week has one unless all seven days are quiet.
const LOOK_AHEAD_DAYS: usize = 8;

/// What an outbox may not do, beside its cap. The default limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// When recipients are left alone.
    pub quiet: QuietHours,
    /// Warm-up of a new sending identity.
    pub ramp: Option<Ramp>,
    /// Whether a contact must have consented to the channel.
    pub consent_required: bool,
}

/// Hours and days of the recipient's local time in which nothing is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    /// From when until when; the end belongs to the day after where it lies before the beginning.
    pub hours: Option<(Time, Time)>,
    /// Whole days, as ISO weekday numbers (1 is Monday).
    pub days: Vec<i8>,
}

/// Text that does not say quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use hours like 20:00-08:00, days like sat,sun, or both: 20:00-08:00,sat,sun; `off` takes them away")]
pub struct NotQuietHours;

impl QuietHours {
    /// Whether anything is quiet at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.hours.is_some() || !self.days.is_empty()
    }

    /// The next instant from `now` on that is not quiet in this zone; `None` if there is none within a week.
    #[must_use]
    pub fn next_open(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut at = now;
        for _ in 0..LOOK_AHEAD_DAYS * 2 {
            let local = at.to_zoned(zone.clone());
            let (date, time) = (local.date(), local.time());
            let end = if self.days.contains(&date.weekday().to_monday_one_offset()) {
                Some((date.tomorrow().ok()?, Time::midnight()))
            } else {
                match self.hours {
                    Some((from, until)) if from < until && from <= time && time < until => {
                        Some((date, until))
                    }
                    Some((from, until)) if from > until && time >= from => {
                        Some((date.tomorrow().ok()?, until))
                    }
                    Some((from, until)) if from > until && time < until => Some((date, until)),
                    _ => None,
                }
            };
            let Some((date, time)) = end else {
                return Some(at);
            };
            // In the hour that a change of the clocks leaves out, the next one that exists.
            let local_end = date.to_datetime(time);
            let end = local_end.to_zoned(zone.clone()).ok()?.timestamp();
            // Where the clock is set back an hour comes twice, and the first of two ends may lie behind us.
            at = match end > at {
                true => end,
                false => zone.to_ambiguous_zoned(local_end).later().ok()?.timestamp(),
            };
        }
        None
    }
}

impl FromStr for QuietHours {
    type Err = NotQuietHours;

    fn from_str(text: &str) -> Result<Self, NotQuietHours> {
        let mut quiet = Self::default();
        for part in text.split(',').map(str::trim) {
            if let Some((from, until)) = part.split_once('-') {
                let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| NotQuietHours);
                let (from, until) = (time(from)?, time(until)?);
                if from == until || quiet.hours.is_some() {
                    return Err(NotQuietHours);
                }
                quiet.hours = Some((from, until));
            } else {
                let day = WEEKDAYS.iter().position(|day| day.eq_ignore_ascii_case(part));
                let day = day.and_then(|index| i8::try_from(index + 1).ok()).ok_or(NotQuietHours)?;
                if !quiet.days.contains(&day) {
                    quiet.days.push(day);
                }
            }
        }
        quiet.days.sort_unstable();
        // Seven quiet days would be a pause that nobody sees.
        if quiet.days.len() == 7 { Err(NotQuietHours) } else { Ok(quiet) }
    }
}

impl std::fmt::Display for QuietHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some((from, until)) = self.hours {
            parts.push(format!("{}-{}", from.strftime("%H:%M"), until.strftime("%H:%M")));
        }
        let names = self.days.iter().filter_map(|day| WEEKDAYS.get(usize::try_from(*day - 1).ok()?));
        parts.extend(names.map(|day| (*day).to_owned()));
        if parts.is_empty() { f.write_str("off") } else { f.write_str(&parts.join(",")) }
    }
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A cap that grows day by day until it meets the daily cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ramp {
    /// Its first day, by the outbox's zone.
    pub from: Date,
    /// The cap on that day.
    pub start: i32,
    /// By how much it grows every day.
    pub step: i32,
}

impl Ramp {
    /// By how much a cap grows a day unless it is said otherwise.
    pub const DEFAULT_STEP: i32 = 2;

    /// What may be sent on that day. Before the first day it is the first day's.
    #[must_use]
    pub fn cap_on(&self, day: Date) -> i32 {
        let days = self.from.until(day).map_or(0, |span| span.get_days()).max(0);
        self.start.saturating_add(self.step.saturating_mul(days))
    }
}

impl Limits {
    /// Reads them as they are stored: quiet hours, quiet days, and first day, start and step of the warm-up.
    pub(crate) fn stored(
        hours: Option<(Time, Time)>,
        days: &[i16],
        ramp: Option<(Date, (i32, i32))>,
        consent_required: bool,
    ) -> Self {
        let days = days.iter().filter_map(|day| i8::try_from(*day).ok()).collect();
        let ramp = ramp.map(|(from, (start, step))| Ramp { from, start, step });
        Self { quiet: QuietHours { hours, days }, ramp, consent_required }
    }

    /// The lowest active limit of that day.
    #[must_use]
    pub fn effective_cap(&self, daily_cap: i32, day: Date) -> i32 {
        self.ramp.map_or(daily_cap, |ramp| ramp.cap_on(day).min(daily_cap))
    }

    /// What is not limited, and what that means.
    #[must_use]
    pub fn not_set(&self) -> Vec<&'static str> {
        let lacks = [
            (!self.quiet.is_set(), "quiet hours: recipients are written to at any hour"),
            (self.ramp.is_none(), "warm-up: the daily cap counts from the first day on"),
            (!self.consent_required, "consent: whoever did not withdraw it may be written to"),
        ];
        lacks.into_iter().filter(|(is_absent, _)| *is_absent).map(|(_, words)| words).collect()
    }

    /// Whether the warm-up is what limits that day.
    #[must_use]
    pub fn is_ramped(&self, daily_cap: i32, day: Date) -> bool {
        self.effective_cap(daily_cap, day) < daily_cap
    }
}

/// How long the circuit of an outbox stays open after so many calls in a row without a clear answer; `None` while it is closed.
#[must_use]
pub fn circuit(fault_streak: i32) -> Option<Duration> {
    let beyond = u32::try_from(fault_streak - CIRCUIT_OPENS_AT).ok()?;
    Some(CIRCUIT_FIRST.saturating_mul(1 << beyond.min(16)).min(CIRCUIT_LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[rstest::rstest]
    // Overnight, over the weekend, in the middle of the day, and outside of all that.
    #[case("20:00-08:00", "2026-11-24T21:30:00Z", "Europe/Oslo", Some("2026-11-25T07:00:00Z"))]
    #[case("20:00-08:00", "2026-11-24T03:30:00Z", "Europe/Oslo", Some("2026-11-24T07:00:00Z"))]
    #[case("20:00-08:00,sat,sun", "2026-11-27T21:00:00Z", "UTC", Some("2026-11-30T08:00:00Z"))]
    #[case("12:00-13:00", "2026-11-24T12:15:00Z", "UTC", Some("2026-11-24T13:00:00Z"))]
    #[case("20:00-08:00", "2026-11-24T12:00:00Z", "UTC", Some("2026-11-24T12:00:00Z"))]
    #[case("sat", "2026-11-28T12:00:00Z", "Asia/Tokyo", Some("2026-11-28T15:00:00Z"))]
    // R22: the night in which the clock jumps from two to three, and the one in which two comes twice.
    #[case("22:00-02:30", "2026-03-29T00:15:00Z", "Europe/Oslo", Some("2026-03-29T01:30:00Z"))]
    #[case("22:00-02:30", "2026-10-24T23:30:00Z", "Europe/Oslo", Some("2026-10-25T00:30:00Z"))]
    #[case("22:00-02:30", "2026-10-25T01:05:00Z", "Europe/Oslo", Some("2026-10-25T01:30:00Z"))]
    fn quiet_hours_end_when_they_say(
        #[case] quiet: &str,
        #[case] now: &str,
        #[case] zone: &str,
        #[case] open: Option<&str>,
    ) {
        let quiet: QuietHours = quiet.parse().unwrap();
        assert_eq!(quiet.next_open(at(now), &TimeZone::get(zone).unwrap()), open.map(at));
    }

    #[rstest::rstest]
    #[case("20:00-08:00,sat,sun")]
    #[case("09:30-17:00")]
    #[case("mon")]
    fn quiet_hours_read_back(#[case] text: &str) {
        assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("20:00-20:00")]
    #[case("20-8")]
    #[case("25:00-08:00")]
    #[case("20:00-08:00,12:00-13:00")]
    #[case("someday")]
    #[case("mon,tue,wed,thu,fri,sat,sun")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<QuietHours>(), Err(NotQuietHours));
    }

    #[test]
    fn a_ramp_grows_up_to_the_cap() {
        let limits = Limits {
            ramp: Some(Ramp { from: "2026-11-20".parse().unwrap(), start: 10, step: 2 }),
            ..Limits::default()
        };
        let cap = |day: &str| limits.effective_cap(20, day.parse().unwrap());
        assert_eq!(
            [cap("2026-11-19"), cap("2026-11-20"), cap("2026-11-22"), cap("2026-11-25"), cap("2027-11-25")],
            [10, 10, 14, 20, 20]
        );
        assert!(limits.is_ramped(20, "2026-11-24".parse().unwrap()));
        assert!(!limits.is_ramped(20, "2026-11-25".parse().unwrap()));
    }

    #[test]
    fn the_circuit_opens_at_the_fifth_fault_and_waits_longer_each_time() {
        assert_eq!(circuit(4), None);
        assert_eq!(circuit(5), Some(Duration::from_secs(2)));
        assert_eq!(circuit(7), Some(Duration::from_secs(8)));
        assert_eq!(circuit(40), Some(Duration::from_secs(300)));
    }
}
