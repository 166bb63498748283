//! Is it a time at which the recipient may be disturbed? Asked in the recipient's zone; where only the country is known, it has to be
//! such a time in all of its zones; where not even that is known, it waits.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Facts, Verdict};
use crate::contact::zone::Zones;
use crate::outbox::limits::QuietHours;

const GATE: &str = "quiet hours";

/// How soon a recipient without a zone is looked at again.
const UNKNOWN_AGAIN: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let quiet = &facts.outbox.limits.quiet;
    if !quiet.is_set() {
        return Verdict::pass(GATE, "this outbox has no quiet hours");
    }
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post disturbs nobody");
    }
    let item = facts.item;
    let zones = Zones::of(item.zone.as_deref(), item.country.as_deref(), item.locale.as_deref());
    let (open, place) = match &zones {
        Zones::Known(zone) => {
            (quiet.next_open(facts.now, zone), zone.iana_name().unwrap_or("their zone").to_owned())
        }
        Zones::Plausible(zones) => {
            (open_everywhere(quiet, facts.now, zones), "every zone of their country".to_owned())
        }
        Zones::Unknown => {
            let until = facts.now + UNKNOWN_AGAIN;
            let sentence =
                "the recipient's zone and country are not known, so no hour is known to be a good one";
            return Verdict::defer(GATE, "zone_unknown", until, sentence);
        }
    };
    match open {
        Some(at) if at <= facts.now => Verdict::pass(GATE, format!("a good time in {place}")),
        Some(at) => Verdict::defer(GATE, "quiet_hours", at, format!("quiet until {at:.0} in {place}")),
        None => Verdict::defer(
            GATE,
            "quiet_hours",
            facts.now + SignedDuration::from_hours(24),
            format!("no hour of the week is a good one in {place}"),
        ),
    }
}

/// The next instant that is quiet in none of the zones; `None` if a week has none.
fn open_everywhere(quiet: &QuietHours, now: Timestamp, zones: &[TimeZone]) -> Option<Timestamp> {
    let mut at = now;
    // Each round moves on to the end of a quiet time somewhere; more rounds than that means going in circles.
    for _ in 0..zones.len().saturating_mul(16) + 1 {
        let next = zones.iter().try_fold(at, |at, zone| quiet.next_open(at, zone))?;
        if next == at {
            return Some(at);
        }
        if next > now + SignedDuration::from_hours(8 * 24) {
            return None;
        }
        at = next;
    }
    None
}
