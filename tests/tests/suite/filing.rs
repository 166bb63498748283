//! How drafts come in: once, whole, in the right place.
use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::channel::ChannelName;
use countersign_core::draft::file::Mode;
use countersign_core::draft::{self as drafts, DraftInput, Report};
use countersign_tests::world::{World, draft, draft_to, mail_outbox, rendering};
use rstest::rstest;
use serde_json::{Value, json};

/// Everything a filing writes, counted.
async fn rows(world: &World) -> [i64; 5] {
    let mut rows = [0; 5];
    let tables = ["crm_activities", "crm_payloads", "crm_activity_details", "crm_contacts", "crm_audit_log"];
    for (count, table) in rows.iter_mut().zip(tables) {
        *count = world.count(&format!("SELECT count(*) FROM {table}")).await;
    }
    rows
}

fn keyed(mut line: Value, key: &str) -> Value {
    line["clientDedupKey"] = key.into();
    line
}

fn problems(report: &Report) -> Vec<(usize, &str)> {
    report.errors.iter().map(|error| (error.line, error.field.as_str())).collect()
}

/// R26: the same file twice changes nothing, and says so.
#[tokio::test]
async fn importing_twice_changes_nothing() {
    let world = World::new().await;
    let lines: Vec<Value> = (1..=20).map(draft).collect();
    let first = world.import(&lines, Mode::AllOrNothing).await;
    let before = rows(&world).await;
    let second = world.import(&lines, Mode::AllOrNothing).await;
    assert_eq!(rows(&world).await, before);
    assert!(first.filed.iter().all(|filed| filed.created) && second.filed.iter().all(|filed| !filed.created));
    assert_eq!(
        first.filed.iter().map(|filed| filed.id).collect::<Vec<_>>(),
        second.filed.iter().map(|filed| filed.id).collect::<Vec<_>>()
    );
}

/// R26: also without keys of their own, and also after the first ones were decided.
#[tokio::test]
async fn drafts_without_a_key_are_known_by_their_content() {
    let world = World::new().await;
    let mut line = draft(1);
    line.as_object_mut().expect("an object").remove("clientDedupKey");
    let items = world.file(&[line.clone()]).await;
    world.approve(&items).await;
    let again = world.import(&[line.clone()], Mode::AllOrNothing).await;
    assert_eq!((again.filed[0].id, again.filed[0].created), (items[0].id, false));
    line["payload"]["text"] = "other words".into();
    assert!(world.import(&[line], Mode::AllOrNothing).await.filed[0].created);
}

/// I13: the same file imported by two processes at once is one import; nobody hears of a conflict with themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_one_file_at_once_are_one() {
    let world = World::new().await;
    for round in 0..10 {
        let lines: Vec<Value> = (0..40).map(|number| draft(round * 100 + number)).collect();
        let import = || {
            let inputs: Vec<(usize, DraftInput)> = lines
                .iter()
                .enumerate()
                .map(|(index, line)| (index + 1, serde_json::from_value(line.clone()).expect("a draft")))
                .collect();
            let (pool, company) = (world.pool.clone(), world.company);
            tokio::spawn(async move {
                let agent = Actor::Agent { name: "scout".to_owned() };
                drafts::file(&pool, &agent, company, inputs, &rendering(), Mode::AllOrNothing).await
            })
        };
        let (one, other) = (import(), import());
        let reports = [one.await.expect("ends").expect("files"), other.await.expect("ends").expect("files")];
        assert!(
            reports.iter().all(|report| report.errors.is_empty()),
            "{:?}",
            reports.map(|report| report.errors)
        );
        let created = reports.iter().flat_map(|report| &report.filed).filter(|filed| filed.created).count();
        assert_eq!(created, 40);
    }
}

/// A key names one draft for ever.
#[tokio::test]
async fn a_key_with_another_body_is_a_conflict() {
    let world = World::new().await;
    world.file(&[draft(1)]).await;
    let mut other = draft(1);
    other["payload"]["text"] = "something else".into();
    let report = world.import(&[other], Mode::AllOrNothing).await;
    assert_eq!(problems(&report), [(1, "clientDedupKey")]);
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 1);
}

/// One bad line and nothing is written.
#[tokio::test]
async fn all_or_nothing_means_nothing() {
    let world = World::new().await;
    let before = rows(&world).await;
    let report = world.import(&[draft(1), draft_to("not an address", 2), draft(3)], Mode::AllOrNothing).await;
    assert_eq!(problems(&report), [(2, "to")]);
    assert!(report.filed.is_empty());
    assert_eq!(rows(&world).await, before);
}

