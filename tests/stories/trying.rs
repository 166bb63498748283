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
