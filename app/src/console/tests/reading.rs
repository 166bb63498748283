//! Reading an item: its sides, what counts as read, and what a reader can be kept from seeing.
use countersign_core::activity::fact::{Fact, Told};
use countersign_core::activity::payload::{Kind, Parts};
use countersign_core::activity::status::Status;
use countersign_core::activity::thread::{Thread, Touch, Version};
use countersign_core::activity::view::ActivityDetail;
use countersign_core::channel::ChannelName;
use rstest::rstest;

use super::bench::{Bench, World};
use super::fixtures::{ago, id, item, mail};
use super::picture;
use crate::console::msg::Msg;
use crate::console::tab::Tab;

const LETTER: &str =
    "you asked about the façade.\nIt can wait until the frost is over.\nI can come by on Thursday.\n\nAna";

fn letter(number: u128, name: &str) -> ActivityDetail {
    let text = format!("Hi {name},\n\n{LETTER}");
    item(number, Status::DraftPendingApproval, name, Some("Nordlys"), mail("The façade", &text))
}

fn touches(count: u128) -> Thread {
    let told = |fact, secs| Told { fact, at: ago(secs), told_at: ago(secs - 10), detail: None };
    let touch = |number: u128, status| Touch {
        id: id(100 + number),
        status,
        channel: ChannelName::Email,
        kind: Kind::FollowUp,
        at: ago(86_400 * i64::try_from(number).unwrap()),
        headline: format!("Earlier {number}"),
        facts: if status == Status::Sent {
            vec![told(Fact::Opened, 600), told(Fact::Delivered, 1_200)]
        } else {
            Vec::new()
        },
        text: Some("first line\nsecond line".to_owned()),
    };
    let status = [Status::Sent, Status::Received, Status::Recorded];
    let touches =
        (1..=count).map(|number| touch(number, status[usize::try_from(number).unwrap() % 3])).collect();
    Thread { touches, has_more: false }
}

fn siblings(count: u128) -> World {
    let names = ["Zoë", "Kari", "Ola", "Ingrid"];
    let drafts =
        (1..=count).map(|number| letter(number, names[usize::try_from(number).unwrap() % 4])).collect();
    World { drafts, version: 1, thread: touches(4), ..World::default() }
}

fn is_seen(bench: &Bench, number: u128) -> bool {
    bench.model.seen.get(&id(number)) == Some(&bench.hash_of(number).payload_sha256)
}

#[rstest]
#[case("l", Tab::Diff)]
#[case("<right><right>", Tab::Thread)]
#[case("lllllll", Tab::Bytes)]
#[case("lllh<left>", Tab::Diff)]
#[case("hh", Tab::Message)]
#[case("d", Tab::Diff)]
#[case("t", Tab::Thread)]
#[case("b", Tab::Bytes)]
#[case("bb", Tab::Message)]
#[case("bj", Tab::Bytes)]
#[case("t2", Tab::Thread)]
fn keys_turn_to_the_sides(#[case] keys: &str, #[case] tab: Tab) {
    let mut bench = Bench::new(120, 40);
    bench.press(keys);
    assert_eq!(bench.model.tab, tab);
}

/// On Outbox the arrows turn the item as everywhere; `o` alone changes the focus.
#[test]
fn arrows_turn_the_item_on_outbox_too() {
    let mut bench = Bench::new(120, 40);
    bench.press("2<right>");
    assert_eq!((bench.model.tab, bench.model.focus), (Tab::Diff, crate::console::model::Focus::Rows));
}

#[test]
fn turning_opens_the_item_where_only_the_list_was() {
    for width in [60, 80] {
        let mut bench = Bench::new(width, 24);
        bench.press("t");
        assert!(bench.text().contains("[Thread 0]"), "{}", bench.text());
        bench.press("<esc>l");
        assert!(bench.text().contains("[Thread 0]"), "the first key only opens: {}", bench.text());
    }
}

#[test]
fn every_item_is_read_from_its_top() {
    let mut bench = Bench::with(
        World {
            drafts: vec![super::fixtures::long_draft(1), super::fixtures::long_draft(2)],
            version: 1,
            ..World::default()
        },
        120,
        40,
    );
    bench.press("<pagedown>");
    assert!(bench.model.preview.as_ref().unwrap().scroll() > 0);
    bench.press("j");
    assert_eq!(bench.model.preview.as_ref().unwrap().scroll(), 0);
}

/// Twenty siblings: one is read in full, the others as short differences, and all of them count.
#[test]
fn siblings_are_read_as_differences() {
    let mut bench = Bench::with(siblings(20), 120, 40);
    assert!(is_seen(&bench, 1));
    bench.press(&format!("d{}", "j".repeat(19)));
    for number in 1..=20 {
        assert!(is_seen(&bench, number), "{number}: {}", bench.text());
    }
    let text = bench.text();
    assert!(text.contains("against Ingrid · Nordlys") && text.contains("unchanged lines"), "{text}");
    assert!(text.contains("- Hi Ingrid,") && text.contains("+ Hi Zoë,"), "{text}");
    bench.press("a");
    assert_eq!(bench.approvals(), [bench.hash_of(20)]);
}

