//! The life of an activity, pair by pair, as the database enforces it against plain SQL.
use std::collections::BTreeSet;

use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_tests::world::World;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// The id of a row that is about to be born.
const BORN: &str = "00000000-0000-7000-8000-0000000000bb";

/// What has to be set for a row of that status to make sense, so that only the order of statuses can be at fault.
fn companions(status: Status) -> &'static str {
    match status {
        Status::Dispatching => "claim_id = '00000000-0000-7000-8000-000000000001', wire_at = '2026-11-23'",
        Status::Sent | Status::SentDryrun | Status::Uncertain | Status::Failed => {
            "claim_id = NULL, wire_at = '2026-11-23'"
        }
        _ => "claim_id = NULL, wire_at = NULL",
    }
}

/// A draft with a binding decision and the proof that its attempt never left.
async fn decided(world: &World) -> Item {
    let [item] = world.file_email(1).await[..] else { panic!("one item") };
    world
        .sql(&format!(
            "INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
            SELECT company_id, gen_random_uuid(), id, 1, payload_sha256, 'approve', true, 'operator', id FROM crm_activities;
            INSERT INTO crm_dispatch_attempts (company_id, activity_id, attempt, round, claim_id, idempotency_key, wire_at, outcome)
            SELECT company_id, id, 0, 1, id, 'key', '2026-11-23', 'retry' FROM crm_activities WHERE id = '{}'",
            item.id
        ))
        .await;
    item
}

/// Puts the row into a status no matter what, as only the owner of the machine can.
async fn force(owner: &mut PgConnection, item: Item, status: Status) {
    let text = format!(
        "SET session_replication_role = replica;
        UPDATE crm_activities SET status = '{}', round = 1, {} WHERE id = '{}'",
        status.as_str(),
        companions(status),
        item.id
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(owner).await.expect("the owner may do anything");
}

/// I5: of the 256 pairs exactly the 35 of the design and the 16 of staying are accepted; Rust says the same.
#[tokio::test]
async fn every_pair_of_statuses_is_decided_as_designed() {
    let world = World::new().await;
    let item = decided(&world).await;
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    let mut accepted = 0;
    for from in Status::ALL.iter().copied() {
        for to in Status::ALL.iter().copied() {
            force(&mut owner, item, from).await;
            let becomes_draft = from != to && to == Status::DraftPendingApproval;
            let done = world
                .try_sql(&format!(
                    "UPDATE crm_activities SET status = '{}', round = round + {}, {} WHERE id = '{}'",
                    to.as_str(),
                    i32::from(becomes_draft),
                    companions(to),
                    item.id
                ))
                .await;
            let pair = format!("{} to {}", from.as_str(), to.as_str());
            if from.may_become(to) {
                assert_eq!(done, Ok(1), "{pair} is legal");
                accepted += 1;
            } else {
                assert_eq!(done, Err(format!("CS001 illegal transition {pair}")));
            }
        }
    }
    assert_eq!(accepted, 35 + 16);
}

/// I5: of the 16 statuses exactly five can be born.
#[tokio::test]
async fn a_row_is_born_in_one_of_five_statuses() {
    let world = World::new().await;
    let item = decided(&world).await;
    for status in Status::ALL.iter().copied() {
        let birth = format!(
            // Beside the decided draft, in another place: bytes and decision are there, only the birth itself can be at fault.
            "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
              SELECT company_id, '{BORN}', payload_sha256, envelope FROM crm_payloads;
            INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
              SELECT company_id, '{BORN}', '{BORN}', 1, payload_sha256, 'approve', true, 'operator', id FROM crm_activities;
            INSERT INTO crm_activities (company_id, id, outbox_id, contact_id, channel, kind, payload_sha256, status, claim_id, wire_at)
            SELECT company_id, '{BORN}', outbox_id, contact_id, channel, 'reply', payload_sha256, '{}', {}, {} FROM crm_activities",
            status.as_str(),
            if status == Status::Dispatching { "id" } else { "NULL" },
            if companions(status).ends_with("NULL") { "NULL::timestamptz" } else { "now()" },
        );
        let mut tx = world.pool.begin().await.expect("begins");
        let born = sqlx::raw_sql(AssertSqlSafe(birth)).execute(&mut *tx).await;
        tx.rollback().await.expect("rolls back");
        if Status::INITIAL.contains(&status) {
            assert!(born.is_ok(), "{}: {born:?}", status.as_str());
        } else {
            let error = born.expect_err("such a row is not born");
            let refused = error.as_database_error().expect("the database refuses");
            assert_eq!(refused.message(), format!("illegal transition new to {}", status.as_str()));
        }
    }
    assert_eq!(world.status(item.id).await, Status::DraftPendingApproval);
}

/// I5: the table in the database and the table in the code are one.
#[tokio::test]
async fn the_database_and_the_code_hold_the_same_table() {
    let world = World::new().await;
    let stored: BTreeSet<(String, String)> =
        sqlx::query_as("SELECT from_status, to_status FROM crm_status_transitions")
            .fetch_all(&world.pool)
            .await
            .expect("reads")
            .into_iter()
            .collect();
    let pair = |from: &str, to: &Status| (from.to_owned(), to.as_str().to_owned());
    let mut coded: BTreeSet<_> = Status::INITIAL.iter().map(|to| pair("new", to)).collect();
    for from in Status::ALL {
        coded.extend(from.successors().iter().map(|to| pair(from.as_str(), to)));
    }
    assert_eq!(stored, coded);
}

/// The coarse stage that indexes are built on is the same in both, too.
#[tokio::test]
async fn the_database_and_the_code_agree_on_stages() {
    let world = World::new().await;
    let item = decided(&world).await;
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    for status in Status::ALL.iter().copied() {
        force(&mut owner, item, status).await;
        assert_eq!(world.text("SELECT stage FROM crm_activities").await, status.stage().as_str());
    }
}
