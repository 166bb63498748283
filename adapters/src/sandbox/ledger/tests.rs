//! What the ledger keeps over restarts, between writers, and after a kill.
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::{Entry, Ledger, LedgerError, Verdict};

fn entry(id: &str, key: Option<&str>, body: &str) -> Entry {
    Entry {
        at: Timestamp::UNIX_EPOCH,
        provider: None,
        id: id.to_owned(),
        idempotency_key: key.map(str::to_owned),
        body_sha256: format!("sha256 of {body}"),
        activity_id: None,
        to: vec!["bo@example.org".to_owned()],
        body: body.to_owned(),
    }
}

fn accepted(id: &str) -> Verdict {
    Verdict::Accepted(id.to_owned())
}

struct Desk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.jsonl");
        Self { _folder: folder, path }
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.path).expect("opens")
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).open(&self.path).expect("opens");
        file.write_all(text.as_bytes()).expect("writes");
    }
}

fn ids(ledger: &Ledger) -> Vec<String> {
    ledger.entries().expect("reads").into_iter().map(|entry| entry.id).collect()
}

#[test]
fn a_key_answers_with_its_first_id_and_refuses_another_body() {
    let desk = Desk::new();
    let mut ledger = desk.open();
    let batch = vec![
        entry("1", Some("k"), "a"),
        entry("2", Some("k"), "a"),
        entry("3", Some("k"), "b"),
        entry("4", None, "a"),
        entry("5", None, "a"),
    ];
    let verdicts = ledger.accept(batch).expect("accepts");
    assert_eq!(verdicts, [accepted("1"), accepted("1"), Verdict::Conflict, accepted("4"), accepted("5")]);
    assert_eq!(ledger.accept(vec![entry("6", Some("k"), "a")]).expect("accepts"), [accepted("1")]);
    assert_eq!(ids(&ledger), ["1", "4", "5"]);
}

/// F11, F13: two sandboxes of two consoles are one provider.
#[test]
fn writers_of_one_file_know_each_others_keys() {
    let desk = Desk::new();
    let (mut one, mut two) = (desk.open(), desk.open());
    assert_eq!(one.accept(vec![entry("1", Some("k"), "a")]).expect("accepts"), [accepted("1")]);
    assert_eq!(two.accept(vec![entry("2", Some("k"), "a")]).expect("accepts"), [accepted("1")]);
    assert_eq!(two.accept(vec![entry("3", Some("l"), "a")]).expect("accepts"), [accepted("3")]);
    assert_eq!(one.accept(vec![entry("4", Some("l"), "b")]).expect("accepts"), [Verdict::Conflict]);
    assert_eq!(ids(&one), ["1", "3"]);
}

#[test]
fn writers_at_the_same_time_accept_each_key_once() {
    let desk = Desk::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut ledger = desk.open();
            scope.spawn(move || {
                for key in 0..200 {
                    let id = format!("{writer}-{key}");
                    ledger.accept(vec![entry(&id, Some(&format!("k{key}")), "a")]).expect("accepts");
                }
            });
        }
    });
    assert_eq!(ids(&desk.open()).len(), 200);
}

#[test]
fn a_ledger_survives_its_writer() {
    let desk = Desk::new();
    desk.open().accept(vec![entry("1", Some("k"), "a")]).expect("accepts");
    assert_eq!(desk.open().accept(vec![entry("2", Some("k"), "a")]).expect("accepts"), [accepted("1")]);
}

/// A kill amid a write leaves half a line; its message was never acknowledged.
#[test]
fn a_torn_last_line_is_cut_by_the_next_writer() {
    let desk = Desk::new();
    let mut ledger = desk.open();
    ledger.accept(vec![entry("1", Some("k"), "a")]).expect("accepts");
    let torn = serde_json::to_string(&entry("2", Some("l"), "a")).expect("JSON");
    desk.append(&torn[..torn.len() / 2]);
    assert_eq!(ids(&ledger), ["1"]);
    assert_eq!(ledger.accept(vec![entry("3", Some("l"), "a")]).expect("accepts"), [accepted("3")]);
    desk.append("{");
    assert_eq!(desk.open().accept(vec![entry("4", Some("k"), "a")]).expect("accepts"), [accepted("1")]);
    assert_eq!(ids(&ledger), ["1", "3"]);
}

#[test]
fn a_line_of_something_else_is_an_error_that_names_it() {
    let desk = Desk::new();
    let mut ledger = desk.open();
    ledger.accept(vec![entry("1", Some("k"), "a")]).expect("accepts");
    desk.append("not an entry\n");
    let error = desk.open().entries().expect_err("refused");
    assert!(matches!(error, LedgerError::Malformed { line: 2, .. }), "{error}");
    assert!(ledger.accept(vec![entry("2", None, "a")]).is_err());
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    let desk = Desk::new();
    let mut ledger = desk.open();
    ledger.accept(vec![entry("1", Some("k"), "a")]).expect("accepts");
    let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
    let later = |id, hours| vec![Entry { at: at(hours), ..entry(id, Some("k"), "b") }];
    assert_eq!(ledger.accept(later("2", 23)).expect("accepts"), [Verdict::Conflict]);
    assert_eq!(ledger.accept(later("3", 24)).expect("accepts"), [accepted("3")]);
    assert_eq!(ledger.accept(later("4", 47)).expect("accepts"), [accepted("3")]);
}

#[test]
fn an_emptied_file_begins_afresh() {
    let desk = Desk::new();
    let mut ledger = desk.open();
    ledger.accept(vec![entry("1", Some("k"), "a")]).expect("accepts");
    OpenOptions::new().write(true).open(&desk.path).expect("opens").set_len(0).expect("cuts");
    assert_eq!(ledger.accept(vec![entry("2", Some("k"), "a")]).expect("accepts"), [accepted("2")]);
    assert_eq!(ids(&ledger), ["2"]);
}

#[test]
fn only_its_owner_reads_a_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.open();
    let mode = std::fs::metadata(&desk.path).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
