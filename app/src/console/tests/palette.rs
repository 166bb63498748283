//! The palette: finding, running, filtering, and that a decision from it names what was seen before it opened.
use rstest::rstest;

use super::bench::Bench;
use super::fixtures::id;
use crate::console::dialog::Dialog;
use crate::console::model::Screen;
use crate::console::msg::Effect;
use crate::console::palette;

fn ids(bench: &Bench, text: &str) -> Vec<String> {
    palette::entries(&bench.model, text).into_iter().map(|entry| entry.id).collect()
}

#[test]
fn the_words_of_a_command_find_it() {
    let bench = Bench::new(120, 30);
    assert_eq!(ids(&bench, "appr")[0], "approve");
    assert_eq!(ids(&bench, "nxscr")[0], "next-screen");
    assert!(ids(&bench, "half a page").contains(&"half-page-down".to_owned()), "words of the help count");
    assert_eq!(ids(&bench, "channel em"), ["channel email"]);
    assert_eq!(ids(&bench, "zzzz"), Vec::<String>::new());
}

#[test]
fn enter_runs_the_best_and_arrows_choose_another() {
    let mut bench = Bench::new(120, 40);
    bench.press(":outbox-screen<enter>");
    assert_eq!(bench.model.screen, Screen::Outbox);
    bench.press("1<c-p>reject<enter>");
    assert!(matches!(bench.model.dialog, Some(Dialog::Reject { .. })));
    bench.press("<esc>:<down><c-n><up><c-p><enter>");
    assert_eq!(bench.approvals().len(), 1, "two down and two up is where it began: {:?}", bench.asked);
}

#[test]
fn esc_closes_it_and_changes_nothing() {
    let mut bench = Bench::new(120, 30);
    bench.press(":quit<esc>");
    assert!(bench.asked.is_empty() && bench.model.dialog.is_none());
}

#[test]
fn what_is_not_possible_is_listed_with_its_reason_and_refused() {
    let mut bench = Bench::new(120, 30);
    bench.press(":undo");
    let text = bench.text();
    assert!(text.contains("(undo)") && text.contains("not now: nothing can be taken back now"), "{text}");
    bench.press("<enter>");
    assert!(bench.asked.is_empty());
    assert!(bench.notice().contains("nothing can be taken back now"), "{}", bench.notice());
}

/// S9: the palette lies over what was read; the approval names those bytes.
#[test]
fn approving_from_the_palette_names_what_was_seen() {
    let mut bench = Bench::new(120, 40);
    let seen = bench.hash_of(1);
    bench.press(":approve<enter>");
    assert_eq!(bench.approvals(), [seen]);
}

/// S9: what came in under the open palette was not seen, so it is not approved.
#[test]
fn what_changed_under_the_palette_is_not_approved() {
    let mut bench = Bench::new(120, 40);
    bench.press(":approve");
    bench.changed(|world| {
        world.drafts.remove(0);
    });
    bench.paint();
    bench.press("<enter>");
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    assert_ne!(bench.cursor(), Some(id(1)));
}

#[rstest]
#[case(":channel whatsapp<enter>", "whatsapp")]
#[case(":kind reply<enter>", "kind: reply")]
#[case(":outbox main<enter>", "outbox: main")]
#[case(":text béton<enter>", "text: béton")]
#[case("2:channel email<enter>", "email")]
fn a_filter_narrows_the_approvals_and_says_so(#[case] keys: &str, #[case] shown: &str) {
    let mut bench = Bench::new(120, 40);
    bench.press(keys);
    assert_eq!(bench.model.screen, Screen::Approvals);
    let line = bench.text().lines().nth(3).unwrap_or_default().to_owned();
    assert!(line.contains(shown) && line.contains("match"), "{line}");
}

#[test]
fn esc_takes_one_filter_after_the_other_and_all_takes_every_one() {
    let mut bench = Bench::new(120, 40);
    bench.press(":channel email<enter>:kind reply<enter>:text zoë<enter>");
    bench.press("<esc>");
    assert!(bench.model.filter.text.is_none() && bench.model.filter.kind.is_some());
    bench.press("<esc>");
    assert!(bench.model.filter.kind.is_none() && bench.model.filter.channel.is_some());
    bench.press(":kind reply<enter>:all<enter>");
    assert!(!bench.model.is_narrowed());
}

#[test]
fn an_unknown_value_names_those_there_are() {
    let mut bench = Bench::new(120, 40);
    bench.press(":channel fax");
    assert!(bench.text().contains("there are email, cal-com"), "{}", bench.text());
    bench.press("<enter>");
    assert!(bench.model.filter.channel.is_none());
    assert!(bench.notice().contains("no channel `fax`"), "{}", bench.notice());
}

#[test]
fn a_stale_screen_is_not_filtered() {
    let mut bench = Bench::new(120, 40);
    bench.lose_database();
    bench.press(":kind reply<enter>");
    assert!(bench.model.filter.kind.is_none());
    assert!(!bench.asked.iter().any(|effect| matches!(effect, Effect::LoadPage { .. })));
}
