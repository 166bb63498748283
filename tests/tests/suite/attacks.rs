//! What somebody with the product's own database login and a prompt tries, and what the database says to it.
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_tests::world::World;
use rstest::rstest;

/// A world with one activity in each interesting place. `{draft}`, `{approved}`, `{claimed}`, `{wired}` and `{sent}` in a statement
/// stand for their ids.
struct Scene {
    world: World,
    items: Vec<Item>,
}

const PLACES: [&str; 5] = ["{draft}", "{approved}", "{claimed}", "{wired}", "{sent}"];

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let items = world.file_email(PLACES.len()).await;
        world.approve(&items[1..]).await;
        let scene = Self { world, items };
        scene
            .attempt(
                "UPDATE crm_activities SET status = 'dispatching', claim_id = id, attempt = 1 WHERE id IN ('{claimed}', '{wired}', '{sent}');
                UPDATE crm_activities SET wire_at = now(), first_wire_at = now() WHERE id IN ('{wired}', '{sent}');
                UPDATE crm_activities SET status = 'sent', claim_id = NULL, closed_at = now() WHERE id = '{sent}'",
            )
            .await
            .expect("the scene is legal");
        scene
    }

    async fn attempt(&self, statement: &str) -> Result<u64, String> {
        let mut text = statement.replace("{company}", &self.world.company.to_string());
        for (place, item) in PLACES.iter().zip(&self.items) {
            text = text.replace(place, &item.id.to_string());
        }
        self.world.try_sql(&text).await
    }
}

/// Other bytes for an activity, as a draft being edited gets them.
const OTHER_BYTES: &str = "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
    SELECT company_id, id, sha256('other'), 'other' FROM crm_activities;";

/// I1, I5, R8, S14: no approval without a decision on exactly these bytes, by nobody and in no disguise.
#[rstest]
#[case::without_a_decision("UPDATE crm_activities SET status = 'approved' WHERE id = '{draft}'", "23503")]
#[case::by_a_rejection(
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, id, id, 1, payload_sha256, 'reject', true, 'operator', id FROM crm_activities WHERE id = '{draft}';
     UPDATE crm_activities SET status = 'approved' WHERE id = '{draft}'",
    "23503"
)]
#[case::by_the_first_of_two_votes(
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, id, id, 1, payload_sha256, 'approve', false, 'operator', id FROM crm_activities WHERE id = '{draft}';
     UPDATE crm_activities SET status = 'approved' WHERE id = '{draft}'",
    "23503"
)]
#[case::by_an_agent(
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, id, id, 1, payload_sha256, 'approve', true, 'agent', id FROM crm_activities WHERE id = '{draft}'",
    "23514"
)]
#[case::in_another_round(
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, id, id, 2, payload_sha256, 'approve', true, 'operator', id FROM crm_activities WHERE id = '{draft}';
     UPDATE crm_activities SET status = 'approved' WHERE id = '{draft}'",
    "23503"
)]
#[case::on_bytes_that_do_not_exist(
    "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, id, id, 1, sha256('nothing'), 'approve', true, 'operator', id FROM crm_activities WHERE id = '{draft}'",
    "23503"
)]
#[case::with_the_bytes_of_another_item(
    "UPDATE crm_activities SET status = 'approved', payload_sha256 = (SELECT payload_sha256 FROM crm_activities WHERE id = '{approved}')
     WHERE id = '{draft}'",
    "CS004"
)]
#[case::pointing_at_the_bytes_of_another_item(
    "UPDATE crm_activities SET payload_sha256 = (SELECT payload_sha256 FROM crm_activities WHERE id = '{approved}') WHERE id = '{draft}'",
    "23503"
)]
#[case::again_after_undo(
    "UPDATE crm_activities SET status = 'draft_pending_approval', round = round + 1 WHERE id = '{approved}';
     UPDATE crm_activities SET status = 'approved' WHERE id = '{approved}'",
    "23503"
)]
#[case::born_approved(
    "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
     VALUES ('{company}', '00000000-0000-7000-8000-00000000000a', sha256('x'), 'x');
     INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     VALUES ('{company}', '{draft}', '00000000-0000-7000-8000-00000000000a', 1, sha256('x'), 'approve', true, 'operator', '{draft}');
     INSERT INTO crm_activities (company_id, id, outbox_id, contact_id, channel, kind, payload_sha256, status)
     SELECT company_id, '00000000-0000-7000-8000-00000000000a', outbox_id, contact_id, channel, 'reply', sha256('x'), 'approved'
     FROM crm_activities WHERE id = '{draft}'",
    "CS001"
)]
#[case::deleted_to_come_again(
    "DELETE FROM crm_activity_details; DELETE FROM crm_activities WHERE id = '{sent}'",
    "CS006"
)]
#[tokio::test]
async fn there_is_no_approval_without_a_decision_on_these_bytes(#[case] statement: &str, #[case] code: &str) {
    refused(statement, code).await;
}

