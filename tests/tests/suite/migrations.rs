//! Migrations: up, down one by one, up again; many starters at once; a newer schema; one phase at a time.
use std::sync::Mutex;

use std::collections::BTreeSet;

use countersign_core::db::migrate::{self, SchemaError};
use countersign_tests::server::{Database, root};
use sqlx::PgPool;
use sqlx::migrate::Migrator;

/// Everything the schema consists of, as text. The migrations' own table is left out.
pub(crate) async fn schema(pool: &PgPool) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    for query in [
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, is_generated, generation_expression)
          FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx%'",
        "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_sqlx%'",
        "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal",
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT concat_ws(' ', relname, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%'",
    ] {
        let found: Vec<String> = sqlx::query_scalar(query).fetch_all(pool).await.expect("the catalogue can be read");
        parts.extend(found);
    }
    parts
}

pub(crate) async fn empty() -> (Database, PgPool) {
    let database = Database::empty().await;
    let pool = database.pool().await;
    (database, pool)
}

/// R25: every step down ends where the step up before it began, whether that had added or taken away, and the way up ends where it did.
#[tokio::test]
async fn all_the_way_up_down_one_by_one_and_up_again() {
    let (_database, pool) = empty().await;
    let bare = schema(&pool).await;
    let mut migrator = Migrator::new(root().join("migrations")).await.expect("the folder can be read");
    migrator.set_locking(false);
    let mut versions: Vec<i64> =
        migrator.iter().filter(|one| one.migration_type.is_up_migration()).map(|one| one.version).collect();
    versions.sort_unstable();
    let mut steps = vec![bare];
    for version in &versions {
        migrator.run_to(*version, &pool).await.unwrap_or_else(|error| panic!("{version} up: {error}"));
        let after = schema(&pool).await;
        assert!(steps.last() != Some(&after), "{version} up does nothing");
        steps.push(after);
    }
    let full = steps.pop().expect("there is one step at least");
    assert!(versions.len() >= 5 && full.len() > 100, "there is something to test");
    while let (Some(version), Some(before)) = (versions.pop(), steps.pop()) {
        migrator.undo(&pool, version - 1).await.unwrap_or_else(|error| panic!("{version} down: {error}"));
        assert_eq!(schema(&pool).await, before, "{version} down");
    }
    migrate::migrate(&pool).await.expect("up again");
    assert_eq!(schema(&pool).await, full);
}

/// R26: migrating what is migrated changes nothing.
#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let (_database, pool) = empty().await;
    migrate::migrate(&pool).await.expect("up");
    let rows = "SELECT string_agg(m::text, '|' ORDER BY version) FROM _sqlx_migrations m";
    let once: String = sqlx::query_scalar(rows).fetch_one(&pool).await.expect("reads");
    migrate::migrate(&pool).await.expect("up");
    let twice: String = sqlx::query_scalar(rows).fetch_one(&pool).await.expect("reads");
    assert_eq!(once, twice);
}

/// R25: eight starters on an empty database: all of them find it ready, and every migration ran once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_starters_at_once_are_safe() {
    let database = Database::empty().await;
    let mut starters = Vec::new();
    for _ in 0..8 {
        let pool = database.wide_pool(3).await;
        starters.push(tokio::spawn(async move { migrate::migrate(&pool).await }));
    }
    for starter in starters {
        starter.await.expect("ends").expect("migrates");
    }
    let pool = database.pool().await;
    assert!(migrate::status(&pool).await.expect("reads").is_current());
}

/// R25: eight starters on a database of an older release: all of them find it ready, and what was in it is still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_starters_on_an_old_database_are_safe() {
    let (database, pool) = empty().await;
    migrate::migrate(&pool).await.expect("up");
    let full = schema(&pool).await;
    let mut migrator = Migrator::new(root().join("migrations")).await.expect("the folder can be read");
    migrator.set_locking(false);
    migrator.undo(&pool, 3).await.expect("back to an older release");
    countersign_core::company::add(&pool, "old", "Old", false, "ada").await.expect("works on the old schema");
    let mut starters = Vec::new();
    for _ in 0..8 {
        let pool = database.wide_pool(3).await;
        starters.push(tokio::spawn(async move { migrate::migrate(&pool).await }));
    }
    for starter in starters {
        starter.await.expect("ends").expect("migrates");
    }
    assert_eq!(schema(&pool).await, full);
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM crm_operators").fetch_one(&pool).await.expect("reads");
    assert_eq!(kept, 1);
}

/// R25: a schema this binary does not know is left alone.
#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_database, pool) = empty().await;
    migrate::migrate(&pool).await.expect("up");
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'z later', true, '', 0)",
    )
    .execute(&pool)
    .await
    .expect("inserts");
    let before = schema(&pool).await;
    assert!(matches!(migrate::migrate(&pool).await, Err(SchemaError::Newer(_))));
    assert_eq!(migrate::status(&pool).await.expect("reads").unknown, [9999]);
    assert_eq!(schema(&pool).await, before);
}

/// A phase goes only when nothing refers to it any more; then the phases come back whole.
#[tokio::test]
async fn phases_are_reverted_in_the_order_of_their_needs() {
    let (_database, pool) = empty().await;
    let bare = schema(&pool).await;
    migrate::migrate(&pool).await.expect("up");
    let full = schema(&pool).await;
    assert!(matches!(migrate::revert(&pool, "a").await, Err(SchemaError::Needed { phase: 'a', .. })));
    assert_eq!(schema(&pool).await, full);
    assert!(matches!(migrate::revert(&pool, "b").await, Err(SchemaError::Needed { phase: 'b', .. })));
    assert_eq!(schema(&pool).await, full);
    migrate::revert(&pool, "c").await.expect("c goes");
    migrate::revert(&pool, "b").await.expect("b goes");
    let status = migrate::status(&pool).await.expect("reads");
    let applied: Vec<_> = status.phases.iter().map(|phase| (phase.phase, phase.applied.is_empty())).collect();
    assert_eq!(applied, [('a', false), ('b', true), ('c', true)]);
    migrate::revert(&pool, "a").await.expect("a goes");
    assert_eq!(schema(&pool).await, bare);
    migrate::migrate(&pool).await.expect("up again");
    assert_eq!(schema(&pool).await, full);
}

/// Whoever reverts hears of every migration, one after the other.
#[tokio::test]
async fn a_revert_tells_how_far_it_is() {
    let (_database, pool) = empty().await;
    migrate::migrate(&pool).await.expect("up");
    migrate::revert(&pool, "c").await.expect("c goes");
    let status = migrate::status(&pool).await.expect("reads");
    let total = status.phases.iter().find(|phase| phase.phase == 'b').expect("phase b").applied.len();
    let told = Mutex::new(Vec::new());
    let note = |done, total| told.lock().expect("nobody panicked").push((done, total));
    migrate::revert_watched(&pool, "b", &note).await.expect("b goes");
    let told = told.into_inner().expect("nobody panicked");
    assert!(total > 1);
    assert_eq!(told, (0..=total).map(|done| (done, total)).collect::<Vec<_>>());
}

/// What is no phase is named as such.
#[tokio::test]
async fn an_unknown_phase_is_refused() {
    let (_database, pool) = empty().await;
    for phase in ["", "z", "ab", "\u{1b}[31m"] {
        let refused = migrate::revert(&pool, phase).await.expect_err("there is no such phase");
        assert!(matches!(refused, SchemaError::NoSuchPhase(..)));
        assert!(!refused.to_string().contains('\u{1b}'));
    }
}
