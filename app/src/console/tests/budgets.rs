//! What drawing costs: bytes on the way to the terminal at 80x24 in the default theme, and how often an idle console draws.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::activity::view::ActivityDetail;
use jiff::SignedDuration;
use rstest::rstest;

use super::bench::{Bench, World, parse};
use super::fixtures::{ago, item, mail, outboxes};
use crate::console::msg::Msg;
use crate::console::view::view;
use crate::terminal::Recorder;

const WIDTH: u16 = 80;
const HEIGHT: u16 = 24;

/// A console whose frames go to the terminal, as far as the terminal is concerned.
struct Wired {
    bench: Bench,
    recorder: Recorder,
}

impl Wired {
    /// Everything is drawn once.
    fn new(world: World) -> Self {
        let mut wired =
            Self { bench: Bench::with(world, WIDTH, HEIGHT), recorder: Recorder::new(WIDTH, HEIGHT) };
        wired.draw();
        wired
    }

    /// Bytes of a frame of what is there now.
    fn draw(&mut self) -> usize {
        let (painted, bytes) = self.recorder.draw(|frame| view(&self.bench.model, frame));
        self.bench.model.is_dirty = false;
        let at = self.bench.at;
        self.bench.tell(Msg::Painted { painted, at });
        bytes.len()
    }

    /// Presses keys, each drawn; the bytes of the largest of these frames.
    fn press(&mut self, keys: &str) -> usize {
        let mut largest = 0;
        for key in parse(keys) {
            self.bench.pass(Duration::from_secs(1));
            self.bench.key(key);
            largest = largest.max(self.draw());
        }
        largest
    }
}

/// The draft of that number, all different and as wide as the screen; the higher the number the later it was filed.
fn draft(number: u128) -> ActivityDetail {
    let names = ["Zoë Álvarez", "Béton Frères SARL", "山田 太郎", "Kari Nordmann", "studio.casa.lima"];
    let name = names[usize::try_from(number).unwrap() % names.len()];
    let text: String = (1..60).map(|line| format!("Line {line} of letter {number}, {name}.\n")).collect();
    let mut draft = item(
        number,
        Status::DraftPendingApproval,
        &format!("{name} {number}"),
        Some("Fjord Bygg og Eiendom i Hardanger"),
        mail(&format!("Offer {number}"), &text),
    );
    draft.row.created_at = ago(i64::try_from(20_000 - number * 97).unwrap());
    draft.row.proposed_by = format!("writer-{number}");
    draft
}

/// So many drafts.
fn waiting(count: u128) -> World {
    World { drafts: (1..=count).map(draft).collect(), outboxes: outboxes(), version: 1, ..World::default() }
}

/// Drafts to people and in words that fill rows with letters of two cells.
fn wide() -> World {
    let mut world = waiting(60);
    for (number, draft) in world.drafts.iter_mut().enumerate() {
        let text =
            format!("足場の件でご連絡しました。検討のほどよろしくお願い申し上げます。{number}\n").repeat(60);
        let (at, by) = (draft.row.created_at, draft.row.proposed_by.clone());
        let number = u128::try_from(number).unwrap() + 1;
        *draft = item(
            number,
            Status::DraftPendingApproval,
            "山田太郎左衛門尉景綱",
            Some("大和工務店株式会社"),
            mail("足場の件", &text),
        );
        (draft.row.created_at, draft.row.proposed_by) = (at, by);
    }
    world
}

fn assert_within(what: &str, bytes: usize, budget: usize) {
    // Shown with `--nocapture`, and in a failure.
    assert!(bytes > 0 && bytes <= budget, "{what}: {bytes} bytes, at most {budget}");
}

#[rstest]
fn a_frame_equal_to_the_last_writes_nothing(
    #[values("", "<enter>", "2", "?", ":un", "xno", "/kari", "e")] keys: &str,
) {
    let mut wired = Wired::new(World::filled());
    wired.press(keys);
    wired.draw();
    assert_eq!(wired.draw(), 0, "{keys:?}");
}

#[rstest]
fn a_first_frame_is_at_most_5000_bytes(
    #[values("", "<enter>", "<enter>G", "<enter><enter>", "2", "?", ":", "e")] keys: &str,
) {
    for world in [waiting(60), World::filled()] {
        let mut wired = Wired::new(world);
        wired.press(keys);
        wired.recorder = Recorder::new(WIDTH, HEIGHT);
        assert_within(keys, wired.draw(), 5_000);
    }
}

