//! Text from outside on its way through the real program: into the database, out of every list, onto a real terminal.
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_tests::hostile::corpus;
use serde_json::json;

use crate::office::{Office, draft_as};
use crate::screen::Screen;

/// Whether a character drives a terminal or deceives its reader, and so may never be printed as itself.
fn deceives(c: char) -> bool {
    let drives = c.is_control() && c != '\n';
    let turns =
        matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    let hides =
        matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}');
    drives || turns || hides || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// The deceiving characters of a text, by code point.
fn deceptions(text: &str) -> BTreeSet<String> {
    text.chars().filter(|c| deceives(*c)).map(|c| format!("{c:?}")).collect()
}

/// S1, S2, S3, S15: whatever a draft holds, what the program prints about it neither drives a terminal nor deceives its reader.
#[test]
fn hostile_drafts_are_printed_harmlessly() {
    let office = Office::open("30s");
    let lines = corpus().into_iter().enumerate().flat_map(|(index, hostile)| {
        let text = hostile.text;
        let drafts = [
            json!({"contact": {"name": text, "account": text}}),
            json!({"payload": {"subject": text, "text": "x"}}),
            json!({"payload": {"subject": "Roof", "text": text}, "proposedBy": text}),
            json!({"payload": {"subject": "Roof", "text": text}}),
        ];
        drafts
            .into_iter()
            .zip(4 * index + 1..)
            .map(|(fields, number)| draft_as(number, &fields))
            .collect::<Vec<_>>()
    });
    let file = lines.collect::<Vec<_>>().join("\n");
    let imported = office.home.run_with(&["drafts", "import", "-", "--partial"], &file).ends_with(1);
    assert!(
        imported.err.contains("payload.subject"),
        "what would break a header is refused:\n{}",
        imported.err
    );
    let items = office.pending();
    assert!(items.len() > corpus().len(), "the rest is kept");

    let mut outputs = vec![imported.out, imported.err];
    for words in
        [&["approvals", "list", "--limit", "1000"][..], &["approvals", "list", "--limit", "1000", "--json"]]
    {
        outputs.push(office.home.run(words).ends_with(0).out);
    }
    for item in items.iter().step_by(items.len() / 8) {
        let id = item.split('@').next().unwrap_or(item);
        outputs.push(office.home.run(&["approvals", "show", id]).ends_with(0).out);
        outputs.push(office.home.run(&["approvals", "show", id, "--json"]).ends_with(0).out);
    }
    for output in &outputs {
        assert_eq!(deceptions(output), BTreeSet::new(), "{output}");
    }

    let mut screen = Screen::open(&office.home, &[]);
    screen.shows(" of 17  outbox freshness");
    for _ in 0..items.len() / 40 {
        screen.send("\x04");
        screen.shows(" of 17  outbox freshness");
    }
    screen.send("?");
    screen.shows("Keys of this screen");
    screen.send("?q");
    screen.ended_well();
    let painted = String::from_utf8(screen.bytes()).expect("what is painted is UTF-8");
    // The program's own sequences begin with ESC [; every other use of a control character is somebody else's. Sequences of that
    // form in the drafts themselves were looked for above, in the outputs that hold none of our own.
    let foreign = painted.replace("\x1b[", "").replace(['\r', '\u{8}'], "");
    assert_eq!(deceptions(&foreign), BTreeSet::new());
}

/// S2: copying writes one sequence of ours around base64, with nothing in it that would act where it is pasted.
#[test]
fn hostile_text_is_copied_harmlessly() {
    let office = Office::open("30s");
    let text = "Hi\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[201~rm -rf\u{202e}";
    let draft = draft_as(1, &json!({"payload": {"subject": "Roof", "text": text}}));
    office.home.run_with(&["drafts", "import", "-"], &draft).ends_with(0);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows(" of 17  outbox freshness");
    screen.send("y");
    screen.shows("6 command");
    screen.send("5");
    screen.shows("sent to terminal: text");
    screen.send("q");
    screen.ended_well();
    let painted = String::from_utf8(screen.bytes()).expect("what is painted is UTF-8");
    let clips: Vec<&str> = painted.split("\x1b]").skip(1).collect();
    assert_eq!(clips.len(), 1, "{painted:?}");
    let encoded = clips[0].strip_prefix("52;c;").and_then(|rest| rest.split_once('\u{7}')).expect("OSC 52").0;
    let copied = STANDARD.decode(encoded).expect("base64");
    let copied = String::from_utf8(copied).expect("UTF-8");
    assert!(copied.starts_with("Hi<") && copied.contains("rm -rf<U+202E>"), "{copied}");
    assert_eq!(deceptions(&copied), BTreeSet::new());
}
