//! What comes in and what it does: replies stop what waits, facts are kept once and in any order, evidence settles what was uncertain.
use std::sync::Arc;

use countersign_adapters::sandbox::Fault;
use countersign_core::activity::fact::Fact;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::channel::{Lines, Request, Response};
use countersign_core::engine::board::Board;
use countersign_core::ids::{ActivityId, EventId};
use countersign_core::inbound::event::{Event, Letter, Progress, Reference, What};
use countersign_core::inbound::provider::{
    Completion, Delivery, Provider as Source, Refusal, Trust, Webhook,
};
use countersign_core::inbound::{Applier, Origin, Received, assign, receive};
use countersign_tests::books;
use countersign_tests::provider::{Provider, keyless_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::gates::dispatch_until;
use crate::stops::contact_of;

/// A provider that announces mail as Resend does: the words have to be fetched, and are what the path of the answer says.
struct Announcing;

impl Webhook for Announcing {
    fn provider(&self) -> Source {
        Source::Resend
    }

    fn verify(&self, _delivery: &Delivery<'_>, _trust: &Trust<'_>) -> Result<(), Refusal> {
        Err(Refusal::Signature)
    }

    fn read(&self, _delivery: &Delivery<'_>) -> Vec<Event> {
        Vec::new()
    }

    fn completes(&self, _event: &Event) -> Option<Request> {
        Some(Request::get("/emails/receiving/1"))
    }

    /// The sandbox knows no such mail; what its refusal means here is the test's to say, by the subject of the event.
    fn completed(&self, event: &Event, response: &Response) -> Completion {
        let What::Message(letter) = &event.what else { panic!("a message") };
        let mut whole = letter.clone();
        match letter.subject.as_deref() {
            Some("away") => {
                whole.is_automatic = true;
                whole.text = Some("I am on holiday".to_owned());
            }
            Some("later") => return Completion::Later { why: "busy".to_owned() },
            Some("as answered") if response.status == 404 => {
                return Completion::Never { why: "no such mail".to_owned() };
            }
            Some("as answered") if response.status != 200 => {
                return Completion::Later { why: response.status.to_string() };
            }
            Some("never") => return Completion::Never { why: "the key may only send".to_owned() },
            _ => whole.text = Some("Call me".to_owned()),
        }
        Completion::Whole(Box::new(Event { what: What::Message(whole), ..event.clone() }))
    }
}

pub(crate) fn announcing(_source: Source) -> &'static dyn Webhook {
    &Announcing
}

pub(crate) fn applier(world: &World, lines: Lines) -> Applier {
    Applier {
        pool: world.pool.clone(),
        lines,
        key: world.key.clone(),
        hooks: announcing,
        wake: Arc::new(Notify::new()),
        board: Board::default(),
    }
}

/// Applies what is due until nothing is.
pub(crate) async fn apply(world: &World) -> usize {
    let applier = applier(world, Lines::new());
    let mut all = 0;
    loop {
        let count = applier.apply_due().await.expect("the database works");
        all += count;
        if count == 0 {
            return all;
        }
    }
}

pub(crate) fn event(id: &str, about: Vec<Reference>, what: What) -> Event {
    Event::new(id, None, about, what, id.as_bytes().to_vec().into())
}

pub(crate) fn letter(from: &str, text: &str) -> Letter {
    Letter { from: from.to_owned(), text: Some(text.to_owned()), ..Letter::default() }
}

pub(crate) fn progress(fact: Fact) -> What {
    What::Status(Progress { fact, recipient: None, detail: None, message_id: None, is_opt_out: false })
}

pub(crate) async fn arrive(world: &World, events: &[Event]) -> Received {
    arrive_from(world, Source::Resend, events).await
}

pub(crate) async fn arrive_from(world: &World, provider: Source, events: &[Event]) -> Received {
    let origin = Origin { company: world.company, provider, endpoint: None };
    receive(&world.pool, origin, events).await.expect("can be stored")
}

pub(crate) async fn state(world: &World, external_id: &str) -> String {
    world.text(&format!("SELECT state FROM crm_inbound_events WHERE external_id = '{external_id}'")).await
}

pub(crate) async fn facts(world: &World, id: ActivityId) -> Vec<String> {
    sqlx::query_scalar("SELECT fact FROM crm_activity_facts WHERE activity_id = $1 ORDER BY fact")
        .bind(id.0)
        .fetch_all(&world.pool)
        .await
        .expect("reads")
}

