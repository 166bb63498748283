//! The command line for scripts: first steps, lists, settings, holds, the database.
use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use crate::home::Home;
use crate::office::{Office, items, text};
use crate::screen::Screen;

/// The first steps on an empty database: each command says what comes next, and the first operator is named.
#[test]
fn an_empty_database_says_what_to_do() {
    let mut home = Home::new();
    home.keep_server();
    home.run(&["approvals", "list"]).ends_with(2).complains("countersign companies add");
    let mut screen = Screen::open(&home, &[]);
    assert_eq!(screen.ended().exit_code(), 2);
    screen.shows("countersign companies add");

    let added = home.json(&["companies", "add", "acme", "--name", "Acme"]);
    let operators = home.json(&["operators", "list"]);
    assert_eq!(operators["items"][0]["name"], added["operator"]);
    assert_eq!(text(&operators["items"][0]["role"]), "admin");
    home.run(&["companies", "add", "acme", "--name", "Again"]).ends_with(3);
    let mut screen = Screen::open(&home, &[]);
    screen.shows("countersign outboxes add");
    screen.shows("countersign drafts import");
    screen.send("q");
    screen.ended_well();

    home.run(&["companies", "add", "beta", "--name", "Beta"]).ends_with(0);
    home.run(&["approvals", "list"]).ends_with(2).complains("--company (acme, beta)");
    home.run(&["approvals", "list", "--company", "beta"]).ends_with(0);
    home.run(&["approvals", "list", "--company", "gamma"]).ends_with(2);
}

/// Lists come in pages that join without a gap.
#[test]
fn lists_are_read_page_by_page() {
    let office = Office::open("30s");
    office.import(7);
    let all = office.pending();
    let mut read: Vec<String> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut words = vec!["approvals", "list", "--limit", "3"];
        words.extend(cursor.iter().flat_map(|cursor| ["--cursor", cursor.as_str()]));
        let page = office.home.json(&words);
        read.extend(items(&page));
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((read.len(), &read), (7, &all));
    let keys: Vec<String> = office.home.json(&["approvals", "list", "--limit", "1"])["items"][0]
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    for key in ["id", "outboxId", "payloadSha256", "proposedBy", "createdAt", "sendAfter", "hold"] {
        assert!(keys.iter().any(|known| known == key), "{key} is missing in {keys:?}");
    }
    let found = office.home.json(&["approvals", "list", "--text", "person 5"]);
    assert_eq!(items(&found).len(), 1);
    assert_eq!(items(&office.home.json(&["approvals", "list", "--channel", "whatsapp"])).len(), 0);
    office.home.run(&["approvals", "list", "--limit", "1001"]).ends_with(2);
    office.home.run(&["approvals", "list", "--cursor", "yesterday"]).ends_with(2).complains("--cursor");
    office.home.run(&["approvals", "list", "--channel", "pigeon"]).ends_with(2);
}

/// A misspelled setting is refused with its place, by every command and before anything starts.
#[test]
fn an_unknown_setting_is_refused_with_its_line() {
    let mut home = Home::new();
    let file = home.path("config/countersign/config.toml");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder can be made");
    fs::write(&file, "[dispatcher]\nbatch = 10\nbach = 20\n").expect("a file can be written");
    home.run(&["db", "status"]).ends_with(2).complains("config.toml, line 3: unknown field `bach`");
    fs::write(&file, "").expect("a file can be written");
    home.set("COUNTERSIGN_DISPATCHER__BACH", "3");
    home.run(&["db", "status"]).ends_with(2).complains("COUNTERSIGN_DISPATCHER__BACH");
    assert!(!home.path("data/countersign/pg").exists(), "nothing was started");
}

/// S17: messages go to the provider or to this machine and nowhere else, and a refusal never repeats a password.
#[rstest]
#[case("http://10.0.0.1")]
#[case("http://169.254.169.254")]
#[case("https://169.254.169.254")]
#[case("https://[::ffff:127.0.0.1]")]
#[case("https://2130706433")]
#[case("https://ana:pw_canary_77@mail.example.com")]
#[case("https://mail.example.com/path?x")]
#[case("ftp://127.0.0.1")]
fn a_base_url_that_leads_astray_is_refused(#[case] url: &str) {
    let mut home = Home::new();
    home.set("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", url);
    for words in [&["dispatch", "--until-idle"][..], &["approvals", "list"]] {
        let answer = home.run(words).ends_with(2).complains("channels.email.base_url");
        assert!(!answer.err.contains("canary"), "{}", answer.err);
    }
    assert!(!home.path("data/countersign/pg").exists(), "nothing was started");
}

