//! Local days of an outbox. Pure.
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

fn zone(name: &str) -> TimeZone {
    // Zones are checked when an outbox is made; one that went away since is read as UTC, which never gives quota twice.
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The outbox's local day at this instant.
#[must_use]
pub fn local_day(now: Timestamp, zone_name: &str) -> Date {
    now.to_zoned(zone(zone_name)).date()
}

/// The next instant at which the outbox's local day changes. Days of 23 and 25 hours are days.
#[must_use]
pub fn next_reset(now: Timestamp, zone_name: &str) -> Timestamp {
    let today = now.to_zoned(zone(zone_name)).date();
    let next = today.checked_add(1.day()).and_then(|tomorrow| tomorrow.to_zoned(zone(zone_name)));
    next.map_or(now, |midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R22: a local day has 23, 24 or 25 hours and still is one quota day.
    #[rstest::rstest]
    #[case("2026-03-29T00:30:00Z", "Europe/Paris", "2026-03-29", "2026-03-29T22:00:00Z")]
    #[case("2026-10-24T22:30:00Z", "Europe/Paris", "2026-10-25", "2026-10-25T23:00:00Z")]
    #[case("2026-11-23T15:30:00Z", "Asia/Tokyo", "2026-11-24", "2026-11-24T15:00:00Z")]
    #[case("2026-11-23T15:30:00Z", "UTC", "2026-11-23", "2026-11-24T00:00:00Z")]
    fn the_day_turns_at_local_midnight(
        #[case] now: Timestamp,
        #[case] zone: &str,
        #[case] day: Date,
        #[case] reset: Timestamp,
    ) {
        assert_eq!(local_day(now, zone), day);
        assert_eq!(next_reset(now, zone), reset);
    }
}
