//! Phases that are switched off: absent from the start, switched off over data and on again, reverted and applied again.
use countersign_core::db::migrate::{self, SchemaError};
use countersign_core::db::phase::PhasesOff;
use countersign_core::db::repair::{self, Mode};
use countersign_core::outbox;
use countersign_core::secret::{self, MasterKey, SecretText};
use countersign_core::{company, contact, operator};
use countersign_tests::world::{World, mail_outbox};
use sqlx::PgPool;

use super::migrations::{empty, schema};
use super::secrets::dump;

/// Phase b and what needs it.
fn without_b() -> PhasesOff {
    PhasesOff::parse(["b", "c"]).expect("b can be off with c")
}

async fn has_outboxes(pool: &PgPool) -> bool {
    let is_there = "SELECT to_regclass('public.crm_outboxes') IS NOT NULL";
    sqlx::query_scalar(is_there).fetch_one(pool).await.expect("reads")
}

/// From scratch without phase b: companies, people, secrets and the allowlist work; switched on, the schema is the whole one.
#[tokio::test]
async fn a_phase_that_is_off_from_the_start_is_absent_until_it_is_on() {
    let (_whole, other) = empty().await;
    migrate::migrate(&other).await.expect("up");
    let (_database, pool) = empty().await;
    for _ in 0..2 {
        migrate::migrate_without(&pool, &without_b(), &|_, _| {}).await.expect("up without b");
        assert!(!has_outboxes(&pool).await);
    }
    let (company, ada) = company::add(&pool, "acme", "Acme", false, "ada").await.expect("a company");
    operator::add(&pool, &ada, company.id, "ben", countersign_core::actor::Role::Approver)
        .await
        .expect("a person");
    let key = MasterKey::from_text(&"5c".repeat(32), "test").expect("a key");
    let value = SecretText::new("value".to_owned());
    secret::set(&pool, &ada, company.id, &key, "resend", &value).await.expect("a secret");
    let done = secret::revoke(&pool, &ada, company.id, "resend", 1, "leaked").await.expect("is revoked");
    assert!(done.stop.is_empty() && done.go_on.is_empty());
    let entry = contact::allowlist::Entry::parse("@example.com").expect("an entry");
    contact::allow(&pool, &ada, company.id, &entry).await.expect("is allowed");
    let found = repair::repair(&pool, &without_b(), Mode::Look).await.expect("looks");
    assert_eq!(found, []);
    migrate::migrate(&pool).await.expect("on");
    assert_eq!(schema(&pool).await, schema(&other).await);
    outbox::add(&pool, &ada, company.id, &mail_outbox("mail")).await.expect("an outbox");
}

/// Switched off over data: nothing is dropped, nothing is changed, and on again everything is as it was.
#[tokio::test]
async fn switching_a_phase_off_and_on_keeps_its_data() {
    let world = World::new().await;
    world.approved_email(3).await;
    let (before, tables) = (dump(&world).await, schema(&world.pool).await);
    migrate::migrate_without(&world.pool, &without_b(), &|_, _| {}).await.expect("off");
    let status = migrate::status_without(&world.pool, &without_b()).await.expect("reads");
    let b = status.phases.iter().find(|phase| phase.phase == 'b').expect("b is listed");
    assert!(b.is_off && b.pending.is_empty() && b.applied.len() >= 2 && status.is_current());
    migrate::migrate(&world.pool).await.expect("on again");
    assert!(before == dump(&world).await, "switching changed rows");
    assert_eq!(tables, schema(&world.pool).await);
}

/// Reverted while it is off, a phase stays away; applied again, it is empty and whole, and what referred to it is named.
#[tokio::test]
async fn a_reverted_phase_comes_back_empty() {
    let world = World::new().await;
    world.approved_email(3).await;
    let tables = schema(&world.pool).await;
    assert!(matches!(migrate::revert(&world.pool, "a").await, Err(SchemaError::Needed { phase: 'a', .. })));
    assert!(matches!(migrate::revert(&world.pool, "b").await, Err(SchemaError::Needed { phase: 'b', .. })));
    migrate::revert(&world.pool, "c").await.expect("c goes");
    migrate::revert(&world.pool, "b").await.expect("b goes");
    migrate::migrate_without(&world.pool, &without_b(), &|_, _| {}).await.expect("stays away");
    assert!(!has_outboxes(&world.pool).await);
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 3);
    migrate::migrate(&world.pool).await.expect("on again");
    assert_eq!(schema(&world.pool).await, tables);
    assert_eq!(world.count("SELECT count(*) FROM crm_outboxes").await, 0);
    let found = repair::repair(&world.pool, &PhasesOff::default(), Mode::Apply).await.expect("looks");
    let codes: Vec<_> = found.iter().map(|finding| (finding.code, finding.is_for_people)).collect();
    assert_eq!(codes, [("constraint_broken", true)]);
    world.add_outbox(&mail_outbox("mail")).await;
}
