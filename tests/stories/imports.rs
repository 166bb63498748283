//! Drafts come in as lines of a file.
use serde_json::json;

use crate::office::{Office, draft, draft_as, text};
use crate::screen::Screen;

/// S15, S16: a bad line is named with its field and reason, and unless asked otherwise nothing of the file is kept.
#[test]
fn one_bad_line_keeps_the_whole_file_out() {
    let office = Office::open("30s");
    let lines = [
        draft(1),
        "{".to_owned(),
        draft_as(2, &json!({"to": "a@example.com, b@example.com"})),
        draft_as(3, &json!({"payload": {"subject": "Roof\r\nBcc: x@example.com", "text": "x"}})),
        draft_as(4, &json!({"outbox": "nowhere"})),
        draft_as(5, &json!({"subjekt": "x"})),
    ];
    let file = lines.join("\n");
    let answer = office.home.run_with(&["drafts", "import", "-", "--json"], &file).ends_with(1).json();
    let errors = answer["errors"].as_array().expect("a list");
    let named: Vec<(i64, &str)> =
        errors.iter().map(|error| (error["line"].as_i64().unwrap_or(0), text(&error["field"]))).collect();
    assert_eq!(named, [(2, "line"), (3, "to"), (4, "payload.subject"), (5, "outbox"), (6, "subjekt")]);
    assert!(errors.iter().all(|error| !text(&error["reason"]).is_empty()));
    assert_eq!((&answer["created"], office.pending().len()), (&json!(0), 0));
    let told = office.home.run_with(&["drafts", "import", "-"], &file).ends_with(1);
    let told = told.complains("line 4: payload.subject:").complains("nothing was written");
    assert!(!told.err.contains('\r'), "foreign text was made safe: {}", told.err);

    let kept =
        office.home.run_with(&["drafts", "import", "-", "--partial", "--json"], &file).ends_with(1).json();
    assert_eq!((&kept["created"], office.pending().len()), (&json!(1), 1));
}

/// R26: importing a file twice changes nothing; the same key with other words is refused.
#[test]
fn importing_twice_files_once() {
    let office = Office::open("30s");
    let path = office.home.path("drafts.jsonl");
    std::fs::write(&path, [draft(1), draft(2)].join("\n")).expect("a file can be written");
    let file = path.display().to_string();
    let first = office.home.json(&["drafts", "import", &file]);
    let second = office.home.json(&["drafts", "import", &file]);
    assert_eq!((&first["created"], &first["known"]), (&json!(2), &json!(0)));
    assert_eq!((&second["created"], &second["known"]), (&json!(0), &json!(2)));
    assert_eq!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!(
        office.home.count("SELECT count(*) FROM crm_contacts"),
        2,
        "contacts are matched, not made again"
    );

    let other = draft_as(1, &json!({"payload": {"subject": "Roof", "text": "other words"}}));
    let answer = office.home.run_with(&["drafts", "import", "-", "--json"], &other).ends_with(1).json();
    assert_eq!(text(&answer["errors"][0]["field"]), "clientDedupKey");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_activities"), 2);
    office.home.run(&["drafts", "import", "/nowhere.jsonl"]).ends_with(1).complains("/nowhere.jsonl");
}

/// A table with names of its own, as another program exports it: a mapping, constants, Windows line ends, a quoted line break.
#[test]
fn a_table_is_mapped_to_drafts() {
    let office = Office::open("30s");
    let path = office.home.path("drafts.csv");
    let table = "\u{feff}Who;Mail;Title;Letter;Owner\r\n\
        Zoë;zoe@example.com;Roof;\"Dear Zoë,\r\n\r\nit is done.\";ana\r\n\
        Bo;bo@example.com;Roof;Dear Bo;ben\r\n";
    std::fs::write(&path, table).expect("a file can be written");
    let file = path.display().to_string();
    let map = "to=Mail,contact.name=Who,payload.subject=Title,payload.text=Letter";
    let words = ["drafts", "import", &file, "--delimiter", ";", "--map", map];
    let set = ["--set", "channel=email", "--set", "outbox=main"];
    let words: Vec<&str> = words.into_iter().chain(set).collect();
    office.home.run(&words).ends_with(0).complains("passed over: Owner");
    let second = office.home.json(&words);
    assert_eq!((&second["created"], &second["known"]), (&json!(0), &json!(2)), "R26");
    assert_eq!(office.pending().len(), 2);
    let names = office.home.texts("SELECT name FROM crm_contacts ORDER BY name");
    assert_eq!(names, ["Bo", "Zoë"]);

    let more = format!("{table};not an address;Roof;x;ana\r\n");
    std::fs::write(&path, more).expect("a file can be written");
    office.home.run(&words).ends_with(1).complains("line 6: to:").complains("nothing was written");
    assert_eq!(office.pending().len(), 2);
    let wrong: Vec<&str> = ["drafts", "import", &file, "--delimiter", ";", "--map", "to=E-Mail"].to_vec();
    office.home.run(&wrong).ends_with(2).complains("`E-Mail` is not a column; the columns are Who, Mail");
    let wrong: Vec<&str> = ["drafts", "import", &file, "--delimiter", ";", "--map", "mail=Mail"].to_vec();
    office.home.run(&wrong).ends_with(2).complains("`mail` is not a field; the fields are channel, outbox");
}

