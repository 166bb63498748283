//! Repair: every kind of damage is found and explained; looking changes nothing; mending mends what needs no guess and only that.
use std::sync::Mutex;

use countersign_core::db::migrate::{self, SchemaError};
use countersign_core::db::phase::PhasesOff;
use countersign_core::db::repair::{self, Finding, Mode};
use countersign_tests::world::World;
use sqlx::{Connection as _, PgConnection};

use super::secrets::dump;

async fn run(world: &World, mode: Mode) -> Vec<Finding> {
    repair::repair(&world.pool, &PhasesOff::default(), mode).await.expect("repairs")
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

/// A database in order: one constraint that was added unchecked is checked, and then there is nothing to do.
#[tokio::test]
async fn a_database_in_order_needs_nothing() {
    let world = World::new().await;
    world.approved_email(2).await;
    assert_eq!(codes(&run(&world, Mode::Look).await), ["constraint_not_validated"]);
    assert_eq!(run(&world, Mode::Apply).await[0].done, "checked");
    let before = dump(&world).await;
    assert_eq!(run(&world, Mode::Apply).await, []);
    assert!(before == dump(&world).await, "nothing to do and something done");
}

/// Whoever waits hears which table is being read and what is being mended.
#[tokio::test]
async fn a_repair_tells_what_it_is_at() {
    let world = World::new().await;
    let told = Mutex::new(Vec::new());
    let note = |step: repair::Step<'_>| {
        let words = format!("{}/{} {}", step.number, step.of, step.words);
        told.lock().expect("nobody panicked").push(words);
    };
    let off = PhasesOff::default();
    repair::repair_watched(&world.pool, &off, Mode::Apply, &note).await.expect("repairs");
    let told = told.into_inner().expect("nobody panicked");
    let begins = |place: usize, words: &str| {
        assert!(told.get(place).is_some_and(|told| told.starts_with(words)), "{words}: {told:?}");
    };
    begins(0, "1/4 looks at what was applied");
    begins(1, "2/4 looks at indexes");
    begins(2, "2/4 checks constraint ");
    begins(3, "3/4 looks at companies, messages and claims");
    begins(4, "4/4 looks at outboxes");
    begins(5, "1/1 mends: constraint ");
    assert_eq!(told.len(), 6);
}

