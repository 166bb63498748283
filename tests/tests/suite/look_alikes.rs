//! Recipients who can be taken for another contact: found when they are approved, confirmed one by one.
use countersign_core::activity::status::Status;
use countersign_core::activity::store_read;
use countersign_core::approval::{BATCH_LIMIT, Item, ItemOutcome};
use countersign_core::contact::look_alike::LookAlike;
use countersign_tests::world::{World, draft_to, rendering};
use serde_json::json;

/// Cyrillic о in the domain.
const FALSE: &str = "anna@nоrdlys.example";
const TRUE: &str = "anna@nordlys.example";

fn confirmed(item: Item) -> Item {
    Item { confirms_look_alike: true, ..item }
}

fn reason(outcome: &ItemOutcome) -> &str {
    match outcome {
        ItemOutcome::NeedsConfirmation { reason } => reason,
        other => panic!("not held for a confirmation: {other:?}"),
    }
}

/// S4: a look-alike of a known contact is not approved without its own confirmation; the answer names both, the audit row too.
#[tokio::test]
async fn a_look_alike_is_named_and_has_to_be_confirmed() {
    let world = World::new().await;
    let items = world.file(&[draft_to("eve@other.example", 1), draft_to("anna@nordlys1.example", 2)]).await;
    let [look_alike] = world.file(&[draft_to("anna@nordlysl.example", 3)]).await[..] else { panic!() };
    let results = world.try_approve(&world.approver, &[items[0], look_alike]).await;
    assert!(results[0].outcome.is_done(), "{results:?}");
    let said = reason(&results[1].outcome);
    assert!(said.contains("anna@nordlysl.example looks like anna@nordlys1.example ("), "{said}");
    assert_eq!(world.status(look_alike.id).await, Status::DraftPendingApproval);
    assert_eq!(world.audit(look_alike.id).await, ["draft.file"]);

    let results = world.try_approve(&world.approver, &[confirmed(look_alike)]).await;
    assert!(results[0].outcome.is_done(), "{results:?}");
    let recorded = world
        .text(&format!(
            "SELECT detail ->> 'confirmedLookAlike' FROM crm_audit_log WHERE action = 'approval.approve' AND subject_id = '{}'",
            look_alike.id
        ))
        .await;
    assert!(recorded.contains("looks like anna@nordlys1.example"), "{recorded}");
}

/// S4: letters of two scripts in one label are doubtful although no contact looks like it, and the wire form is said.
#[tokio::test]
async fn mixed_scripts_have_to_be_confirmed() {
    let world = World::new().await;
    let [item] = world.file(&[draft_to(FALSE, 1)]).await[..] else { panic!() };
    let results = world.try_approve(&world.approver, &[item]).await;
    let said = reason(&results[0].outcome).to_owned();
    assert!(said.contains("mixes letters of several scripts") && said.contains("@xn--"), "{said}");
}

/// S4: copies are recipients as well.
#[tokio::test]
async fn a_copy_counts_as_a_recipient() {
    let world = World::new().await;
    world.file(&[draft_to(TRUE, 1)]).await;
    let mut line = draft_to("kari@fjord.example", 2);
    line["payload"]["bcc"] = json!([FALSE]);
    let [item] = world.file(&[line]).await[..] else { panic!() };
    let results = world.try_approve(&world.approver, &[item]).await;
    assert!(reason(&results[0].outcome).contains("looks like anna@nordlys.example"), "{results:?}");
}

/// S4: capitals are no difference, and neither is another address of the same contact.
#[tokio::test]
async fn a_contact_does_not_look_like_itself() {
    let world = World::new().await;
    let [item] = world.file(&[draft_to("Anna@nordlys.example", 1)]).await[..] else { panic!() };
    world
        .sql(
            "INSERT INTO crm_contact_addresses (company_id, contact_id, kind, address)
            SELECT company_id, contact_id, kind, 'anna@n0rdlys.example' FROM crm_contact_addresses",
        )
        .await;
    assert!(world.try_approve(&world.approver, &[item]).await[0].outcome.is_done());
}

/// S4: contacts and drafts from before skeletons were kept are compared all the same.
#[tokio::test]
async fn old_rows_are_compared_too() {
    let world = World::new().await;
    world.file(&[draft_to(TRUE, 1)]).await;
    let [item] = world.file(&[draft_to(FALSE, 2)]).await[..] else { panic!() };
    world.sql("UPDATE crm_contact_addresses SET skeleton = NULL; UPDATE crm_activity_details SET recipients = NULL").await;
    let results = world.try_approve(&world.approver, &[item]).await;
    assert!(reason(&results[0].outcome).contains("looks like anna@nordlys.example"), "{results:?}");
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_addresses WHERE skeleton IS NULL").await, 0);
}

/// S4: the screen and `approvals show` read the same doubt that the decision meets.
#[tokio::test]
async fn the_item_tells_before_it_is_decided() {
    let world = World::new().await;
    world.file(&[draft_to(TRUE, 1)]).await;
    let [item] = world.file(&[draft_to(FALSE, 2)]).await[..] else { panic!() };
    let mut conn = world.pool.acquire().await.unwrap();
    let detail = store_read::detail(&mut conn, world.company, item.id, &rendering()).await.unwrap().unwrap();
    let said: Vec<String> = detail.look_alikes.iter().map(LookAlike::sentence).collect();
    assert_eq!(said.len(), 1);
    assert_eq!(reason(&world.try_approve(&world.approver, &[item]).await[0].outcome), said[0]);
}

/// S4, S13: a full batch with one look-alike decides the others.
#[tokio::test]
async fn a_full_batch_holds_back_only_the_look_alike() {
    let world = World::new().await;
    world.file(&[draft_to(TRUE, 5_000)]).await;
    let mut lines: Vec<_> =
        (1..BATCH_LIMIT).map(|number| draft_to(&format!("c{number}@many.example"), number)).collect();
    lines.push(draft_to(FALSE, BATCH_LIMIT));
    let items = world.file(&lines).await;
    let results = world.try_approve(&world.approver, &items).await;
    // `c1` and `cl` look alike, but `cl` is not among them.
    let held: Vec<_> = results.iter().filter(|result| !result.outcome.is_done()).collect();
    assert_eq!((held.len(), held[0].id), (1, items[BATCH_LIMIT - 1].id), "{held:?}");
}
