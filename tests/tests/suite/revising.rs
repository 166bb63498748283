//! Other words for a draft: what is kept, who may, and what a decision on the old words is worth.
use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, Item, ItemOutcome, ItemResult};
use countersign_core::draft::{revise, withdraw};
use countersign_core::error::Error;
use countersign_tests::world::{World, rendering};

const NEW: &str = "--- subject ---\nOffer, again\n--- text ---\nDear person,\nother words.\n";

async fn change(world: &World, actor: &Actor, item: Item, text: &str) -> Result<ItemResult, Error> {
    revise(&world.pool, actor, world.company, item, text, &rendering()).await
}

/// Changes an item as the approver and returns it as it is now.
async fn changed(world: &World, item: Item, text: &str) -> Item {
    match change(world, &world.approver, item, text).await.expect("answers").outcome {
        ItemOutcome::Revised { payload_sha256 } => Item::seen(item.id, payload_sha256),
        other => panic!("not changed: {other:?}"),
    }
}

fn agent(name: &str) -> Actor {
    Actor::Agent { name: name.to_owned() }
}

/// I1, S8: other words are other bytes; the old ones stay on file, and no decision on them counts.
#[tokio::test]
async fn new_words_need_a_decision_of_their_own() {
    let world = World::new().await;
    let [item, sibling] = world.file_email(2).await[..] else { panic!("two items") };
    world.approve(&[sibling]).await;
    let now = changed(&world, item, NEW).await;
    assert_eq!(now.payload_sha256, world.hash(item.id).await);
    assert_eq!(world.count("SELECT count(*) FROM crm_payloads").await, 3, "the original is kept");
    assert_eq!(
        world
            .text(&format!("SELECT headline FROM crm_activity_details WHERE activity_id = '{}'", item.id))
            .await,
        "Offer, again"
    );
    let stale = world.try_approve(&world.approver, &[item]).await;
    assert_eq!(stale[0].outcome, ItemOutcome::Changed { payload_sha256: now.payload_sha256 });
    world.approve(&[now]).await;
    assert_eq!(world.status(sibling.id).await, Status::Approved, "siblings stay as they are");
    assert_eq!(world.audit(item.id).await, ["draft.file", "draft.revise", "approval.approve"]);
    let replaced = "SELECT detail ->> 'replaces' FROM crm_audit_log WHERE action = 'draft.revise'";
    assert_eq!(world.text(replaced).await, item.payload_sha256.to_string());
}

/// What the request says is rendered from the new words, not kept from the old ones.
#[tokio::test]
async fn the_request_is_rendered_anew() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let now = changed(&world, item, NEW).await;
    let request = "SELECT convert_from(p.envelope, 'UTF8')::jsonb -> 'request' ->> 'body' FROM crm_payloads p
        JOIN crm_activities a ON a.id = p.activity_id AND a.payload_sha256 = p.payload_sha256";
    let body = world.text(request).await;
    assert!(body.contains("other words.") && !body.contains("this is an offer"), "{body}");
    // Back to the first words is back to the first bytes.
    let first = "--- subject ---\nOffer 1\n--- text ---\nDear person 1,\nthis is an offer.\n";
    assert_eq!(changed(&world, now, first).await, item);
    assert_eq!(world.count("SELECT count(*) FROM crm_payloads").await, 2);
}

#[tokio::test]
async fn the_same_words_change_nothing() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let same = "--- subject ---\nOffer 1\n--- text ---\nDear person 1,\nthis is an offer.\n";
    let result = change(&world, &world.approver, item, same).await.expect("answers");
    assert_eq!(result.outcome, ItemOutcome::Already { status: Status::DraftPendingApproval });
    assert_eq!(world.audit(item.id).await, ["draft.file"]);
}

/// S15: what may not be filed may not be edited into a draft either; nothing is written.
#[tokio::test]
async fn words_that_cannot_be_sent_are_refused_by_field() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    for (text, field) in [
        ("--- subject ---\na\nBcc: evil@example.com\n--- text ---\nb\n", "payload.subject"),
        ("--- subject ---\na\n--- text ---\n\n", "payload.text"),
        ("--- subject ---\na\n--- text ---\nb\0\n", "payload.text"),
        ("just words\n", "line 1"),
    ] {
        let answer = change(&world, &world.approver, item, text).await;
        assert!(
            matches!(&answer, Err(Error::Invalid { field: named, .. }) if named == field),
            "{field}: {answer:?}"
        );
    }
    let huge = format!("--- subject ---\na\n--- text ---\n{}\n", "x".repeat(1_100_000));
    assert!(matches!(change(&world, &world.approver, item, &huge).await, Err(Error::Invalid { .. })));
    assert_eq!(world.hash(item.id).await, item.payload_sha256);
}

