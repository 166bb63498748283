//! What stops a message, from the command line: suppressions, consent, replies, limits, kill switches, and a second person.
use rstest::rstest;
use serde_json::{Value, json};

use crate::holds::Hold;
use crate::office::{Office, text};

/// The id of `ID@SHA256`.
fn id(item: &str) -> &str {
    item.split('@').next().unwrap_or(item)
}

/// Where every message stands, and why.
fn stands(office: &Office) -> Vec<String> {
    office
        .home
        .texts("SELECT concat_ws(' ', status, hold_code) FROM crm_activities ORDER BY status, hold_code")
}

/// R9: who is suppressed gets nothing, whatever was approved; the list comes in pages, and only an admin lifts one.
#[test]
fn a_suppressed_address_gets_nothing() {
    let office = Office::with_approved(2);
    let home = &office.home;
    let added = home.json(&["suppressions", "add", "Person1@Example.com", "--reason", "unsubscribe"]);
    let expected = json!({
        "kind": "email", "address": "person1@example.com", "reason": "unsubscribe", "created": true
    });
    assert_eq!(added, expected);
    assert_eq!(home.json(&["suppressions", "add", "person1@example.com"])["created"], json!(false));
    home.run(&["suppressions", "add", "+447911123456", "--note", "asked on the phone"]).ends_with(0);
    home.run(&["suppressions", "add", "a b"]).ends_with(2).complains("identity");
    home.run(&["suppressions", "add", "a@example.com", "--reason", "mood"])
        .ends_with(2)
        .complains("hard_bounce");
    let first = home.json(&["suppressions", "list", "--limit", "1"]);
    assert_eq!(first["items"][0]["note"], json!("asked on the phone"));
    let rest = home.json(&["suppressions", "list", "--cursor", text(&first["next"])]);
    assert_eq!((&rest["items"][0]["reason"], &rest["next"]), (&json!("unsubscribe"), &Value::Null));
    assert_eq!(
        home.json(&["contacts", "show", "person1@example.com"])["addresses"][0]["suppressed"],
        json!("unsubscribe")
    );

    office.dispatch().finish().ends_with(0);
    assert_eq!(stands(&office), ["blocked_by_policy suppressed", "sent"]);
    assert_eq!(office.provider.ledger()[0].to, ["person2@example.com"]);

    home.run(&["suppressions", "remove", "person1@example.com"]).ends_with(2).complains("--note");
    home.change("UPDATE crm_operators SET role = 'approver'");
    home.run(&["suppressions", "remove", "person1@example.com", "--note", "mistake"]).ends_with(4);
    home.run(&["suppressions", "add", "person9@example.com"]).ends_with(0);
    home.change("UPDATE crm_operators SET role = 'admin'");
    home.run(&["suppressions", "remove", "PERSON1@example.com", "--note", "mistake"]).ends_with(0);
    home.run(&["suppressions", "remove", "person1@example.com", "--note", "again"])
        .ends_with(1)
        .complains("is not suppressed");
}