/// With leave to, good lines are kept and bad ones are named in order.
#[tokio::test]
async fn a_partial_import_keeps_the_good_lines() {
    let world = World::new().await;
    let lines = [draft_to("no", 1), draft(2), draft_to("a@example.com, b@example.com", 3), draft(4)];
    let report = world.import(&lines, Mode::Partial).await;
    assert_eq!(problems(&report), [(1, "to"), (3, "to")]);
    assert_eq!(report.filed.iter().map(|filed| filed.line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(world.statuses().await.get("draft_pending_approval"), Some(&2));
}

/// Every line of a file is answered, also one that stands there twice.
#[tokio::test]
async fn a_line_that_stands_twice_is_filed_once_and_answered_twice() {
    let world = World::new().await;
    let report = world.import(&[draft(1), draft(1), draft(2)], Mode::AllOrNothing).await;
    assert_eq!(problems(&report), []);
    let mut answers: Vec<_> = report.filed.iter().map(|filed| (filed.line, filed.created)).collect();
    answers.sort_unstable();
    assert_eq!(answers, [(1, true), (2, false), (3, true)]);
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 2);
}

/// A repeat of a line that was refused is refused too, for the same reason.
#[tokio::test]
async fn a_repeat_of_a_refused_line_is_refused() {
    let world = World::new().await;
    world.file(&[draft(1)]).await;
    let rival = keyed(draft(1), "rival");
    let report = world.import(&[rival.clone(), rival], Mode::Partial).await;
    assert_eq!(problems(&report), [(1, "supersedes"), (2, "supersedes")]);
}

/// A file longer than one statement takes is one import: keys, contacts and places count across the seam.
#[tokio::test]
async fn a_long_file_is_one_import() {
    let world = World::new().await;
    let mut lines: Vec<Value> = (1..=1200).map(draft).collect();
    lines[1100] = draft(7);
    lines[1150] = keyed(draft(9), "rival");
    let report = world.import(&lines, Mode::Partial).await;
    assert_eq!(problems(&report), [(1151, "supersedes")]);
    assert_eq!(report.filed.len(), 1199);
    assert_eq!(report.filed.iter().filter(|filed| filed.created).count(), 1198);
    let report = world.import(&lines, Mode::AllOrNothing).await;
    assert_eq!(problems(&report), [(1151, "supersedes")]);
    assert_eq!(world.count("SELECT count(*) FROM crm_contacts").await, 1198);
}

/// Contacts are found by address whatever its case, and keep the name they were given first.
#[tokio::test]
async fn a_contact_is_matched_by_address() {
    let world = World::new().await;
    world.file(&[draft_to("Ana.Lopez@Example.com", 1)]).await;
    let mut again = draft_to("ana.lopez@example.com", 2);
    again["kind"] = "reply".into();
    again["contact"] = json!({ "name": "Somebody else", "account": "Elsewhere" });
    world.file(&[again]).await;
    assert_eq!(world.count("SELECT count(*) FROM crm_contacts").await, 1);
    assert_eq!(world.text("SELECT name FROM crm_contacts").await, "Person 1");
    assert_eq!(world.text("SELECT address FROM crm_contact_addresses").await, "ana.lopez@example.com");
}

/// Whoever was written to before, or may have been, gets a follow-up; a kind that is named stands.
#[tokio::test]
async fn the_kind_follows_from_history() {
    let world = World::new().await;
    let items = world.approved_email(1).await;
    let kind = async || {
        world.text("SELECT kind FROM crm_activities ORDER BY created_at DESC, id DESC LIMIT 1").await
    };
    assert_eq!(kind().await, "first_touch");
    world
        .sql(&format!(
            "UPDATE crm_activities SET status = 'dispatching', claim_id = id, wire_at = now() WHERE id = '{0}';
            UPDATE crm_activities SET status = 'sent', claim_id = NULL WHERE id = '{0}'",
            items[0].id
        ))
        .await;
    world.file(&[keyed(draft(1), "second")]).await;
    assert_eq!(kind().await, "follow_up");
    let mut named = keyed(draft(1), "third");
    named["kind"] = "reply".into();
    world.file(&[named]).await;
    assert_eq!(kind().await, "reply");
}

/// The kind is the drafter's word, and posts pass gates that speak of a recipient: what is a post is told by the bytes alone.
#[tokio::test]
async fn a_kind_that_the_bytes_contradict_is_refused() {
    let world = World::new().await;
    let mut feed = mail_outbox("posts");
    feed.channel = ChannelName::Linkedin;
    feed.sender = "urn:li:person:1".to_owned();
    world.add_outbox(&feed).await;
    let before = rows(&world).await;
    let mut mail = draft(1);
    mail["kind"] = "post".into();
    let post = json!({ "channel": "linkedin", "outbox": "posts", "to": "feed:urn:li:person:1", "kind": "follow_up", "payload": { "action": "post", "text": "News" } });
    let report = world.import(&[mail, post], Mode::Partial).await;
    assert_eq!((problems(&report), report.filed.len()), (vec![(1, "kind"), (2, "kind")], 0));
    assert_eq!(rows(&world).await, before);
}

/// The same where the kind is left out: a direct message is none for being addressed like a feed, and a post is one however it is addressed.
#[rstest]
#[case::message("dm", "feed:17841400000000000", "first_touch")]
#[case::post("post", "17841400000000000", "post")]
#[tokio::test]
async fn the_kind_that_is_left_out_is_read_from_the_bytes(
    #[case] action: &str,
    #[case] to: &str,
    #[case] kind: &str,
) {
    let world = World::new().await;
    let mut outbox = mail_outbox("insta");
    outbox.channel = ChannelName::Instagram;
    outbox.sender = "17841400000000001".to_owned();
    world.add_outbox(&outbox).await;
    let picture = (action == "post").then(|| "5f".repeat(32));
    let line = json!({ "channel": "instagram", "outbox": "insta", "to": to, "payload": { "action": action, "text": "News", "imageSha256": picture } });
    world.file(&[line]).await;
    assert_eq!(world.text("SELECT kind FROM crm_activities").await, kind);
}

/// Nobody talks a message to a stranger out of its risk by calling it a follow-up or a reply.
#[rstest]
#[case::first_touch("first_touch")]
#[case::follow_up("follow_up")]
#[case::reply("reply")]
#[tokio::test]
async fn a_first_touch_is_one_whatever_it_is_called(#[case] kind: &str) {
    let world = World::new().await;
    let mut line = draft(1);
    line["kind"] = kind.into();
    world.file(&[line]).await;
    let judged = world.text("SELECT risk || ': ' || risk_reasons[1] FROM crm_activity_details").await;
    assert_eq!(judged, "high: first touch to example.com");
}

/// One open draft in a place: a rival has to name the one it replaces.
#[tokio::test]
async fn a_draft_replaces_another_only_by_name() {
    let world = World::new().await;
    let [older] = world.file(&[draft(1)]).await[..] else { panic!("one item") };
    let rival = keyed(draft(1), "rival");
    assert_eq!(
        problems(&world.import(std::slice::from_ref(&rival), Mode::AllOrNothing).await),
        [(1, "supersedes")]
    );
    let mut naming = rival;
    naming["supersedes"] = older.id.to_string().into();
    let [newer] = world.file(&[naming]).await[..] else { panic!("one item") };
    assert_eq!(world.status(older.id).await, Status::Superseded);
    assert_eq!(world.status(newer.id).await, Status::DraftPendingApproval);
    assert!(world.audit(older.id).await.contains(&"draft.supersede".to_owned()));
}

/// Only a draft for the same contact, outbox and kind can be replaced, and none that was decided.
#[tokio::test]
async fn what_is_not_an_open_draft_in_the_same_place_is_not_replaced() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    world.approve(&items[..1]).await;
    for (target, number) in [(items[0].id, 1), (items[1].id, 3)] {
        let mut line = keyed(draft(number), "rival");
        line["supersedes"] = target.to_string().into();
        assert_eq!(problems(&world.import(&[line], Mode::AllOrNothing).await), [(1, "supersedes")]);
    }
    assert_eq!(world.status(items[1].id).await, Status::DraftPendingApproval);
}

