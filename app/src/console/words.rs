//! Numbers, times and outcomes in words. Pure; the clock and the zone are arguments.
use countersign_core::activity::fact::Told;
use countersign_core::activity::status::Status;
use countersign_core::activity::view::COUNT_LIMIT;
use countersign_core::approval::ItemOutcome;
use countersign_core::approval::store_fate::Fate;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::theme::Charset;

/// A bounded count: `10 000+` where counting stopped.
pub(crate) fn count(count: i64) -> String {
    if count >= COUNT_LIMIT { format!("{}+", grouped(COUNT_LIMIT)) } else { grouped(count) }
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: i64) -> String {
    crate::progress::grouped(number)
}

/// `412 bytes`, `1 byte`.
pub(crate) fn size(bytes: usize) -> String {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    format!("{} {}", grouped(bytes), if bytes == 1 { "byte" } else { "bytes" })
}

/// `<1m`, `41m`, `3h`, `2d`: how long ago, in the largest whole unit. Seconds would have to be drawn every second.
pub(crate) fn age(now: Timestamp, then: Timestamp) -> String {
    let secs = now.duration_since(then).as_secs().max(0);
    match secs {
        0..60 => "<1m".to_owned(),
        60..3_600 => format!("{}m", secs / 60),
        3_600..172_800 => format!("{}h", secs / 3_600),
        _ => format!("{}d", secs / 86_400),
    }
}

/// `22 s`, `4 min`: how long from now, for a countdown.
pub(crate) fn countdown(now: Timestamp, then: Timestamp) -> String {
    let millis = then.duration_since(now).as_millis().max(0);
    let secs = (millis + 999) / 1_000;
    match secs {
        0..=90 => format!("{secs} s"),
        91..5_400 => format!("{} min", (secs + 59) / 60),
        _ => format!("{} h", secs / 3_600),
    }
}

/// `in 22 s`, `in 4 min`, `08:00`, `24 Nov 08:00`: a time to come, in the words of the person who reads it.
pub(crate) fn upcoming(now: Timestamp, then: Timestamp, zone: &TimeZone) -> String {
    let secs = then.duration_since(now).as_secs();
    match secs {
        ..0 => "now".to_owned(),
        0..3_600 => format!("in {}", countdown(now, then)),
        _ => clock(now, then, zone),
    }
}

/// `14:02` today, `24 Nov 14:02` on another day.
pub(crate) fn clock(now: Timestamp, then: Timestamp, zone: &TimeZone) -> String {
    let (today, then) = (now.to_zoned(zone.clone()).date(), then.to_zoned(zone.clone()));
    let format = if then.date() == today { "%H:%M" } else { "%-d %b %H:%M" };
    then.strftime(format).to_string()
}