/// Everything about facts, and who is suppressed, as one text.
async fn end_of(world: &World) -> String {
    world
        .text(
            "SELECT coalesce((SELECT string_agg(fact || ' ' || at::text || ' ' || coalesce(detail, ''), E'\n' ORDER BY fact) FROM crm_activity_facts), '')
            || E'\n' || coalesce((SELECT string_agg(address || ' ' || reason, E'\n' ORDER BY address) FROM crm_suppressions), '')
            || E'\n' || (SELECT string_agg(status, ' ' ORDER BY id) FROM crm_activities WHERE outbox_id IS NOT NULL)",
        )
        .await
}

pub(crate) async fn sent(world: &World, provider: &Provider, count: usize) -> Vec<Item> {
    let items = world.approved_email(count).await;
    dispatch_until(world, provider, "all are sent", async || {
        world.statuses().await.get("sent").copied() == i64::try_from(count).ok()
    })
    .await;
    items
}

pub(crate) async fn provider_ref(world: &World, id: ActivityId) -> String {
    world.text(&format!("SELECT provider_ref FROM crm_dispatch_attempts WHERE activity_id = '{id}'")).await
}

/// R13, F39: whatever the order in which a provider tells, twice or not, the end is the same.
#[tokio::test]
async fn every_order_of_events_leads_to_the_same_end() {
    let start: Timestamp = "2026-11-25T09:00:00Z".parse().expect("a time");
    let chain = [Fact::Accepted, Fact::Delivered, Fact::Opened, Fact::Bounced];
    let mut orders: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..chain.len() {
        orders = orders
            .into_iter()
            .flat_map(|order| (0..chain.len()).filter(move |_| true).map(move |next| (order.clone(), next)))
            .filter(|(order, next)| !order.contains(next))
            .map(|(mut order, next)| {
                order.push(next);
                order
            })
            .collect();
    }
    assert_eq!(orders.len(), 24);
    let mut ends = std::collections::BTreeSet::new();
    for (number, order) in orders.into_iter().enumerate() {
        let (world, provider) = (World::new().await, Provider::start().await);
        let items = sent(&world, &provider, 1).await;
        for (place, step) in order.iter().enumerate() {
            let at = start + SignedDuration::from_secs(i64::try_from(*step).expect("small"));
            // Every one comes twice, the second time later by its own word, and half of them in one delivery.
            for (again, late) in [("", 0), ("again", 5)] {
                let id = format!("{step}{again}");
                let told = Event {
                    occurred_at: Some(at + SignedDuration::from_secs(late)),
                    ..event(&id, vec![Reference::Activity(items[0].id)], progress(chain[*step]))
                };
                arrive(&world, &[told.clone(), told]).await;
            }
            if (number + place).is_multiple_of(2) {
                apply(&world).await;
            }
        }
        apply(&world).await;
        assert_eq!(world.count("SELECT count(*) FROM crm_inbound_events WHERE state <> 'applied'").await, 0);
        ends.insert(end_of(&world).await);
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(
        ends.first().is_some_and(|end| end.contains("bounced") && end.contains("hard_bounce")),
        "{ends:#?}"
    );
}

/// F42, R12: an event that comes before its call is recorded is kept and finds it later; one about nobody's message is
/// kept, and waits for nobody.
#[tokio::test]
async fn an_event_before_its_call_is_recorded_is_matched_later() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let early = event("e1", vec![Reference::Provider("sandbox-1".to_owned())], progress(Fact::Delivered));
    let nobody = event("e2", vec![Reference::Provider("elsewhere".to_owned())], progress(Fact::Delivered));
    arrive(&world, &[early, nobody]).await;
    apply(&world).await;
    assert_eq!(
        (state(&world, "e1").await, state(&world, "e2").await),
        ("stored".to_owned(), "stored".to_owned())
    );
    let items = sent(&world, &provider, 1).await;
    let known = provider_ref(&world, items[0].id).await;
    world
        .sql(&format!(
            "UPDATE crm_dispatch_attempts SET provider_ref = 'sandbox-1' WHERE provider_ref = '{known}'"
        ))
        .await;
    world.sql("UPDATE crm_inbound_events SET look_at = now()").await;
    apply(&world).await;
    assert_eq!(state(&world, "e1").await, "applied");
    assert_eq!(facts(&world, items[0].id).await, ["delivered"]);
    world.sql("UPDATE crm_inbound_events SET look_at = now(), received_at = now() - interval '1 hour'").await;
    apply(&world).await;
    assert_eq!(state(&world, "e2").await, "applied");
    let did = world.text("SELECT did[1] FROM crm_inbound_events WHERE external_id = 'e2'").await;
    assert_eq!(did, "about a message that is not ours");
}