/// R9: a consent that is withdrawn stops what was approved; an outbox may ask for one; both are on record with their evidence.
#[test]
fn consent_is_recorded_with_its_evidence() {
    let office = Office::with_approved(2);
    let home = &office.home;
    let say = |contact: &str, state: &str, code: i32| {
        let words = ["contacts", "consent", contact, "--channel", "email", "--state", state];
        let words: Vec<&str> = words.into_iter().chain(["--evidence", "mail of 3 May"]).collect();
        home.run(&words).ends_with(code)
    };
    say("person1@example.com", "withdrawn", 0);
    say("nobody@example.com", "granted", 1).complains("contacts list");
    home.run(&["contacts", "consent", "person1@example.com", "--channel", "email", "--state", "granted"])
        .ends_with(2)
        .complains("--evidence");
    let shown = home.json(&["contacts", "show", "person1@example.com"]);
    let consent = &shown["consents"][0];
    assert_eq!((&consent["state"], &consent["evidence"]), (&json!("withdrawn"), &json!("mail of 3 May")));
    let human = home.run(&["contacts", "show", text(&shown["id"])]).ends_with(0).out;
    assert!(human.contains("email withdrawn by") && human.contains("mail of 3 May"), "{human}");

    home.run(&["outboxes", "set", "main", "--consent", "required"]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    assert_eq!(stands(&office), ["blocked_by_policy consent", "blocked_by_policy consent"]);
    say("person2@example.com", "granted", 0);
    let second = home.texts(
        "SELECT a.id::text FROM crm_activities a JOIN crm_activity_details e ON e.activity_id = a.id
        WHERE e.recipient = 'person2@example.com'",
    );
    home.run(&["approvals", "undo", &second[0]]).ends_with(0);
    office.approve_all();
    office.dispatch().finish().ends_with(0);
    assert_eq!(stands(&office), ["blocked_by_policy consent", "sent"]);
}

/// What a company asks is set, shown, and named where it is not set; what cannot be told is refused.
#[test]
fn a_company_says_what_it_asks() {
    let office = Office::open("0s");
    let home = &office.home;
    let bare = home.run(&["companies", "show"]).ends_with(0).out;
    assert!(bare.contains("nothing limits how often a contact is written to"), "{bare}");
    home.run(&["companies", "set"]).ends_with(2);
    for (option, value, says) in [
        ("--contact-per-day", "0", "use 1 to 100, or off"),
        ("--contact-per-day", "many", "write a number, or off"),
        ("--account-per-week", "1001", "use 1 to 1000, or off"),
        ("--four-eyes", "on", "two people who may approve are needed"),
        ("--high-value", "50.000 EUR", "50000 EUR"),
        ("--high-value", "50000", "50000 EUR"),
        ("--high-value", "50000 XAU", "ISO 4217"),
        ("--unsubscribe-url", "http://crm.acme.example", "it has to begin with https://"),
    ] {
        let refused = home.run(&["companies", "set", option, value]).ends_with(2).complains(says);
        refused.complains(option.trim_start_matches('-'));
    }
    home.run(&["operators", "add", "ben", "--role", "approver"]).ends_with(0);
    let words = ["companies", "set", "--contact-per-day", "1", "--account-per-week", "3"];
    let words: Vec<&str> =
        words.into_iter().chain(["--four-eyes", "on", "--high-value", "50000 EUR"]).collect();
    let words: Vec<&str> = words
        .into_iter()
        .chain(["--reply-stops", "account", "--unsubscribe-url", "https://crm.acme.example"])
        .collect();
    let set = home.json(&words);
    let policy = json!({
        "contactPerDay": 1, "accountPerWeek": 3, "fourEyes": true,
        "highValue": { "minor": 5_000_000, "currency": "EUR" }, "replyStops": "account",
        "unsubscribeUrl": "https://crm.acme.example", "deciders": 2,
    });
    assert_eq!((&set["policy"], &set["notSet"]), (&policy, &json!([])));
    let shown = home.run(&["companies", "show"]).ends_with(0).out;
    assert!(shown.contains("from 50000 EUR on") && !shown.contains("not set"), "{shown}");
    let audited = "SELECT count(*) FROM crm_audit_log WHERE action = 'company.policy'";
    assert_eq!(home.count(audited), 6);

    home.run(&["companies", "set", "--contact-per-day", "off", "--high-value", "7000 JPY"]).ends_with(0);
    let shown = home.json(&["companies", "show"]);
    assert_eq!(shown["policy"]["contactPerDay"], Value::Null);
    assert_eq!(shown["policy"]["highValue"], json!({ "minor": 7000, "currency": "JPY" }));
    home.change("UPDATE crm_operators SET role = 'approver'");
    home.run(&["companies", "set", "--four-eyes", "off"]).ends_with(4);
}

/// R9: a kill of a channel or of everything reaches every outbox; the widest is named, and lifting one leaves the others.
#[test]
fn a_channel_and_a_company_are_killed_and_opened_again() {
    let office = Office::with_approved(2);
    let home = &office.home;
    for words in [
        &["outboxes", "kill", "--reason", "x"][..],
        &["outboxes", "kill", "main", "--all", "--reason", "x"],
        &["outboxes", "kill", "--channel", "email", "--all", "--reason", "x"],
        &["outboxes", "kill", "--channel", "pigeon", "--reason", "x"],
        &["outboxes", "kill", "--all"],
        &["outboxes", "resume"],
        &["outboxes", "resume", "main", "--channel", "email"],
    ] {
        home.run(words).ends_with(2);
    }
    home.run(&["outboxes", "kill", "--channel", "email", "--reason", "wrong sender"]).ends_with(0);
    home.run(&["outboxes", "kill", "--channel", "email", "--reason", "again"])
        .ends_with(3)
        .complains("countersign outboxes resume --channel email");
    let listed = home.json(&["outboxes", "list"]);
    assert_eq!(
        (&listed["items"][0]["killScope"], &listed["items"][0]["killReason"]),
        (&json!("channel"), &json!("wrong sender"))
    );
    home.run(&["outboxes", "kill", "--all", "--reason", "breach"]).ends_with(0);
    let shown = home.run(&["outboxes", "show", "main"]).ends_with(0).out;
    assert!(
        shown.contains("KILLED with everything of the company: breach")
            && shown.contains("countersign outboxes resume --all"),
        "{shown}"
    );
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.seen().count, 0);
    let queue = home.json(&["queue", "list"]);
    assert_eq!(queue["items"][0]["hold"]["code"], json!("outbox_killed"));

    home.run(&["outboxes", "resume", "--all"]).ends_with(0);
    home.run(&["outboxes", "resume", "--all"]).ends_with(3).complains("is not killed");
    let still = home.run(&["outboxes", "resume", "main"]).ends_with(0).out;
    assert!(still.contains("KILLED with every outbox of email: wrong sender"), "{still}");
    home.change("UPDATE crm_operators SET role = 'approver'");
    home.run(&["outboxes", "resume", "--channel", "email"]).ends_with(4);
    home.change("UPDATE crm_operators SET role = 'admin'");
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.seen().count, 0);
    home.run(&["outboxes", "resume", "--channel", "email"]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    office.sent_each_once(2);
}

