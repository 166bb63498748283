//! Changing an outbox and killing it, and what that means for what waits.
use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::channel::ChannelName;
use countersign_core::error::Error;
use countersign_core::ids::OutboxId;
use countersign_core::outbox::store::{self, KillScope};
use countersign_core::outbox::{self, Change, Done, store_show};
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, rendering};

async fn set(world: &World, change: Change) -> Done {
    outbox::change(&world.pool, &world.admin, world.company, world.outbox, &change, &rendering())
        .await
        .expect("can be changed")
}

async fn bucket(world: &World) -> (i32, i32) {
    sqlx::query_as("SELECT sent_today, daily_cap FROM crm_credential_buckets WHERE outbox_id = $1")
        .bind(world.outbox.0)
        .fetch_one(&world.pool)
        .await
        .expect("there is a bucket")
}

async fn sent_today_is(world: &World, sent: i32) {
    world.sql(&format!("UPDATE crm_credential_buckets SET sent_today = {sent}")).await;
}

/// I9: every change is recorded with its old and its new value; what is like that already is no change.
#[tokio::test]
async fn each_change_is_recorded_with_old_and_new() {
    let world = World::new().await;
    let change = Change {
        daily_cap: Some(7),
        niche: Some(Some("roofs".to_owned())),
        allowlist_enforced: Some(true),
        ..Change::default()
    };
    let done = set(&world, change.clone()).await;
    let fields: Vec<_> = done.changed.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["dailyCap", "niche"]);
    let audited = "SELECT string_agg(detail ->> 'field' || ' ' || (detail -> 'old')::text || ' ' || (detail -> 'new')::text, '; ' ORDER BY id)
        FROM crm_audit_log WHERE action = 'outbox.set'";
    assert_eq!(world.text(audited).await, r#"dailyCap 100000 7; niche null "roofs""#);
    assert!(set(&world, change).await.changed.is_empty());
    assert_eq!(world.audit(world.outbox).await.iter().filter(|one| *one == "outbox.set").count(), 2);
    let mut conn = world.pool.acquire().await.expect("a connection");
    let shown = store_show::show(&mut conn, world.company, "mail").await.expect("reads").expect("is there");
    assert_eq!((shown.view.daily_cap, shown.niche.as_deref()), (7, Some("roofs")));
}

/// Only an admin changes an outbox, and a change that is refused changes nothing.
#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let world = World::new().await;
    let bad = Change { daily_cap: Some(5), zone: Some("Mars/Base".to_owned()), ..Change::default() };
    let try_as = async |actor: &Actor, outbox: OutboxId, change: &Change| {
        outbox::change(&world.pool, actor, world.company, outbox, change, &rendering()).await
    };
    assert!(matches!(try_as(&world.approver, world.outbox, &bad).await, Err(Error::Forbidden { .. })));
    assert!(matches!(try_as(&world.admin, world.outbox, &bad).await, Err(Error::Invalid { .. })));
    let unknown = [("region".to_owned(), Some("eu".to_owned()))].into();
    let unknown = Change { daily_cap: Some(5), config: unknown, ..Change::default() };
    match try_as(&world.admin, world.outbox, &unknown).await {
        Err(Error::Invalid { reason, .. }) => {
            assert_eq!(reason, "`region` is not a setting of email; it has none");
        }
        other => panic!("{other:?}"),
    }
    let good = Change { daily_cap: Some(5), ..Change::default() };
    assert!(matches!(try_as(&world.admin, OutboxId::new(), &good).await, Err(Error::NotFound { .. })));
    assert_eq!(bucket(&world).await, (0, 100_000));
    assert_eq!(world.text("SELECT daily_cap::text FROM crm_outboxes").await, "100000");
}

/// I3: a cap below what was sent holds from that moment, counts what was sent, and is the whole cap the next day.
#[tokio::test]
async fn a_lowered_cap_counts_what_was_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    sent_today_is(&world, 10).await;
    set(&world, Change { daily_cap: Some(2), ..Change::default() }).await;
    assert_eq!(bucket(&world).await, (10, 10));
    let items = world.approved_email(3).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("nothing is due any more", async || {
            world
                .count("SELECT count(*) FROM crm_activities WHERE status IN ('approved', 'blocked_by_quota')")
                .await
                == 3
        })
        .await;
    assert_eq!((provider.requests(), world.status(items[0].id).await.as_str()), (0, "approved"));
    // Midnight: the bucket and its day are of yesterday.
    world.sql("UPDATE crm_credential_buckets SET day = day - 1").await;
    world.hurry().await;
    world.until_count(Status::Sent, 2).await;
    world.until_count(Status::BlockedByQuota, 1).await;
    assert_eq!(bucket(&world).await, (2, 2));
    // Raised: what waited for quota goes at once and not the next day.
    set(&world, Change { daily_cap: Some(3), ..Change::default() }).await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    assert_eq!(bucket(&world).await, (3, 3));
    books::compare(&world, &provider).await;
}

