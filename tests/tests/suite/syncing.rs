//! Asking providers for what their webhooks missed: it converges with what they told, and whoever dies in between misses nothing.
use std::time::Duration;

use countersign_core::activity::fact::Fact;
use countersign_core::channel::{ChannelName, Lines};
use countersign_core::engine::board::Board;
use countersign_core::inbound::event::{Booking, Letter, Phase, Reference, What};
use countersign_core::inbound::provider::Provider as Source;
use countersign_core::sync::{Looks, Syncer, cursors};
use countersign_tests::provider::{Provider, dry_run, mail_by};
use countersign_tests::wire::Valve;
use countersign_tests::world::World;
use serde_json::json;

use crate::inbound::{apply, arrive, arrive_from, event, facts, progress, provider_ref, sent};

const RECEIVED: &str = "/emails/receiving";

const LISTS: [&str; 2] = [RECEIVED, "/emails"];

fn syncer(world: &World, lines: Lines) -> Syncer {
    Syncer {
        pool: world.pool.clone(),
        lines,
        key: world.key.clone(),
        interval: Duration::from_hours(1),
        between_pages: Duration::ZERO,
        wake: std::sync::Arc::default(),
        board: Board::default(),
    }
}

/// Makes every list due. Those that have just been found have nothing to miss yet.
async fn become_due(world: &World, provider: &Provider) {
    if world.count("SELECT count(*) FROM crm_sync_cursors").await == 0 {
        let looks = syncer(world, provider.lines()).look().await.expect("can look");
        assert_eq!(looks, Looks::default());
    }
    world.sql("UPDATE crm_sync_cursors SET look_at = clock_timestamp()").await;
}

/// Reads every list once, and applies what was found.
async fn look(world: &World, provider: &Provider) -> Looks {
    become_due(world, provider).await;
    let looks = syncer(world, provider.lines()).look().await.expect("can look");
    apply(world).await;
    looks
}

fn mail(id: &str, from: &str) -> serde_json::Value {
    json!({ "id": id, "from": from, "to": ["hello@acme.example"], "subject": "Re: your offer",
        "message_id": format!("<{id}@example.com>"), "created_at": "2099-01-01T00:00:00Z" })
}

fn lay(provider: &Provider, mails: &[serde_json::Value]) {
    provider.lays(RECEIVED, 200, json!({ "object": "list", "has_more": false, "data": mails }).to_string());
}

/// What became of messages is found on the list, page by page; of messages of others, and of what is known, nothing is kept.
#[tokio::test]
async fn a_list_tells_what_no_webhook_told() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = sent(&world, &provider, 130).await;
    // Somebody else uses the account as well.
    world
        .sql(&format!(
            "UPDATE crm_dispatch_attempts SET provider_ref = 'another' WHERE activity_id = '{}'",
            items[7].id
        ))
        .await;
    assert_eq!(look(&world, &provider).await.stored, 129);
    assert_eq!(facts(&world, items[0].id).await, ["delivered"]);
    assert_eq!(facts(&world, items[129].id).await, ["delivered"]);
    assert_eq!(facts(&world, items[7].id).await, Vec::<String>::new());
    let again = look(&world, &provider).await;
    assert_eq!((again.stored, again.failed), (0, 0));
    assert_eq!(world.count("SELECT count(*) FROM crm_inbound_events WHERE state <> 'applied'").await, 0);
}

/// A mail to us is one event, whoever told it first, and it stops what it should stop.
#[tokio::test]
async fn a_list_and_a_webhook_tell_one_mail() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let announced =
        Letter { from: "person-1@example.com".to_owned(), is_announced: true, ..Letter::default() };
    arrive(&world, &[event("received:m-1", vec![], What::Message(announced))]).await;
    lay(&provider, &[mail("m-2", "Person Two <person-2@example.com>"), mail("m-1", "person-1@example.com")]);
    assert_eq!(look(&world, &provider).await.stored, 1);
    assert_eq!(look(&world, &provider).await.stored, 0);
    let held = "SELECT count(DISTINCT contact_id) FROM crm_contact_holds WHERE code = 'unread'";
    assert_eq!(world.count("SELECT count(*) FROM crm_inbound_events").await, 2);
    assert_eq!(world.count(held).await, 2, "both wait until their words are fetched");
}

/// A list does not say whether a mail came back for good. What a webhook said about that is not made less of by it.
#[tokio::test]
async fn a_list_does_not_soften_a_bounce() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = sent(&world, &provider, 3).await;
    let told = [(0, Fact::Bounced), (1, Fact::SoftBounced)];
    for (number, fact) in told {
        let about = vec![Reference::Activity(items[number].id)];
        arrive(&world, &[event(fact.as_str(), about, progress(fact))]).await;
    }
    apply(&world).await;
    let mut mails = Vec::new();
    for item in &items {
        let id = provider_ref(&world, item.id).await;
        mails.push(json!({ "id": id, "created_at": "2099-01-01T00:00:00Z", "last_event": "bounced" }));
    }
    let page = json!({ "object": "list", "has_more": false, "data": mails });
    provider.lays("/emails", 200, page.to_string());
    assert_eq!(look(&world, &provider).await.stored, 1);
    let expected = [["bounced"], ["soft_bounced"], ["soft_bounced"]];
    for (item, expected) in items.iter().zip(expected) {
        assert_eq!(facts(&world, item.id).await, expected);
    }
}

