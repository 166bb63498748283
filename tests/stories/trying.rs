//! An outbox is tried before it is trusted, and a channel explains itself.
use serde_json::json;

use crate::office::{CREDENTIAL, Office};

/// The credential is shown to its provider, which only reads; nothing is sent by that.
#[test]
fn a_credential_is_tried() {
    let office = Office::open("0s");
    let tried = office.home.json(&["outboxes", "test", "main"]);
    assert_eq!(tried["credential"], json!({ "state": "works", "says": "the API key has full access" }));
    office.home.run_with(&["secrets", "rotate", "resend"], "re_bad_0123456789").ends_with(0);
    let refused = office.home.run(&["outboxes", "test", "main"]).ends_with(1);
    assert!(refused.out.contains("refused: API key is invalid"), "{}", refused.out);
    assert!(!refused.out.contains("re_bad_0123456789"));
    assert!(office.provider.ledger().is_empty());
    let audited = "SELECT count(*) FROM crm_audit_log WHERE action = 'outbox.test'";
    assert_eq!(office.home.count(audited), 2, "every use of a secret is recorded");
}

/// I1, I2: a test message is printed, and leaves only when asked for, to somebody on the allowlist, on the way of every message.
#[test]
fn a_test_message_takes_the_way_of_every_message() {
    let office = Office::open("0s");
    let printed = office.home.run(&["outboxes", "test", "main", "--to", "bo@example.com"]).ends_with(0);
    assert!(
        printed.out.contains("POST /emails") && printed.out.contains("Test of the outbox main"),
        "{}",
        printed.out
    );
    assert!(!printed.out.contains(CREDENTIAL));
    assert_eq!(office.home.count("SELECT count(*) FROM crm_activities"), 0, "nothing is filed to be printed");
    let refused =
        office.home.run(&["outboxes", "test", "main", "--to", "bo@elsewhere.example", "--send"]).ends_with(4);
    assert!(refused.err.contains("bo@elsewhere.example is not on the allowlist"), "{}", refused.err);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_activities"), 0);
    let sent = office.home.json(&["outboxes", "test", "main", "--to", "bo@example.com", "--send"]);
    assert_eq!(sent["request"]["path"], json!("/emails"));
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(1);
    assert_eq!(office.provider.ledger()[0].body, sent["request"]["body"].as_str().expect("a body"));
}

/// What a provider has to know is asked for by name, and a value that is none is refused with what it should be.
#[test]
fn a_missing_setting_is_named() {
    let office = Office::open("0s");
    office
        .home
        .run_with(&["secrets", "set", "twilio"], "AC0123456789abcdef0123456789abcdef:token")
        .ends_with(0);
    let add = ["outboxes", "add", "wa", "--channel", "whatsapp", "--from", "+14155552345"];
    let rest = ["--secret", "secret://twilio:latest", "--daily-cap", "5", "--zone", "UTC"];
    office.home.run(&[&add[..], &rest[..]].concat()).ends_with(0);
    let tried = office.home.run(&["outboxes", "test", "wa"]).ends_with(1).out;
    assert!(tried.contains("countersign outboxes set wa --set account_sid="), "{tried}");
    let set =
        |value: &str| office.home.run(&["outboxes", "set", "wa", "--set", &format!("account_sid={value}")]);
    set("AC1").ends_with(2).complains("set: account_sid is ");
    set("AC0123456789abcdef0123456789abcdef").ends_with(0);
    let draft = json!({ "channel": "whatsapp", "outbox": "wa", "to": "+442071234501", "payload": { "text": "Hello" } });
    office.home.run_with(&["drafts", "import", "-"], &draft.to_string()).ends_with(0);
    let changed = office.home.run(&[
        "outboxes",
        "set",
        "wa",
        "--set",
        "account_sid=AC00000000000000000000000000000002",
    ]);
    let changed = changed.ends_with(0).out;
    assert!(
        changed.contains("1 drafts and approved messages were rendered with the old settings"),
        "{changed}"
    );
    office.home.run(&["outboxes", "set", "wa", "--set", "account_sid="]).ends_with(0);
    let draft = draft.to_string().replace("501", "502");
    office.home.run_with(&["drafts", "import", "-"], &draft).ends_with(1).complains("it has no account_sid");
}

/// What is wrong with an address is said before anything else happens.
#[test]
fn an_address_that_is_none_is_named() {
    let office = Office::open("0s");
    let refused = office.home.run(&["outboxes", "test", "main", "--to", "nobody", "--send"]).ends_with(2);
    assert!(refused.err.contains("to"), "{}", refused.err);
    let refused = office.home.run(&["outboxes", "set", "main", "--set", "account_sid=AC1"]).ends_with(2);
    assert!(refused.err.contains("`account_sid` is not a setting of email"), "{}", refused.err);
}

/// Every channel says by which rules it works.
#[test]
fn every_channel_explains_itself() {
    let office = Office::open("0s");
    let listed = office.home.json(&["channels", "list"]);
    let names: Vec<&str> =
        listed["items"].as_array().expect("items").iter().filter_map(|one| one["channel"].as_str()).collect();
    assert!(names.contains(&"email"), "{names:?}");
    for name in names {
        let shown = office.home.json(&["channels", "show", name]);
        for key in ["provider", "idempotency", "uncertain", "credential"] {
            assert!(shown[key].as_str().is_some_and(|text| text.len() > 2), "{name}: {key}");
        }
        assert!(!shown["limits"].as_array().expect("limits").is_empty(), "{name}");
    }
}