/// I3: a new zone brings a new day and no new quota.
#[rstest::rstest]
#[case("Pacific/Kiritimati")]
#[case("Pacific/Pago_Pago")]
#[tokio::test]
async fn a_change_of_zone_gives_no_quota(#[case] zone: &str) {
    let world = World::new().await;
    set(&world, Change { daily_cap: Some(10), ..Change::default() }).await;
    sent_today_is(&world, 9).await;
    set(&world, Change { zone: Some(zone.to_owned()), ..Change::default() }).await;
    assert_eq!(bucket(&world).await, (9, 10));
    let is_today = format!(
        "SELECT count(*) FROM crm_credential_buckets WHERE day = (now() AT TIME ZONE '{zone}')::date"
    );
    assert_eq!(world.count(&is_today).await, 1);
    // What is left over from another day is not counted as sent today.
    world.sql("UPDATE crm_credential_buckets SET day = day - 3").await;
    set(&world, Change { zone: Some("UTC".to_owned()), ..Change::default() }).await;
    assert_eq!(bucket(&world).await, (0, 10));
}

/// A new sender is for new drafts; how many keep the old one is said, and they are sent as they were decided.
#[tokio::test]
async fn a_new_sender_leaves_decided_messages_alone() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let done =
        set(&world, Change { sender: Some("Bea <bea@sender.example>".to_owned()), ..Change::default() })
            .await;
    assert_eq!((done.keep_sender, done.name_old_secret), (2, 0));
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 2).await;
    worker.stop().await;
    assert!(provider.ledger().iter().all(|entry| entry.body.contains("ana@sender.example")));
}

/// A message that names another credential than its outbox uses now is blocked, not sent under it; how many is said before.
#[tokio::test]
async fn another_secret_blocks_what_names_the_old_one() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    world.set_secret("other", "re_other").await;
    let secret = "secret://other:latest".parse().expect("a reference");
    let done = set(&world, Change { secret: Some(secret), ..Change::default() }).await;
    assert_eq!((done.keep_sender, done.name_old_secret), (0, 1));
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[0].id, Status::BlockedByPolicy).await;
    worker.stop().await;
    assert_eq!(provider.requests(), 0);
}

/// A killed outbox sends nothing; an approver may kill, only an admin lifts it; the reason stands beside everything that waits.
#[tokio::test]
async fn a_killed_outbox_sends_nothing_until_an_admin_lifts_it() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let (pool, company, id) = (&world.pool, world.company, world.outbox);
    let by_viewer = outbox::kill(pool, &world.viewer, company, id, "no").await;
    assert!(matches!(by_viewer, Err(Error::Forbidden { .. })));
    assert!(matches!(
        outbox::kill(pool, &world.approver, company, id, " ").await,
        Err(Error::Invalid { .. })
    ));
    outbox::kill(pool, &world.approver, company, id, "wrong list").await.expect("an approver may stop");
    let again = outbox::kill(pool, &world.approver, company, id, "again").await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    assert!(matches!(outbox::pause(pool, &world.approver, company, id, "x").await, Err(Error::Conflict(_))));
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    let marker = world.add_outbox(&countersign_tests::world::mail_outbox("other")).await;
    let mut line = countersign_tests::world::draft_to("person-9@example.com", 9);
    line["outbox"] = "other".into();
    let item = world.file(&[line]).await;
    world.approve(&item).await;
    world.until_status(item[0].id, Status::Sent).await;
    assert_eq!((provider.requests(), world.sent_today(id).await, world.sent_today(marker).await), (1, 0, 1));
    let resumed = outbox::resume(pool, &world.approver, company, id).await;
    assert!(
        matches!(resumed, Err(Error::Forbidden { needed: countersign_core::actor::Role::Admin, .. })),
        "{resumed:?}"
    );
    assert_eq!(provider.requests(), 1);
    let mut conn = pool.acquire().await.expect("a connection");
    let shown =
        store_show::show(&mut conn, company, &id.to_string()).await.expect("reads").expect("is there");
    assert_eq!(
        (shown.view.kill_reason.as_deref(), shown.killed_by.as_deref()),
        (Some("wrong list"), Some("ben"))
    );
    let page = countersign_core::activity::store_read::page(
        &mut conn,
        company,
        countersign_core::activity::view::List::Queue,
        &countersign_core::activity::view::Filter::default(),
        None,
        10,
    )
    .await
    .expect("reads");
    let holds: Vec<_> = page.rows.iter().filter_map(|row| row.hold.as_ref()).collect();
    assert!(holds.len() == 2 && holds.iter().all(|hold| hold.code == "outbox_killed"), "{holds:?}");
    drop(conn);
    outbox::resume(pool, &world.admin, company, id).await.expect("an admin lifts it");
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    let audited = world.audit(id).await;
    assert!(
        audited.iter().any(|one| one == "outbox.kill") && audited.iter().any(|one| one == "outbox.unkill")
    );
    books::compare(&world, &provider).await;
}