/// I1, I5, R8: what was decided cannot be changed underneath the decision.
#[rstest]
#[case::of_an_approved_item(
    &format!("{OTHER_BYTES} UPDATE crm_activities SET payload_sha256 = sha256('other') WHERE id = '{{approved}}'"), "CS004")]
#[case::of_a_claimed_item(
    &format!("{OTHER_BYTES} UPDATE crm_activities SET payload_sha256 = sha256('other') WHERE id = '{{claimed}}'"), "CS004")]
#[case::on_the_way_to_the_wire(
    &format!("{OTHER_BYTES} UPDATE crm_activities SET status = 'dispatching', claim_id = id, payload_sha256 = sha256('other') WHERE id = '{{approved}}'"),
    "CS004"
)]
#[case::after_sending(
    &format!("{OTHER_BYTES} UPDATE crm_activities SET payload_sha256 = sha256('other') WHERE id = '{{sent}}'"), "CS004")]
#[case::by_a_second_decision(
    &format!("{OTHER_BYTES} INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
     SELECT company_id, gen_random_uuid(), id, 1, sha256('other'), 'approve', true, 'operator', id FROM crm_activities WHERE id = '{{approved}}'"),
    "23505"
)]
#[case::in_place("UPDATE crm_payloads SET envelope = 'other' WHERE activity_id = '{approved}'", "23514")]
#[case::in_place_with_its_hash(
    "UPDATE crm_payloads SET envelope = 'other', payload_sha256 = sha256('other') WHERE activity_id = '{approved}'",
    "23503"
)]
#[case::erased_without_a_trace(
    "UPDATE crm_payloads SET envelope = NULL WHERE activity_id = '{approved}'",
    "23514"
)]
#[case::by_removing_them("DELETE FROM crm_payloads WHERE activity_id = '{approved}'", "23503")]
#[case::by_removing_the_decision("DELETE FROM crm_decisions WHERE activity_id = '{approved}'", "23503")]
#[case::by_turning_the_decision(
    "UPDATE crm_decisions SET verdict = 'reject' WHERE activity_id = '{approved}'",
    "23503"
)]
#[case::too_large(
    "UPDATE crm_payloads SET envelope = convert_to(repeat('x', 1048577), 'UTF8') WHERE activity_id = '{draft}'",
    "23514"
)]
#[tokio::test]
async fn decided_bytes_cannot_be_changed(#[case] statement: &str, #[case] code: &str) {
    refused(statement, code).await;
}

/// I5: who it goes to, from where and as what is fixed at birth, whatever the status.
#[rstest]
#[case::outbox("UPDATE crm_activities SET outbox_id = gen_random_uuid() WHERE id = '{draft}'")]
#[case::contact(
    "UPDATE crm_activities SET contact_id = (SELECT contact_id FROM crm_activities WHERE id = '{sent}') WHERE id = '{draft}'"
)]
#[case::channel("UPDATE crm_activities SET channel = 'dry-run' WHERE id = '{approved}'")]
#[case::kind("UPDATE crm_activities SET kind = 'reply' WHERE id = '{approved}'")]
#[case::id("UPDATE crm_activities SET id = gen_random_uuid() WHERE id = '{claimed}'")]
#[case::company("UPDATE crm_activities SET company_id = gen_random_uuid() WHERE id = '{claimed}'")]
#[case::under_a_hot_pair(
    "UPDATE crm_activities SET status = 'dispatching', claim_id = id, kind = 'reply' WHERE id = '{approved}'"
)]
#[tokio::test]
async fn the_identity_of_an_activity_is_fixed(#[case] statement: &str) {
    refused(statement, "CS002").await;
}

/// I5: rounds count decisions; they move when an item becomes a draft again, and only then.
#[rstest]
#[case::undo_in_the_same_round(
    "UPDATE crm_activities SET status = 'draft_pending_approval' WHERE id = '{approved}'"
)]
#[case::two_rounds_at_once(
    "UPDATE crm_activities SET status = 'draft_pending_approval', round = round + 2 WHERE id = '{approved}'"
)]
#[case::a_draft_in_another_round("UPDATE crm_activities SET round = round + 1 WHERE id = '{draft}'")]
#[case::an_approved_item_in_another_round(
    "UPDATE crm_activities SET round = round + 1 WHERE id = '{approved}'"
)]
#[tokio::test]
async fn rounds_move_only_with_a_new_draft(#[case] statement: &str) {
    refused(statement, "CS003").await;
}

/// I4, R1: what may have left is released only by proof that it did not.
#[rstest]
#[case::back_to_the_queue(
    "UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[case::as_if_it_had_not_left("UPDATE crm_activities SET wire_at = NULL WHERE id = '{wired}'")]
