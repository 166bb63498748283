//! What makes a message wait: quiet hours, how often one may be written to, and the warm-up of an outbox.
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::clock;
use countersign_core::company::policy::{PolicyChange, set_policy};
use countersign_core::outbox::limits::QuietHours;
use countersign_core::outbox::{self, Change};
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft, draft_to, mail_outbox, rendering};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::gates::dispatch_until;

async fn set(world: &World, change: Change) {
    outbox::change(&world.pool, &world.admin, world.company, world.outbox, &change, &rendering())
        .await
        .expect("can be set");
}

async fn ask(world: &World, change: PolicyChange) {
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("can be asked");
}

async fn hold_code(world: &World, item: Item) -> String {
    world.stored(item.id).await.hold_code.unwrap_or_default()
}

/// R9: quiet hours that begin after the approval hold the message until they end where the recipient is; one whose place nobody knows
/// waits too; where it is day it goes.
#[tokio::test]
async fn quiet_hours_hold_until_they_end_where_the_recipient_is() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let placed = |number: usize, zone: Option<&str>| {
        let mut line = draft(number);
        line["contact"]["zone"] = json!(zone);
        line
    };
    // Half a day apart: where one sleeps the other does not.
    let lines = [placed(1, Some("Etc/GMT")), placed(2, Some("Etc/GMT+12")), placed(3, None)];
    let items = world.file(&lines).await;
    world.approve(&items).await;
    let now = clock::now().to_zoned(TimeZone::UTC);
    let hour = |hours: i64| now.checked_add(hours.hours()).expect("a time").strftime("%H:%M").to_string();
    let quiet = format!("{}-{}", hour(-2), hour(2)).parse().expect("quiet hours");
    set(&world, Change { quiet: Some(quiet), ..Change::default() }).await;
    dispatch_until(&world, &provider, "each has its verdict", async || {
        hold_code(&world, items[0]).await == "quiet_hours"
            && world.status(items[1].id).await == Status::Sent
            && hold_code(&world, items[2]).await == "zone_unknown"
    })
    .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (1, 1));
    let next = format!(
        "SELECT count(*) FROM crm_activities WHERE id = '{}' AND send_after BETWEEN now() + interval '1 hour' AND now() + interval '2 hours'",
        items[0].id
    );
    assert_eq!(world.count(&next).await, 1, "it is looked at again when the quiet hours end");
    set(&world, Change { quiet: Some(QuietHours::default()), ..Change::default() }).await;
    world.hurry().await;
    dispatch_until(&world, &provider, "all are sent", async || {
        world.statuses().await.get("sent") == Some(&3)
    })
    .await;
    books::compare(&world, &provider).await;
}

/// Over all outboxes one contact gets what the company allows a day, and a reply goes before what was due before it.
#[tokio::test]
async fn a_contact_gets_one_a_day_and_the_reply_goes_first() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.add_outbox(&mail_outbox("other")).await;
    let line = |number: usize, kind: &str, outbox: &str| {
        let mut line = draft_to("person-1@example.com", number);
        (line["kind"], line["outbox"]) = (kind.into(), outbox.into());
        line
    };
    let lines = [line(1, "first_touch", "mail"), line(2, "follow_up", "other"), line(3, "reply", "mail")];
    let items = world.file(&lines).await;
    ask(&world, PolicyChange { contact_per_day: Some(Some(1)), ..PolicyChange::default() }).await;
    for item in &items {
        world.approve(&[*item]).await;
    }
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[2].id, Status::Sent).await;
    let others_wait = async || {
        hold_code(&world, items[0]).await == "contact_frequency"
            && hold_code(&world, items[1]).await == "contact_frequency"
    };
    world.until("the others wait", others_wait).await;
    // What was behind a rival is looked at again soon, and then behind what was sent.
    world.hurry().await;
    world
        .until("they wait for the end of the day that follows the reply", async || {
            let late = "SELECT count(*) FROM crm_activities WHERE status = 'approved' AND send_after > now() + interval '23 hours'";
            world.count(late).await == 2
        })
        .await;
    assert_eq!(provider.requests(), 1);
    ask(&world, PolicyChange { contact_per_day: Some(None), ..PolicyChange::default() }).await;
    world.hurry().await;
    world.until_count(Status::Sent, 3).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// All contacts of one account together get what the company allows a week; another account has its own.
