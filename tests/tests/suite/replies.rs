//! What a reply stops, whoever read it by then.
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::fact::Fact;
use countersign_core::activity::status::Status;
use countersign_core::company::policy::{PolicyChange, ReplyStops, set_policy};
use countersign_core::ids::EventId;
use countersign_core::inbound::event::{Booking, Event, Letter, Phase, Progress, Reference, What};
use countersign_core::inbound::inbox::dismiss;
use countersign_core::inbound::provider::Provider as Source;
use countersign_core::inbound::{Received, assign};
use countersign_tests::books;
use countersign_tests::provider::{Provider, keyless_by, mail_by};
use countersign_tests::wire::Valve;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft};
use rstest::rstest;

use crate::gates::dispatch_until;
use crate::inbound::*;
use crate::stops::{contact_of, with_the_claim};

/// I8 of the flow: a reply withdraws everything that waits for its writer, wherever it waits, before anything else may be claimed; it
/// touches nobody else.
#[tokio::test]
async fn a_reply_withdraws_everything_that_waits() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let draft_1 = world.file(&[draft(1), draft(2)]).await;
    let mut approved = draft(1);
    (approved["kind"], approved["clientDedupKey"]) = ("follow_up".into(), "f".into());
    let mut booked = draft(1);
    (booked["kind"], booked["clientDedupKey"]) = ("reply".into(), "r".into());
    let waiting = world.file(&[approved, booked]).await;
    world.approve(&waiting).await;
    world
        .sql(&format!(
            "UPDATE crm_activities SET status = 'blocked_by_policy' WHERE id = '{}'",
            waiting[1].id
        ))
        .await;

    let received =
        arrive(&world, &[event("m1", vec![], What::Message(letter("Person-1@example.com", "Call me")))])
            .await;
    assert_eq!(received, Received { stored: 1, known: 0 });
    assert_eq!(apply(&world).await, 1);

    for id in [draft_1[0].id, waiting[0].id, waiting[1].id] {
        let stored = world.stored(id).await;
        assert_eq!((stored.status, stored.hold_code.as_deref()), (Status::Withdrawn, Some("replied")));
        assert!(world.audit(id).await.contains(&"activity.withdraw".to_owned()));
    }
    assert_eq!(world.status(draft_1[1].id).await, Status::DraftPendingApproval);
    let statuses = world.statuses().await;
    assert_eq!(statuses.get("received"), Some(&1));
    assert_eq!(state(&world, "m1").await, "applied");
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds").await, 0);
    // The next message to the same person is possible again: somebody read what they wrote.
    let mut answer = draft(1);
    (answer["kind"], answer["clientDedupKey"]) = ("reply".into(), "answer".into());
    let answer = world.file(&[answer]).await;
    world.approve(&answer).await;
    dispatch_until(&world, &provider, "the answer is sent", async || {
        world.status(answer[0].id).await == Status::Sent
    })
    .await;
    assert_eq!(provider.requests(), 1);
    books::compare(&world, &provider).await;
}

/// F44: from the moment a reply is acknowledged nothing is claimed for its writer, also when nobody has read it yet.
#[tokio::test]
async fn nothing_leaves_between_storing_a_reply_and_reading_it() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")))]).await;
    dispatch_until(&world, &provider, "the other one is sent, this one waits", async || {
        world.status(items[1].id).await == Status::Sent
            && world.stored(items[0].id).await.hold_code.as_deref() == Some("unread")
    })
    .await;
    assert_eq!((provider.requests(), world.status(items[0].id).await), (1, Status::Approved));
    apply(&world).await;
    assert_eq!(world.status(items[0].id).await, Status::Withdrawn);
    books::compare(&world, &provider).await;
}

/// F44: a reply that is stored between claim and wire stops the message at the wire; its quota comes back.
#[tokio::test]
async fn a_reply_between_claim_and_wire_stops_the_message() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    let unread = "INSERT INTO crm_contact_holds (company_id, contact_id, code, event_id, until)
        SELECT company_id, contact_id, 'unread', contact_id, clock_timestamp() + interval '1 day' FROM crm_contact_addresses
        WHERE address = 'person-1@example.com' ON CONFLICT DO NOTHING";
    with_the_claim(&world, unread).await;
    dispatch_until(&world, &provider, "one is sent, one is held", async || {
        world.status(items[1].id).await == Status::Sent
            && world.stored(items[0].id).await.hold_code.as_deref() == Some("unread")
    })
    .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (1, 1));
    books::compare(&world, &provider).await;
}

