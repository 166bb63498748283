//! The plan as a whole, without a database: enough of everything, nothing twice, and nothing that could not have happened.
use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::message::Life;
use super::plan::{Plan, draw};
use super::seal::{self, Row};
use super::{book, write};
use crate::activity::status::{Stage, Status};
use crate::channel::{ChannelName, Lines};
use crate::contact::allowlist::{Allowlist, Entry};
use crate::draft::check::check;
use crate::safe_text::SafeText;

fn plan() -> Plan {
    draw("2026-11-23T07:54:10Z".parse().unwrap(), "root")
}

fn rows(plan: &Plan) -> Vec<Row<'_>> {
    seal::all(plan, &Lines::new()).unwrap()
}

fn pending_by_channel(plan: &Plan) -> BTreeMap<ChannelName, usize> {
    let mut counts = BTreeMap::new();
    for message in plan.messages.iter().filter(|message| matches!(message.life, Life::Pending)) {
        *counts.entry(message.input.channel).or_default() += 1;
    }
    counts
}

/// The company is as large as it says, whatever day it is filled on, midnights and weekends included.
#[rstest]
#[case("2026-11-23T07:54:10Z")]
#[case("2026-11-22T23:10:00Z")]
#[case("2027-01-03T12:00:00Z")]
#[case("2026-10-25T01:30:00Z")]
#[case("2028-02-29T16:45:00Z")]
fn there_is_enough_of_everything_at_any_time(#[case] now: Timestamp) {
    let plan = draw(now, "ana");
    let made = plan.made();
    assert!(made.accounts >= 40 && made.contacts >= 200 && made.outboxes >= 5, "{made:?}");
    assert!(
        made.pending >= 120 && made.holding >= 10 && made.uncertain == 3 && made.history >= 3500,
        "{made:?}"
    );
    let counts = pending_by_channel(&plan);
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 12), "{counts:?}");
    let replies = plan.messages.iter().filter(|message| {
        let is_reply = message.kind == crate::activity::payload::Kind::Reply;
        is_reply && matches!(message.life, Life::Pending)
    });
    assert!(replies.count() >= 30);
    let caps: BTreeMap<_, _> =
        plan.outboxes.iter().map(|outbox| (outbox.settings.id, outbox.daily_cap)).collect();
    assert!(plan.quota_used().iter().all(|(id, (_, used))| used <= &caps[id]));
    let ids: HashSet<_> = plan.messages.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), plan.messages.len());
}

#[test]
fn the_same_time_draws_the_same_demo() {
    let (one, two) = (plan(), plan());
    let shas = |rows: &[Row<'_>]| rows.iter().map(|row| row.sealed.sha256()).collect::<Vec<_>>();
    assert_eq!(shas(&rows(&one)), shas(&rows(&two)));
}

#[test]
fn ten_languages_share_twelve_families() {
    let books = book::all();
    let locales: BTreeSet<_> = books.iter().map(|book| book.locale.as_str()).collect();
    assert!(locales.len() >= 8 && locales.contains("he-IL") && locales.contains("ja-JP"));
    let topics: BTreeSet<_> = books.iter().flat_map(|book| book.topics.keys()).collect();
    // Visits and posts are the other two.
    assert_eq!(topics.len() + 2, 12);
    for book in &books {
        let chapters = [&book.middle, &book.ask, &book.again, &book.answer, &book.theirs];
        let all = chapters.into_iter().chain([&book.chat, &book.visit, &book.social, &book.sites]);
        assert!(
            book.topics.len() >= 6 && all.into_iter().all(|chapter| !chapter.is_empty()),
            "{}",
            book.locale
        );
        jiff::tz::TimeZone::get(&book.zone).unwrap();
    }
}

#[test]
fn every_draft_is_acceptable_and_says_what_it_means() {
    let plan = plan();
    for message in &plan.messages {
        let checked = check(&message.input, &plan.outboxes[message.outbox].settings).unwrap();
        let text = format!("{} {}", checked.payload.parts.headline(), checked.payload.parts.text());
        let placeholder = text.split('{').nth(1).map(|rest| rest.split('}').next().unwrap_or_default());
        assert_eq!(placeholder, None, "{text}");
    }
}

/// Only the reserved names and ranges, and nobody outside the allowlist but the two whom a person should notice.
#[test]
fn no_address_could_belong_to_anybody() {
    let plan = plan();
    let stored = plan.allowlist.iter().map(|entry| Entry::parse(entry).unwrap().as_text());
    let allowlist = Allowlist::new(stored);
    let mut strangers = BTreeSet::new();
    for row in rows(&plan) {
        match row.address_kind {
            "email" => assert!(row.address.ends_with(".example"), "{}", row.address),
            "phone" => {
                let is_reserved = ["+3363998", "+447700900", "+4917139200"]
                    .iter()
                    .any(|range| row.address.starts_with(range));
                assert!(is_reserved && (12..=13).contains(&row.address.len()), "{}", row.address);
            }
            _ => {}
        }
        if matches!(row.message.life.status().stage(), Stage::Draft | Stage::Queue)
            && !allowlist.admits(&row.recipient)
        {
            strangers.insert(row.recipient.clone());
        }
    }
    assert_eq!(strangers.into_iter().collect::<Vec<_>>(), ["kari.nordmann@n\u{43e}rdlys.example"]);
}

#[test]
fn no_address_belongs_to_two_people() {
    let plan = plan();
    let mut owners = BTreeMap::new();
    for row in rows(&plan) {
        let owner = owners.entry((row.address_kind, row.address.clone())).or_insert(row.message.contact);
        assert_eq!(*owner, row.message.contact, "{}", row.address);
    }
    let emails: Vec<_> = plan.contacts.iter().filter_map(|contact| contact.email.as_ref()).collect();
    assert_eq!(emails.iter().collect::<HashSet<_>>().len(), emails.len());
}

/// The schema allows one open draft a place; no wave holds two.
#[test]
fn no_wave_drafts_twice_in_one_place() {
    let plan = plan();
    let rows = rows(&plan);
    let waves = write::waves(&rows);
    assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), rows.len());
    for wave in waves {
        let places: HashSet<_> =
            wave.iter().map(|row| (row.message.contact, row.message.outbox, row.message.kind)).collect();
        assert_eq!(places.len(), wave.len());
    }
}