/// Accounts, contacts and drafts end to end. S1: what they hold cannot reach the terminal as a command.
#[test]
fn accounts_and_contacts_come_before_drafts() {
    let office = Office::open("30s");
    let home = &office.home;
    let firms = "name,domain,tier,valueMinor,currency,country\nNordlys,nordlys.example,1,250000,NOK,no\nEvil \u{202e}Firm,,3,,,\n";
    home.run_with(&["accounts", "import", "-", "--format", "csv"], firms).ends_with(0);
    let people = "Name,Mail,Firm\nZoë,zoe@example.com,Nordlys\nEvil \u{202e}Name,bo@other.example,Nordlys\n";
    let map = "name=Name,email=Mail,account=Firm";
    let words = ["contacts", "import", "-", "--format", "csv", "--map", map, "--json"];
    let report = home.run_with(&words, people).ends_with(0).json();
    assert_eq!((&report["inserted"], &report["accountsMade"]), (&json!(2), &json!(0)));
    let report = home.run_with(&words, people).ends_with(0).json();
    assert_eq!(
        (&report["inserted"], &report["updated"], &report["identical"]),
        (&json!(0), &json!(0), &json!(2))
    );

    let list = home.json(&["accounts", "list", "--tier", "1"]);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&list["items"][0]["country"], &list["items"][0]["contacts"]), (&json!("NO"), &json!(2)));
    let first = home.json(&["contacts", "list", "--limit", "1"]);
    let next = home.json(&["contacts", "list", "--limit", "1", "--cursor", text(&first["next"])]);
    assert_ne!(first["items"][0]["id"], next["items"][0]["id"]);
    assert_eq!(next["next"], json!(null));

    let line = draft_as(1, &json!({"to": "zoe@example.com"}));
    home.run_with(&["drafts", "import", "-"], &line).ends_with(0);
    let shown = home.json(&["contacts", "show", "Zoe@example.com"]);
    assert_eq!(
        shown["addresses"][0],
        json!({"address": "email:zoe@example.com", "allowlisted": true, "suppressed": null})
    );
    assert_eq!(shown["messages"], json!([{"status": "draft_pending_approval", "count": 1}]));
    let shown = home.json(&["contacts", "show", "bo@other.example"]);
    assert_eq!(shown["addresses"][0]["allowlisted"], json!(false));

    for words in [&["accounts", "list"][..], &["contacts", "list"], &["contacts", "show", "bo@other.example"]]
    {
        let answer = home.run(words).ends_with(0);
        assert!(!answer.out.contains('\u{202e}') && answer.out.contains("Evil"), "S1: {}", answer.out);
    }
    let bad = "name,tier\nA,9\nB\u{1b}[31m,1\nC,1\n";
    let refused = home.run_with(&["accounts", "import", "-", "--format", "csv"], bad).ends_with(1);
    let refused =
        refused.complains("line 2: tier:").complains("line 3: name:").complains("nothing was written");
    assert!(!refused.err.contains('\u{1b}'), "S1");
    assert_eq!(home.count("SELECT count(*) FROM crm_accounts WHERE name = 'C'"), 0);
}

/// Reading a file that comes slowly tells that it is being read, and leaves nothing on the terminal.
#[test]
fn a_file_that_comes_slowly_is_waited_for_aloud() {
    let office = Office::open("30s");
    let path = office.home.path("firms.csv");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).expect("a pipe");
    let file = path.display().to_string();
    let mut screen = Screen::open(&office.home, &["accounts", "import", &file]);
    screen.shows(&format!("reading {file} · "));
    std::fs::write(&path, "name\nNordlys\n").expect("somebody reads");
    screen.ended_well();
    screen.hides("reading ");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_accounts"), 1);
}
