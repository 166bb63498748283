//! Terminals of any size, with and without colour and UTF-8.
use countersign_core::actor::Role;

use super::bench::{Bench, World};
use crate::console::msg::Msg;
use crate::console::theme::{Charset, Theme};

/// F33: no size makes it panic, and the last size counts.
#[test]
fn every_size_is_drawn_without_a_panic() {
    let mut bench = Bench::new(120, 40);
    for keys in ["", "<enter>", "?", "<esc>2", "<enter>", "<esc>7", "<enter>", "<esc>jja", "<esc>1x"] {
        for (width, height) in [
            (0, 0),
            (1, 1),
            (300, 1),
            (1, 300),
            (39, 8),
            (40, 7),
            (40, 8),
            (79, 24),
            (80, 9),
            (500, 200),
            (120, 40),
        ] {
            bench.tell(Msg::Resized { width, height });
            bench.paint();
        }
        bench.press(keys);
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_decides_nothing() {
    let mut bench = Bench::new(39, 7);
    assert!(bench.text().contains("countersign needs 40 x 8 cells"));
    bench.press("a");
    assert!(bench.asked.is_empty());
}

#[test]
fn a_narrow_terminal_shows_one_pane_at_a_time() {
    let mut bench = Bench::new(60, 20);
    assert!(bench.text().contains("Béton") && !bench.text().contains("Subject"));
    bench.press("<enter>");
    assert!(!bench.text().contains("Béton") && bench.text().contains("Subject"));
    bench.press("<pagedown>a");
    assert_eq!(bench.approvals().len(), 1);
}

/// What may or may not have been sent is in sight on every screen, however narrow.
#[test]
fn a_narrow_terminal_tells_what_is_uncertain() {
    for (width, height) in [(80, 24), (60, 20), (48, 12)] {
        let mut bench = Bench::new(width, height);
        for key in ["1", "2", "7", "9"] {
            bench.press(key);
            let text = bench.text();
            let tabs = text.lines().nth(1).unwrap_or_default();
            assert!(tabs.contains("! uncertain"), "{width} columns, screen {key}: {tabs}");
        }
    }
}

/// A list that does not fit says which of its rows are shown, on every size; one that fits says nothing.
#[test]
fn a_list_that_does_not_fit_says_so() {
    let mut bench = Bench::new(60, 14);
    let (rows, outboxes) = (bench.world.queue.len() + bench.world.trouble.len(), bench.world.outboxes.len());
    bench.press("2");
    let told = |bench: &mut Bench| {
        let text = bench.text();
        let heads = text.lines().filter(|line| line.contains(" of ")).map(str::trim).map(str::to_owned);
        let ends = heads.filter_map(|line| line.rsplit("  ").next().map(str::to_owned));
        ends.collect::<Vec<_>>()
    };
    assert_eq!(told(&mut bench), [format!("1-2 of {outboxes}"), format!("1-2 of {rows}")]);
    bench.press("G");
    assert!(told(&mut bench)[1].ends_with(&format!("-{rows} of {rows}")), "{}", bench.text());
    bench.tell(Msg::Resized { width: 60, height: 60 });
    assert_eq!(told(&mut bench), Vec::<String>::new());
}

/// F36: without UTF-8 nothing outside ASCII reaches the terminal, and nothing is hidden from the reader.
#[test]
fn without_utf8_text_is_spelled_out_in_ascii() {
    let theme = Theme::shipped("mono", Charset::Ascii);
    let mut bench = Bench::themed(World::filled(), 120, 40, theme, Role::Approver);
    for keys in ["", "j", "j", "2", "7", "?", "<esc>", "1x"] {
        bench.press(keys);
        let text = bench.text();
        assert!(text.is_ascii(), "{text}");
    }
    bench.press("<esc>gg");
    assert!(bench.text().contains("Zo<U+00EB>"), "{}", bench.text());
}

#[test]
fn the_mono_theme_uses_no_colour_and_keeps_state_in_words() {
    let theme = Theme::shipped("mono", Charset::Unicode);
    let mut bench = Bench::themed(World::filled(), 120, 40, theme, Role::Approver);
    bench.press("2");
    let buffer = bench.paint();
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset)
    );
    let text = bench.text();
    for word in [
        "! uncertain",
        "failed",
        "holding",
        "sending",
        "open",
        "full until 00:00 Paris",
        "paused: credential refused",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}