/// What an outbox limits is set and shown, and what it does not limit is named.
#[test]
fn an_outbox_says_what_limits_it() {
    let office = Office::open("0s");
    let home = &office.home;
    let bare = home.run(&["outboxes", "show", "main"]).ends_with(0).out;
    for words in ["quiet hours: recipients are written to at any hour", "warm-up:", "consent:"] {
        assert!(bare.contains(words), "{words}: {bare}");
    }
    let words = ["outboxes", "set", "main", "--quiet", "20:00-08:00,sat,sun", "--ramp", "10+5"];
    let words: Vec<&str> = words.into_iter().chain(["--consent", "required"]).collect();
    home.run(&words).ends_with(0);
    let shown = home.json(&["outboxes", "show", "main"]);
    assert_eq!((&shown["quiet"], &shown["consentRequired"]), (&json!("20:00-08:00,sat,sun"), &json!(true)));
    assert_eq!((&shown["ramp"]["start"], &shown["ramp"]["step"]), (&json!(10), &json!(5)));
    assert_eq!((&shown["effectiveCap"], &shown["dailyCap"]), (&json!(10), &json!(500)));
    assert_eq!(shown["notSet"], json!([]));
    let human = home.run(&["outboxes", "show", "main"]).ends_with(0).out;
    assert!(human.contains("0 of 10 (warm-up; the cap is 500)") && !human.contains("not set"), "{human}");
    assert!(home.run(&["outboxes", "list"]).ends_with(0).out.contains("0/10"));
    let words = ["outboxes", "set", "main", "--quiet", "off", "--ramp", "off", "--consent", "not-required"];
    assert_eq!(home.json(&words)["done"]["changed"].as_array().map(Vec::len), Some(3));
    let shown = home.json(&["outboxes", "show", "main"]);
    assert_eq!((&shown["quiet"], &shown["ramp"]), (&Value::Null, &Value::Null));
    home.run(&["outboxes", "set", "main", "--ramp", "7"]).ends_with(0);
    assert_eq!(
        home.json(&["outboxes", "show", "main"])["ramp"]["step"],
        json!(2),
        "two a day unless it is said"
    );
}

/// A value that cannot be told names its option and what to write instead, and changes nothing.
#[rstest]
#[case("--quiet", "25:00-08:00", "20:00-08:00")]
#[case("--quiet", "someday", "sat,sun")]
#[case("--quiet", "mon,tue,wed,thu,fri,sat,sun", "off")]
#[case("--ramp", "ten", "10+2")]
#[case("--ramp", "10+", "10+2")]
#[case("--ramp", "0+2", "10+2")]
#[case("--consent", "perhaps", "not-required")]
fn a_bad_limit_names_its_option_and_the_fix(#[case] option: &str, #[case] value: &str, #[case] fix: &str) {
    let office = Office::open("0s");
    let refused = office.home.run(&["outboxes", "set", "main", option, value]).ends_with(2).complains(fix);
    refused.complains(option.trim_start_matches('-'));
    assert_eq!(office.home.count("SELECT count(*) FROM crm_audit_log WHERE action = 'outbox.set'"), 0);
}