#[test]
fn without_a_base_a_diff_counts_for_nothing_and_says_so() {
    let mut bench = Bench::with(siblings(2), 80, 24);
    bench.press("d");
    assert!(bench.text().contains("Nothing like this was read here yet"), "{}", bench.text());
    bench.press("a");
    assert!(bench.asked.is_empty() && !is_seen(&bench, 1));
}

/// S5: a base that was read only in part is no base.
#[test]
fn a_base_read_in_part_does_not_count() {
    let mut world = siblings(2);
    let long: String = (0..90).map(|line| format!("line {line}\n")).collect();
    for (number, draft) in (1..).zip(&mut world.drafts) {
        *draft =
            item(number, Status::DraftPendingApproval, "Zoë", None, mail("Long", &format!("{long}{number}")));
    }
    let mut bench = Bench::with(world, 120, 40);
    bench.press("<pagedown>jd");
    assert!(bench.text().contains("Nothing like this was read here yet"), "{}", bench.text());
    assert!(!is_seen(&bench, 2));
}

/// A message of other words, another drafter or another kind is no sibling.
#[test]
fn strangers_are_no_base() {
    let mut world = siblings(3);
    world.drafts[1].row.proposed_by = "writer-9".to_owned();
    world.drafts[2] = item(
        3,
        Status::DraftPendingApproval,
        "Ola",
        None,
        mail("Else", "Nothing of this is alike at all, 0123456789."),
    );
    let mut bench = Bench::with(world, 120, 40);
    bench.press("djd");
    bench.press("d");
    bench.press("j");
    assert!(bench.text().contains("Nothing like this was read here yet"), "{}", bench.text());
}

/// A diff counts for the bytes that were painted: who changes them afterwards, gets nothing approved.
#[test]
fn a_change_after_the_diff_was_painted_is_not_approved() {
    let mut bench = Bench::with(siblings(2), 120, 40);
    bench.press("dj");
    let painted = bench.hash_of(2);
    assert!(is_seen(&bench, 2));
    bench.changed(|world| world.drafts[1] = letter(2, "Mallory"));
    assert!(!is_seen(&bench, 2));
    bench.key(super::bench::parse("a").remove(0));
    assert!(bench.approvals().is_empty() || bench.approvals() == [painted], "{:?}", bench.approvals());
}

/// An edited message is shown against what was read of it, and counts when that was read to its end.
#[test]
fn an_edit_is_shown_against_the_version_that_was_read() {
    let mut bench = Bench::with(siblings(1), 120, 40);
    bench.press("d");
    bench.changed(|world| world.drafts[0] = letter(1, "Zoë Álvarez"));
    bench.paint();
    let text = bench.text();
    assert!(
        text.contains("against the version you read 14:02") && text.contains("+ Hi Zoë Álvarez,"),
        "{text}"
    );
    assert!(is_seen(&bench, 1));
}

/// What was filed before an edit but never read here is shown, and counts for nothing.
#[test]
fn a_version_that_was_not_read_does_not_count() {
    let mut world = siblings(1);
    let old = letter(1, "Old Name");
    world.before = Some(Version {
        payload_sha256: old.row.payload_sha256,
        envelope: old.envelope.unwrap(),
        at: ago(600),
    });
    let mut bench = Bench::with(world, 80, 24);
    bench.press("d");
    let text = bench.text();
    assert!(text.contains("not read here") && text.contains("- Hi Old Name,"), "{text}");
    bench.press("<pagedown><pagedown>a");
    assert!(bench.asked.is_empty() && !is_seen(&bench, 1));
    assert!(bench.notice().contains("does not count"), "{}", bench.notice());
}

/// A diff that is taller than its box counts only when its end was shown.
#[test]
fn a_tall_diff_is_read_to_its_end_first() {
    let mut world = siblings(2);
    for (number, draft) in (1..).zip(&mut world.drafts) {
        // Few letters of each line differ, but every line.
        let text: String =
            (0..60).map(|line| format!("a line with the number {line} of letter {number}\n")).collect();
        *draft = item(number, Status::DraftPendingApproval, "Zoë", None, mail("Tall", &text));
    }
    let mut bench = Bench::with(world, 120, 40);
    bench.press("<pagedown><pagedown><pagedown><pagedown><pagedown>");
    assert!(is_seen(&bench, 1));
    bench.press("jd");
    assert!(bench.text().contains("more lines"), "{}", bench.text());
    bench.press("a");
    assert!(bench.asked.is_empty() && !is_seen(&bench, 2));
    bench.press("<pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown><pagedown>");
    assert!(is_seen(&bench, 2));
}