#[test]
fn a_cursor_move_is_at_most_450_bytes() {
    for world in [waiting(60), World::filled(), wide()] {
        let mut wired = Wired::new(world);
        assert_within("a move down", wired.press("jjjjj"), 450);
        assert_within("a move up", wired.press("kk"), 450);
    }
}

#[test]
fn a_mark_is_at_most_200_bytes() {
    for world in [waiting(60), World::filled()] {
        let mut wired = Wired::new(world);
        let largest = (0..5).map(|_| {
            let bytes = wired.press("<space>");
            wired.press("j");
            bytes
        });
        assert_within("a mark", largest.max().unwrap(), 200);
        assert_within("a mark taken back", wired.press("k<space>"), 450);
        wired.press("<space>");
        assert_within("a mark taken back", wired.press("<space>"), 200);
    }
    // The first mark changes the words of most keys, on some channels more than on others.
    for down in ["", "j", "jj", "jjj", "jjjj", "jjjjj"] {
        let mut wired = Wired::new(World::filled());
        wired.press(down);
        assert_within(down, wired.press("<space>"), 200);
    }
}

#[test]
fn a_new_row_is_at_most_500_bytes() {
    let mut wired = Wired::new(waiting(9));
    for number in 10..15 {
        wired.bench.changed(|world| world.drafts.push(draft(number)));
        assert!(wired.bench.model.is_dirty);
        assert_within("a new row", wired.draw(), 500);
    }
}

#[test]
fn a_page_is_at_most_3000_bytes() {
    for world in [waiting(60), wide()] {
        pages(&mut Wired::new(world));
    }
}

fn pages(wired: &mut Wired) {
    assert_within("half pages of the list", wired.press("<c-d><c-d><c-d><c-d><c-u><c-u>"), 3_000);
    assert_within("the ends of the list", wired.press("Gg"), 3_000);
    wired.press("<home><enter>");
    assert_within("a page of an open message", wired.press("<pagedown><pagedown><pageup>"), 3_000);
    assert_within("the next message", wired.press("jjk"), 3_000);
    wired.press("<enter>");
    assert_within("a page of a message alone", wired.press("<pagedown><pagedown><pageup>"), 3_000);
}

/// Runs the decisions of the loop for a minute in which nothing happens: it polls every second, and wakes for its next change.
/// Returns how often it woke by itself, how often it drew, and the bytes of that.
fn idle_minute(wired: &mut Wired) -> (usize, usize, usize) {
    let (mut wakes, mut draws, mut bytes) = (0, 0, 0);
    let end = wired.bench.now + SignedDuration::from_secs(60);
    let mut poll = wired.bench.now + SignedDuration::from_millis(500);
    loop {
        let change = wired.bench.model.next_change();
        wired.bench.now = change.min(poll);
        if wired.bench.now >= end {
            return (wakes, draws, bytes);
        }
        let now = wired.bench.now;
        wired.bench.tell(Msg::Ticked(now));
        if change < poll {
            wakes += 1;
        } else {
            poll += SignedDuration::from_secs(1);
            let version = wired.bench.world.version;
            wired.bench.tell(Msg::Polled(version));
        }
        if wired.bench.model.is_dirty {
            draws += 1;
            bytes += wired.draw();
        }
    }
}

#[rstest]
fn an_idle_minute_draws_at_most_once(
    #[values("", "<enter>", "2", "2<enter>", "?", ":", "/kari", "e")] keys: &str,
) {
    let mut world = World::filled();
    // A send that can be taken back counts down every second, and that is no idle console.
    world.queue.retain(|item| item.row.hold.as_ref().is_none_or(|hold| hold.code != "undo_window"));
    let mut wired = Wired::new(world);
    wired.press(keys);
    wired.draw();
    for seconds in [0, 13, 59] {
        wired.bench.later(seconds);
        if wired.bench.model.is_dirty {
            wired.draw();
        }
        let (wakes, draws, bytes) = idle_minute(&mut wired);
        assert!(wakes <= 1 && draws <= 1, "{keys:?}: {wakes} wakes, {draws} draws");
        assert!(bytes <= 1_000, "{keys:?}: ages of minutes take {bytes} bytes");
    }
}
