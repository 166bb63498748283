//! Drafts come in as lines of a file.
use serde_json::json;

use crate::office::{Office, draft, draft_as, text};

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
