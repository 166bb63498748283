//! Decisions of people: on which bytes, by whom, how often, how many at once.
use std::sync::Mutex;

use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, BATCH_LIMIT, Item, ItemOutcome};
use countersign_core::error::Error;
use countersign_core::ids::{ActivityId, BatchId};
use countersign_core::{company, outbox};
use countersign_tests::world::{World, draft, mail_outbox};
use rstest::rstest;

/// Gives a draft other bytes, as an edit does.
async fn edit(world: &World, item: Item) {
    world
        .sql(&format!(
            "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
            SELECT company_id, id, sha256('edited'), 'edited' FROM crm_activities WHERE id = '{0}';
            UPDATE crm_activities SET payload_sha256 = sha256('edited') WHERE id = '{0}'",
            item.id
        ))
        .await;
}

async fn decisions(world: &World) -> i64 {
    world.count("SELECT count(*) FROM crm_decisions").await
}

/// S8: bytes that changed between screen and key are not approved; the answer names the new ones, and nothing was decided.
#[tokio::test]
async fn a_draft_changed_after_it_was_shown_is_not_decided() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    edit(&world, item).await;
    let changed = ItemOutcome::Changed { payload_sha256: world.hash(item.id).await };
    assert_eq!(world.try_approve(&world.approver, &[item]).await[0].outcome, changed);
    assert_eq!(world.try_reject(&world.approver, &[item]).await[0].outcome, changed);
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
    assert_eq!((decisions(&world).await, world.audit(item.id).await), (0, vec!["draft.file".to_owned()]));
}

/// I1, S8: the decision and its audit row name the hash that was shown.
#[tokio::test]
async fn a_decision_names_actor_and_bytes() {
    let world = World::new().await;
    let [item] = world.approved_email(1).await[..] else { panic!("one item") };
    let recorded = world
        .text(
            "SELECT concat_ws(' ', l.actor_kind, l.actor_name, l.action, encode(l.payload_sha256, 'hex'), d.verdict, l.payload_sha256 = d.payload_sha256)
            FROM crm_audit_log l JOIN crm_decisions d ON d.activity_id = l.subject_id WHERE l.action = 'approval.approve'",
        )
        .await;
    assert_eq!(recorded, format!("operator ben approval.approve {} approve t", item.payload_sha256));
}

/// S12: the same request twice is one decision with one audit row.
#[tokio::test]
async fn approving_twice_decides_once() {
    let world = World::new().await;
    let items = world.approved_email(2).await;
    let again = world.try_approve(&world.approver, &items).await;
    assert!(again.iter().all(|result| result.outcome == ItemOutcome::Already { status: Status::Approved }));
    assert_eq!(decisions(&world).await, 2);
    assert_eq!(world.audit(items[0].id).await, ["draft.file", "approval.approve"]);
}

/// S12: an item named twice in one request is decided once and answered once.
#[tokio::test]
async fn an_item_named_twice_in_one_request_is_decided_once() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let results = world.try_approve(&world.approver, &[item, item]).await;
    assert_eq!(results.len(), 1);
    assert_eq!(decisions(&world).await, 1);
}

/// S11: whoever comes second hears who was first, and when.
#[rstest]
#[case::approve_after_approve(true, true, Status::Approved)]
#[case::reject_after_approve(true, false, Status::Approved)]
#[case::approve_after_reject(false, true, Status::Rejected)]
#[case::reject_after_reject(false, false, Status::Rejected)]
#[tokio::test]
async fn the_second_decider_hears_who_was_first(
    #[case] first_approves: bool,
    #[case] second_approves: bool,
    #[case] stands: Status,
) {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let decide = async |actor, approves: bool| match approves {
        true => world.try_approve(actor, &items).await,
        false => world.try_reject(actor, &items).await,
    };
    assert!(decide(&world.approver, first_approves).await[0].outcome.is_done());
    let lost = decide(&world.second, second_approves).await;
    let ItemOutcome::Taken { status, by: Some(by), at: Some(_) } = &lost[0].outcome else {
        panic!("the loser was told {:?}", lost[0].outcome)
    };
    assert_eq!((*status, by.as_str()), (stands, "ben"));
    assert_eq!(decisions(&world).await, 1);
}

