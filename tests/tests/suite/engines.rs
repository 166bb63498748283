//! What processes tell each other of their engines, and the audit log read page by page.
use countersign_core::audit;
use countersign_core::engine::board::{Board, Health};
use countersign_core::engine::{self, DISPATCHER, Mode, store};
use countersign_core::ids::AuditId;
use countersign_tests::world::World;

async fn announce(world: &World, board: &Board) -> engine::Heart {
    engine::announce(&world.pool, Mode::Serve, "host2".to_owned(), "0.1.0", board).await.expect("announces")
}

async fn processes(world: &World) -> Vec<engine::Process> {
    store::list(&mut world.pool.acquire().await.expect("a connection")).await.expect("reads")
}

/// A process is seen while it runs, with the state of its tasks, and not after it ended.
#[tokio::test]
async fn a_process_is_seen_while_it_runs() {
    let (world, board) = (World::new().await, Board::default());
    let dispatcher = board.task(DISPATCHER);
    dispatcher.ok();
    let heart = announce(&world, &board).await;
    let seen = processes(&world).await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].is_fresh && seen[0].id == heart.id());
    assert_eq!((seen[0].mode, seen[0].host.as_str()), (Mode::Serve, "host2"));
    assert_eq!(seen[0].dispatcher().map(|task| task.health), Some(Health::Ok));
    dispatcher.restarts(&"a fault");
    world
        .until("the others know", async || {
            let seen = processes(&world).await;
            let task = seen[0].dispatcher().expect("a dispatcher");
            task.health == Health::Restarting
                && task.error.as_deref() == Some("a fault")
                && task.restarts == 1
        })
        .await;
    heart.stop().await;
    assert!(processes(&world).await.is_empty());
}

/// The next one names those that run and forgets those that were silent for two minutes.
#[tokio::test]
async fn a_starter_sees_who_runs_and_sweeps_who_does_not() {
    let (world, board) = (World::new().await, Board::default());
    let first = announce(&world, &board).await;
    world
        .sql(
            "INSERT INTO crm_engine_processes (id, mode, host, pid, version, seen_at)
          VALUES (gen_random_uuid(), 'console', 'lost', 1, '0.1.0', now() - interval '3 minutes')",
        )
        .await;
    let fresh: Vec<_> = processes(&world).await.iter().map(|process| process.is_fresh).collect();
    assert_eq!(fresh.iter().filter(|fresh| !**fresh).count(), 1, "silent, and said so until somebody starts");
    let second = announce(&world, &board).await;
    assert_eq!(second.others().iter().map(|other| other.id).collect::<Vec<_>>(), [first.id()]);
    assert!(processes(&world).await.iter().all(|process| process.host != "lost"));
    second.stop().await;
    first.stop().await;
}

/// A process whose row was swept while its machine slept is seen again.
#[tokio::test]
async fn a_swept_process_comes_back_with_its_next_beat() {
    let (world, board) = (World::new().await, Board::default());
    let task = board.task(DISPATCHER);
    let heart = announce(&world, &board).await;
    world.sql("DELETE FROM crm_engine_processes").await;
    task.ok();
    world.until("it is seen again", async || processes(&world).await.len() == 1).await;
    heart.stop().await;
}

async fn page(world: &World, text: Option<&str>, before: Option<AuditId>, limit: usize) -> audit::Page {
    let mut conn = world.pool.acquire().await.expect("a connection");
    audit::store_read::page(&mut conn, world.company, text, before, limit).await.expect("reads")
}

/// Every row once, newest first; of other companies none.
#[tokio::test]
async fn pages_of_the_audit_log_show_every_row_once() {
    let world = World::new().await;
    for _ in 0..5 {
        world.pause().await;
        world.resume().await;
    }
    let all = world.count("SELECT count(*) FROM crm_audit_log").await;
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let page = page(&world, None, before, 4).await;
        assert!(page.rows.len() <= 4);
        rows.extend(page.rows);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(i64::try_from(rows.len()), Ok(all));
    assert!(rows.is_sorted_by(|a, b| a.id > b.id));
    assert_eq!(rows[0].action, "outbox.resume");
    assert_eq!(rows[0].subject.as_deref(), Some("mail"), "an outbox is called by its name");
    assert_eq!(page(&world, Some("pause"), None, 200).await.rows.len(), 5);
    assert_eq!(page(&world, Some("A TEST"), None, 200).await.rows.len(), 5, "the reason counts");
    assert!(page(&world, Some("%"), None, 200).await.rows.is_empty(), "a wildcard is a letter");
}

/// A page costs a page, whatever lies behind it.
#[tokio::test]
async fn a_page_of_the_audit_log_reads_a_page() {
    let world = World::new().await;
    world
        .sql(&format!(
            "INSERT INTO crm_audit_log (company_id, id, actor_kind, actor_name, action)
              SELECT '{}', gen_random_uuid(), 'engine', 'dispatcher', 'dispatch.sent' FROM generate_series(1, 20000);
            ANALYZE crm_audit_log",
            world.company
        ))
        .await;
    let mut tx = world.pool.begin().await.expect("begins");
    let first = audit::store_read::page(&mut tx, world.company, None, None, 200).await.expect("reads");
    audit::store_read::page(&mut tx, world.company, None, first.next, 200).await.expect("reads");
    let (sequential, fetched): (i64, i64) = sqlx::query_as(
        "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'crm_audit_log'",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("counts");
    assert_eq!(sequential, 0);
    assert!(fetched <= 402, "{fetched} rows were fetched for two pages");
}