#[case::failed_as_if_it_had_not_left(
    "UPDATE crm_activities SET status = 'failed', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[case::by_an_ambiguous_attempt(
    "INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, outcome)
     VALUES ('{company}', '{wired}', 1, 1, '{wired}', 'key', 'maybe_sent');
     UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[case::by_the_proof_of_an_earlier_attempt(
    "INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, outcome)
     VALUES ('{company}', '{wired}', 0, 1, '{wired}', 'key', 'retry');
     UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[case::by_the_proof_of_another_departure(
    "INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, outcome)
     VALUES ('{company}', '{wired}', 1, 1, '{wired}', 'key', now() - interval '1 minute', 'retry');
     UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[case::after_an_ambiguous_attempt(
    "INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, outcome)
     SELECT company_id, id, 1, round, id, 'key', wire_at, 'retry' FROM crm_activities WHERE id = '{wired}';
     INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, outcome)
     VALUES ('{company}', '{wired}', 0, 1, '{wired}', 'key', 'maybe_sent');
     UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'"
)]
#[tokio::test]
async fn what_is_on_the_wire_is_released_only_by_proof(#[case] statement: &str) {
    refused(statement, "CS005").await;
}

/// I3, I5: what the rows themselves must satisfy.
#[rstest]
#[case::sending_without_a_claim(
    "UPDATE crm_activities SET status = 'dispatching' WHERE id = '{approved}'",
    "23514"
)]
#[case::a_claim_without_sending("UPDATE crm_activities SET claim_id = id WHERE id = '{approved}'", "23514")]
#[case::sent_without_leaving(
    "UPDATE crm_activities SET status = 'sent', claim_id = NULL WHERE id = '{claimed}'",
    "23514"
)]
#[case::on_the_wire_while_holding(
    "UPDATE crm_activities SET wire_at = now() WHERE id = '{approved}'",
    "23514"
)]
#[case::sent_again(
    "UPDATE crm_activities SET status = 'approved', wire_at = NULL WHERE id = '{sent}'",
    "CS001"
)]
#[case::a_stage_of_its_own("UPDATE crm_activities SET stage = 'draft' WHERE id = '{approved}'", "428C9")]
#[case::over_the_cap("UPDATE crm_credential_buckets SET sent_today = daily_cap + 1", "23514")]
#[case::below_zero("UPDATE crm_credential_buckets SET sent_today = -1", "23514")]
#[case::a_cap_below_what_was_sent(
    "UPDATE crm_credential_buckets SET sent_today = 5; UPDATE crm_credential_buckets SET daily_cap = 4",
    "23514"
)]
#[case::two_open_drafts_in_one_place(
    "UPDATE crm_activities SET status = 'rejected' WHERE id = '{draft}';
     INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
     SELECT '{company}', n::text::uuid, sha256('x'), 'x' FROM unnest(ARRAY['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b']) n;
     INSERT INTO crm_activities (company_id, id, outbox_id, contact_id, channel, kind, payload_sha256, status)
     SELECT company_id, n::text::uuid, outbox_id, contact_id, channel, kind, sha256('x'), 'draft_pending_approval'
     FROM crm_activities, unnest(ARRAY['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b']) n WHERE id = '{draft}'",
    "23505"
)]
#[tokio::test]
async fn rows_that_make_no_sense_are_refused(#[case] statement: &str, #[case] code: &str) {
    refused(statement, code).await;
}

/// The refusals above are about the lie and not about the form: the honest statement of each kind passes.
#[tokio::test]
async fn honest_statements_pass() {
    let scene = Scene::new().await;
    let honest = "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
         SELECT company_id, id, id, 1, payload_sha256, 'approve', true, 'operator', id FROM crm_activities WHERE id = '{draft}';
         UPDATE crm_activities SET status = 'approved' WHERE id = '{draft}';
         UPDATE crm_activities SET status = 'draft_pending_approval', round = round + 1 WHERE id = '{draft}';
         UPDATE crm_activities SET status = 'approved', claim_id = NULL WHERE id = '{claimed}';
         INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, outcome)
         SELECT company_id, id, attempt, round, id, 'key', wire_at, 'retry' FROM crm_activities WHERE id = '{wired}';
         UPDATE crm_activities SET status = 'approved', claim_id = NULL, wire_at = NULL WHERE id = '{wired}'";
    let done = scene.attempt(honest).await;
    assert!(done.is_ok(), "{done:?}");
    let (draft, wired) = (scene.items[0].id, scene.items[3].id);
    assert_eq!(scene.world.status(draft).await, Status::DraftPendingApproval);
    assert_eq!(scene.world.status(wired).await, Status::Approved);
}

async fn refused(statement: &str, code: &str) {
    let scene = Scene::new().await;
    let before = scene.world.statuses().await;
    let done = scene.attempt(statement).await;
    let Err(message) = done else { panic!("it was accepted: {statement}") };
    assert!(message.starts_with(code), "refused, but for another reason: {message}");
    assert_eq!(scene.world.statuses().await, before);
}