/// S12: who drafted it does not approve it, but may reject it.
#[tokio::test]
async fn nobody_approves_what_they_drafted() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    let ben = world.approver.id().expect("an operator has an id");
    world
        .sql(&format!("UPDATE crm_activity_details SET proposed_kind = 'operator', proposed_id = '{ben}', proposed_by = 'ben'"))
        .await;
    let refused = world.try_approve(&world.approver, &items[..1]).await;
    assert!(matches!(refused[0].outcome, ItemOutcome::Refused { .. }), "{refused:?}");
    assert_eq!(decisions(&world).await, 0);
    assert_eq!(world.try_reject(&world.approver, &items[1..]).await[0].outcome, ItemOutcome::Rejected);
    assert!(world.try_approve(&world.second, &items[..1]).await[0].outcome.is_done());
}

/// S13, I10: who has no right to decide decides nothing, by no door.
#[tokio::test]
async fn only_approvers_decide() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let ids = [items[0].id];
    let agent = Actor::Agent { name: "scout".to_owned() };
    for actor in [&world.viewer, &agent, &Actor::Engine("dispatcher")] {
        let answers = [
            approval::approve(&world.pool, actor, world.company, &items).await.map(drop),
            approval::reject(&world.pool, actor, world.company, &items, "no").await.map(drop),
            approval::undo(&world.pool, actor, world.company, &ids).await.map(drop),
            approval::resolve(&world.pool, actor, world.company, ids[0], approval::Resolution::WasSent, "no")
                .await
                .map(drop),
            outbox::pause(&world.pool, actor, world.company, world.outbox, "no").await,
            outbox::add(&world.pool, actor, world.company, &mail_outbox("more")).await.map(drop),
        ];
        assert!(
            answers.iter().all(|answer| matches!(answer, Err(Error::Forbidden { .. }))),
            "{actor:?}: {answers:?}"
        );
    }
    assert_eq!((decisions(&world).await, world.status(ids[0]).await), (0, Status::DraftPendingApproval));
    let recorded = "SELECT count(*) FROM crm_audit_log WHERE action = 'approval.refused'";
    assert_eq!(world.count(recorded).await, 12, "four refused decisions of three actors are on record");
}

/// S13: a role that was taken away counts at once, whatever a running console believes.
#[tokio::test]
async fn a_role_that_was_taken_away_decides_nothing() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    world.sql("UPDATE crm_operators SET role = 'viewer' WHERE name = 'ben'; UPDATE crm_operators SET disabled_at = now() WHERE name = 'cleo'")
        .await;
    for actor in [&world.approver, &world.second] {
        let answer = approval::approve(&world.pool, actor, world.company, &items).await;
        assert!(matches!(answer, Err(Error::Forbidden { .. } | Error::Refused(_))), "{answer:?}");
    }
    assert_eq!(decisions(&world).await, 0);
}

/// S25: an item of another company does not exist.
#[tokio::test]
async fn an_item_of_another_company_is_missing() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let (other, boss) = company::add(&world.pool, "other", "Other", true, "zoe").await.expect("can be added");
    let results = approval::approve(&world.pool, &boss, other.id, &items).await.expect("answers");
    assert_eq!(results[0].outcome, ItemOutcome::Missing);
    let results = approval::undo(&world.pool, &boss, other.id, &[items[0].id]).await.expect("answers");
    assert_eq!(results[0].outcome, ItemOutcome::Missing);
    assert_eq!(decisions(&world).await, 0);
}

/// S13: in a thousand items, one that changed neither stops nor hides the others.
#[tokio::test]
async fn one_stale_item_does_not_stop_a_bulk() {
    let world = World::new().await;
    let items = world.file_email(BATCH_LIMIT).await;
    edit(&world, items[417]).await;
    let results = world.try_approve(&world.approver, &items).await;
    assert_eq!(results.len(), BATCH_LIMIT);
    let changed: Vec<_> = results.iter().filter(|result| !result.outcome.is_done()).collect();
    let [one] = changed[..] else { panic!("{} were not approved", changed.len()) };
    assert_eq!(one.id, items[417].id);
    assert!(matches!(one.outcome, ItemOutcome::Changed { .. }));
    assert_eq!(world.statuses().await.get("approved"), Some(&999));
    assert_eq!(decisions(&world).await, 999);
    assert_eq!(
        world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'approval.approve'").await,
        999
    );
}

/// S13: a request of more items is refused as a whole.
#[tokio::test]
async fn more_than_a_thousand_items_are_refused() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let mut items: Vec<Item> = (0..BATCH_LIMIT).map(|_| Item { id: ActivityId::new(), ..item }).collect();
    items.push(item);
    let answer = approval::approve(&world.pool, &world.approver, world.company, &items).await;
    assert!(matches!(&answer, Err(Error::Invalid { field, .. }) if field == "items"), "{answer:?}");
    assert_eq!(decisions(&world).await, 0);
}