#[tokio::test]
async fn an_account_gets_so_many_a_week() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut lines: Vec<_> = (1..=5).map(draft).collect();
    lines[4]["contact"]["account"] = "Elsewhere".into();
    let items = world.file(&lines).await;
    world.approve(&items).await;
    ask(&world, PolicyChange { account_per_week: Some(Some(2)), ..PolicyChange::default() }).await;
    dispatch_until(&world, &provider, "each has its verdict", async || {
        let held = "SELECT count(*) FROM crm_activities WHERE status = 'approved' AND hold_code = 'account_frequency' AND send_after > now()";
        world.statuses().await.get("sent") == Some(&3) && world.count(held).await == 2
    })
    .await;
    assert_eq!(world.status(items[4].id).await, Status::Sent);
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (3, 3));
    books::compare(&world, &provider).await;
}

/// I13: two dispatchers, two outboxes, one message in each for every contact, one allowed a day: every contact gets exactly one, also
/// where the more urgent one comes while the other is being claimed.
#[tokio::test]
async fn two_dispatchers_never_write_twice_to_one_contact() {
    const CONTACTS: usize = 60;
    let (world, provider) = (World::new().await, Provider::start().await);
    world.add_outbox(&mail_outbox("other")).await;
    let lines: Vec<_> = (1..=CONTACTS)
        .flat_map(|number| {
            let mut second = draft_to(&format!("person-{number}@example.com"), number + 100);
            (second["outbox"], second["kind"]) = ("other".into(), "reply".into());
            [draft(number), second]
        })
        .collect();
    let items = world.file(&lines).await;
    ask(&world, PolicyChange { contact_per_day: Some(Some(1)), ..PolicyChange::default() }).await;
    let first = Worker::start(&world, provider.lines(), quick()).await;
    let second = Worker::start(&world, provider.lines(), quick()).await;
    for item in &items {
        world.approve(&[*item]).await;
    }
    world.until_count(Status::Sent, CONTACTS).await;
    let others_wait = async || {
        let held = "SELECT count(*) FROM crm_activities WHERE status = 'approved' AND hold_code = 'contact_frequency' AND send_after > now()";
        world.count(held).await == i64::try_from(CONTACTS).unwrap_or(0)
    };
    world.until("the others wait", others_wait).await;
    world.hurry().await;
    world.until("they wait again", others_wait).await;
    first.stop().await;
    second.stop().await;
    let mut written: Vec<_> = provider.ledger().into_iter().flat_map(|entry| entry.to).collect();
    written.sort_unstable();
    written.dedup();
    assert_eq!((written.len(), provider.ledger().len()), (CONTACTS, CONTACTS));
    books::compare(&world, &provider).await;
}

/// I3: a warm-up of three and two more every day sends three today and five after midnight; the hold names it.
#[tokio::test]
async fn a_warm_up_grows_day_by_day() {
    let (world, provider) = (World::new().await, Provider::start().await);
    set(&world, Change { ramp: Some(Some((3, 2))), ..Change::default() }).await;
    let items = world.approved_email(10).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    let rest = async |count: i64| {
        world
            .count("SELECT count(*) FROM crm_activities WHERE status IN ('approved', 'blocked_by_quota')")
            .await
            == count
    };
    world.until_count(Status::Sent, 3).await;
    world.until("nothing is under way", async || rest(7).await).await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (3, 3));
    let mut conn = world.pool.acquire().await.expect("a connection");
    let lines = countersign_tests::world::rendering();
    let last = items[9].id;
    let shown = countersign_core::activity::store_read::detail(&mut conn, world.company, last, &lines).await;
    let hold = shown.expect("reads").expect("is there").row.hold.expect("it waits");
    assert_eq!(hold.code, "ramp_exhausted", "{hold:?}");
    drop(conn);
    world
        .sql(
            "UPDATE crm_credential_buckets SET day = day - 1; UPDATE crm_activities SET quota_day = quota_day - 1;
            UPDATE crm_outboxes SET ramp_from = ramp_from - 1",
        )
        .await;
    world.hurry().await;
    world.until_count(Status::Sent, 8).await;
    world.until("nothing is under way", async || rest(2).await).await;
    worker.stop().await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (8, 5));
    books::compare(&world, &provider).await;
}