/// A mail that came back for good suppresses its address; one that came back for a passing reason does not. Of several recipients only the
/// one that is named is dead.
#[tokio::test]
async fn a_bounce_suppresses_the_address_it_names() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut two = draft(1);
    two["payload"]["cc"] = serde_json::json!(["copy@example.com"]);
    let items = world.file(&[two, draft(2)]).await;
    world.approve(&items).await;
    dispatch_until(&world, &provider, "both are sent", async || {
        world.statuses().await.get("sent") == Some(&2)
    })
    .await;
    let about = |item: &Item| vec![Reference::Activity(item.id)];
    let bounce = |recipient: Option<&str>| {
        What::Status(Progress {
            fact: Fact::Bounced,
            recipient: recipient.map(str::to_owned),
            detail: Some("550 no such user".to_owned()),
            message_id: None,
            is_opt_out: false,
        })
    };
    let suppressed = "SELECT coalesce(string_agg(address, ' ' ORDER BY address), '') FROM crm_suppressions";
    arrive(
        &world,
        &[
            event("1", about(&items[1]), progress(Fact::SoftBounced)),
            event("2", about(&items[0]), bounce(None)),
        ],
    )
    .await;
    apply(&world).await;
    assert_eq!(world.text(suppressed).await, "");
    arrive(
        &world,
        &[
            event("3", about(&items[0]), bounce(Some("Copy@example.com"))),
            event("4", about(&items[1]), bounce(None)),
            event("5", about(&items[1]), bounce(Some("nobody@else.example"))),
        ],
    )
    .await;
    apply(&world).await;
    assert_eq!(world.text(suppressed).await, "copy@example.com person-2@example.com");
}

/// Complaints stop an outbox, and mail that comes back lets it rest for a day.
#[tokio::test]
async fn an_outbox_that_is_not_welcome_stops() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = sent(&world, &provider, 60).await;
    let told = |fact: Fact, range: std::ops::Range<usize>| -> Vec<Event> {
        range
            .map(|number| {
                event(
                    &format!("{fact:?}{number}"),
                    vec![Reference::Activity(items[number].id)],
                    progress(fact),
                )
            })
            .collect()
    };
    arrive(&world, &told(Fact::Bounced, 0..2)).await;
    apply(&world).await;
    let cool = "SELECT coalesce(cool_reason, '') || ' ' || enabled::text FROM crm_outboxes";
    assert_eq!(world.text(cool).await, " true");
    // It waits already, for less long and for another reason, which may be over at any moment.
    world
        .sql("UPDATE crm_outboxes SET cool_until = now() + interval '5 minutes', cool_reason = 'circuit'")
        .await;
    arrive(&world, &told(Fact::Bounced, 2..3)).await;
    apply(&world).await;
    assert_eq!(world.text(cool).await, "bounces true");
    let hours = "SELECT round(extract(epoch FROM cool_until - now()) / 3600)::text FROM crm_outboxes";
    assert_eq!(world.text(hours).await, "24");
    arrive(&world, &told(Fact::Complained, 3..4)).await;
    apply(&world).await;
    assert_eq!(world.text(cool).await, "bounces false");
    let reason = world.text("SELECT pause_reason FROM crm_outboxes").await;
    assert!(reason.contains("1 complaints (1.67 %)"), "{reason}");
}

/// R6, F41: what a provider tells about an uncertain message proves that it was sent; what it tells about an earlier round of it does not.
#[tokio::test]
async fn an_event_settles_what_was_uncertain() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let [item] = world.approved_email(1).await[..] else { panic!("one") };
    provider.fails([Fault::ResetAfterAccept.times(1)]);
    let worker = Worker::start(&world, keyless_by(provider.transport()), quick()).await;
    world.until_status(item.id, Status::Uncertain).await;
    worker.stop().await;
    let reference = provider.ledger()[0].id.clone();
    let about = vec![Reference::Activity(item.id), Reference::Provider(reference.clone())];
    let long_ago = Event {
        occurred_at: Some("2026-01-01T00:00:00Z".parse().expect("a time")),
        ..event("e0", about.clone(), progress(Fact::Accepted))
    };
    arrive(&world, &[long_ago]).await;
    apply(&world).await;
    assert_eq!(world.status(item.id).await, Status::Uncertain);
    arrive(&world, &[event("e1", about, progress(Fact::Delivered))]).await;
    apply(&world).await;
    assert_eq!(world.status(item.id).await, Status::Sent);
    assert_eq!(provider_ref(&world, item.id).await, reference);
    assert!(world.audit(item.id).await.contains(&"activity.resolve.was-sent".to_owned()));
    assert_eq!(world.sent_today(world.outbox).await, 1);
    books::compare(&world, &provider).await;
}

