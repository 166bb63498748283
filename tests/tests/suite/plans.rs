//! What statements cost: the claim uses its index, claim and wire are HOT, a page reads a page.
use countersign_core::activity::status::Status;
use countersign_core::activity::store_match::matching;
use countersign_core::activity::store_read;
use countersign_core::activity::view::{COUNT_LIMIT, Filter, List, PAGE_LIMIT, Snoozed};
use countersign_core::actor::Role;
use countersign_core::channel::ChannelName;
use countersign_core::inbound::inbox::{InboxFilter, State, Wanted};
use countersign_core::inbound::store_inbox;
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::server::root;
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use rstest::rstest;
use sqlx::AssertSqlSafe;

/// Fills the company with drafts and queued items, by SQL that obeys every rule.
async fn crowd(world: &World, drafts: usize, queued: usize) {
    let all = drafts + queued;
    world
        .sql(&format!(
            "CREATE TEMP TABLE made AS SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS contact, convert_to('text ' || n, 'UTF8') AS envelope
              FROM generate_series(1, {all}) n;
            INSERT INTO crm_contacts (company_id, id, name) SELECT '{company}', contact, 'Contact ' || n FROM made;
            INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
              SELECT '{company}', id, sha256(envelope), envelope FROM made;
            INSERT INTO crm_activities (company_id, id, outbox_id, contact_id, channel, kind, payload_sha256, status, created_at, expires_at, send_after)
              SELECT '{company}', id, '{outbox}', contact, 'email', 'first_touch', sha256(envelope), 'draft_pending_approval',
                now() - make_interval(secs => {all} - n), now() + interval '1 day', now() - make_interval(secs => {all} - n) FROM made;
            INSERT INTO crm_activity_details (company_id, activity_id, recipient, headline, proposed_kind, proposed_by)
              SELECT '{company}', id, 'c' || n || '@example.com', 'Headline ' || n, 'agent', 'scout' FROM made;
            INSERT INTO crm_decisions (company_id, id, activity_id, round, payload_sha256, verdict, completes, actor_kind, actor_id)
              SELECT '{company}', id, id, 1, sha256(envelope), 'approve', true, 'operator', id FROM made WHERE n > {drafts};
            UPDATE crm_activities a SET status = 'approved' FROM made WHERE a.id = made.id AND n > {drafts};
            DROP TABLE made",
            company = world.company,
            outbox = world.outbox,
        ))
        .await;
    world.sql("ANALYZE").await;
}

/// The text of a statement as it is shipped: the one of this file that holds these words.
fn shipped(file: &str, words: &str) -> String {
    let source = std::fs::read_to_string(root().join(file)).expect("the source is there");
    let place = source.find(words).unwrap_or_else(|| panic!("{file} has no statement with {words}"));
    let start = source[..place].rfind("r#\"").expect("the statement begins") + 3;
    let end = source[place..].find("\"#").expect("the statement ends");
    source[start..place + end].to_owned()
}