/// `2026-11-23 14:02:11 UTC`: for evidence.
pub(crate) fn exact(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `00:00`: a time of day in its own zone.
pub(crate) fn time_of_day(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// `Paris` of `Europe/Paris`.
pub(crate) fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}

/// `1 message`, `3 messages`.
pub(crate) fn messages(count: usize) -> String {
    format!("{} {}", size_of(count), if count == 1 { "message" } else { "messages" })
}

/// `1 edit is`, `3 edits are`.
pub(crate) fn edits(count: usize) -> String {
    if count == 1 { "1 edit is".to_owned() } else { format!("{count} edits are") }
}

fn size_of(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// What somebody else did to an item that is not where it was, as words that stand before its name.
pub(crate) fn fate(fate: Option<&Fate>, now: Timestamp, zone: &TimeZone, charset: Charset) -> String {
    let Some(fate) = fate else {
        return "left the list".to_owned();
    };
    let word = match fate.action.as_str() {
        "approval.approve" => "approved",
        "approval.reject" => "rejected",
        "draft.withdraw" | "activity.withdraw" => match (fate.actor_kind.as_str(), fate.reason.as_deref()) {
            ("engine", Some("replied")) => "they replied",
            ("engine", Some("booked")) => "they booked a meeting",
            _ => "withdrawn",
        },
        "draft.supersede" => "superseded",
        "draft.expire" => "expired",
        _ if fate.status == Status::DraftPendingApproval => {
            return "left the list: it is a draft still, snoozed or outside the filter".to_owned();
        }
        _ => fate.status.label(),
    };
    let by = charset.line(&fate.by).truncated(40);
    let at = clock(now, fate.at, zone);
    match fate.actor_kind.as_str() {
        "engine" => format!("left the list, {at} ({word})"),
        _ => format!("taken by {by}, {at} ({word})"),
    }
}

/// Who changed a draft and when, if that was the last thing that happened to it.
pub(crate) fn change(
    fate: Option<&Fate>,
    now: Timestamp,
    zone: &TimeZone,
    charset: Charset,
) -> Option<String> {
    let fate = fate.filter(|fate| fate.action == "draft.revise")?;
    Some(format!("changed by {}, {}", charset.line(&fate.by).truncated(40), clock(now, fate.at, zone)))
}

/// `opened 12:10, delivered 12:03 (last heard 4m ago)`: what became of a message after it was sent; `None` if nothing was heard.
pub(crate) fn facts(facts: &[Told], now: Timestamp, zone: &TimeZone) -> Option<String> {
    let newest = facts.iter().map(|told| told.told_at).max()?;
    let told: Vec<String> = facts
        .iter()
        .map(|told| format!("{} {}", told.fact.as_str().replace('_', " "), clock(now, told.at, zone)))
        .collect();
    Some(format!("{} (last heard {} ago)", told.join(", "), age(now, newest)))
}

/// What became of one item, as words that follow its name.
pub(crate) fn outcome(outcome: &ItemOutcome, now: Timestamp, zone: &TimeZone, charset: Charset) -> String {
    match outcome {
        ItemOutcome::Approved { send_after } => {
            format!("approved, leaves {}", upcoming(now, *send_after, zone))
        }
        ItemOutcome::NeedsSecond => "approved by you; a second person has to".to_owned(),
        ItemOutcome::Rejected => "rejected".to_owned(),
        ItemOutcome::Undone => "taken back, a draft again".to_owned(),
        ItemOutcome::Revised { .. } => "changed, and waits for a decision on the new text".to_owned(),
        ItemOutcome::Withdrawn => "withdrawn".to_owned(),
        ItemOutcome::Snoozed { until } => format!("snoozed until {}", clock(now, *until, zone)),
        ItemOutcome::Woken => "on the list again".to_owned(),
        ItemOutcome::Resolved { status } => format!("settled as {}", status.label()),
        ItemOutcome::Already { status } => format!("was {} already", status.label()),
        ItemOutcome::Reopened { .. } => "taken back since shown: look again".to_owned(),
        ItemOutcome::Changed { .. } => "changed since shown: look again".to_owned(),
        ItemOutcome::Taken { status, by: Some(by), at } => {
            let at = at.map(|at| format!(" {}", clock(now, at, zone))).unwrap_or_default();
            format!("taken by {}{at} ({})", charset.line(by).truncated(40), status.label())
        }
        ItemOutcome::Taken { status, by: None, .. } => {
            format!("no longer possible: it is {}", status.label())
        }
        ItemOutcome::Missing => "is not there any more".to_owned(),
        ItemOutcome::NeedsConfirmation { reason } => {
            format!("open it and confirm: {}", charset.line(reason))
        }
        ItemOutcome::Refused { reason } => format!("refused: {}", charset.line(reason)),
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::activity::fact::Fact;

    use super::*;

    #[test]
    fn counts_stop_at_the_bound() {
        assert_eq!([count(0), count(1_284), count(9_999), count(10_000)], ["0", "1 284", "9 999", "10 000+"]);
        assert_eq!(grouped(-1_234), "-1 234");
    }

    #[test]
    fn facts_say_the_furthest_first_and_how_old_the_news_is() {
        let now: Timestamp = "2026-11-23T14:02:00Z".parse().unwrap();
        let at = |secs: i64| now - jiff::SignedDuration::from_secs(secs);
        let told = |fact, secs| Told { fact, at: at(secs), told_at: at(secs - 60), detail: None };
        let both = [told(Fact::SoftBounced, 300), told(Fact::Accepted, 90_000)];
        let words = "soft bounced 13:57, accepted 22 Nov 13:02 (last heard 4m ago)";
        assert_eq!(facts(&both, now, &TimeZone::UTC).as_deref(), Some(words));
        assert_eq!(facts(&[], now, &TimeZone::UTC), None);
    }

    #[test]
    fn times_read_in_the_largest_unit_that_helps() {
        let now: Timestamp = "2026-11-23T14:02:00Z".parse().unwrap();
        let at = |secs: i64| now + jiff::SignedDuration::from_secs(secs);
        assert_eq!(
            [age(now, at(-8)), age(now, at(-2_460)), age(now, at(-11_000)), age(now, at(-200_000))],
            ["<1m", "41m", "3h", "2d"]
        );
        assert_eq!(age(now, at(60)), "<1m", "a clock that runs ahead does not make an age negative");
        let zone = TimeZone::UTC;
        assert_eq!(upcoming(now, at(22), &zone), "in 22 s");
        assert_eq!(upcoming(now, at(7_200), &zone), "16:02");
        assert_eq!(upcoming(now, at(86_400), &zone), "24 Nov 14:02");
        assert_eq!(city("America/New_York"), "New York");
    }
}