/// Every row that can be missing: found, explained, made again; a bucket that comes back counts what was sent today.
#[tokio::test]
async fn missing_rows_are_made_again() {
    let world = World::new().await;
    world.approved_email(3).await;
    run(&world, Mode::Apply).await;
    world
        .sql(
            "UPDATE crm_activities SET status = 'dispatching', claim_id = gen_random_uuid(), attempt = 1,
              quota_day = (now() AT TIME ZONE 'UTC')::date WHERE id = (SELECT min(id::text)::uuid FROM crm_activities);
            DELETE FROM crm_credential_buckets; DELETE FROM crm_change_counters;
            INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
              SELECT company_id, gen_random_uuid(), id, 'lost', now() - interval '25 hours', '{}' FROM crm_outboxes",
        )
        .await;
    let before = dump(&world).await;
    let found = run(&world, Mode::Look).await;
    assert_eq!(codes(&found), ["counter_missing", "claim_stale", "bucket_missing"]);
    assert!(
        found
            .iter()
            .all(|finding| finding.done.is_empty() && !finding.is_for_people && !finding.remedy.is_empty())
    );
    assert!(before == dump(&world).await, "looking changed something");
    let done = run(&world, Mode::Apply).await;
    assert!(done.iter().all(|finding| !finding.done.is_empty()), "{done:?}");
    assert_eq!(run(&world, Mode::Look).await, []);
    assert_eq!(world.sent_today(world.outbox).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM crm_change_counters").await, 1);
}

/// What only people can settle is explained and left alone.
#[tokio::test]
async fn what_needs_a_person_is_explained_and_left_alone() {
    let world = World::new().await;
    let items = world.approved_email(2).await;
    run(&world, Mode::Apply).await;
    world
        .sql(&format!(
            "UPDATE crm_activities SET status = 'dispatching', attempt = 1, claim_id = '11111111-1111-1111-1111-111111111111' WHERE id = '{0}';
            INSERT INTO crm_dispatch_claims (company_id, id, outbox_id, worker, lease_until, activity_ids)
              SELECT company_id, '11111111-1111-1111-1111-111111111111', id, 'lost', now() - interval '25 hours', ARRAY['{0}'::uuid] FROM crm_outboxes;
            DELETE FROM crm_activity_details WHERE activity_id = '{0}'",
            items[0].id
        ))
        .await;
    let before = dump(&world).await;
    let found = run(&world, Mode::Apply).await;
    assert_eq!(codes(&found), ["details_missing", "claim_stale"]);
    assert!(found.iter().all(|finding| finding.is_for_people && finding.done.is_empty()));
    assert!(found[1].remedy.contains("dispatch --until-idle"));
    assert!(before == dump(&world).await, "something was guessed");
}

/// The record of migrations: an unknown one and a changed one are explained and never rewritten; a failed one is forgotten, and the
/// next start applies it.
#[tokio::test]
async fn the_record_of_migrations_is_explained() {
    let world = World::new().await;
    run(&world, Mode::Apply).await;
    world
        .sql(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, E'z later\\u001b[31m', true, '', 0);
            UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2;
            UPDATE _sqlx_migrations SET success = false WHERE version = 10;
            ALTER TABLE crm_outboxes DROP CONSTRAINT crm_outboxes_kill, DROP COLUMN kill_reason, DROP COLUMN killed_by, DROP COLUMN killed_at",
        )
        .await;
    let found = run(&world, Mode::Apply).await;
    assert_eq!(codes(&found), ["migration_changed", "migration_failed", "migration_unknown"]);
    assert!(!found[2].what.contains('\u{1b}'));
    assert!(matches!(migrate::migrate(&world.pool).await, Err(SchemaError::Newer(_))));
    world.sql("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    assert_eq!(codes(&run(&world, Mode::Look).await), ["migration_changed"]);
    assert_eq!(world.text("SELECT checksum::text FROM _sqlx_migrations WHERE version = 2").await, "\\x00");
    assert!(matches!(migrate::migrate(&world.pool).await, Err(SchemaError::Migrate(_))));
}

/// A failed migration that was forgotten is applied by the next start.
#[tokio::test]
async fn a_forgotten_migration_is_applied_again() {
    let world = World::new().await;
    run(&world, Mode::Apply).await;
    world
        .sql(
            "UPDATE _sqlx_migrations SET success = false WHERE version = 10;
            ALTER TABLE crm_outboxes DROP CONSTRAINT crm_outboxes_kill, DROP COLUMN kill_reason, DROP COLUMN killed_by, DROP COLUMN killed_at",
        )
        .await;
    let refused = migrate::migrate(&world.pool).await.expect_err("nothing is built on half a migration");
    assert!(refused.to_string().contains("countersign db repair"), "{refused}");
    assert_eq!(codes(&run(&world, Mode::Apply).await), ["migration_failed"]);
    migrate::migrate(&world.pool).await.expect("applies what was forgotten");
    assert_eq!(run(&world, Mode::Look).await, []);
}

/// An invalid index is built anew; the migrations of other work wait meanwhile.
#[tokio::test]
async fn an_invalid_index_is_built_anew() {
    let world = World::new().await;
    run(&world, Mode::Apply).await;
    let mut admin = PgConnection::connect_with(&world.admin_options()).await.expect("connects");
    sqlx::query(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'crm_audit_log_subject'::regclass",
    )
    .execute(&mut admin)
    .await
    .expect("an admin may do anything");
    assert_eq!(codes(&run(&world, Mode::Look).await), ["index_invalid"]);
    assert_eq!(run(&world, Mode::Apply).await[0].done, "built anew");
    assert_eq!(run(&world, Mode::Look).await, []);
}
