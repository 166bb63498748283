//! What people see of events, and what they do about those that nobody could be found for or that could not be applied.
use countersign_core::activity::fact::Fact;
use countersign_core::activity::status::Status;
use countersign_core::activity::store_facts;
use countersign_core::activity::view::PAGE_LIMIT;
use countersign_core::actor::Actor;
use countersign_core::approval::store_fate;
use countersign_core::error::Error;
use countersign_core::ids::EventId;
use countersign_core::inbound::assign;
use countersign_core::inbound::event::{Letter, Reference, What};
use countersign_core::inbound::inbox::{
    InboxCounts, InboxFilter, InboxRow, State, Wanted, counts, dismiss, list, retry, show,
};
use countersign_core::inbound::provider::Provider as Source;
use countersign_tests::provider::Provider;
use countersign_tests::world::World;
use rstest::rstest;

use crate::inbound::{apply, arrive, arrive_from, event, letter, progress, provider_ref, sent};
use crate::stops::contact_of;

const ALL: InboxFilter = InboxFilter { state: Wanted::All, source: None };

async fn rows(world: &World, filter: InboxFilter) -> Vec<InboxRow> {
    list(&world.pool, &world.viewer, world.company, &filter, PAGE_LIMIT, None)
        .await
        .expect("a viewer reads")
        .rows
}

async fn id_of(world: &World, external_id: &str) -> EventId {
    let id = world
        .text(&format!("SELECT id::text FROM crm_inbound_events WHERE external_id = '{external_id}'"))
        .await;
    id.parse().expect("an id")
}

async fn headlines(world: &World, state: Wanted, source: Option<Source>) -> Vec<String> {
    rows(world, InboxFilter { state, source }).await.into_iter().map(|row| row.headline).collect()
}

/// What came in stands there with what it did, newest first, and what waits for a person is counted.
#[tokio::test]
async fn the_inbox_says_what_came_in_and_what_it_did() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = sent(&world, &provider, 1).await;
    let reference = Reference::Provider(provider_ref(&world, items[0].id).await);
    let long = Letter { text: Some("y".repeat(5_000)), ..letter("person-1@example.com", "") };
    arrive(&world, &[event("m1", vec![], What::Message(long))]).await;
    let stranger =
        Letter { from_name: Some("Kari".to_owned()), ..letter("kari@nowhere.example", "Who is this?") };
    arrive(&world, &[event("m2", vec![], What::Message(stranger))]).await;
    apply(&world).await;
    arrive_from(&world, Source::Twilio, &[event("s1", vec![reference], progress(Fact::Delivered))]).await;

    let found = rows(&world, ALL).await;
    let told: Vec<_> = found.iter().map(|row| (row.kind.as_str(), row.state, row.from.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("status", State::Stored, None),
            ("message", State::Unmatched, Some("Kari <kari@nowhere.example>")),
            ("message", State::Applied, Some("person-1@example.com")),
        ]
    );
    let newest = &found[2];
    assert_eq!(newest.headline, "y".repeat(200));
    assert_eq!(newest.contact.as_ref().expect("known").id, contact_of(&world, items[0].id).await);
    assert_eq!(
        (newest.activity, newest.did.as_slice()),
        (Some(items[0].id), &["put on file as a reply".to_owned()][..])
    );
    assert!(found[0].look_at.is_some() && newest.look_at.is_none() && !newest.sig_ok);

    assert_eq!(headlines(&world, Wanted::Attention, None).await, ["Who is this?"]);
    assert_eq!(headlines(&world, Wanted::One(State::Stored), None).await, ["delivered"]);
    assert_eq!(headlines(&world, Wanted::All, Some(Source::Twilio)).await, ["delivered"]);
    assert_eq!(headlines(&world, Wanted::Attention, Some(Source::Twilio)).await, Vec::<String>::new());
    let counted = counts(&world.pool, &world.viewer, world.company).await.expect("counts");
    assert_eq!(counted, InboxCounts { attention: 1, stored: 1, overdue: 0 });
    world
        .sql("UPDATE crm_inbound_events SET look_at = now() - interval '2 minutes' WHERE state = 'stored'")
        .await;
    let counted = counts(&world.pool, &world.viewer, world.company).await.expect("counts");
    assert_eq!(counted.overdue, 1);

    let shown = show(&world.pool, &world.viewer, world.company, newest.id).await.expect("shown");
    let What::Message(whole) = shown.event.expect("it is there").what else { panic!("a message") };
    assert_eq!(whole.text.expect("a text").len(), 5_000);
}