/// A reply that comes while the message is on the wire changes nothing about that: it was sent, and both are on file.
#[tokio::test]
async fn a_reply_during_the_call_leaves_the_truth_alone() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let valve = Valve::default();
    let worker = Worker::start(&world, keyless_by(valve.before(provider.transport())), quick()).await;
    world.until("the call is under way", async || valve.arrived() == 1).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")))]).await;
    apply(&world).await;
    assert_eq!(world.status(items[0].id).await, Status::Dispatching);
    valve.open();
    world.until_status(items[0].id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(facts(&world, items[0].id).await, ["replied"]);
    assert_eq!(provider.ledger().len(), 1);
    books::compare(&world, &provider).await;
}

/// An automatic answer is nobody's reply: it only holds what waits, whatever was approved before or after.
#[tokio::test]
async fn an_automatic_answer_only_holds() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    let away = Letter { is_automatic: true, ..letter("person-1@example.com", "I am on holiday") };
    arrive(&world, &[event("m1", vec![], What::Message(away))]).await;
    apply(&world).await;
    dispatch_until(&world, &provider, "the other one is sent, this one waits", async || {
        world.status(items[1].id).await == Status::Sent
            && world.stored(items[0].id).await.hold_code.as_deref() == Some("away")
    })
    .await;
    assert_eq!(world.status(items[0].id).await, Status::Approved);
    assert_eq!(world.statuses().await.get("received"), None);
    world.sql("UPDATE crm_contact_holds SET until = now() - interval '1 second'").await;
    world.hurry().await;
    dispatch_until(&world, &provider, "it is sent when they are back", async || {
        world.status(items[0].id).await == Status::Sent
    })
    .await;
    books::compare(&world, &provider).await;
}

/// What is only announced is fetched before it is judged, and nothing leaves meanwhile: an automatic answer turns out to be one, and what
/// cannot be had counts as a person's reply (I11).
#[rstest]
#[case("reply", Status::Withdrawn)]
#[case("away", Status::Approved)]
#[case("never", Status::Withdrawn)]
#[tokio::test]
async fn what_is_announced_is_fetched_first(#[case] subject: &str, #[case] becomes: Status) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let announced = Letter {
        from: "person-1@example.com".to_owned(),
        subject: Some(subject.to_owned()),
        is_announced: true,
        ..Letter::default()
    };
    arrive(&world, &[event("m1", vec![], What::Message(announced))]).await;
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds WHERE code = 'unread'").await, 1);
    applier(&world, provider.lines()).apply_due().await.expect("the database works");
    assert_eq!((state(&world, "m1").await.as_str(), world.status(items[0].id).await), ("applied", becomes));
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds WHERE code = 'unread'").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'inbound.fetch'").await, 1);
}

/// What cannot be fetched now is fetched later, and after half an hour it counts as a person's reply.
#[tokio::test]
async fn what_cannot_be_fetched_for_long_counts_as_a_reply() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let announced = Letter {
        from: "person-1@example.com".to_owned(),
        subject: Some("later".to_owned()),
        is_announced: true,
        ..Letter::default()
    };
    arrive(&world, &[event("m1", vec![], What::Message(announced))]).await;
    let applier = applier(&world, provider.lines());
    applier.apply_due().await.expect("the database works");
    assert_eq!(
        (state(&world, "m1").await.as_str(), world.status(items[0].id).await),
        ("stored", Status::Approved)
    );
    world
        .sql("UPDATE crm_inbound_events SET received_at = now() - interval '31 minutes', look_at = now()")
        .await;
    applier.apply_due().await.expect("the database works");
    assert_eq!(
        (state(&world, "m1").await.as_str(), world.status(items[0].id).await),
        ("applied", Status::Withdrawn)
    );
}

/// S38: who asks to be left alone is suppressed, known or not, before anything else.
#[rstest]
#[case::a_contact("person-1@example.com", "applied")]
#[case::a_stranger("stranger@else.example", "unmatched")]
#[tokio::test]
async fn an_opt_out_suppresses(#[case] from: &str, #[case] expected: &str) {
    let world = World::new().await;
    world.approved_email(1).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter(from, "STOP")))]).await;
    apply(&world).await;
    assert_eq!(state(&world, "m1").await, expected);
    let found = world.text("SELECT address || ' ' || reason FROM crm_suppressions").await;
    assert_eq!(found, format!("{from} unsubscribe"));
}

