//! Copying: the parts of the message that was shown, and nothing that could break out.
use countersign_core::activity::payload::{Parts, PayloadHash};
use countersign_core::activity::status::Status;

use super::bench::{Bench, World};
use super::fixtures::{id, item, mail};
use crate::console::msg::Effect;

fn copied(bench: &mut Bench, keys: &str) -> Vec<String> {
    bench.press(keys);
    let clips = bench.asked.drain(..).map(|effect| match effect {
        Effect::Copy(clip) => clip.text().to_owned(),
        other => panic!("not a copy: {other:?}"),
    });
    clips.collect()
}

fn with_mail(parts: Parts) -> Bench {
    let drafts = vec![item(1, Status::DraftPendingApproval, "Zoë", None, parts)];
    Bench::with(World { drafts, ..World::filled() }, 80, 24)
}

#[test]
fn each_digit_copies_its_part() {
    for (width, height) in [(80, 24), (200, 50)] {
        let mut bench = Bench::new(width, height);
        let (seen, id) = (bench.world.drafts[0].row.payload_sha256, id(1));
        assert_eq!(copied(&mut bench, "y1"), [id.to_string()]);
        assert_eq!(bench.notice(), "sent to terminal: id");
        assert_eq!(copied(&mut bench, "y2"), [format!("{id}@{seen}")]);
        assert_eq!(copied(&mut bench, "y3"), ["contact-1@nordlys.example"]);
        assert_eq!(copied(&mut bench, "y4"), ["The scaffolding question from Tuesday"]);
        let text = copied(&mut bench, "y5");
        assert!(text[0].starts_with("Hi Zoë,\n\nyou asked") && text[0].ends_with("\n\nAna"), "{text:?}");
        assert_eq!(copied(&mut bench, "y6"), [format!("countersign approvals show {id}")]);
        assert!(bench.model.dialog.is_none());
    }
}

#[test]
fn the_question_names_what_each_digit_copies() {
    let mut bench = Bench::new(80, 24);
    bench.press("y");
    let text = bench.text();
    for word in ["Copy", "1 id", "2 ID@SHA256", "3 recipient", "4 subject", "5 text", "6 command", "esc"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    bench.press("7ya<enter>");
    assert!(bench.asked.is_empty() && bench.model.dialog.is_some());
    bench.press("<esc>");
    assert!(bench.asked.is_empty() && bench.model.dialog.is_none());
}

/// The palette lies over the list and names the same message.
#[test]
fn the_palette_copies_what_was_shown_before_it() {
    let mut bench = Bench::new(80, 24);
    assert_eq!(copied(&mut bench, ":copy<enter>1"), [id(1).to_string()]);
}

#[test]
fn an_erased_message_still_has_an_id() {
    let mut bench = with_mail(mail("Gone", "Gone."));
    bench.changed(|world| world.drafts[0].envelope = None);
    assert_eq!(copied(&mut bench, "y5"), Vec::<String>::new());
    assert_eq!(bench.notice(), "text not copied: its text was erased");
    assert_eq!(copied(&mut bench, "y1"), [id(1).to_string()]);
}

#[test]
fn the_outbox_copies_too_and_only_mail_has_a_subject() {
    let mut bench = Bench::new(120, 40);
    assert_eq!(copied(&mut bench, "2y1"), [id(21).to_string()]);
    assert_eq!(copied(&mut bench, "1jy4"), Vec::<String>::new());
    assert_eq!(bench.notice(), "subject not copied: only mail has one");
    assert_eq!(copied(&mut bench, "y5"), ["Bonjour, le béton arrive jeudi."]);
}

/// S2: what would do something where it is pasted is copied as the mark that is on the screen.
#[test]
fn hostile_text_is_copied_as_it_is_shown() {
    let hostile = "a\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[201~\u{202e}b\u{9b}31m";
    let mut bench = with_mail(mail(hostile, hostile));
    for keys in ["y4", "y5"] {
        let clips = copied(&mut bench, keys);
        let is_harmless = |letter: char| !letter.is_control() && letter != '\u{202e}';
        assert!(clips[0].starts_with('a') && clips[0].chars().all(is_harmless), "{clips:?}");
    }
}

#[test]
fn what_is_too_long_is_refused_and_not_cut() {
    let mut bench = with_mail(mail("Long", &"word ".repeat(20_001)));
    assert_eq!(copied(&mut bench, "y5"), Vec::<String>::new());
    assert!(bench.notice().contains("text not copied: 100005 bytes are too many"), "{}", bench.notice());
    assert_eq!(copied(&mut bench, "y4"), ["Long"]);
}

#[test]
fn a_terminal_without_a_clipboard_says_why() {
    let mut bench = Bench::new(80, 24);
    bench.model.clipboard_fault = Some("the Linux console has no clipboard");
    assert_eq!(copied(&mut bench, "y"), Vec::<String>::new());
    assert!(bench.model.dialog.is_none());
    assert_eq!(bench.notice(), "copy: the Linux console has no clipboard");
}

/// The hash is that of what was shown: bytes that arrived and were not drawn are not named, nor what comes under the open question.
#[test]
fn what_was_shown_is_copied() {
    let mut bench = Bench::new(120, 40);
    let seen = bench.world.drafts[0].row.payload_sha256;
    let change = |world: &mut World| world.drafts[0].row.payload_sha256 = PayloadHash::of(b"other");
    bench.press("y");
    bench.changed(change);
    assert_eq!(copied(&mut bench, "2"), [format!("{}@{seen}", id(1))]);

    let mut bench = Bench::new(120, 40);
    bench.changed(change);
    for key in super::bench::parse("y") {
        bench.key(key);
    }
    assert!(bench.model.dialog.is_none());
    assert_eq!(bench.notice(), "nothing copied: the message just changed: look and press again");
}