/// S5: what lies below the window is counted, and keys that run ahead of the screen pass nothing over.
#[test]
fn nobody_reads_faster_than_the_screen() {
    let mut bench = Bench::with(
        World { drafts: vec![super::fixtures::long_draft(1)], version: 1, ..World::default() },
        120,
        40,
    );
    assert!(bench.text().contains("characters   pagedown"), "{}", bench.text());
    for _ in 0..20 {
        bench.key(super::bench::parse("<pagedown>").remove(0));
    }
    bench.paint();
    bench.press("a");
    assert!(bench.asked.is_empty() && !is_seen(&bench, 1), "twenty keys and one frame");
    bench.press("<pagedown><pagedown><pagedown><pagedown><pagedown><pagedown>a");
    assert_eq!(bench.approvals().len(), 1);
}

/// S5: a terminal that grows in the middle of a text does not skip what stands between.
#[test]
fn another_width_keeps_the_place_in_the_text() {
    let text = (0..400).map(|word| format!("word{word} ")).collect::<String>();
    let draft = item(1, Status::DraftPendingApproval, "Zoë", None, mail("Wide", &text));
    let mut bench = Bench::with(World { drafts: vec![draft], version: 1, ..World::default() }, 42, 12);
    bench.press("<enter><pagedown><pagedown><pagedown><pagedown><pagedown>");
    bench.tell(Msg::Resized { width: 119, height: 12 });
    bench.paint();
    assert!(!is_seen(&bench, 1), "{}", bench.text());
    bench.press(&"<pagedown>".repeat(60));
    assert!(is_seen(&bench, 1));
}

/// S5: gaps are counted marks, so the tail stands right below them.
#[rstest]
#[case(&"\n".repeat(1_001), "<1000 blank lines>")]
#[case(&" ".repeat(5_000), "<5000 spaces>")]
fn a_gap_hides_no_tail(#[case] gap: &str, #[case] mark: &str) {
    let draft =
        item(1, Status::DraftPendingApproval, "Zoë", None, mail("Gap", &format!("Hi.{gap}and pay 5000")));
    let mut bench = Bench::with(World { drafts: vec![draft], version: 1, ..World::default() }, 120, 40);
    let text = bench.text();
    assert!(text.contains(mark) && text.contains("and pay 5000"), "{text}");
}

#[test]
fn personal_places_are_marked_and_named() {
    let mut bench = Bench::with(siblings(1), 120, 40);
    let buffer = bench.paint();
    let text = picture::text(&buffer);
    assert!(text.contains("Personal  Kari ×1"), "{text}");
    let marked: String = buffer
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(ratatui::style::Modifier::UNDERLINED))
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert_eq!(marked, "Kari");
}

/// S1, S3, S6: whatever a text holds, no side lets it out of the box of the item.
#[test]
fn hostile_text_stays_inside_on_every_side() {
    let mut base = None;
    for hostile in countersign_tests::hostile::corpus() {
        {
            let text = hostile.text.as_str();
            let mut world = siblings(1);
            let Parts::Email { text: body, .. } =
                &mut world.drafts[0].envelope.as_mut().unwrap().payload.parts
            else {
                unreachable!("a mail")
            };
            text.clone_into(body);
            for touch in &mut world.thread.touches {
                text.clone_into(&mut touch.headline);
                touch.text = Some(text.to_owned());
            }
            world.drafts[0].verdicts[0].sentence = text.to_owned().into();
            world.drafts[0].raw = text.as_bytes().to_vec();
            world.before = Some(Version {
                payload_sha256: world.drafts[0].row.payload_sha256,
                envelope: letter(1, text).envelope.unwrap(),
                at: ago(60),
            });
            let mut bench = Bench::with(world, 120, 40);
            let mut chrome = Vec::new();
            for _ in 0..5 {
                let buffer = bench.paint();
                for cell in &buffer.content {
                    assert!(!cell.symbol().chars().any(char::is_control), "{hostile:?}");
                }
                let lines: Vec<String> = picture::text(&buffer).lines().map(str::to_owned).collect();
                chrome
                    .push([0, 1, 2, 3, 4, lines.len() - 2, lines.len() - 1].map(|line| lines[line].clone()));
                bench.press("l");
            }
            assert_eq!(*base.get_or_insert_with(|| chrome.clone()), chrome, "{hostile:?}");
        }
    }
}

#[rstest]
#[case(120, 40)]
#[case(80, 24)]
#[case(60, 20)]
fn sides(#[case] width: u16, #[case] height: u16) {
    let mut bench = Bench::with(siblings(2), width, height);
    bench.press("<enter><pagedown><pagedown>j");
    for tab in ["message", "diff", "thread", "checks", "bytes"] {
        insta::assert_snapshot!(format!("{tab}_{width}x{height}"), bench.picture());
        bench.press("l");
    }
}
