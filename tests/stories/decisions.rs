//! Decisions from the command line: each names the bytes it is about, and its exit code says what became of it.
use serde_json::Value;

use crate::holds::Hold;
use crate::office::{Office, draft_as, text};

/// The id of `ID@SHA256`.
fn id(item: &str) -> &str {
    item.split('@').next().unwrap_or(item)
}

/// The results of a decision, item by item.
fn results(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().expect("a list").iter().map(|item| text(&item["result"])).collect()
}

/// S8: a decision without a hash decides nothing and shows the item with its hash.
#[test]
fn without_a_hash_the_item_is_shown_and_nothing_is_decided() {
    let office = Office::open("30s");
    office.import(1);
    let item = &office.pending()[0];
    let answer = office.home.run(&["approvals", "approve", id(item)]).ends_with(2).complains("ID@SHA256");
    assert!(answer.out.contains(item) && answer.out.contains("your roof is ready."), "{}", answer.out);
    let shown = office.home.run(&["approvals", "approve", id(item), "--json"]).ends_with(2).json();
    assert_eq!(format!("{}@{}", text(&shown["id"]), text(&shown["payloadSha256"])), *item);
    office.home.run(&["approvals", "approve", "nonsense"]).ends_with(2);
    office.home.run(&["approvals", "approve", &format!("{}@abc", id(item))]).ends_with(2);
    assert_eq!(office.pending().len(), 1);
}