#[tokio::test]
async fn an_erased_event_says_so() {
    let world = World::new().await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("a@b.example", "secret")))]).await;
    apply(&world).await;
    world.sql("UPDATE crm_inbound_events SET reading = NULL, raw = NULL").await;
    let row = rows(&world, ALL).await.remove(0);
    assert_eq!((row.is_erased, row.from, row.headline.as_str()), (true, None, ""));
    let shown = show(&world.pool, &world.viewer, world.company, row.id).await.expect("shown");
    assert!(shown.row.is_erased && shown.event.is_none());
    let refused = retry(&world.pool, &world.approver, world.company, row.id).await;
    assert!(matches!(&refused, Err(Error::Conflict(words)) if words.contains("erased")), "{refused:?}");
}

/// What another version stored, and this one cannot read, hides no other event.
#[tokio::test]
async fn what_cannot_be_read_any_more_hides_nothing() {
    let world = World::new().await;
    let two = [
        event("m1", vec![], What::Message(letter("a@b.example", "one"))),
        event("m2", vec![], progress(Fact::Opened)),
    ];
    arrive(&world, &two).await;
    world.sql("UPDATE crm_inbound_events SET reading = '{\"a\": 1}' WHERE external_id = 'm1'").await;
    let mut told = headlines(&world, Wanted::All, None).await;
    told.sort();
    assert_eq!(told, ["(this version cannot read what was stored)", "opened"]);
}

/// A person puts aside what nobody could be found for: with a reason, once, and what it held back goes on.
#[tokio::test]
async fn dismissing_takes_a_reason_and_is_on_record() {
    let world = World::new().await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("a@b.example", "spam")))]).await;
    let id = id_of(&world, "m1").await;
    let early = dismiss(&world.pool, &world.approver, world.company, id, "not yet").await;
    assert!(matches!(&early, Err(Error::Conflict(words)) if words.contains("stored")), "{early:?}");
    apply(&world).await;
    let bare = dismiss(&world.pool, &world.approver, world.company, id, "  ").await;
    assert!(matches!(bare, Err(Error::Invalid { ref field, .. }) if field == "reason"), "{bare:?}");
    let viewer = dismiss(&world.pool, &world.viewer, world.company, id, "spam").await;
    assert!(matches!(viewer, Err(Error::Forbidden { .. })), "{viewer:?}");
    let version = countersign_core::company::store::change_version(
        &mut world.pool.acquire().await.expect("a connection"),
        world.company,
    )
    .await
    .expect("reads");

    dismiss(&world.pool, &world.approver, world.company, id, " spam ").await.expect("dismissed");

    let shown = show(&world.pool, &world.viewer, world.company, id).await.expect("shown");
    assert_eq!(shown.row.state, State::Dismissed);
    let handled: Vec<_> = shown
        .handled
        .iter()
        .map(|one| (one.action.as_str(), one.by.as_str(), one.reason.as_deref()))
        .collect();
    assert_eq!(handled, [("inbound.dismiss", world.approver.name(), Some("spam"))]);
    let after = countersign_core::company::store::change_version(
        &mut world.pool.acquire().await.expect("a connection"),
        world.company,
    )
    .await
    .expect("reads");
    assert!(after > version, "other consoles hear of it");
    let again = dismiss(&world.pool, &world.approver, world.company, id, "again").await;
    assert!(matches!(&again, Err(Error::Conflict(words)) if words.contains("dismissed")), "{again:?}");
    assert_eq!(
        counts(&world.pool, &world.viewer, world.company).await.expect("counts"),
        InboxCounts::default()
    );
}

/// What failed holds the writer's messages back until a person has looked.
#[tokio::test]
async fn dismissing_what_failed_lets_go_what_it_held() {
    let world = World::new().await;
    world.file_email(1).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Hi")))]).await;
    world.sql("UPDATE crm_inbound_events SET state = 'failed', error = 'no such thing'").await;
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds").await, 1);
    let id = id_of(&world, "m1").await;
    dismiss(&world.pool, &world.approver, world.company, id, "a test").await.expect("dismissed");
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds").await, 0);
}

