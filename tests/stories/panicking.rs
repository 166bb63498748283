//! What is left when the screen itself fails.
use std::fs;

use crate::office::Office;
use crate::screen::Screen;

/// F34, R18: a panic of the screen gives the terminal back, says what happened without passing on what it quotes, and ends with 101.
/// The next start goes on as if nothing had been.
#[test]
fn a_panic_of_the_screen_gives_the_terminal_back() {
    let mut office = Office::open("30s");
    office.import(2);
    let faults = office.home.path("faults");
    fs::create_dir_all(&faults).expect("a folder can be made");
    office.home.set("COUNTERSIGN_FAULT_DIR", faults.to_str().expect("a path of ours is text"));
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    fs::write(faults.join("draw.panic"), b"").expect("a file can be made");
    screen.send("j");
    assert_eq!(screen.ended().exit_code(), 101);
    screen.is_given_back();
    screen.shows("asked to fail at draw");
    let bytes = screen.bytes();
    let said = b"\x1b]0;owned";
    assert!(
        !bytes.windows(said.len()).any(|window| window == said),
        "a panic's words are foreign text as well"
    );

    fs::remove_file(faults.join("draw.panic")).expect("the file is there");
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    screen.send("q");
    screen.ended_well();
}
