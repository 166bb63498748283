//! Keys as terminals send them: torn sequences, pastes, and the table that names them.
use std::collections::HashSet;
use std::time::Duration;

use rstest::rstest;

use super::bench::{Bench, parse};
use super::fixtures::id;
use crate::console::action::{self, ACTIONS};
use crate::console::backend::EngineStatus;
use crate::console::model::Screen;
use crate::console::msg::{Effect, Msg};

/// A slow line tears `ESC [ A` and `ESC O A` apart; none of the pieces is a key a person pressed.
#[rstest]
#[case::cursor("<esc>[a")]
#[case::application("<esc>Oa")]
#[case::parameters("<esc>[1;5a")]
#[case::without_escape("[a")]
fn pieces_of_an_arrow_key_decide_nothing(#[case] keys: &str) {
    let mut bench = Bench::new(120, 40);
    for key in parse(keys) {
        bench.pass(Duration::from_millis(40));
        bench.key(key);
    }
    assert!(bench.asked.is_empty(), "{:?}", bench.asked);
    assert!(bench.model.notice.is_none(), "nothing was even tried");
    bench.press("a");
    assert_eq!(bench.approvals().len(), 1, "the next key counts again");
}

#[test]
fn leaving_works_right_after_esc() {
    let mut bench = Bench::new(120, 40);
    for key in parse("<esc><c-c>") {
        bench.pass(Duration::from_millis(10));
        bench.key(key);
    }
    assert_eq!(bench.asked, [Effect::Quit]);
}

/// S9: pasted text is text.
#[test]
fn a_paste_outside_a_field_is_refused() {
    let mut bench = Bench::new(120, 40);
    bench.tell(Msg::Pasted("aaaa\r".to_owned()));
    assert!(bench.asked.is_empty());
    assert!(bench.notice().contains("pasted text was not taken"), "{}", bench.notice());
}

#[test]
fn a_paste_into_a_field_becomes_one_line_and_sends_nothing() {
    let mut bench = Bench::new(120, 40);
    bench.press("x");
    bench.tell(Msg::Pasted("two\r\nlines\tand\u{1b}[31m more\n".to_owned()));
    assert!(bench.asked.is_empty());
    assert!(bench.notice().ends_with("two lines and[31m more"), "{}", bench.notice());
}

#[test]
fn capital_o_is_a_letter_in_a_field() {
    let mut bench = Bench::new(120, 40);
    bench.press("x");
    for key in parse("OK [a]") {
        bench.pass(Duration::from_millis(5));
        bench.key(key);
    }
    assert!(bench.notice().ends_with("OK [a]"), "{}", bench.notice());
}

#[test]
fn quit_works_everywhere() {
    for keys in ["q", "<c-c>", "x<c-c>", "?<c-c>"] {
        let mut bench = Bench::new(120, 40);
        bench.press(keys);
        assert_eq!(bench.asked, [Effect::Quit], "{keys}");
    }
}

#[test]
fn no_key_means_two_things_on_one_screen() {
    for screen in Screen::ALL {
        let mut keys = HashSet::new();
        for action in action::of(screen) {
            for key in action.keys {
                assert!(keys.insert(*key), "{key} is bound twice on {screen:?}");
            }
        }
    }
}

#[test]
fn action_ids_are_unique_kebab_case_and_explained() {
    let mut ids = HashSet::new();
    for action in ACTIONS {
        assert!(ids.insert(action.id), "{} twice", action.id);
        assert!(action.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", action.id);
        assert!(!action.help.is_empty() && !action.keys.is_empty() && !action.screens.is_empty());
    }
}

/// No decision sits on a letter that ends an arrow, function or page key.
#[test]
fn decisions_are_not_on_letters_of_arrow_keys() {
    for id in [
        "approve",
        "reject",
        "undo",
        "undo-batch",
        "pause",
        "kill",
        "retry",
        "assign-event",
        "dismiss-event",
        "retry-event",
    ] {
        let action = ACTIONS.iter().find(|action| action.id == id).unwrap();
        for key in action.keys {
            assert!(
                !["A", "B", "C", "D", "F", "H", "P", "Q", "R", "S", "~", "["].contains(key),
                "{id} on {key}"
            );
        }
    }
}

#[test]
fn what_is_not_possible_stays_listed_and_says_why() {
    let mut bench = Bench::new(120, 40);
    bench.press("?");
    let text = bench.text();
    assert!(
        text.contains("take back the approval") && text.contains("not now: nothing can be taken back now"),
        "{text}"
    );
    bench.press("<esc>");
    assert_eq!(bench.cursor(), Some(id(1)));
}

#[test]
fn help_scrolls_no_further_than_its_end_and_shows_notes_in_full() {
    let mut bench = Bench::new(80, 24);
    let note = format!("demo: {} end of the note", "many words ".repeat(20));
    bench.tell(Msg::EngineChanged(EngineStatus { notes: vec![note], ..EngineStatus::default() }));
    bench.press("?<pagedown><pagedown><pagedown><pagedown><pagedown><pagedown>");
    assert!(bench.text().contains("end of the note"), "{}", bench.text());
    let end = bench.text();
    bench.press("k");
    assert_ne!(bench.text(), end, "one key back is seen at once");
}