/// An event whose contact was added since is applied by trying again; what is no event cannot be.
#[tokio::test]
async fn retrying_applies_what_can_be_applied_by_now() {
    let world = World::new().await;
    let unreadable = What::Unreadable { why: "no JSON".to_owned() };
    let two = [
        event("m1", vec![], What::Message(letter("person-1@example.com", "Stop"))),
        event("u1", vec![], unreadable),
    ];
    arrive(&world, &two).await;
    apply(&world).await;
    let drafts = world.file_email(1).await;
    let (id, bad) = (id_of(&world, "m1").await, id_of(&world, "u1").await);
    let before = show(&world.pool, &world.viewer, world.company, id).await.expect("shown").row;
    assert_eq!(before.state, State::Unmatched);
    assert_eq!(before.did.len(), 1, "the address was suppressed although nobody was found: {:?}", before.did);
    let refused = retry(&world.pool, &world.approver, world.company, bad).await;
    assert!(matches!(&refused, Err(Error::Conflict(words)) if words.contains("dismiss it")), "{refused:?}");
    let viewer = retry(&world.pool, &world.viewer, world.company, id).await;
    assert!(matches!(viewer, Err(Error::Forbidden { .. })), "{viewer:?}");

    retry(&world.pool, &world.approver, world.company, id).await.expect("given back");
    let waiting = show(&world.pool, &world.viewer, world.company, id).await.expect("shown").row;
    assert_eq!((waiting.state, waiting.tries, waiting.error), (State::Stored, 0, None));
    assert_eq!(apply(&world).await, 1);
    let after = show(&world.pool, &world.viewer, world.company, id).await.expect("shown");
    assert_eq!(after.row.state, State::Applied);
    assert_eq!(after.row.did[0], before.did[0], "what it did before stays said");
    assert!(after.row.did.len() > 1, "{:?}", after.row.did);
    assert_eq!(after.handled[0].action, "inbound.retry");
    assert_eq!(world.status(drafts[0].id).await, Status::Withdrawn);
    let again = retry(&world.pool, &world.approver, world.company, id).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

/// Two people about one event: one of them is told that the other was first.
#[tokio::test]
async fn one_of_two_people_is_told() {
    let world = World::new().await;
    world.file_email(1).await;
    let contact = world.text("SELECT id::text FROM crm_contacts").await.parse().expect("an id");
    arrive(&world, &[event("m1", vec![], What::Message(letter("a@b.example", "Hi")))]).await;
    apply(&world).await;
    let id = id_of(&world, "m1").await;
    let (assigned, dismissed) = tokio::join!(
        assign(&world.pool, &world.approver, world.company, id, contact),
        dismiss(&world.pool, &world.second, world.company, id, "spam"),
    );
    assert!(assigned.is_ok() != dismissed.is_ok(), "{assigned:?} {dismissed:?}");
}

#[rstest]
#[case::agent(Actor::Agent { name: "scout".to_owned() })]
#[case::engine(Actor::Engine("tick"))]
#[tokio::test]
async fn only_operators_read_the_inbox(#[case] actor: Actor) {
    let world = World::new().await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("a@b.example", "Hi")))]).await;
    let id = id_of(&world, "m1").await;
    let listed = list(&world.pool, &actor, world.company, &ALL, 10, None).await;
    assert!(matches!(listed, Err(Error::Forbidden { .. })), "{listed:?}");
    let shown = show(&world.pool, &actor, world.company, id).await;
    assert!(matches!(shown, Err(Error::Forbidden { .. })), "{shown:?}");
    let counted = counts(&world.pool, &actor, world.company).await;
    assert!(matches!(counted, Err(Error::Forbidden { .. })), "{counted:?}");
}

/// What became of a message is read with the furthest fact first, whatever the order in which it was told; and a draft that a reply
/// withdrew says so.
#[tokio::test]
async fn facts_and_fates_say_why() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = sent(&world, &provider, 1).await;
    let about = vec![Reference::Provider(provider_ref(&world, items[0].id).await)];
    let mut follow_up = countersign_tests::world::draft(1);
    (follow_up["kind"], follow_up["clientDedupKey"]) = ("follow_up".into(), "f".into());
    let waiting = world.file(&[follow_up]).await;
    let three = [
        event("s1", about.clone(), progress(Fact::Opened)),
        event("s2", about, progress(Fact::Delivered)),
        event("m1", vec![], What::Message(letter("person-1@example.com", "Call me"))),
    ];
    arrive(&world, &three).await;
    apply(&world).await;
    let mut conn = world.pool.acquire().await.expect("a connection");
    let facts =
        store_facts::facts(&mut conn, world.company, &[items[0].id, waiting[0].id]).await.expect("reads");
    assert_eq!(facts.len(), 1, "nothing became of what was never sent");
    let told: Vec<_> = facts[&items[0].id].iter().map(|told| told.fact).collect();
    assert_eq!(told, [Fact::Replied, Fact::Opened, Fact::Delivered]);
    let fate = store_fate::fate(&mut conn, world.company, waiting[0].id).await.expect("reads").expect("one");
    assert_eq!(
        (fate.action.as_str(), fate.actor_kind.as_str(), fate.reason.as_deref()),
        ("activity.withdraw", "engine", Some("replied"))
    );
}