/// A booking is told once as it is, by webhook or list; that somebody edited something else of it is no event.
#[tokio::test]
async fn an_edited_booking_is_no_news() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.add_channel_outbox("book", ChannelName::CalCom, "ana-lind/site-visit", &[]).await;
    let start = "2026-12-01T09:00:00Z";
    let told = Booking {
        phase: Phase::Booked,
        uid: "by-webhook".to_owned(),
        attendees: vec![],
        starts_at: Some(start.parse().expect("a time")),
        reason: None,
    };
    let webhook = event("BOOKING_CREATED:by-webhook:1", vec![], What::Booking(told));
    arrive_from(&world, Source::CalCom, &[webhook]).await;
    let booking = |uid: &str, status: &str, start: &str, updated: &str| json!({ "uid": uid, "status": status, "start": start, "updatedAt": updated, "attendees": [], "metadata": {} });
    let edits = [
        (booking("by-webhook", "accepted", "2026-12-01T09:00:00.000Z", "2099-01-01T00:00:00Z"), 0),
        (booking("by-list", "accepted", start, "2099-01-01T00:00:01Z"), 1),
        (booking("by-list", "accepted", start, "2099-01-01T00:00:02Z"), 0),
        (booking("by-list", "accepted", "2026-12-02T09:00:00Z", "2099-01-01T00:00:03Z"), 1),
        (booking("by-webhook", "cancelled", start, "2099-01-01T00:00:04Z"), 1),
    ];
    for (number, (booking, news)) in edits.into_iter().enumerate() {
        provider.lays("/v2/bookings", 200, json!({ "status": "success", "data": [booking] }).to_string());
        let syncer = syncer(&world, provider.all_lines());
        if number == 0 {
            syncer.look().await.expect("can look");
        }
        world.sql("UPDATE crm_sync_cursors SET look_at = clock_timestamp() WHERE list = 'bookings'").await;
        let looks = syncer.look().await.expect("can look");
        assert_eq!((looks.stored, looks.failed), (news, 0), "edit {number}");
    }
}

/// What the provider refuses is not asked again until there is another credential, but for once a day, and says so.
#[tokio::test]
async fn a_refused_credential_is_not_asked_with_again() {
    let (world, provider) = (World::new().await, Provider::start().await);
    for path in LISTS {
        provider.lays(
            path,
            401,
            r#"{"statusCode":401,"name":"restricted_api_key","message":"This key may only send"}"#,
        );
    }
    let first = look(&world, &provider).await;
    assert_eq!((first.failed, first.pages), (2, 0), "each list once");
    let asked = provider.requests();
    assert_eq!(look(&world, &provider).await, Looks::default());
    assert_eq!(provider.requests(), asked);
    let views = cursors(&world.pool, &world.approver, world.company).await.expect("can be seen");
    assert!(
        views.len() == 2
            && views
                .iter()
                .all(|view| view.is_shut && view.error.as_deref().is_some_and(|why| why.contains("401"))),
        "{views:?}"
    );

    // It may do more by now.
    world.sql("UPDATE crm_sync_cursors SET shut_at = shut_at - interval '25 hours'").await;
    assert_eq!(look(&world, &provider).await.failed, 2);
    let daily = provider.requests();
    assert_eq!(daily, asked + 2);
    assert_eq!(look(&world, &provider).await, Looks::default());
    assert_eq!(provider.requests(), daily);

    for path in LISTS {
        provider.lays(path, 200, r#"{"object":"list","has_more":false,"data":[]}"#);
    }
    world.set_secret("resend", "re_another").await;
    let last = look(&world, &provider).await;
    assert!(last.pages >= 2 && last.failed == 0, "{last:?}");
}

/// F38: an outage moves nothing: what came meanwhile is found when it is over.
#[tokio::test]
async fn an_outage_misses_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    look(&world, &provider).await;
    let seen = "SELECT max(seen_until)::text FROM crm_sync_cursors";
    let before = world.text(seen).await;
    for path in LISTS {
        provider.lays(path, 503, "<html>");
    }
    for _ in 0..3 {
        let looks = look(&world, &provider).await;
        assert!(looks.failed == 2 && looks.pages == 0, "{looks:?}");
    }
    assert_eq!(world.text(seen).await, before);
    lay(&provider, &[mail("m-1", "person-1@example.com")]);
    assert_eq!(look(&world, &provider).await.stored, 1);
}

/// F44: whoever was too slow stores nothing once somebody else reads the list; the list is read again from where it was.
#[tokio::test]
async fn a_lost_lease_stores_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    lay(&provider, &[mail("m-1", "person-1@example.com")]);
    become_due(&world, &provider).await;
    world.sql("UPDATE crm_sync_cursors SET look_at = 'infinity' WHERE list <> 'received-mail'").await;
    let valve = Valve::default();
    let slow = syncer(&world, mail_by(valve.behind(provider.transport())));
    let looking = tokio::spawn(async move { slow.look().await });
    world.until("the answer is there", async || valve.arrived() == 1).await;
    world.sql("UPDATE crm_sync_cursors SET look_at = clock_timestamp() + interval '1 hour' WHERE list = 'received-mail'").await;
    valve.open();
    let looks = looking.await.expect("it does not panic").expect("can look");
    assert_eq!((looks.pages, looks.stored), (1, 0));
    assert_eq!(world.count("SELECT count(*) FROM crm_inbound_events").await, 0);
    assert_eq!(look(&world, &provider).await.stored, 1);
}

/// A dry run asks nobody.
#[tokio::test]
async fn a_dry_run_asks_nobody() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let looks = syncer(&world, provider.lines().with_dry_run(dry_run())).look().await.expect("can look");
    assert_eq!((looks, provider.requests()), (Looks::default(), 0));
}