/// I10: an agent changes and withdraws its own drafts and no others; a viewer none. Refusals of operators are on record.
#[tokio::test]
async fn agents_change_their_own_drafts_and_viewers_none() {
    let world = World::new().await;
    let [item, other] = world.file_email(2).await[..] else { panic!("two items") };
    for actor in [&agent("scribe"), &world.viewer, &Actor::Engine("dispatcher")] {
        let answer = change(&world, actor, item, NEW).await;
        assert!(matches!(answer, Err(Error::Forbidden { .. })), "{actor:?}: {answer:?}");
        let answer = withdraw(&world.pool, actor, world.company, item.id, "no").await;
        assert!(matches!(answer, Err(Error::Forbidden { .. })), "{actor:?}: {answer:?}");
    }
    assert!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.refused'").await >= 2);
    let own = change(&world, &agent("scout"), item, NEW).await.expect("answers");
    assert!(matches!(own.outcome, ItemOutcome::Revised { .. }), "{own:?}");
    let gone = withdraw(&world.pool, &agent("scout"), world.company, other.id, "out of date")
        .await
        .expect("answers");
    assert_eq!((gone.outcome, world.status(other.id).await), (ItemOutcome::Withdrawn, Status::Withdrawn));
    let again =
        withdraw(&world.pool, &agent("scout"), world.company, other.id, "again").await.expect("answers");
    assert_eq!(again.outcome, ItemOutcome::Already { status: Status::Withdrawn });
}

/// S12: editing is not drafting. Whoever edits another's draft may approve it; who drafted it still may not.
#[tokio::test]
async fn an_editor_may_approve_and_a_drafter_may_not() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let cleo = world.second.id().expect("an operator has an id");
    world
        .sql(&format!("UPDATE crm_activity_details SET proposed_kind = 'operator', proposed_id = '{cleo}', proposed_by = 'cleo'"))
        .await;
    let now = changed(&world, item, NEW).await;
    let refused = world.try_approve(&world.second, &[now]).await;
    assert!(matches!(refused[0].outcome, ItemOutcome::Refused { .. }), "{refused:?}");
    world.approve(&[now]).await;
}

/// What is decided, replaced or expired is not edited; the answer says what it is and by whom.
#[tokio::test]
async fn only_open_drafts_are_changed() {
    let world = World::new().await;
    let [approved, edited, expired] = world.file_email(3).await[..] else { panic!("three items") };
    world.approve(&[approved]).await;
    let outcome = |result: Result<ItemResult, Error>| result.expect("answers").outcome;
    let taken = outcome(change(&world, &world.second, approved, NEW).await);
    let by_ben = matches!(&taken, ItemOutcome::Taken { status: Status::Approved, by: Some(by), at: Some(_) } if by == "ben");
    assert!(by_ben, "{taken:?}");
    let now = changed(&world, edited, NEW).await;
    let late = outcome(change(&world, &world.second, edited, "--- subject ---\nc\n--- text ---\nd\n").await);
    assert_eq!(late, ItemOutcome::Changed { payload_sha256: now.payload_sha256 });
    world.sql(&format!("UPDATE crm_activities SET expires_at = now() WHERE id = '{}'", expired.id)).await;
    assert!(matches!(
        outcome(change(&world, &world.approver, expired, NEW).await),
        ItemOutcome::Refused { .. }
    ));
    let elsewhere = Item { id: countersign_core::ids::ActivityId::new(), ..edited };
    assert_eq!(outcome(change(&world, &world.approver, elsewhere, NEW).await), ItemOutcome::Missing);
}

/// S8, I13: an edit and an approval of the same bytes at the same moment: exactly one of them happens.
#[tokio::test]
async fn an_edit_and_an_approval_at_once_have_one_winner() {
    let world = World::new().await;
    let items = world.file_email(40).await;
    let pool = world.wide_pool(16).await;
    let mut races = Vec::new();
    for item in items.clone() {
        let (pool, company, ben, cleo) =
            (pool.clone(), world.company, world.approver.clone(), world.second.clone());
        races.push(tokio::spawn(async move {
            let lines = rendering();
            let edit = revise(&pool, &ben, company, item, NEW, &lines);
            let items = [item];
            let approve = approval::approve(&pool, &cleo, company, &items);
            let (edit, approve) = tokio::join!(edit, approve);
            (edit.expect("answers").outcome.is_done(), approve.expect("answers")[0].outcome.is_done())
        }));
    }
    for race in races {
        let (edited, approved) = race.await.expect("no panic");
        assert!(edited != approved, "edited {edited}, approved {approved}");
    }
    let bound = "SELECT count(*) FROM crm_activities a JOIN crm_decisions d ON d.activity_id = a.id
        WHERE a.status = 'approved' AND d.payload_sha256 <> a.payload_sha256";
    assert_eq!(world.count(bound).await, 0);
}
