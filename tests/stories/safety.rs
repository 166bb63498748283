//! Stopping from the console what is approved already, and taking a whole batch back.
use serde_json::json;

use crate::office::{Office, draft_as};
use crate::screen::Screen;

const SENT: &str = "SELECT count(*) FROM crm_activities WHERE status = 'sent'";
const WAITING: &str = "SELECT count(*) FROM crm_activities WHERE status = 'approved'";

/// Marks so many messages, each read to its end, and approves them together.
fn approve_marked(screen: &mut Screen, drafts: usize) {
    for number in 1..=drafts {
        screen.shows(&format!("Dear Person {number},"));
        screen.send(" ");
        screen.shows(&format!("{number} marked"));
        if number < drafts {
            screen.send("j");
        }
    }
    screen.send("a");
    screen.shows(&format!("approved {drafts} messages"));
}

/// I3, S13: a kill from the console holds what is due; lifted by an admin, everything is sent once.
#[test]
fn a_kill_from_the_console_holds_everything_until_it_is_lifted() {
    const DRAFTS: usize = 3;
    let mut office = Office::open("0s");
    office.import(DRAFTS);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("Dear Person 1,");
    screen.send("2");
    screen.shows("quota today");
    screen.send("X");
    screen.shows("KILL main, reason:");
    // A key that is held down, or pressed twice, is no answer.
    screen.send("\r");
    screen.shows("KILL main, reason:");
    screen.send("wrong list\r");
    screen.shows("KILLED: wrong list");
    screen.send("1");
    approve_marked(&mut screen, DRAFTS);
    screen.send("2");
    screen.shows("when lifted");
    // What another outbox sends meanwhile shows that the dispatcher looked, and passed these by.
    let side = ["outboxes", "add", "side", "--channel", "email", "--from", "Ana Lind <ana@acme.example>"];
    let settings = ["--secret", "secret://resend:latest", "--daily-cap", "5", "--zone", "Europe/Paris"];
    let words: Vec<&str> = side.into_iter().chain(settings).chain(["--undo-window", "0s"]).collect();
    office.home.run(&words).ends_with(0);
    office.home.run_with(&["drafts", "import", "-"], &draft_as(9, &json!({ "outbox": "side" }))).ends_with(0);
    office.approve_all();
    crate::until("the other outbox has sent", || office.home.count(SENT) == 1);
    assert_eq!(office.home.count(WAITING), 3);
    assert_eq!(office.provider.ledger().len(), 1, "nothing left by what was killed");
    screen.send("X");
    screen.shows("Let main send again?");
    screen.send("Y");
    screen.shows("let go again: main");
    crate::until("everything is sent", || office.home.count(SENT) == 4);
    screen.send("q");
    screen.ended_well();
    office.sent_each_once(DRAFTS + 1);
    let who = "SELECT action FROM crm_audit_log WHERE action IN ('outbox.kill', 'outbox.unkill') ORDER BY id";
    assert_eq!(office.home.texts(who), ["outbox.kill", "outbox.unkill"]);
    office.home.let_go();
    office.provider.stop();
}

/// The company is killed from the palette, on whatever screen, and every screen says so.
#[test]
fn a_company_killed_from_the_palette_says_so_everywhere() {
    let mut office = Office::open("0s");
    office.import(1);
    let mut screen = Screen::open(&office.home, &[]);
    screen.shows("Dear Person 1,");
    screen.send(":kill everything");
    screen.shows("stop all of it for a reason");
    screen.send("\r");
    screen.shows("KILL everything this company sends");
    screen.send("key leaked\r");
    screen.shows("company KILLED");
    screen.approve("Person 1");
    screen.send("9");
    screen.shows("nothing of this company leaves: key leaked");
    screen.send("2");
    screen.shows("when lifted");
    assert_eq!(office.home.count(WAITING), 1);
    assert!(office.provider.ledger().is_empty());
    screen.send(":lift everything\r");
    screen.shows("send again?");
    screen.send("Y");
    screen.hides("company KILLED");
    crate::until("it is sent", || office.home.count(SENT) == 1);
    screen.send("q");
    screen.ended_well();
    office.sent_each_once(1);
    office.home.let_go();
    office.provider.stop();
}

/// One key takes back everything of the latest approval that has not left, and says how much that is.
#[test]
fn a_batch_is_taken_back_from_the_console() {
    const DRAFTS: usize = 4;
    let mut office = Office::open("1h");
    office.import(DRAFTS);
    let mut screen = Screen::open(&office.home, &[]);
    approve_marked(&mut screen, DRAFTS);
    let batches = "SELECT count(DISTINCT batch_id) FROM crm_decisions WHERE verdict = 'approve'";
    assert_eq!(office.home.count(batches), 1, "one decision is one batch");
    screen.send("U");
    screen.shows("taken back 4 of 4 messages");
    screen.shows("1 Approvals 4");
    let drafts = "SELECT count(*) FROM crm_activities WHERE status = 'draft_pending_approval'";
    assert_eq!(office.home.count(drafts), 4);
    screen.send("U");
    screen.shows("taken back already");
    screen.send("q");
    screen.ended_well();
    assert!(office.provider.ledger().is_empty());
    office.home.let_go();
    office.provider.stop();
}