/// A reason is one line that says something, of at most 500 characters.
#[rstest]
#[case("")]
#[case("  \t ")]
#[case("two\nlines")]
#[case("an \u{1b}[31m escape")]
#[case(&"é".repeat(501))]
#[tokio::test]
async fn a_rejection_needs_a_reason_on_one_line(#[case] reason: &str) {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let answer = approval::reject(&world.pool, &world.approver, world.company, &items, reason).await;
    assert!(matches!(&answer, Err(Error::Invalid { field, .. }) if field == "reason"), "{answer:?}");
    assert_eq!(world.status(items[0].id).await, Status::DraftPendingApproval);
}

/// The longest reason is kept whole, with the decision and in the audit log.
#[tokio::test]
async fn a_reason_is_kept_with_the_decision() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    let reason = "é".repeat(500);
    let padded = format!("  {reason}  ");
    approval::reject(&world.pool, &world.approver, world.company, &items, &padded).await.expect("answers");
    assert_eq!(world.text("SELECT reason FROM crm_decisions").await, reason);
    assert_eq!(world.text("SELECT reason FROM crm_audit_log WHERE action = 'approval.reject'").await, reason);
}

/// R14, I6: a decision that cannot be recorded is not made.
#[tokio::test]
async fn without_an_audit_row_there_is_no_decision() {
    let world = World::new().await;
    let items = world.file_email(1).await;
    world
        .sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_audit_log FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let (pool, company) = (&world.pool, world.company);
    assert!(approval::approve(pool, &world.approver, company, &items).await.is_err());
    assert!(approval::reject(pool, &world.approver, company, &items, "no").await.is_err());
    assert!(outbox::pause(pool, &world.approver, company, world.outbox, "no").await.is_err());
    assert_eq!((decisions(&world).await, world.status(items[0].id).await), (0, Status::DraftPendingApproval));
    assert_eq!(world.count("SELECT count(*) FROM crm_outboxes WHERE NOT enabled").await, 0);
}

/// The undo window begins with the decision; a time the draft asked for counts if it is later.
#[tokio::test]
async fn an_approved_item_waits_for_its_undo_window() {
    let world = World::new().await;
    let mut slow = mail_outbox("slow");
    slow.undo_window = std::time::Duration::from_secs(3600);
    world.add_outbox(&slow).await;
    let mut line = draft(1);
    line["outbox"] = "slow".into();
    let items = world.file(&[line]).await;
    let results = world.try_approve(&world.approver, &items).await;
    let ItemOutcome::Approved { send_after } = results[0].outcome else { panic!("{results:?}") };
    let window = "SELECT count(*) FROM crm_activities WHERE send_after BETWEEN now() + interval '59 minutes' AND now() + interval '1 hour'";
    assert_eq!(
        (world.count(window).await, world.stored(items[0].id).await.hold_code),
        (1, Some("undo_window".to_owned()))
    );
    assert!(send_after > countersign_core::clock::now());
}

/// A mass undo goes in steps and tells how far it is.
#[tokio::test]
async fn a_mass_undo_tells_how_far_it_is() {
    let world = World::new().await;
    let items = world.file_email(BATCH_LIMIT + 1).await;
    let batch = BatchId::new();
    for part in items.chunks(BATCH_LIMIT) {
        let done = approval::approve_in(&world.pool, &world.approver, world.company, part, batch).await;
        done.expect("is approved");
    }
    let told = Mutex::new(Vec::new());
    let note = |tried, of| told.lock().expect("nobody panicked").push((tried, of));
    let (pool, actor) = (&world.pool, &world.approver);
    let done = approval::undo_batch_watched(pool, actor, world.company, batch, &note).await.expect("undone");
    let all = items.len();
    assert_eq!((done.undone, done.batch_size), (all, all));
    assert_eq!(told.into_inner().expect("nobody panicked"), [(BATCH_LIMIT, all), (all, all)]);
}

/// S12: an approve request that comes again after an undo decides nothing, because it names the round it saw.
#[tokio::test]
async fn a_late_repeat_of_an_approval_decides_nothing() {
    let world = World::new().await;
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    let seen = Item { round: Some(1), ..item };
    world.approve(&[seen]).await;
    let again = world.try_approve(&world.approver, &[seen]).await;
    assert_eq!(again[0].outcome, ItemOutcome::Already { status: Status::Approved });
    world.undone(item.id).await;
    let late = world.try_approve(&world.approver, &[seen]).await;
    assert_eq!(late[0].outcome, ItemOutcome::Reopened { round: 2 });
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'").await, 1);
}
