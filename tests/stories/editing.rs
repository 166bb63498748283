//! Words are changed on the screen, in the user's own editor and on the command line; whatever ends first, no text is lost.
use std::os::unix::fs::PermissionsExt as _;

use rstest::rstest;
use rustix::process::Signal;

use crate::office::Office;
use crate::screen::{Line, Screen};

/// How the window goes away.
#[derive(Clone, Copy, Debug)]
enum End {
    ClosedWithSignal,
    ClosedWithout,
    Killed,
}

/// The texts that are kept on disk.
fn kept(office: &Office) -> Vec<String> {
    let folder = office.home.path("state/countersign/edits");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let texts = entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "txt"));
    texts.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect()
}

/// F31, R17: the terminal goes in the middle of an edit; the next start says so and goes on with the text, which is then what is
/// sent, once.
#[rstest]
#[case(End::ClosedWithSignal)]
#[case(End::ClosedWithout)]
#[case(End::Killed)]
fn a_text_outlives_the_terminal_it_was_typed_in(#[case] end: End) {
    let office = Office::open("0s");
    office.import(2);
    let line = if matches!(end, End::ClosedWithout) { Line::Borrowed } else { Line::Owned };
    let mut screen = Screen::open_on(&office.home, &[], line);
    screen.shows("Dear Person 1,");
    screen.send("e");
    screen.shows("--- subject ---");
    // Down into the text, then words that would decide anywhere else.
    screen.send("\x1b[B\x1b[B\x1b[Baxu new: ");
    screen.shows("axu new: Dear");
    match end {
        End::ClosedWithSignal | End::ClosedWithout => screen.hang_up(),
        End::Killed => {
            crate::until("the text is on disk", || {
                kept(&office).iter().any(|text| text.contains("axu new: Dear"))
            });
            screen.signal(Signal::KILL);
        }
    }
    screen.ended();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0, "typing decides nothing");
    let texts = kept(&office);
    // Closing a terminal may type a last line end into it.
    assert!(texts.len() == 1 && texts[0].contains("\naxu new: "), "{texts:?}");

    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("1 edit is unsaved");
    screen.shows("edit kept");
    screen.shows("Dear Person 1,");
    screen.send("e");
    screen.shows("axu new:");
    // Saved, shown, and approved in one go.
    screen.send("\x14");
    crate::until("it is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 1
    });
    screen.hides("edit kept");
    assert!(kept(&office).is_empty());
    screen.send("q");
    screen.ended_well();
    office.sent_each_once(1);
    assert!(office.provider.ledger()[0].body.contains("axu new: "));
    let old = "SELECT count(*) FROM crm_payloads WHERE convert_from(envelope, 'UTF8') LIKE '%\"text\":\"Dear Person 1,%'";
    assert_eq!(office.home.count(old), 1, "the original is kept");
}

/// The user's own editor gets the terminal and the text, cannot stop the console by stopping itself, and the terminal is ours again.
#[test]
fn the_users_own_editor_changes_the_text_and_gives_the_terminal_back() {
    let mut office = Office::open("0s");
    office.import(1);
    let editor = office.home.path("editor");
    let script = "#!/bin/sh\nkill -STOP $$\nprintf 'in the editor: '\nread -r word\nsed -i \"s/ready/$word/\" \"$1\"\n";
    std::fs::write(&editor, script).expect("a script");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("may run");
    office.home.set("EDITOR", &editor.display().to_string());
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("your roof is ready.");
    screen.send("e");
    screen.shows("--- text ---");
    screen.send("\x07");
    screen.shows("in the editor: ");
    screen.send("finished\r");
    screen.shows("your roof is finished.");
    screen.send("\x13");
    screen.shows("saved, waits for a decision");
    screen.approve("Person 1");
    crate::until("it is sent", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE status = 'sent'") == 1
    });
    screen.send("q");
    screen.ended_well();
    assert!(office.provider.ledger()[0].body.contains("finished"));
}

/// The command line: an edit names the bytes it was made from, and says the new ones.
#[test]
fn an_edit_on_the_command_line_names_what_it_changes() {
    let office = Office::open("30s");
    office.import(1);
    let item = office.pending().remove(0);
    let edit = |text: &str| office.home.run_with(&["approvals", "edit", &item, "--file", "-"], text);
    edit("--- subject ---\nRoof 1\n").ends_with(2).complains("--- text ---");
    edit("--- subject ---\nRoof one\n--- text ---\nDear you.\n").ends_with(0);
    let changed = office.pending().remove(0);
    assert_ne!(changed, item);
    edit("--- subject ---\nRoof two\n--- text ---\nDear you.\n").ends_with(3);
    office.home.run(&["approvals", "approve", &item]).ends_with(3);
    let id = item.split('@').next().expect("an id");
    office.home.run(&["drafts", "withdraw", id, "--reason", "wrong house"]).ends_with(0);
    assert!(office.pending().is_empty());
    office.home.run(&["approvals", "approve", &changed]).ends_with(3);
}

/// A text that could not be saved is not lost to the next try: the editor opens on it, not on what the draft says.
#[test]
fn a_second_try_on_the_command_line_goes_on_with_the_text() {
    let mut office = Office::open("30s");
    office.import(1);
    let item = office.pending().remove(0);
    let editor = office.home.path("editor");
    let writes = |script: &str| {
        std::fs::write(&editor, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("may run");
    };
    office.home.set("EDITOR", &editor.display().to_string());
    writes("printf 'long work, no heading\\n' > \"$1\"");
    office.home.run(&["approvals", "edit", &item]).ends_with(2).complains("the text is kept in");
    writes(
        "grep -q 'long work' \"$1\" && printf -- '--- subject ---\\nRoof\\n--- text ---\\nlong work\\n' > \"$1\"",
    );
    office.home.run(&["approvals", "edit", &item]).ends_with(0).complains("going on with the text kept in");
    assert!(kept(&office).is_empty());
    let found = "SELECT count(*) FROM crm_payloads WHERE convert_from(envelope, 'UTF8') LIKE '%\"text\":\"long work\"%'";
    assert_eq!(office.home.count(found), 1);
}

/// S12: who adds a draft is its drafter and does not approve it; a draft that names somebody else is not taken.
#[test]
fn a_draft_of_ones_own_waits_for_somebody_else() {
    let office = Office::open("30s");
    let draft = r#"{"channel":"email","outbox":"main","to":"zoe@example.com","payload":{"subject":"Roof","text":"Dear Zoe."}}"#;
    let named = draft.replacen('{', r#"{"proposedBy":"writer-2","#, 1);
    office.home.run_with(&["drafts", "add", "-"], &named).ends_with(2).complains("proposedBy");
    assert!(office.pending().is_empty());
    office.home.run_with(&["drafts", "add", "-"], draft).ends_with(0);
    let item = office.pending().remove(0);
    office.home.run(&["approvals", "approve", &item]).ends_with(4);
    assert_eq!(office.pending(), [item]);
}