/// R9: what is claimed and not on the wire stays here when the outbox is killed in between; the hold names the kill.
#[tokio::test]
async fn a_kill_between_claim_and_wire_stops_the_message() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    world
        .sql(
            "CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE crm_outboxes SET enabled = false, pause_reason = 'k', killed_at = now(), killed_by = 'ada', kill_reason = 'k';
              RETURN NEW; END $$;
            CREATE TRIGGER kill AFTER INSERT ON crm_dispatch_claims FOR EACH ROW EXECUTE FUNCTION kill()",
        )
        .await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("the claim is given back", async || {
            let given_back = "SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.give_back'
                AND NOT EXISTS (SELECT FROM crm_dispatch_claims)";
            world.count(given_back).await > 0
        })
        .await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    assert_eq!(world.stored(items[0].id).await.status, Status::Approved);
}

/// The widest kill is the one that is named, and lifting it uncovers the one below.
#[tokio::test]
async fn a_list_says_how_far_the_kill_reaches_that_stops_an_outbox() {
    let world = World::new().await;
    let (pool, admin, company) = (&world.pool, &world.admin, world.company);
    let stopped = async || {
        let mut conn = pool.acquire().await.expect("a connection");
        let outbox = store::list(&mut conn, company).await.expect("is read").remove(0);
        let kills = store::wide_kills(&mut conn, company).await.expect("are read");
        let wide: Vec<_> = kills.into_iter().map(|kill| (kill.channel, kill.reason)).collect();
        (outbox.kill_scope, outbox.kill_reason, wide)
    };
    assert_eq!(stopped().await, (None, None, Vec::new()));
    let email = Some(ChannelName::Email);
    outbox::kill(pool, admin, company, world.outbox, "list").await.expect("is killed");
    outbox::kill_all(pool, admin, company, email, "blocklisted").await.expect("is killed");
    outbox::kill_all(pool, admin, company, None, "leak").await.expect("is killed");
    let (all, mail) = ((None, "leak".to_owned()), (email, "blocklisted".to_owned()));
    let company_wide = (Some(KillScope::Company), Some("leak".to_owned()), vec![all, mail.clone()]);
    assert_eq!(stopped().await, company_wide);
    outbox::lift_all(pool, admin, company, None).await.expect("is lifted");
    let by_channel = (Some(KillScope::Channel), Some("blocklisted".to_owned()), vec![mail]);
    assert_eq!(stopped().await, by_channel);
    outbox::lift_all(pool, admin, company, email).await.expect("is lifted");
    assert_eq!(stopped().await, (Some(KillScope::Outbox), Some("list".to_owned()), Vec::new()));
}

/// The database holds the same line: a killed outbox cannot be enabled by a statement that forgets the kill.
#[tokio::test]
async fn the_database_keeps_a_killed_outbox_shut() {
    let world = World::new().await;
    outbox::kill(&world.pool, &world.admin, world.company, world.outbox, "stop").await.expect("is killed");
    let refused = world.try_sql("UPDATE crm_outboxes SET enabled = true, pause_reason = NULL").await;
    assert!(refused.is_err_and(|error| error.starts_with("23514")), "a check constraint");
}