/// What was approved together is taken back together, as long as it has not left.
#[test]
fn a_batch_is_taken_back_together() {
    let office = Office::open("30s");
    office.import(3);
    let items = office.pending();
    let approve = |items: &[String]| {
        let words: Vec<&str> =
            ["approvals", "approve"].into_iter().chain(items.iter().map(String::as_str)).collect();
        office.home.json(&words)
    };
    assert!(approve(&items[..1]).get("batch").is_none(), "one is taken back by its id");
    office.home.run(&["approvals", "undo", id(&items[0])]).ends_with(0);
    let batch = text(&approve(&items)["batch"]).to_owned();
    office.home.run(&["approvals", "undo", id(&items[0]), "--batch", &batch]).ends_with(2);
    office.home.run(&["approvals", "undo"]).ends_with(2);
    let undone = office.home.json(&["approvals", "undo", "--batch", &batch]);
    assert_eq!(undone, json!({ "undone": 3, "batchSize": 3 }));
    assert_eq!(office.pending().len(), 3);
    let again = office.home.run(&["approvals", "undo", "--batch", &batch]).ends_with(3);
    assert!(again.out.contains("0 of 3"), "{}", again.out);
    let nobody = "01990000-0000-7000-8000-000000000000";
    office.home.run(&["approvals", "undo", "--batch", nobody]).ends_with(1).complains("is not known");

    office.home.change("UPDATE crm_outboxes SET undo_window_secs = 0");
    let words: Vec<&str> =
        ["approvals", "approve"].into_iter().chain(items.iter().map(String::as_str)).collect();
    let said = office.home.run(&words).ends_with(0).out;
    let batch = said.trim().rsplit(' ').next().expect("the last word").to_owned();
    assert!(said.contains(&format!("countersign approvals undo --batch {batch}")), "{said}");
    office.home.change(
        "UPDATE crm_activities SET send_after = now() + interval '1 hour' WHERE id <> (SELECT min(id::text)::uuid FROM crm_activities)",
    );
    office.dispatch().finish().ends_with(0);
    let undone = office.home.run(&["approvals", "undo", "--batch", &batch, "--json"]).ends_with(3).json();
    assert_eq!(undone, json!({ "undone": 2, "batchSize": 3 }));
    assert_eq!(office.provider.ledger().len(), 1);
}

/// Four eyes: what is of high risk says why, waits for a second person, and is sent once that one approved.
#[test]
fn what_is_of_high_risk_waits_for_a_second_person() {
    let mut office = Office::open("0s");
    office.home.run(&["operators", "add", "ben", "--role", "approver"]).ends_with(0);
    let token = office.home.run(&["operators", "token", "ben"]).ends_with(0).out.trim().to_owned();
    office.home.run(&["companies", "set", "--four-eyes", "on"]).ends_with(0);
    office.import(1);
    let item = office.pending().remove(0);
    let listed = office.home.run(&["approvals", "list"]).ends_with(0).out;
    assert!(listed.contains("RISK") && listed.contains("high"), "{listed}");
    let shown = office.home.run(&["approvals", "show", id(&item)]).ends_with(0).out;
    assert!(
        shown.contains("risk     high: first touch to example.com")
            && shown.contains("two people have to approve it"),
        "{shown}"
    );
    for _ in 0..2 {
        let said = office.home.run(&["approvals", "approve", &item]).ends_with(0).out;
        assert!(said.contains("a second person has to approve it"), "{said}");
    }
    assert_eq!(office.pending(), std::slice::from_ref(&item));
    let shown = office.home.json(&["approvals", "show", id(&item)]);
    assert_eq!(
        (&shown["risk"], &shown["approvals"], &shown["needsTwo"]),
        (&json!("high"), &json!(1), &json!(true))
    );
    assert_eq!(shown["riskReasons"][0], json!("first touch to example.com"));
    let human = office.home.run(&["approvals", "show", id(&item)]).ends_with(0).out;
    assert!(human.contains("1 approval so far; a second person has to give theirs"), "{human}");

    // Taken back, it counts for nothing; given again, it is the first of two again.
    assert_eq!(text(&office.home.json(&["approvals", "undo", id(&item)])["items"][0]["result"]), "undone");
    let human = office.home.run(&["approvals", "show", id(&item)]).ends_with(0).out;
    assert!(human.contains("two people have to approve it"), "{human}");
    office.home.run(&["approvals", "approve", &item]).ends_with(0);
    office.home.set("COUNTERSIGN_TOKEN", &token);
    office.home.run(&["--as", "ben", "approvals", "approve", &item]).ends_with(0);
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.ledger().len(), 1);
}