/// I2: who is not on the list gets nothing, also in a dry run, which reaches no provider.
#[test]
fn a_dry_run_passes_every_gate_and_sends_nothing() {
    let mut office = Office::with_approved(2);
    office.home.set("AIMETIER_CRM_DRY_RUN", "true");
    office.home.run(&["allowlist", "remove", "@example.com"]).ends_with(0);
    office.home.run(&["allowlist", "add", "person1@example.com"]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    let states = office.home.texts("SELECT status FROM crm_activities ORDER BY status");
    assert_eq!(states, ["blocked_by_allowlist", "sent_dryrun"]);
    assert_eq!((office.provider.ledger().len(), office.provider.seen().count), (0, 0));
    office.home.set("AIMETIER_CRM_DRY_RUN", "yes");
    office.home.run(&["queue", "list"]).ends_with(2).complains("AIMETIER_CRM_DRY_RUN");
}

/// R9: a paused outbox holds what was approved, says why, and sends it when it is resumed.
#[test]
fn a_paused_outbox_holds_with_its_reason() {
    let office = Office::with_approved(2);
    office.home.run(&["outboxes", "pause", "main", "--reason", "domain moves"]).ends_with(0);
    let idle = office.dispatch().finish().ends_with(0);
    assert!(idle.out.contains("2 held"), "{}", idle.out);
    let queue = office.home.json(&["queue", "list"]);
    let hold = &queue["items"][0]["hold"];
    assert_eq!(text(&hold["code"]), "outbox_paused");
    assert!(text(&hold["sentence"]).contains("domain moves"), "{hold}");
    assert_eq!(text(&office.home.json(&["outboxes", "list"])["items"][0]["pauseReason"]), "domain moves");
    let human = office.home.run(&["queue", "list"]).ends_with(0);
    assert!(human.out.contains("domain moves"), "{}", human.out);
    office.home.run(&["outboxes", "resume", "main"]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(2);
}

/// S22: where the credential is missing, messages wait and the command says which one to set.
#[test]
fn without_its_credential_an_outbox_waits() {
    let office = Office::open("0s");
    let add = [
        "outboxes",
        "add",
        "second",
        "--channel",
        "email",
        "--from",
        "Bo <bo@acme.example>",
        "--daily-cap",
        "5",
    ];
    let more = ["--zone", "Europe/Oslo", "--undo-window", "0s", "--secret", "secret://absent:latest"];
    let words: Vec<&str> = add.into_iter().chain(more).collect();
    office.home.run(&words).ends_with(0).complains("countersign secrets set absent");
    office.home.run(&words).ends_with(3);
    let line = crate::office::draft_as(1, &json!({"outbox": "second"}));
    office.home.run_with(&["drafts", "import", "-"], &line).ends_with(0);
    office.approve_all();
    let worker = office.dispatch();
    crate::until("the message is held", || {
        office.home.count("SELECT count(*) FROM crm_activities WHERE hold_code = 'credential_unavailable'")
            == 1
    });
    worker.kill();
    assert_eq!(office.provider.seen().count, 0);
}

/// R23: the database can be looked at, migrated, reverted by phase and stopped.
#[test]
fn the_database_answers_for_itself() {
    let home = Home::new();
    let before = home.json(&["db", "status"]);
    assert_eq!((&before["server"]["kind"], &before["server"]["running"]), (&json!("private"), &json!(false)));
    assert_eq!(before["current"], json!(false), "looking does not migrate");
    home.run(&["db", "migrate"]).ends_with(0);
    let after = home.json(&["db", "status"]);
    assert_eq!((&after["current"], &after["schema"]["unknown"]), (&json!(true), &json!([])));
    let url = home.json(&["db", "url"]);
    assert!(text(&url["url"]).starts_with("postgres:///countersign?host="), "{url}");

    home.run(&["db", "revert", "--phase", "a"]).ends_with(2).complains("--yes");
    home.run(&["db", "revert", "--phase", "a", "--yes"]).ends_with(1).complains("b, c refers to it");
    home.run(&["db", "revert", "--phase", "x", "--yes"]).ends_with(2);
    home.run(&["db", "revert", "--phase", "b", "--yes"]).ends_with(1).complains("c refers to it");
    home.run(&["db", "revert", "--phase", "c", "--yes"]).ends_with(0);
    home.run(&["db", "revert", "--phase", "b", "--yes"]).ends_with(0);
    let reverted = home.json(&["db", "status"]);
    assert_eq!(reverted["current"], json!(false));
    home.run(&["db", "migrate"]).ends_with(0);
    assert_eq!(home.json(&["db", "status"])["current"], json!(true));

    home.is_deserted();
    assert_eq!(text(&home.json(&["db", "stop"])["server"]), "was not running");
}

/// F20: `db stop` stops the server also under somebody who uses it.
#[test]
fn the_server_can_be_stopped_under_its_users() {
    let mut home = Home::new();
    home.keep_server();
    let (supervisor, _) = home.server();
    let answer: Value = home.json(&["db", "stop"]);
    assert_eq!(text(&answer["server"]), format!("stopped (supervisor {supervisor})"));
    home.is_deserted();
}

/// Exit 5: a database that cannot be reached is told from a command that failed.
#[test]
fn a_database_that_is_not_there_has_its_own_exit_code() {
    let mut home = Home::new();
    home.set("DATABASE_URL", "postgres://ana@127.0.0.1:1/none");
    home.run(&["approvals", "list"]).ends_with(5);
    home.run(&["db", "stop"]).ends_with(2).complains("DATABASE_URL");
}
