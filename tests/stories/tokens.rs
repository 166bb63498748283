//! Acting as another operator by a token: on the command line, in the console, and not any more.
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::home::Home;
use crate::office::Office;
use crate::process;
use crate::screen::Screen;
use crate::secrets::{files_with, holds};

fn token_of(home: &Home, name: &str) -> String {
    home.run(&["operators", "token", name, "--expires", "30d", "--label", "night shift"])
        .ends_with(0)
        .out
        .trim()
        .to_owned()
}

/// S43, features "Command line": without a token of that operator nobody acts as them; the token comes by variable or private file.
#[test]
fn whoever_acts_as_somebody_else_shows_their_token() {
    let mut office = Office::open("0s");
    office.home.run(&["operators", "add", "ben", "--role", "approver"]).ends_with(0);
    office.import(2);
    let pending = office.pending();
    office.home.run(&["--as", "ben", "approvals", "list"]).ends_with(4).complains("COUNTERSIGN_TOKEN");
    let token = token_of(&office.home, "ben");
    assert!(token.starts_with("cst_") && token.len() == 68, "the token alone is on standard output");
    let me = office.home.texts("SELECT name FROM crm_operators WHERE role = 'admin'").remove(0);
    office.home.run(&["--as", &me, "approvals", "list"]).ends_with(0);

    let file = office.home.path("token");
    fs::write(&file, format!("{token}\n")).expect("a file can be written");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("the mode can be changed");
    let file = file.display().to_string();
    let approve = |home: &Home, item: &str| {
        home.run(&["--as", "ben", "--token-file", &file, "approvals", "approve", item])
    };
    approve(&office.home, &pending[0]).ends_with(2).complains("chmod 600");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("the mode can be changed");
    approve(&office.home, &pending[0]).ends_with(0);
    office.home.run(&["--token-file", &file, "approvals", "list"]).ends_with(2);

    office.home.set("COUNTERSIGN_TOKEN", &token);
    office.home.run(&["--as", "ben", "approvals", "approve", &pending[1]]).ends_with(0);
    let by_ben = "SELECT actor_name FROM crm_audit_log WHERE action = 'approval.approve'";
    assert_eq!(office.home.texts(by_ben), ["ben", "ben"]);
    office.home.run(&["--as", "ben", "operators", "disable", &me]).ends_with(4).complains("admin");
    let other =
        office.home.run(&["--as", "cleo", "approvals", "list"]).ends_with(4).complains("no token of cleo");
    assert!(!other.err.contains(&token));

    let listed = office.home.json(&["operators", "token", "--list", "ben"]);
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    assert!(!listed.to_string().contains(&token[4..]));
    office.home.run(&["operators", "token", "--revoke", &id]).ends_with(0);
    office.home.run(&["operators", "token", "--revoke", &id]).ends_with(3);
    office.home.run(&["--as", "ben", "approvals", "list"]).ends_with(4).complains("was revoked");
    office.home.run(&["operators", "disable", &me]).ends_with(3).complains("last admin");
}

/// S22: a token that was made, used, refused and listed is in no log, no table, no argument list and no file but its own.
#[test]
fn a_token_is_found_nowhere() {
    let mut office = Office::open("0s");
    office.home.set("COUNTERSIGN_LOG__LEVEL", "trace");
    office.home.run(&["operators", "add", "ben", "--role", "approver"]).ends_with(0);
    office.import(1);
    office.approve_all();
    let token = token_of(&office.home, "ben");
    office.home.set("COUNTERSIGN_TOKEN", &token);
    let mut screen = Screen::open(&office.home, &["--as", "ben"]);
    screen.shows("as ben");
    let sent = "SELECT count(*) FROM crm_activities WHERE status = 'sent'";
    crate::until("it is sent", || office.home.count(sent) == 1);
    let console = screen.number();
    for number in office.home.processes() {
        let words = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        assert!(!holds(&words, &token), "arguments of {}", process::words(number));
        if number != console {
            let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            assert!(!holds(&environment, &token), "environment of {}", process::words(number));
        }
    }
    let mut said = String::new();
    for words in [
        ["--as", "ben", "secrets", "list"].as_slice(),
        &["--as", "cleo", "secrets", "list"],
        &["operators", "list", "--json"],
        &["operators", "token", "--list", "ben", "--json"],
    ] {
        let answer = office.home.run(words);
        said.push_str(&answer.out);
        said.push_str(&answer.err);
    }
    screen.send("q");
    screen.ended_well();
    said.push_str(&String::from_utf8_lossy(&screen.bytes()));
    assert!(!said.contains(&token[4..]));
    assert!(office.home.logs().contains("TRACE"), "the log was at its most talkative");
    assert_eq!(files_with(&office.home.path(""), &token), Vec::<String>::new());
}

/// S43: a console that is open when the token is revoked says so and decides nothing any more.
#[test]
fn an_open_console_stops_when_its_token_is_revoked() {
    let mut office = Office::open("30s");
    office.home.run(&["operators", "add", "ben", "--role", "approver"]).ends_with(0);
    office.import(1);
    let token = token_of(&office.home, "ben");
    office.home.set("COUNTERSIGN_TOKEN", &token);
    let mut screen = Screen::open(&office.home, &["--as", "ben"]);
    screen.shows("as ben");
    screen.shows("Roof 1");
    office.home.run(&["operators", "disable", "ben"]).ends_with(0);
    screen.shows("ben was disabled");
    screen.send("a");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0);
    screen.send("q");
    screen.ended_well();
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0);
}