/// What nobody could be found for is given to a contact by a person, and then does what it would have done.
#[tokio::test]
async fn a_stranger_can_be_assigned_to_a_contact() {
    let world = World::new().await;
    let items = world.file(&[draft(1)]).await;
    arrive(
        &world,
        &[event("m1", vec![], What::Message(letter("private@else.example", "It is me, call me")))],
    )
    .await;
    apply(&world).await;
    assert_eq!(state(&world, "m1").await, "unmatched");
    let id: EventId = world.text("SELECT id::text FROM crm_inbound_events").await.parse().expect("an id");
    let contact = contact_of(&world, items[0].id).await;
    assign(&world.pool, &world.viewer, world.company, id, contact).await.expect_err("a viewer only looks");
    assign(&world.pool, &world.approver, world.company, id, contact).await.expect("can be assigned");
    assert_eq!(
        (state(&world, "m1").await.as_str(), world.status(items[0].id).await),
        ("applied", Status::Withdrawn)
    );
    assign(&world.pool, &world.approver, world.company, id, contact).await.expect_err("once");
}

/// F38, R12, C8: the same delivery a hundred times at once is one event with one effect, whoever applies it.
#[tokio::test]
async fn a_delivery_that_comes_a_hundred_times_happens_once() {
    let world = World::new().await;
    world.file(&[draft(1)]).await;
    let one = event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")));
    let mut tasks = tokio::task::JoinSet::new();
    let origin = Origin { company: world.company, provider: Source::Resend, endpoint: None };
    for _ in 0..100 {
        let (pool, one) = (world.pool.clone(), one.clone());
        tasks.spawn(async move { receive(&pool, origin, &[one]).await.expect("can be stored").stored });
    }
    let stored: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(stored, 1);
    let appliers = [applier(&world, Lines::new()), applier(&world, Lines::new())];
    let (first, second) = tokio::join!(appliers[0].apply_due(), appliers[1].apply_due());
    assert_eq!(first.expect("works") + second.expect("works"), 1);
    assert_eq!(world.statuses().await.get("received"), Some(&1));
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'inbound.apply'").await, 1);
}

/// R18: an event that cannot be applied keeps no other waiting, and ends in front of people.
#[tokio::test]
async fn an_event_that_cannot_be_applied_stops_nothing() {
    let world = World::new().await;
    world.file(&[draft(1)]).await;
    arrive(
        &world,
        &[
            event("bad", vec![], progress(Fact::Opened)),
            event("m1", vec![], What::Message(letter("person-1@example.com", "Call me"))),
        ],
    )
    .await;
    world.sql(r#"UPDATE crm_inbound_events SET reading = '{"what": 5}' WHERE external_id = 'bad'"#).await;
    apply(&world).await;
    assert_eq!(
        (state(&world, "bad").await.as_str(), state(&world, "m1").await.as_str()),
        ("stored", "applied")
    );
    for _ in 0..10 {
        world.sql("UPDATE crm_inbound_events SET look_at = now() WHERE state = 'stored'").await;
        apply(&world).await;
    }
    assert_eq!(state(&world, "bad").await, "failed");
    let error = world.text("SELECT error FROM crm_inbound_events WHERE external_id = 'bad'").await;
    assert!(error.contains("crm_inbound_events"), "{error}");
}

/// R14: what cannot be recorded does not happen.
#[tokio::test]
async fn without_its_audit_row_an_event_does_nothing() {
    let world = World::new().await;
    let items = world.file(&[draft(1)]).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")))]).await;
    world
        .sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_audit_log FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    apply(&world).await;
    // It is tried again later, and nothing leaves meanwhile.
    assert_eq!(state(&world, "m1").await, "stored");
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds").await, 1);
    assert_eq!(world.status(items[0].id).await, Status::DraftPendingApproval);
    assert_eq!(world.statuses().await.get("received"), None);
}