/// A replacement that cannot be filed replaces nothing.
#[tokio::test]
async fn a_failed_replacement_leaves_the_older_draft() {
    let world = World::new().await;
    let [older] = world.file(&[draft(1)]).await[..] else { panic!("one item") };
    let mut line = keyed(draft(1), "too-large");
    line["supersedes"] = older.id.to_string().into();
    line["payload"]["text"] = "x".repeat(1_100_000).into();
    let report = world.import(&[line], Mode::Partial).await;
    assert_eq!(problems(&report), [(1, "payload")]);
    assert_eq!(world.status(older.id).await, Status::DraftPendingApproval);
}

/// A channel without an adapter: the draft is kept and waits for one.
#[tokio::test]
async fn a_draft_of_a_channel_without_an_adapter_is_kept() {
    let world = World::new().await;
    let mut outbox = mail_outbox("posts");
    outbox.channel = ChannelName::Linkedin;
    outbox.sender = "urn:li:person:1".to_owned();
    world.add_outbox(&outbox).await;
    let post = json!({ "channel": "linkedin", "outbox": "posts", "to": "feed:urn:li:person:1", "payload": { "action": "post", "text": "News" } });
    let [item] = world.file(&[post]).await[..] else { panic!("one item") };
    assert_eq!(world.text("SELECT kind FROM crm_activities").await, "post");
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
}