/// The hot statements of a dispatch find their rows by an index, whatever else there is, also in the plan that fits every parameter.
#[rstest]
#[case::lock(
    "core/src/dispatch/store.rs",
    "FOR NO KEY UPDATE SKIP LOCKED",
    "uuid, uuid, boolean, bigint",
    "'{company}', '{outbox}', false, 50"
)]
#[case::bytes("core/src/gate/store_facts.rs", "FROM crm_payloads", "uuid, uuid[]", "'{company}', '{ids}'")]
#[case::decisions(
    "core/src/gate/store_facts.rs",
    "FROM crm_decisions",
    "uuid, uuid[]",
    "'{company}', '{ids}'"
)]
#[case::touches(
    "core/src/gate/store_past.rs",
    "FROM crm_contacts c\n        JOIN crm_activities a",
    "uuid, uuid[], uuid[], interval, boolean",
    "'{company}', '{ids}', '{ids}', '7 days', false"
)]
#[case::accepted(
    "core/src/dispatch/store_close.rs",
    "RETURNING id AS \"id: ActivityId\"",
    "uuid, uuid[], uuid, text",
    "'{company}', '{ids}', '{outbox}', 'sent'"
)]
#[case::wire(
    "core/src/dispatch/store.rs",
    "SET wire_at = clock_timestamp()",
    "uuid, uuid[], uuid, uuid, text, int, timestamptz[], uuid[], text[], float8, bool[], text[]",
    "'{company}', '{ids}', '{outbox}', '{outbox}', NULL, NULL, '{{now}}', '{ids}', '{{a@example.com}}', 82800, '{{false}}', '{{a@example.com}}'"
)]
#[tokio::test]
async fn hot_statements_use_indexes(
    #[case] file: &str,
    #[case] words: &str,
    #[case] types: &str,
    #[case] values: &str,
    #[values("force_generic_plan", "force_custom_plan")] mode: &str,
) {
    let world = World::new().await;
    crowd(&world, 10_000, 2_000).await;
    let mut conn = world.pool.acquire().await.expect("a connection");
    let prepare = format!("SET plan_cache_mode = {mode}; PREPARE hot ({types}) AS {}", shipped(file, words));
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("prepares");
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id::text FROM crm_activities WHERE stage = 'queue' ORDER BY id LIMIT 50")
            .fetch_all(&mut *conn)
            .await
            .expect("reads");
    let values = values
        .replace("{ids}", &format!("{{{}}}", ids.join(",")))
        .replace("{company}", &world.company.to_string())
        .replace("{outbox}", &world.outbox.to_string());
    let explain = format!("EXPLAIN EXECUTE hot ({values})");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.expect("explains");
    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan on crm_activities"), "{plan}");
    // A table of a few thousand rows is cheaply read through, and a custom plan knows that it is so small.
    let is_generic = mode == "force_generic_plan";
    for table in ["crm_payloads", "crm_decisions"] {
        assert!(!is_generic || !plan.contains(&format!("Seq Scan on {table}")), "{plan}");
    }
    if words.starts_with("FOR NO KEY") {
        assert!(plan.contains("Index Scan using crm_activities_due on crm_activities"), "{plan}");
    }
}

/// Claim and wire change no indexed column: two of a message's three updates are HOT wherever the page has room, and room is given
/// here, so that the number is exact.
#[tokio::test]
async fn claim_and_wire_are_hot() {
    const COUNT: usize = 200;
    let (world, provider) = (World::new().await, Provider::start().await);
    world.sql("ALTER TABLE crm_activities SET (fillfactor = 20, autovacuum_enabled = off)").await;
    world.approved_email(COUNT).await;
    let before = updates(&world, count(COUNT)).await;
    // The valve makes sure that all are claimed and wired before the first is closed.
    let valve = Valve::default();
    let mut settings = quick();
    settings.max_in_flight = COUNT;
    let worker = Worker::start(&world, mail_by(valve.before(provider.transport())), settings).await;
    world.until("all are on the wire", async || valve.arrived() == COUNT).await;
    valve.open();
    world.until_count(Status::Sent, COUNT).await;
    worker.stop().await;
    let after = updates(&world, before.0 + 3 * count(COUNT)).await;
    assert_eq!(after.0 - before.0, 3 * count(COUNT), "claim, wire and close update each message once");
    assert_eq!(after.1 - before.1, 2 * count(COUNT), "claim and wire of every message are HOT");
}

