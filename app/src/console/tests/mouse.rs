//! The mouse: off until asked for, chooses and scrolls, decides nothing.
use super::bench::{Bench, parse};
use crate::console::model::{Focus, Screen};
use crate::console::msg::{Effect, Msg};

/// Where a text stands on screen.
fn place(bench: &mut Bench, text: &str) -> (u16, u16) {
    let shown = bench.text();
    let (y, line) = shown.lines().enumerate().find(|(_, line)| line.contains(text)).expect(text);
    let x = line.split(text).next().unwrap_or_default().chars().count();
    (u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
}

fn click(bench: &mut Bench, text: &str) {
    let (x, y) = place(bench, text);
    bench.tell(Msg::Clicked { x, y });
    bench.paint();
}

#[test]
fn it_does_nothing_until_it_is_turned_on() {
    let mut bench = Bench::new(120, 40);
    click(&mut bench, "Haifa Tiles");
    assert_eq!(bench.model.selection().index, 0);
    bench.press("mm");
    assert_eq!(bench.asked, [Effect::Mouse(true), Effect::Mouse(false)]);
    click(&mut bench, "Haifa Tiles");
    assert_eq!(bench.model.selection().index, 0);
}

#[test]
fn a_click_chooses_a_row_a_screen_and_an_outbox() {
    let mut bench = Bench::new(120, 40);
    bench.press("m");
    click(&mut bench, "Haifa Tiles");
    assert_eq!(bench.model.selection().index, 3);
    click(&mut bench, "2 Outbox");
    assert_eq!(bench.model.screen, Screen::Outbox);
    click(&mut bench, "wa-fr");
    assert_eq!((bench.model.focus, bench.model.outbox_index), (Focus::Outboxes, 1));
    click(&mut bench, "studio.casa.lima");
    assert_eq!((bench.model.focus, bench.model.selection().index), (Focus::Rows, 1));
    assert_eq!(bench.asked, [Effect::Mouse(true)], "nothing was decided");
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut bench = Bench::new(80, 24);
    bench.press("m2");
    let (x, y) = place(&mut bench, "Uncertain: it may");
    bench.tell(Msg::Wheeled { x, y, lines: 1 });
    bench.paint();
    assert_eq!(bench.model.preview.as_ref().map(crate::console::preview::Preview::scroll), Some(3));
    let (x, y) = place(&mut bench, "! uncertain  4m");
    bench.tell(Msg::Wheeled { x, y, lines: 1 });
    assert_eq!(bench.model.selection().index, 3);
}

#[test]
fn a_click_answers_no_question() {
    let mut bench = Bench::new(120, 40);
    bench.press("m2<enter>asked them<enter>");
    for y in 0..40 {
        for x in (0..120).step_by(7) {
            bench.tell(Msg::Clicked { x, y });
        }
    }
    assert!(bench.model.dialog.is_some());
    assert_eq!(bench.asked, [Effect::Mouse(true)]);
}

/// A report that arrives in pieces is no key.
#[test]
fn pieces_of_a_report_press_no_key() {
    let mut bench = Bench::new(120, 40);
    bench.press("m");
    for key in parse("<esc>[<0;2;1m") {
        bench.key(key);
    }
    assert_eq!(bench.model.screen, Screen::Approvals);
    assert_eq!(bench.asked, [Effect::Mouse(true)]);
}