/// A failed message is a draft again when somebody asks; any other stays where it is, and that is said.
#[test]
fn only_what_failed_is_tried_again() {
    let office = Office::with_approved(1);
    let item = office.home.texts("SELECT id::text FROM crm_activities").remove(0);
    let early = office.home.run(&["activities", "retry", &item]).ends_with(3);
    assert!(early.out.contains("it is approved"), "{}", early.out);
    let hold = Hold::at(&office.home, "wired");
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    worker.kill();
    hold.release();
    office
        .home
        .change("UPDATE crm_activities SET first_wire_at = first_wire_at - interval '23 hours 1 second'");
    office.dispatch().finish().ends_with(0);
    let settle =
        ["activities", "resolve", &item, "--verdict", "was-not-sent", "--reason", "they have no trace"];
    office.home.run(&settle).ends_with(0);
    assert_eq!(office.home.texts("SELECT status FROM crm_activities"), ["failed"]);
    assert_eq!(text(&office.home.json(&["activities", "retry", &item])["result"]), "undone");
    office.home.run(&["activities", "retry", &item]).ends_with(3);
    office.home.run(&["activities", "retry", "01990000-0000-7000-8000-000000000000"]).ends_with(3);
    assert_eq!(
        office.home.texts("SELECT actor_kind FROM crm_audit_log WHERE action = 'activity.retry'"),
        ["operator"]
    );
    office.approve_all();
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.ledger().len(), 1);
}

/// What a contact wrote elsewhere is noted and stops what was written to them before; what was written to them is noted too.
#[test]
fn a_message_that_passed_elsewhere_is_noted() {
    let office = Office::with_approved(2);
    let home = &office.home;
    let note = |contact: &str, direction: &str, more: &[&str]| {
        let words = ["activities", "record", contact, "--channel", "whatsapp", "--direction", direction];
        let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).collect();
        home.run(&words)
    };
    note("person1@example.com", "in", &["--note", "call me"]).ends_with(0);
    note("person2@example.com", "out", &["--note", "sent a card", "--at", "2026-01-02T10:00:00Z"])
        .ends_with(0);
    note("person1@example.com", "in", &["--note", " "]).ends_with(2).complains("note");
    note("person1@example.com", "in", &["--note", "x", "--at", "2999-01-01T00:00:00Z"])
        .ends_with(2)
        .complains("at");
    note("person1@example.com", "sideways", &["--note", "x"]).ends_with(2);
    note("nobody@example.com", "in", &["--note", "x"]).ends_with(1).complains("contacts list");
    let ids = home.texts("SELECT id::text FROM crm_activities WHERE outbox_id IS NULL ORDER BY created_at");
    let [out, written] = [&ids[0], &ids[1]].map(|id| home.json(&["activities", "show", id]));
    assert_eq!(
        (&out["status"], &out["direction"], &out["at"]),
        (&json!("recorded"), &json!("out"), &json!("2026-01-02T10:00:00Z"))
    );
    assert_eq!(
        (&written["status"], &written["direction"], &written["note"]),
        (&json!("received"), &json!("in"), &json!("call me"))
    );
    let shown = home.run(&["activities", "show", &ids[0]]).ends_with(0).out;
    let lines =
        ["status    recorded (written by other means)", "channel   whatsapp", "note      sent a card"];
    assert!(lines.iter().all(|line| shown.contains(line)), "{shown}");
    office.dispatch().finish().ends_with(0);
    assert_eq!(stands(&office), ["blocked_by_policy replied", "received", "recorded", "sent"]);
    assert_eq!(office.provider.ledger()[0].to, ["person2@example.com"]);
    home.change("UPDATE crm_operators SET role = 'viewer'");
    note("person1@example.com", "in", &["--note", "x"]).ends_with(4);
}