#[test]
fn every_life_runs_forward_and_ends_before_now() {
    let plan = plan();
    let now = plan.now;
    for message in &plan.messages {
        assert!(message.created_at < now);
        if let Some(decided) = message.life.decided() {
            assert!(message.created_at < decided.at && decided.at < now);
            assert!(plan.operators.iter().any(|operator| operator.name() == decided.by));
        }
        if let Life::Left { decided, tries, end } = &message.life {
            let times = tries.iter().flat_map(|attempt| [attempt.wire_at, attempt.closed_at]);
            let times: Vec<_> = std::iter::once(decided.at).chain(times).chain([now]).collect();
            assert!(times.is_sorted(), "{times:?}");
            let is_accepted = tries.last().is_some_and(|attempt| attempt.outcome == "accepted");
            assert_eq!(is_accepted, *end == Status::Sent);
        }
    }
}

/// A follow-up never overtakes the message it follows, and a pending first touch is the first.
#[test]
fn a_first_touch_is_the_first_mail_of_its_outbox() {
    let plan = plan();
    let mut written = HashSet::new();
    for message in plan.messages.iter().filter(|message| message.input.channel == ChannelName::Email) {
        let place = (message.contact, message.outbox);
        if message.kind == crate::activity::payload::Kind::FirstTouch {
            assert!(!written.contains(&place), "{}", plan.contacts[message.contact].name);
        }
        if message.life.status() == Status::Sent {
            written.insert(place);
        }
    }
}

/// Some drafts are past the four hours within which people decide, none has expired.
#[test]
fn open_drafts_are_of_the_last_six_hours() {
    let plan = plan();
    let pending: Vec<_> = plan
        .messages
        .iter()
        .filter(|message| matches!(message.life, Life::Pending))
        .map(|message| plan.now - message.created_at)
        .collect();
    let hours = |count: i64| jiff::Span::new().hours(count);
    let is_longer = |age: &jiff::Span, than: i64| age.compare(hours(than)).unwrap().is_gt();
    assert!(pending.iter().all(|age| !is_longer(age, 6)));
    let late = pending.iter().filter(|age| is_longer(age, 4)).count();
    assert!((10..60).contains(&late), "{late}");
}

#[test]
fn nothing_that_waits_leaves_within_a_quarter_of_an_hour() {
    let plan = plan();
    let holding = plan.messages.iter().filter(|message| matches!(message.life, Life::Holding { .. }));
    for message in holding {
        let wait = message.send_after.duration_since(plan.now);
        if !matches!(message.input.channel, ChannelName::Linkedin | ChannelName::Instagram) {
            assert!(wait > SignedDuration::from_mins(15), "{wait}");
        }
        assert!(wait > SignedDuration::from_mins(2) && wait < SignedDuration::from_hours(11), "{wait}");
    }
}

/// S1, S3: the demo shows what a hostile text looks like, and rarely.
#[test]
fn few_drafts_are_suspicious() {
    let plan = plan();
    let is_suspicious = |row: &&Row<'_>| {
        let name = &plan.contacts[row.message.contact].name;
        let texts = [name.as_str(), row.headline.as_str(), row.recipient.as_str()];
        texts.iter().any(|text| SafeText::line(text).is_suspicious())
            || crate::contact::address::has_mixed_script(&row.recipient)
    };
    let rows = rows(&plan);
    let found =
        rows.iter().filter(|row| matches!(row.message.life, Life::Pending)).filter(is_suspicious).count();
    assert_eq!(found, 2);
    let longest = rows
        .iter()
        .map(|row| row.message.input.payload["text"].as_str().unwrap_or_default().lines().count())
        .max();
    assert_eq!(longest, Some(300));
}
