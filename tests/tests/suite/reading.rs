//! What a reader of one item sees beside it: what was said with the same contact, and what it said before an edit.
use countersign_core::activity::status::Status;
use countersign_core::activity::store_thread;
use countersign_core::activity::thread::{THREAD_LIMIT, Thread};
use countersign_core::ids::{ActivityId, ContactId};
use countersign_tests::server::root;
use countersign_tests::world::World;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Gives the contact so many more activities, the newest first in time: sent mails, and every third a received one.
async fn talk(world: &World, contact: Uuid, count: usize) {
    world
        .sql(&format!(
            "INSERT INTO crm_activities (company_id, id, contact_id, channel, kind, status, created_at)
              SELECT '{company}', gen_random_uuid(), '{contact}', CASE n % 2 WHEN 0 THEN 'email' ELSE 'whatsapp' END, 'reply',
                CASE n % 3 WHEN 0 THEN 'received' ELSE 'recorded' END, now() - make_interval(hours => n)
              FROM generate_series(1, {count}) n",
            company = world.company,
        ))
        .await;
}

async fn contact_of(world: &World, id: ActivityId) -> Uuid {
    let text = world.text(&format!("SELECT contact_id::text FROM crm_activities WHERE id = '{id}'")).await;
    text.parse().expect("an id")
}

async fn thread(world: &World, contact: Uuid, except: ActivityId) -> Thread {
    let mut conn = world.pool.acquire().await.expect("a connection");
    store_thread::thread(&mut conn, world.company, ContactId(contact), except).await.expect("reads")
}

/// Every channel, newest first, bounded, and without the item that is open.
#[tokio::test]
async fn a_thread_is_bounded_and_newest_first() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    let contact = contact_of(&world, items[0].id).await;
    assert_eq!(thread(&world, contact, items[0].id).await, Thread::default());
    talk(&world, contact, 3).await;
    let found = thread(&world, contact, items[0].id).await;
    let statuses: Vec<Status> = found.touches.iter().map(|touch| touch.status).collect();
    assert_eq!(statuses, [Status::Recorded, Status::Recorded, Status::Received]);
    assert!(!found.has_more);
    // The other draft belongs to somebody else; seen from there, the item itself is in the thread, with its text.
    let other = thread(&world, contact, items[1].id).await;
    assert_eq!(other.touches[0].id, items[0].id);
    assert!(other.touches[0].text.is_some() && !other.touches[0].headline.is_empty());
    talk(&world, contact, THREAD_LIMIT).await;
    let found = thread(&world, contact, items[0].id).await;
    assert_eq!((found.touches.len(), found.has_more), (THREAD_LIMIT, true));
}

/// A thread costs what is shown of it: the index of contacts has it in order.
#[tokio::test]
async fn a_thread_is_read_by_the_index_of_contacts() {
    let world = World::new().await;
    let items = world.file_email(200).await;
    for item in items.iter().take(20) {
        talk(&world, contact_of(&world, item.id).await, 200).await;
    }
    world.sql("ANALYZE").await;
    let source =
        std::fs::read_to_string(root().join("core/src/activity/store_thread.rs")).expect("the source");
    let start = source.find("SELECT a.id, a.status").expect("the statement begins so");
    let end = start + source[start..].find("\"#").expect("the statement ends");
    let statement = source[start..end].replace("\"headline?\"", "headline");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let prepare = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE thread (uuid, uuid, uuid, bigint) AS {statement}"
    );
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("prepares");
    let contact = contact_of(&world, items[0].id).await;
    let explain = format!("EXPLAIN EXECUTE thread ('{}', '{contact}', '{}', 51)", world.company, items[0].id);
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.expect("explains");
    let plan = plan.join("\n");
    assert!(
        plan.contains("crm_activities_contact") && !plan.contains("Seq Scan on crm_activities "),
        "{plan}"
    );
}

/// After an edit the text before it can be read; after another, the one before that edit.
#[tokio::test]
async fn the_version_before_the_last_edit_is_found() {
    let world = World::new().await;
    let item = world.file_email(1).await[0];
    let before = async || {
        let mut conn = world.pool.acquire().await.expect("a connection");
        store_thread::version_before(&mut conn, world.company, item.id).await.expect("reads")
    };
    assert!(before().await.is_none());
    world
        .sql(&format!(
            "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope, created_at)
              SELECT company_id, activity_id, sha256(convert_to(t, 'UTF8')), convert_to(t, 'UTF8'), now() + interval '1 second'
              FROM (SELECT p.*, replace(convert_from(envelope, 'UTF8'), 'a', 'e') AS t FROM crm_payloads p
                WHERE activity_id = '{id}') x;
            UPDATE crm_activities SET payload_sha256 = (SELECT payload_sha256 FROM crm_payloads WHERE activity_id = '{id}'
              ORDER BY created_at DESC LIMIT 1) WHERE id = '{id}'",
            id = item.id
        ))
        .await;
    let found = before().await.expect("there is one");
    assert_eq!(found.payload_sha256, item.payload_sha256);
    assert_eq!(found.envelope.seal().expect("seals").sha256(), item.payload_sha256);
}
