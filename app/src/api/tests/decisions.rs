//! Decisions over HTTP: on which bytes, in which round, how many at once, how often.
use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::approval::{BATCH_LIMIT, Item};
use countersign_core::ids::ActivityId;
use serde_json::{Value, json};

use super::Served;
use super::requests::{file, one_of_many, seen};

fn approve(item: Item) -> String {
    format!("/approvals/{}/approve", item.id)
}

async fn decisions(served: &Served) -> i64 {
    served.world.count("SELECT count(*) FROM crm_decisions").await
}

/// S8, S12: the list names what a decision names; the same request twice is one decision.
#[tokio::test]
async fn the_same_approval_twice_is_one() {
    let served = Served::new().await;
    served.world.file_email(1).await;
    let listed = served.get(&served.approver, "/approvals").await.good();
    let first = &listed["items"][0];
    let body = json!({ "payloadSha256": first["payloadSha256"], "round": first["round"] });
    let path = format!("/approvals/{}/approve", first["id"].as_str().expect("an id"));
    let once = served.post(&served.approver, &path, body.clone()).await.good();
    assert_eq!(once["result"], "approved");
    let twice = served.post(&served.approver, &path, body.clone()).await.good();
    assert_eq!(twice["result"], "already");
    served.post(&served.second, &path, body).await.is(409, "taken");
    assert_eq!(decisions(&served).await, 1);
}

/// S12: an approve or undo request that comes late decides nothing, alone or among many.
#[tokio::test]
async fn a_late_repeat_decides_nothing() {
    let served = Served::new().await;
    let item = file(&served.world, &served.world.second).await;
    served.post(&served.approver, &approve(item), seen(item)).await.good();
    let undo = format!("/approvals/{}/undo", item.id);
    let other = json!({ "payloadSha256": PayloadHash::of(b"other bytes"), "round": 1 });
    served.post(&served.approver, &undo, other).await.is(409, "changed");
    let other = json!({ "payloadSha256": item.payload_sha256, "round": 2 });
    served.post(&served.approver, &undo, other).await.is(409, "reopened");
    assert_eq!(served.world.status(item.id).await, Status::Approved, "only what was seen is taken back");
    served.post(&served.approver, &undo, seen(item)).await.good();
    let late = served.post(&served.approver, &approve(item), seen(item)).await;
    late.is(409, "reopened");
    assert!(late.body["fix"].as_str().is_some_and(|fix| fix.contains("round is 2")), "{}", late.body);
    let many = json!({ "items": [one_of_many(item)] });
    let late = served.post(&served.approver, "/approvals/bulk-approve", many).await.good();
    assert_eq!((&late["items"][0]["result"], &late["items"][0]["round"]), (&json!("reopened"), &json!(2)));
    assert_eq!(served.world.status(item.id).await, Status::DraftPendingApproval);
    let again = json!({ "payloadSha256": item.payload_sha256, "round": 2 });
    served.post(&served.approver, &approve(item), again).await.good();
    served.post(&served.approver, &undo, seen(item)).await.is(409, "reopened");
    assert_eq!(served.world.status(item.id).await, Status::Approved, "nor does a late undo");
}

/// The round is not to be left out, nor the hash.
#[tokio::test]
async fn a_decision_names_bytes_and_round() {
    let served = Served::new().await;
    let item = file(&served.world, &served.world.second).await;
    for missing in ["round", "payloadSha256"] {
        let mut body = seen(item);
        body.as_object_mut().expect("an object").remove(missing);
        let reply = served.post(&served.approver, &approve(item), body.clone()).await;
        reply.is(422, "invalid");
        assert!(reply.body["error"].as_str().is_some_and(|words| words.contains(missing)), "{}", reply.body);
        body["id"] = json!(item.id);
        let many = json!({ "items": [body] });
        served.post(&served.approver, "/approvals/bulk-approve", many).await.is(422, "invalid");
    }
    assert_eq!(decisions(&served).await, 0);
}

