//! What the console owes the terminal: it refuses where it would be garbage, keeps to what the terminal can show, follows its size,
//! and gives it back.
use rustix::process::Signal;

use crate::home::Home;
use crate::office::Office;
use crate::process;
use crate::screen::Screen;

/// F36: a terminal that cannot move its cursor gets a sentence, not a screen.
#[test]
fn a_dumb_terminal_is_refused_with_the_way_without_one() {
    let mut home = Home::new();
    home.set("TERM", "dumb");
    for words in [&[][..], &["demo"]] {
        let mut screen = Screen::open(&home, words);
        assert!(!screen.ended().success());
        screen.shows("TERM=dumb");
        screen.shows("countersign approvals list");
        assert!(!screen.bytes().contains(&0x1b), "no escape sequence goes to a terminal that knows none");
    }
    assert!(!home.path("data/countersign/pg").exists(), "nothing is started before there is a terminal");
}

/// F36: the same without a terminal at all.
#[test]
fn without_a_terminal_the_console_is_refused() {
    let home = Home::new();
    home.run(&[]).ends_with(1).complains("needs a terminal");
    home.run(&["demo"]).ends_with(1).complains("needs a terminal");
    assert!(!home.path("data/countersign/pg").exists(), "nothing is started before there is a terminal");
}

/// F36: under `NO_COLOR` no colour is written, and what is selected can still be told.
#[test]
fn without_colour_the_selection_is_still_seen() {
    let mut office = Office::open("30s");
    office.home.set("NO_COLOR", "1");
    office.import(2);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    screen.send("2");
    screen.shows("quota today");
    screen.send("q");
    screen.ended_well();
    let codes = styles(&screen.bytes());
    let is_colour = |code: &&u16| matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107);
    assert_eq!(codes.iter().find(is_colour), None, "{codes:?}");
    assert!(codes.contains(&7) && codes.contains(&1), "reverse and bold remain: {codes:?}");
}

/// F36: where the locale knows no UTF-8, the frame around the messages is plain ASCII.
#[test]
fn a_locale_without_utf8_gets_ascii() {
    let mut office = Office::open("30s");
    office.home.set("LANG", "C");
    office.import(3);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    screen.send(" ");
    screen.shows("1 marked");
    screen.send("2");
    screen.shows("quota today");
    screen.send("?");
    screen.shows("Keys of this screen");
    screen.send("?q");
    screen.ended_well();
    let foreign: Vec<u8> = screen.bytes().into_iter().filter(|byte| *byte >= 0x80).collect();
    assert!(foreign.is_empty(), "{}", String::from_utf8_lossy(&foreign));
}

/// F33: three hundred sizes, the last one counts.
#[test]
fn three_hundred_sizes_later_the_last_one_is_drawn() {
    let office = Office::open("30s");
    office.import(3);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    let odd = [(0, 0), (1, 1), (500, 200), (300, 1), (1, 200), (79, 23), (80, 24)];
    for turn in 0..50_u16 {
        for (columns, rows) in odd {
            screen.resize(columns + turn % 3, rows + turn % 2);
        }
    }
    screen.resize(100, 30);
    screen.until("the last size is drawn", |screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        rows[0].contains("countersign")
            && rows[0].trim_end().ends_with("admin")
            && rows[29].contains("? help")
    });
    screen.send("q");
    screen.ended_well();
}

/// F36: `--plain` draws in ASCII and without colour on any terminal.
#[test]
fn plain_is_ascii_without_colour() {
    let office = Office::open("30s");
    office.import(2);
    let mut screen = Screen::open(&office.home, &["--plain"]);
    screen.shows("your roof is ready.");
    screen.send("2");
    screen.shows("quota today");
    screen.send("q");
    screen.ended_well();
    let bytes = screen.bytes();
    let foreign: Vec<u8> = bytes.iter().copied().filter(|byte| *byte >= 0x80).collect();
    assert!(foreign.is_empty(), "{}", String::from_utf8_lossy(&foreign));
    let is_colour = |code: &u16| matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107);
    assert!(!styles(&bytes).iter().any(is_colour), "{:?}", styles(&bytes));
}

/// A theme that cannot be used is refused with its line before the terminal is touched or anything is started.
#[test]
fn a_wrong_theme_is_refused_before_the_screen_is_taken() {
    let mut home = Home::new();
    home.set("COUNTERSIGN_CONSOLE__THEME", "solar");
    let mut screen = Screen::open(&home, &[]);
    assert_eq!(screen.ended().exit_code(), 2);
    screen.shows("there is no theme `solar`");
    assert!(!screen.bytes().contains(&0x1b));
    assert!(!home.path("data/countersign/pg").exists());
}

/// The mouse is asked for only when somebody wants it, and given back with the terminal whatever ends or stops the console.
#[test]
fn the_mouse_is_given_back_with_the_terminal() {
    let office = Office::open("30s");
    office.import(1);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    let has = |screen: &Screen, wanted: &[u8]| {
        screen.bytes().windows(wanted.len()).filter(|part| *part == wanted).count()
    };
    let (on, off) = (b"\x1b[?1000h", b"\x1b[?1000l");
    assert_eq!(has(&screen, on), 0);
    screen.send("m");
    screen.shows("mouse on");
    assert_eq!((has(&screen, on), has(&screen, off)), (1, 0));
    screen.send("\x1b[<0;20;2M");
    screen.shows("quota today");
    screen.send("\x1a");
    crate::until("the program is stopped", || process::state(screen.number()) == Some('T'));
    crate::until("the mouse is given back to the shell", || has(&screen, off) == 1);
    assert_eq!(has(&screen, on), 1);
    screen.signal(Signal::CONT);
    crate::until("the mouse is asked for again", || has(&screen, on) == 2);
    screen.signal(Signal::TERM);
    crate::until("the mouse is given back", || has(&screen, off) >= 2);
    assert!(screen.ended().success());
}

/// F32: ctrl-z gives the terminal back and stops; continued, everything is drawn again.
#[test]
fn stopped_and_continued_the_screen_comes_back() {
    let office = Office::open("30s");
    office.import(1);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    for _ in 0..2 {
        screen.send("\x1a");
        crate::until("the program is stopped", || process::state(screen.number()) == Some('T'));
        screen.is_given_back();
        screen.hides("your roof is ready.");
        screen.signal(Signal::CONT);
        screen.until("the alternate screen is back", |screen| {
            screen.alternate_screen() && screen.bracketed_paste()
        });
        screen.shows("your roof is ready.");
    }
    screen.send("q");
    screen.ended_well();
}

/// F35: the terminal takes no output for a while; messages leave all the same.
#[test]
fn while_output_is_blocked_the_dispatcher_goes_on() {
    let office = Office::open("0s");
    office.import(10);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("1 Approvals 10");
    screen.stop_output();
    // This key's answer cannot be written.
    screen.send("2");
    office.approve_all();
    crate::until("everything is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 10
    });
    assert!(!screen.contents().contains("quota today"), "output is blocked");
    screen.resume_output();
    screen.shows("quota today");
    screen.shows("10/500");
    screen.send("q");
    screen.ended_well();
    office.sent_each_once(10);
}

/// The numbers of all style sequences (`ESC [ … m`).
fn styles(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let sequences = text.split("\x1b[").skip(1);
    let styles = sequences.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    styles
        .flat_map(|numbers| numbers.split(';').filter_map(|number| number.parse().ok()).collect::<Vec<u16>>())
        .collect()
}
