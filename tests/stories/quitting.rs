//! Every way out of the console: what was on the wire is finished and recorded, and nothing is left running.
use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;

use crate::home::Home;
use crate::office::Office;
use crate::screen::{Line, Screen};

/// Five times the goal of one second.
const HANG_UP: Duration = Duration::from_secs(5);

/// A console with a message that the provider has accepted and not yet answered.
fn console_in_flight(line: Line) -> (Screen, Office) {
    let office = Office::open("0s");
    office.import(3);
    office.provider.fails(r#"{"fault":"hang-after-accept"}"#);
    let screen = Screen::open_on(&office.home, &[], line);
    screen.shows("your roof is ready.");
    office.approve_all();
    crate::until("the provider has accepted all", || office.provider.ledger().len() == 3);
    (screen, office)
}

/// F32, R16: a polite end restores the terminal at once, waits for the provider, records its answers, and exits with 0.
#[rstest]
#[case(Signal::TERM)]
#[case(Signal::INT)]
fn told_to_end_the_console_finishes_what_is_on_the_wire(#[case] signal: Signal) {
    let (mut screen, office) = console_in_flight(Line::Owned);
    screen.signal(signal);
    screen.is_given_back();
    office.provider.fails("[]");
    screen.ended_well();
    office.sent_each_once(3);
    assert_eq!(office.provider.seen().count, 3, "nothing was repeated");
}

/// F32: the second signal ends it at once; the next start finds what the provider knows.
#[test]
fn told_twice_the_console_ends_at_once_and_the_next_start_settles_the_rest() {
    let (mut screen, office) = console_in_flight(Line::Owned);
    screen.signal(Signal::TERM);
    screen.is_given_back();
    crate::until("it ends at the second signal", || {
        screen.signal(Signal::TERM);
        !screen.is_running()
    });
    office.provider.fails("[]");
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(3);
}

/// F31, R17: the window is closed, with the signal that says so and without. The answer to what is on the wire is recorded.
#[rstest]
#[case::with_a_signal(Line::Owned)]
#[case::without(Line::Borrowed)]
fn a_closed_window_ends_the_console_and_loses_nothing(#[case] line: Line) {
    let (mut screen, office) = console_in_flight(line);
    screen.hang_up();
    office.provider.fails("[]");
    screen.ended_within(HANG_UP);
    office.sent_each_once(3);
    assert_eq!(office.provider.seen().count, 3, "nothing was repeated");
}

/// R17: a hang-up may be told more than once, and before or after the terminal shows it; it stays one hang-up.
#[test]
fn a_hang_up_that_is_told_again_is_no_reason_to_hurry() {
    let (mut screen, office) = console_in_flight(Line::Owned);
    screen.signal(Signal::HUP);
    screen.is_given_back();
    for _ in 0..3 {
        screen.signal(Signal::HUP);
        office.pending();
        assert!(screen.is_running(), "it waits for the provider");
    }
    office.provider.fails("[]");
    screen.ended_well();
    office.sent_each_once(3);
    assert_eq!(office.provider.seen().count, 3, "nothing was repeated");
}

/// F31, R17: nothing is on the wire, so the end comes soon.
#[rstest]
#[case::with_a_signal(Line::Owned)]
#[case::without(Line::Borrowed)]
fn an_idle_console_ends_soon_after_its_window(#[case] line: Line) {
    let mut office = Office::open("30s");
    office.import(1);
    let mut screen = Screen::open_on(&office.home, &[], line);
    screen.shows("your roof is ready.");
    screen.hang_up();
    screen.ended_within(HANG_UP);
    drop(screen);
    office.provider.stop();
    office.home.let_go();
    office.home.is_deserted();
}

/// F32, F35: a terminal that takes no output does not keep the program from ending.
#[test]
fn blocked_output_does_not_keep_the_console_from_ending() {
    let office = Office::open("30s");
    office.import(1);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    screen.stop_output();
    screen.send("2");
    screen.signal(Signal::TERM);
    assert!(screen.ended_within(HANG_UP).success());
    screen.is_given_back();
}

/// R23, C10: the last console takes the server with it; killed or not, the next one starts without help.
#[test]
fn the_server_goes_with_the_last_console_however_that_ends() {
    let mut office = Office::open("30s");
    office.import(1);
    office.provider.stop();
    office.home.let_go();
    office.home.is_deserted();
    let home: &Home = &office.home;
    let (mut one, mut other) = (Screen::open(home, &[]), Screen::open(home, &[]));
    one.shows("your roof is ready.");
    other.shows("your roof is ready.");
    one.signal(Signal::KILL);
    one.ended();
    other.send("2");
    other.shows("quota today");
    let mut third = Screen::open(home, &[]);
    third.shows("your roof is ready.");
    third.send("q");
    third.ended_well();
    other.signal(Signal::KILL);
    other.ended();
    home.is_deserted();
    let mut last = Screen::open(home, &[]);
    last.shows("your roof is ready.");
    last.send("q");
    last.ended_well();
    home.is_deserted();
}