/// A trigger before an update costs every row a lock of its own, in the log as well, whether or not its condition then passes.
#[tokio::test]
async fn no_trigger_runs_before_an_update_of_an_activity() {
    let world = World::new().await;
    let (before, row, update) = (2, 1, 16);
    let found = format!(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'crm_activities'::regclass AND NOT tgisinternal
          AND tgtype & {update} <> 0 AND (tgtype & {before} <> 0 OR tgtype & {row} = 0)"
    );
    assert_eq!(world.count(&found).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM pg_trigger WHERE tgname = 'CRM_guard_update'").await, 1);
}

/// All and HOT updates of the table so far, once there are at least so many: connections hand their numbers in when they end, or
/// after a second.
async fn updates(world: &World, at_least: i64) -> (i64, i64) {
    let read = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'crm_activities'";
    let mut updates = (0, 0);
    world
        .until("the statistics are in", async || {
            world.sql("SELECT pg_stat_force_next_flush()").await;
            updates = sqlx::query_as(read).fetch_one(&world.pool).await.expect("reads");
            updates.0 >= at_least
        })
        .await;
    updates
}

fn count(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// A key press reads a page, whatever waits behind it: by an index, at most two hundred rows.
#[tokio::test]
async fn a_page_costs_a_page() {
    let world = World::new().await;
    crowd(&world, 10_000, 10_000).await;
    let all = Filter::default();
    let of_a_channel = Filter { channel: Some(ChannelName::Email), ..Filter::default() };
    two_pages(&world, List::Approvals, &all).await;
    two_pages(&world, List::Approvals, &of_a_channel).await;
    two_pages(&world, List::Queue, &all).await;
    two_pages(&world, List::Attention, &all).await;
    two_pages(&world, List::Closed, &all).await;
}

/// A page without what its reader snoozed is read by an index as before. The snoozed themselves, and all that is marked, are
/// bounded by their number: at most ten thousand.
#[tokio::test]
async fn a_page_without_snoozed_drafts_costs_a_page() {
    let world = World::new().await;
    crowd(&world, 10_000, 10_000).await;
    let me = world.approver.operator(Role::Viewer).expect("an operator");
    world
        .sql(&format!(
            "INSERT INTO crm_snoozes (company_id, operator_id, activity_id, until)
            SELECT company_id, '{}', id, now() + interval '1 hour' FROM crm_activities
            WHERE stage = 'draft' ORDER BY created_at DESC LIMIT 500; ANALYZE",
            me.0
        ))
        .await;
    let awake = Filter { snoozed: Snoozed::Hidden(me), ..Filter::default() };
    two_pages(&world, List::Approvals, &awake).await;
    let mut tx = world.pool.begin().await.expect("begins");
    let asleep = Filter { snoozed: Snoozed::Only(me), ..Filter::default() };
    let page = store_read::page(&mut tx, world.company, List::Approvals, &asleep, None, PAGE_LIMIT).await;
    assert_eq!(page.expect("reads").rows.len(), PAGE_LIMIT);
    let found = matching(&mut tx, world.company, &awake).await.expect("reads");
    assert_eq!((found.items.len(), found.is_cut), (9_500, false));
}

async fn two_pages(world: &World, list: List, filter: &Filter) {
    let mut tx = world.pool.begin().await.expect("begins");
    // What earlier work on this connection read is still in the server's count for a moment.
    let before = read_so_far(&mut tx).await;
    let first = store_read::page(&mut tx, world.company, list, filter, None, 10_000).await.expect("reads");
    let second = match first.next {
        Some(next) => {
            store_read::page(&mut tx, world.company, list, filter, Some(next), 10_000)
                .await
                .expect("reads")
                .rows
        }
        None => Vec::new(),
    };
    let after = read_so_far(&mut tx).await;
    let (sequential, fetched) = (after.0 - before.0, after.1 - before.1);
    assert!(first.rows.len() <= PAGE_LIMIT && second.len() <= PAGE_LIMIT);
    let overlap = first.rows.iter().any(|row| second.iter().any(|other| other.id == row.id));
    assert!(!overlap, "{list:?}: pages overlap");
    assert_eq!(sequential, 0, "{list:?}: the table was read through");
    assert!(fetched <= 2 * count(PAGE_LIMIT + 1), "{list:?}: {fetched} rows were fetched for two pages");
}

/// Sequential scans and rows fetched by an index, as the server itself counts them.
async fn read_so_far(conn: &mut sqlx::PgConnection) -> (i64, i64) {
    read_of(conn, "crm_activities").await
}

async fn read_of(conn: &mut sqlx::PgConnection, table: &str) -> (i64, i64) {
    sqlx::query_as("SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = $1")
        .bind(table)
        .fetch_one(conn)
        .await
        .expect("counts")
}

/// Whether something that came in is due is asked once a second, for all companies at once: by an index, however much was applied
/// before and however much waits for later.
#[rstest]
#[tokio::test]
async fn what_is_due_of_what_came_in_is_found_by_an_index(
    #[values("force_generic_plan", "force_custom_plan")] mode: &str,
) {
    let world = World::new().await;
    world
        .sql(&format!(
            "INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, sig_ok, reading, raw_sha256, state, look_at)
            SELECT '{}', gen_random_uuid(), 'resend', 'e' || n, 'message', true,
              jsonb_build_object('what', jsonb_build_object('isAnnounced', n % 2 = 0)), sha256('x'),
              CASE WHEN n % 10 > 0 THEN 'applied' ELSE 'stored' END, now() + interval '1 hour'
            FROM generate_series(1, 20000) n; ANALYZE",
            world.company
        ))
        .await;
    let statement = shipped("core/src/inbound/store_apply.rs", "CROSS JOIN LATERAL");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let prepare = format!("SET plan_cache_mode = {mode}; PREPARE due_events (text[], text[]) AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("prepares");
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) EXECUTE due_events ('{resend}', '{resend}')",
    )
    .fetch_all(&mut *conn)
    .await
    .expect("explains");
    let plan = plan.join("\n");
    assert!(plan.contains("using crm_inbound_events_due on crm_inbound_events"), "{plan}");
    // What waits for later is not even looked at.
    assert!(!plan.contains("Rows Removed by Filter"), "{plan}");
}

/// Whether a booking was told before is found by its id, however many bookings were.
#[rstest]
#[tokio::test]
async fn a_booking_is_found_by_its_id(#[values("force_generic_plan", "force_custom_plan")] mode: &str) {
    let world = World::new().await;
    world
        .sql(&format!(
            "INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, sig_ok, reading, raw_sha256, state)
            SELECT '{}', gen_random_uuid(), 'cal-com', 'e' || n, 'booking', true,
              jsonb_build_object('what', jsonb_build_object('uid', 'b' || n, 'phase', 'booked')), sha256('x'), 'applied'
            FROM generate_series(1, 20000) n; ANALYZE",
            world.company
        ))
        .await;
    let statement = shipped("core/src/sync/store.rs", "e.kind = 'booking'");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let types = "uuid, text, text[], text[], text[]";
    let prepare = format!("SET plan_cache_mode = {mode}; PREPARE told ({types}) AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("prepares");
    let uids: Vec<String> = (1..=100).map(|n| format!("b{n}")).collect();
    let explain = format!(
        "EXPLAIN EXECUTE told ('{}', 'cal-com', '{{{}}}', '{{{}}}', '{{{}}}')",
        world.company,
        uids.join(","),
        ["booked"; 100].join(","),
        ["NULL"; 100].join(",")
    );
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.expect("explains");
    let plan = plan.join("\n");
    assert!(plan.contains("crm_inbound_events_bookings"), "{plan}");
}

/// The inbox reads a page for a page too, newest first, however much came in; what waits for a person has an index of its own, and both
/// pages are found without sorting.
#[rstest]
#[case::all(Wanted::All)]
#[case::attention(Wanted::Attention)]
#[case::failed(Wanted::One(State::Failed))]
#[case::unmatched(Wanted::One(State::Unmatched))]
#[tokio::test]
async fn a_page_of_the_inbox_costs_a_page(
    #[case] state: Wanted,
    #[values("force_generic_plan", "force_custom_plan")] mode: &str,
) {
    let world = World::new().await;
    // Ten thousand wait for a person, half of them unmatched; many came in with one delivery.
    world
        .sql(&format!(
            "INSERT INTO crm_inbound_events (company_id, id, source, external_id, kind, received_at, sig_ok, reading, raw_sha256, state)
            SELECT '{}', gen_random_uuid(), 'resend', 'e' || n, 'other', now() - make_interval(secs => n / 50), true,
              jsonb_build_object('externalId', 'e' || n, 'about', '[]'::jsonb, 'what', jsonb_build_object('kind', 'other', 'name', 'n' || n)),
              sha256('x'), CASE WHEN n % 4 > 0 THEN 'applied' WHEN n % 8 = 0 THEN 'failed' ELSE 'unmatched' END
            FROM generate_series(1, 40000) n; ANALYZE",
            world.company
        ))
        .await;
    let mut tx = world.pool.begin().await.expect("begins");
    sqlx::raw_sql(AssertSqlSafe(format!("SET LOCAL plan_cache_mode = {mode}")))
        .execute(&mut *tx)
        .await
        .expect("set");
    let filter = InboxFilter { state, source: None };
    let page_of = async |conn: &mut sqlx::PgConnection, after| {
        store_inbox::page(conn, world.company, &filter, after, 10_000).await.expect("reads")
    };
    let before = read_of(&mut tx, "crm_inbound_events").await;
    let first = page_of(&mut tx, None).await;
    let second = page_of(&mut tx, first.next).await;
    let after = read_of(&mut tx, "crm_inbound_events").await;
    assert_eq!((first.rows.len(), second.rows.len()), (PAGE_LIMIT, PAGE_LIMIT));
    let keys: Vec<_> = first.rows.iter().chain(&second.rows).map(|row| (row.received_at, row.id)).collect();
    assert!(keys.is_sorted_by(|a, b| a > b), "newest first, each once");
    assert_eq!(after.0 - before.0, 0, "the table was read through");
    let share = if matches!(state, Wanted::One(_)) { 2 } else { 1 };
    // Those that came in at the same moment may be read once more where a page begins.
    let most = 2 * share * count(PAGE_LIMIT + 1) + 200;
    assert!(after.1 - before.1 <= most, "{} rows were fetched", after.1 - before.1);
}

/// Paging through everything shows everything once, in order.
#[tokio::test]
async fn pages_show_every_draft_once() {
    let world = World::new().await;
    crowd(&world, 1_050, 10).await;
    let mut conn = world.pool.acquire().await.expect("a connection");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store_read::page(
            &mut conn,
            world.company,
            List::Approvals,
            &Filter::default(),
            after,
            PAGE_LIMIT,
        )
        .await
        .expect("reads");
        seen.extend(page.rows.into_iter().map(|row| (row.created_at, row.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 1_050);
    assert!(seen.is_sorted_by(|a, b| a < b));
}

/// Counts stop at ten thousand and are shown as "10 000+".
#[tokio::test]
async fn counts_are_bounded() {
    let world = World::new().await;
    crowd(&world, 10_200, 300).await;
    let mut conn = world.pool.acquire().await.expect("a connection");
    let counts = store_read::counts(&mut conn, world.company).await.expect("counts");
    assert_eq!((counts.pending, counts.holding, counts.sending), (COUNT_LIMIT, 300, 0));
}

/// Whether a domain is known costs so much at most, however many contacts are at a provider of mail that all the world uses.
#[rstest]
#[case::nobody_was_written_to(0)]
#[case::one_of_the_oldest_was(1)]
#[tokio::test]
async fn a_domain_with_many_contacts_is_not_read_through(
    #[case] sent: i64,
    #[values("force_generic_plan", "force_custom_plan")] mode: &str,
) {
    let (world, provider) = (World::new().await, Provider::start().await);
    if sent > 0 {
        world.approved_email(1).await;
        let worker = Worker::start(&world, provider.lines(), quick()).await;
        world.until_count(Status::Sent, 1).await;
        worker.stop().await;
    }
    crowd(&world, 6_000, 0).await;
    world
        .sql(
            "INSERT INTO crm_contact_addresses (company_id, kind, address, contact_id)
            SELECT company_id, 'email', id || '@example.com', id FROM crm_contacts c WHERE NOT EXISTS (
              SELECT FROM crm_contact_addresses d WHERE d.contact_id = c.id); ANALYZE",
        )
        .await;
    let statement = shipped("core/src/approval/store_risk.rs", "split_part(d.address");
    let mut tx = world.pool.begin().await.expect("a transaction");
    let prepare =
        format!("SET LOCAL plan_cache_mode = {mode}; PREPARE known (uuid, text[], bigint) AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *tx).await.expect("prepares");
    let read = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
        WHERE relname IN ('crm_activities', 'crm_contact_addresses')";
    let before: i64 = sqlx::query_scalar(read).fetch_one(&mut *tx).await.expect("counts");
    let ask = format!("EXECUTE known ('{}', '{{example.com, nowhere.example}}', 1000)", world.company);
    let known: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ask)).fetch_all(&mut *tx).await.expect("reads");
    let after: i64 = sqlx::query_scalar(read).fetch_one(&mut *tx).await.expect("counts");
    assert_eq!(known, vec!["example.com"; usize::try_from(sent).expect("few")]);
    // An address and an activity of each contact that is asked after.
    assert!(after - before <= 2_000, "{} rows were read", after - before);
}