/// A reply stops the contact alone, unless the company says that it concerns the account.
#[rstest]
#[case(ReplyStops::Contact, Status::DraftPendingApproval)]
#[case(ReplyStops::Account, Status::Withdrawn)]
#[tokio::test]
async fn a_reply_stops_as_far_as_the_company_says(#[case] stops: ReplyStops, #[case] colleague: Status) {
    let world = World::new().await;
    let items = world.file(&[draft(1), draft(2)]).await;
    let change = PolicyChange { reply_stops: Some(stops), ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("can be set");
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")))]).await;
    apply(&world).await;
    assert_eq!(world.status(items[0].id).await, Status::Withdrawn);
    assert_eq!(world.status(items[1].id).await, colleague);
}

/// A meeting that was booked makes the next advances needless, and only those.
#[tokio::test]
async fn a_booking_withdraws_the_next_advances() {
    let world = World::new().await;
    let mut answer = draft(1);
    (answer["kind"], answer["clientDedupKey"]) = ("reply".into(), "answer".into());
    let items = world.file(&[draft(1), answer]).await;
    let meeting = |phase, id: &str| {
        let booking = Booking {
            phase,
            uid: "bk1".to_owned(),
            attendees: vec!["PERSON-1@example.com".to_owned()],
            starts_at: None,
            reason: None,
        };
        event(id, vec![], What::Booking(booking))
    };
    arrive_from(&world, Source::CalCom, &[meeting(Phase::Requested, "b0")]).await;
    apply(&world).await;
    assert_eq!(world.status(items[0].id).await, Status::DraftPendingApproval);
    arrive_from(&world, Source::CalCom, &[meeting(Phase::Booked, "b1")]).await;
    apply(&world).await;
    let stored = world.stored(items[0].id).await;
    assert_eq!((stored.status, stored.hold_code.as_deref()), (Status::Withdrawn, Some("booked")));
    assert_eq!(world.status(items[1].id).await, Status::DraftPendingApproval);
}

/// S26: anybody can write a name on an envelope. A mail whose sender is not proven does nothing by itself, and nothing leaves for whoever it
/// may be from until a person looked.
#[rstest]
#[case::it_was_from_them(true)]
#[case::it_was_not(false)]
#[tokio::test]
async fn a_sender_who_is_not_proven_waits_for_a_person(#[case] is_believed: bool) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    let forged = Letter { is_authentic: Some(false), ..letter("person-1@example.com", "STOP") };
    arrive(&world, &[event("m1", vec![], What::Message(forged))]).await;
    apply(&world).await;
    assert_eq!(state(&world, "m1").await, "unmatched");
    dispatch_until(&world, &provider, "the other one is sent, this one waits", async || {
        world.status(items[1].id).await == Status::Sent
            && world.stored(items[0].id).await.hold_code.as_deref() == Some("unread")
    })
    .await;
    let suppressed = "SELECT count(*) FROM crm_suppressions";
    assert_eq!((world.status(items[0].id).await, world.count(suppressed).await), (Status::Approved, 0));
    let id = sqlx::query_scalar("SELECT id FROM crm_inbound_events").fetch_one(&world.pool).await;
    let id = EventId(id.expect("there is an event"));
    if is_believed {
        let contact = contact_of(&world, items[0].id).await;
        assign(&world.pool, &world.approver, world.company, id, contact).await.expect("can be assigned");
        assert_eq!((world.status(items[0].id).await, world.count(suppressed).await), (Status::Withdrawn, 1));
    } else {
        dismiss(&world.pool, &world.approver, world.company, id, "not from them")
            .await
            .expect("can be put aside");
        world.hurry().await;
        dispatch_until(&world, &provider, "it is sent", async || {
            world.status(items[0].id).await == Status::Sent
        })
        .await;
    }
    books::compare(&world, &provider).await;
}

/// What is on the wire is past taking back; should it come back, it is stopped: by a colleague's reply, by a meeting.
#[rstest]
#[case::a_colleague_wrote("replied")]
#[case::a_meeting_was_booked("booked")]
#[tokio::test]
async fn what_comes_back_from_the_wire_is_stopped(#[case] code: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.file(&[draft(1), draft(2)]).await;
    world.approve(&items[1..]).await;
    let change = PolicyChange { reply_stops: Some(ReplyStops::Account), ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("can be set");
    let valve = Valve::default();
    provider.fails([Fault::RateLimited { retry_after: None }.times(1)]);
    let worker = Worker::start(&world, mail_by(valve.before(provider.transport())), quick()).await;
    world.until("the call is under way", async || valve.arrived() == 1).await;
    if code == "booked" {
        arrive_from(&world, Source::CalCom, &[meeting(Phase::Booked, "b1", &["person-1@example.com"], None)])
            .await;
    } else {
        arrive(&world, &[event("m1", vec![], What::Message(letter("person-1@example.com", "Call me")))])
            .await;
    }
    apply(&world).await;
    assert_eq!(world.status(items[1].id).await, Status::Dispatching);
    valve.open();
    world
        .until("it is stopped", async || {
            world.hurry().await;
            world.status(items[1].id).await == Status::BlockedByPolicy
        })
        .await;
    worker.stop().await;
    assert_eq!(world.stored(items[1].id).await.hold_code.as_deref(), Some(code));
    assert_eq!(provider.ledger().len(), 0);
    books::compare(&world, &provider).await;
}

fn meeting(phase: Phase, id: &str, attendees: &[&str], starts_at: Option<&str>) -> Event {
    let booking = Booking {
        phase,
        uid: "bk1".to_owned(),
        attendees: attendees.iter().map(|address| (*address).to_owned()).collect(),
        starts_at: starts_at.map(|at| at.parse().expect("a time")),
        reason: None,
    };
    event(id, vec![], What::Booking(booking))
}

/// Everybody who will be there is met. The same meeting told again, as lists do after every edit, stops nothing that was filed since; at
/// another time it is news.
#[tokio::test]
async fn a_meeting_stops_the_advances_to_all_who_come_once() {
    let world = World::new().await;
    let items = world.file(&[draft(1), draft(2)]).await;
    let (both, time) = (["person-1@example.com", "person-2@example.com"], Some("2026-12-01T09:00:00Z"));
    arrive_from(&world, Source::CalCom, &[meeting(Phase::Booked, "b1", &both, time)]).await;
    apply(&world).await;
    assert_eq!(world.status(items[0].id).await, Status::Withdrawn);
    assert_eq!(world.status(items[1].id).await, Status::Withdrawn);
    let mut next = draft(1);
    next["clientDedupKey"] = "next".into();
    let next = world.file(&[next]).await;
    arrive_from(&world, Source::CalCom, &[meeting(Phase::Booked, "listed", &both, time)]).await;
    apply(&world).await;
    assert_eq!(world.status(next[0].id).await, Status::DraftPendingApproval);
    let later = Some("2026-12-02T09:00:00Z");
    arrive_from(&world, Source::CalCom, &[meeting(Phase::Moved, "b2", &both, later)]).await;
    apply(&world).await;
    assert_eq!(world.status(next[0].id).await, Status::Withdrawn);
}

/// S38: a provider of mail names mailboxes; what it writes in the form of a number or a handle is nobody's.
#[tokio::test]
async fn a_mail_suppresses_mailboxes_alone() {
    let world = World::new().await;
    let letters = ["+447911123456", "17841400000000009"]
        .map(|from| event(from, vec![], What::Message(letter(from, "STOP"))));
    arrive(&world, &letters).await;
    apply(&world).await;
    assert_eq!(world.count("SELECT count(*) FROM crm_suppressions").await, 0);
}

/// The account sends other mail as well: what becomes of that is nobody's work here.
#[tokio::test]
async fn what_is_told_of_mail_of_others_waits_for_nobody() {
    let world = World::new().await;
    let told = Progress {
        fact: Fact::Delivered,
        recipient: None,
        detail: None,
        message_id: None,
        is_opt_out: false,
    };
    arrive(&world, &[event("s1", vec![Reference::Provider("another".to_owned())], What::Status(told))]).await;
    apply(&world).await;
    assert_eq!(state(&world, "s1").await, "stored", "its call may not be recorded yet");
    world.sql("UPDATE crm_inbound_events SET received_at = received_at - interval '1 hour', look_at = received_at").await;
    apply(&world).await;
    assert_eq!(state(&world, "s1").await, "applied");
}