/// S8, S11, S12, S13: what changed, was taken or is gone is a conflict with its reason; the rest of the list is decided all the same.
#[test]
fn each_item_of_a_list_has_its_own_result() {
    let office = Office::open("30s");
    office.import(3);
    let items = office.pending();
    office.home.run(&["approvals", "reject", &items[1], "--reason", "not now"]).ends_with(0);
    let other_bytes = format!("{}@{}", id(&items[2]), "0".repeat(64));
    let nobody = format!("01990000-0000-7000-8000-000000000000@{}", "0".repeat(64));
    let words = ["approvals", "approve", &items[0], &items[1], &other_bytes, &nobody, "--json"];
    let answer = office.home.run(&words).ends_with(3).json();
    assert_eq!(results(&answer), ["approved", "taken", "changed", "missing"]);
    assert_eq!(answer["next"], Value::Null);
    assert_eq!(format!("{}@{}", id(&items[2]), text(&answer["items"][2]["payloadSha256"])), items[2]);
    assert_eq!(text(&answer["items"][1]["status"]), "rejected");

    // The same decision again is no conflict and no second decision.
    let again = office.home.json(&["approvals", "approve", &items[0]]);
    assert_eq!(results(&again), ["already"]);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'"), 1);
    assert_eq!(office.home.count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.approve'"), 1);
    assert_eq!(office.pending(), [items[2].clone()]);
}

/// S8: a draft that was replaced after it was shown is not approved.
#[test]
fn a_replaced_draft_cannot_be_approved_any_more() {
    let office = Office::open("30s");
    office.import(1);
    let shown = office.pending().remove(0);
    let newer = draft_as(1, &serde_json::json!({"supersedes": id(&shown), "clientDedupKey": "roof-1b"}));
    office.home.run_with(&["drafts", "import", "-"], &newer).ends_with(0);
    let answer = office.home.run(&["approvals", "approve", &shown, "--json"]).ends_with(3).json();
    assert_eq!(results(&answer), ["taken"]);
    assert_eq!(text(&answer["items"][0]["status"]), "superseded");
}

/// S13: whoever may only look, or is nobody here, decides nothing.
#[test]
fn without_the_role_nothing_is_decided() {
    let office = Office::open("30s");
    office.import(1);
    let item = office.pending().remove(0);
    office.home.change("UPDATE crm_operators SET role = 'viewer'");
    office.home.run(&["approvals", "approve", &item]).ends_with(4).complains("approver");
    office.home.run(&["approvals", "reject", &item, "--reason", "no"]).ends_with(4);
    office.home.run(&["outboxes", "pause", "main", "--reason", "no"]).ends_with(4);
    office.home.run(&["allowlist", "add", "@other.example"]).ends_with(4);
    office.home.run_with(&["secrets", "set", "resend"], "other").ends_with(4);
    office.home.run(&["operators", "add", "eve", "--role", "admin"]).ends_with(4);
    assert_eq!(office.pending().len(), 1, "a viewer may look");
    office.home.change("UPDATE crm_operators SET name = 'somebody-else'");
    office.home.run(&["approvals", "list"]).ends_with(4).complains("is not an operator of acme");
    assert_eq!(office.home.count("SELECT count(*) FROM crm_decisions"), 0);
}

/// R8: inside its window a decision can be taken back, from the command line as on the screen; afterwards it is a fact.
#[test]
fn a_decision_can_be_taken_back_until_it_leaves() {
    let office = Office::open("30s");
    office.import(1);
    let item = office.pending().remove(0);
    office.home.run(&["approvals", "approve", &item]).ends_with(0);
    let queue = office.home.json(&["queue", "list"]);
    assert_eq!(text(&queue["items"][0]["status"]), "approved");
    assert_eq!(text(&queue["items"][0]["hold"]["code"]), "undo_window");
    let undone = office.home.json(&["approvals", "undo", id(&item)]);
    assert_eq!(results(&undone), ["undone"]);
    assert_eq!(office.pending(), std::slice::from_ref(&item), "the same bytes wait again");

    office.home.change("UPDATE crm_outboxes SET undo_window_secs = 0");
    office.approve_all();
    office.dispatch().finish().ends_with(0);
    let late = office.home.run(&["approvals", "undo", id(&item), "--json"]).ends_with(3).json();
    assert_eq!(results(&late), ["taken"]);
    let shown = office.home.json(&["activities", "show", id(&item)]);
    assert_eq!(text(&shown["status"]), "sent");
    let verdicts: Vec<&str> =
        shown["decisions"].as_array().expect("a list").iter().map(|one| text(&one["verdict"])).collect();
    assert_eq!(verdicts, ["approve", "undo", "approve"]);
    office.sent_each_once(1);
}

/// R3, R6: a day after it was on the wire nobody repeats a message; a person says what happened, with a note, once.
#[test]
fn what_nobody_knows_is_settled_by_a_person() {
    let office = Office::with_approved(1);
    let hold = Hold::at(&office.home, "answered");
    let worker = office.dispatch_into(&hold);
    hold.is_reached();
    worker.kill();
    hold.release();
    office
        .home
        .change("UPDATE crm_activities SET first_wire_at = first_wire_at - interval '23 hours 1 second'");
    office.dispatch().finish().ends_with(0);
    assert_eq!(office.provider.seen().count, 1, "it was not repeated");

    let attention = office.home.json(&["queue", "list", "--attention"]);
    let row = &attention["items"][0];
    assert_eq!(text(&row["status"]), "uncertain");
    let id = text(&row["id"]);
    assert_eq!(
        office.home.count("SELECT sum(sent_today)::bigint FROM crm_credential_buckets"),
        1,
        "quota is kept"
    );
    office.home.run(&["activities", "resolve", id, "--verdict", "was-sent"]).ends_with(2);
    let note = ["--reason", "it is in the provider's list"];
    let settle = ["activities", "resolve", id, "--verdict", "was-sent"];
    let words: Vec<&str> = settle.into_iter().chain(note).collect();
    assert_eq!(text(&office.home.json(&words)["status"]), "sent");
    let twice = ["activities", "resolve", id, "--verdict", "back-to-draft"]
        .into_iter()
        .chain(note)
        .collect::<Vec<_>>();
    office.home.run(&twice).ends_with(3);
    let notes = office.home.texts("SELECT reason FROM crm_audit_log WHERE action LIKE 'activity.resolve%'");
    assert_eq!(notes, ["it is in the provider's list"]);
}