/// S8: bytes that changed since they were seen are not approved, and the answer names those there are.
#[tokio::test]
async fn stale_bytes_are_not_approved() {
    let served = Served::new().await;
    let item = file(&served.world, &served.world.second).await;
    let revise = json!({ "payloadSha256": item.payload_sha256, "payload": { "subject": "A", "text": "B" } });
    let path = format!("/drafts/{}/revise", item.id);
    let revised = served.post(&served.second, &path, revise.clone()).await.good();
    let now = revised["payloadSha256"].as_str().expect("a hash").to_owned();
    let stale = served.post(&served.approver, &approve(item), seen(item)).await;
    stale.is(409, "changed");
    assert!(stale.body["fix"].as_str().is_some_and(|fix| fix.contains(&now)), "{}", stale.body);
    served.post(&served.second, &path, revise).await.is(409, "changed");
    let reject = json!({ "payloadSha256": item.payload_sha256, "round": 1, "reason": "no" });
    served.post(&served.approver, &format!("/approvals/{}/reject", item.id), reject).await.is(409, "changed");
    assert_eq!(decisions(&served).await, 0);
}

/// S12: whoever drafted it does not approve it, by whatever credential.
#[tokio::test]
async fn a_drafter_does_not_approve_its_own() {
    let served = Served::new().await;
    let filed = served.post(&served.approver, "/send", super::requests::own_line(7)).await.good();
    let path = format!("/approvals/{}/approve", filed["id"].as_str().expect("an id"));
    let body = json!({ "payloadSha256": filed["payloadSha256"], "round": filed["round"] });
    served.post(&served.approver, &path, body.clone()).await.is(422, "refused");
    served.post(&served.second, &path, body).await.good();
}

/// S13: one stale item neither stops nor hides the others; each has its own result, in order.
#[tokio::test]
async fn bulk_results_are_each_their_own() {
    let served = Served::new().await;
    let items = served.world.file_email(3).await;
    let mut many: Vec<Value> = items.iter().copied().map(one_of_many).collect();
    many[1]["payloadSha256"] = json!("0".repeat(64));
    many.push(one_of_many(Item { id: ActivityId::new(), ..items[0] }));
    let body = json!({ "items": many });
    let done = served.post(&served.approver, "/approvals/bulk-approve", body).await.good();
    let results: Vec<_> =
        done["items"].as_array().expect("results").iter().map(|one| &one["result"]).collect();
    assert_eq!(results, ["approved", "changed", "approved", "missing"]);
    assert_eq!(decisions(&served).await, 2);
    let one_batch = "SELECT count(DISTINCT batch_id) FROM crm_decisions WHERE batch_id IS NOT NULL";
    assert_eq!(served.world.count(one_batch).await, 1);
}

/// S13: who may not approve learns nothing and decides nothing, however many items; it is on record.
#[tokio::test]
async fn bulk_approval_is_for_approvers() {
    let served = Served::new().await;
    let items = served.world.file_email(3).await;
    let body = json!({ "items": items.iter().copied().map(one_of_many).collect::<Vec<_>>() });
    for token in [&served.viewer, &served.agent] {
        served.post(token, "/approvals/bulk-approve", body.clone()).await.is(403, "forbidden");
    }
    assert_eq!(decisions(&served).await, 0);
    let refused = "SELECT count(*) FROM crm_audit_log WHERE action = 'api.refused' AND detail ->> 'asked' = 'POST /approvals/bulk-approve'";
    assert_eq!(served.world.count(refused).await, 2);
}

/// S13: a request has at most a thousand items.
#[tokio::test]
async fn bulk_approval_is_bounded() {
    let served = Served::new().await;
    let [item] = served.world.file_email(1).await[..] else { panic!("one item") };
    let body = json!({ "items": vec![one_of_many(item); BATCH_LIMIT + 1] });
    served.post(&served.approver, "/approvals/bulk-approve", body).await.is(422, "invalid");
    assert_eq!(decisions(&served).await, 0);
}

/// The list is read page by page, each item once.
#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let served = Served::new().await;
    let items = served.world.file_email(5).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served.get(&served.viewer, &format!("/approvals?limit=2{cursor}")).await.good();
        found.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, items.iter().map(|item| json!(item.id)).collect::<Vec<_>>());
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=yesterday", "colour=red"] {
        served.get(&served.viewer, &format!("/approvals?{bad}")).await.is(400, "malformed");
    }
}
