//! Fetching what was only announced: beside everything else, a few at a time, from whichever account has it, and by whoever can ask.
use countersign_core::activity::status::Status;
use countersign_core::channel::{Lines, Transport};
use countersign_core::inbound::event::{Event, Letter, What};
use countersign_core::outbox::NewOutbox;
use countersign_tests::provider::{Provider, dry_run, mail_by};
use countersign_tests::wire::{Scripted, Valve, response};
use countersign_tests::world::{World, mail_outbox};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use crate::inbound::{applier, apply, arrive, event, letter, progress, state};

fn announced(id: &str, subject: &str) -> Event {
    let letter = Letter {
        from: "person-1@example.com".to_owned(),
        subject: Some(subject.to_owned()),
        is_announced: true,
        ..Letter::default()
    };
    event(id, vec![], What::Message(letter))
}

/// A provider that does not answer keeps nothing waiting that needs no answer of it; it is asked a few questions at a time, and each once.
#[tokio::test]
async fn a_slow_provider_keeps_nothing_waiting() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.approved_email(2).await;
    let mails: Vec<Event> = (0..6).map(|number| announced(&format!("a{number}"), "reply")).collect();
    arrive(&world, &mails).await;
    let (valve, stop) = (Valve::default(), CancellationToken::new());
    let applier = applier(&world, mail_by(valve.before(provider.transport())));
    let wake = applier.wake.clone();
    let running = tokio::spawn(applier.run(stop.clone()));
    world.until("as many are asked for as may be", async || valve.arrived() == 4).await;
    arrive(&world, &[event("m1", vec![], What::Message(letter("person-2@example.com", "Call me")))]).await;
    wake.notify_one();
    world.until("what needs no fetching is applied", async || state(&world, "m1").await == "applied").await;
    assert_eq!(valve.arrived(), 4);
    valve.open();
    let left = "SELECT count(*) FROM crm_inbound_events WHERE state <> 'applied'";
    world.until("all are fetched", async || world.count(left).await == 0).await;
    assert_eq!(provider.requests(), 6);
    stop.cancel();
    running.await.expect("it does not panic");
}

/// R18: what cannot be finished after it was fetched is put off like everything else, and ends in front of people.
#[tokio::test]
async fn a_fetched_mail_that_cannot_be_applied_stops_nothing() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world
        .sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'check_violation'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crm_audit_log FOR EACH ROW WHEN (NEW.action = 'inbound.apply') EXECUTE FUNCTION refuse()",
        )
        .await;
    arrive(&world, &[announced("a1", "reply")]).await;
    let applier = applier(&world, provider.lines());
    applier.apply_due().await.expect("one event is no fault of the database");
    assert_eq!(state(&world, "a1").await, "stored");
    for _ in 0..9 {
        world.sql("UPDATE crm_inbound_events SET look_at = now()").await;
        applier.apply_due().await.expect("one event is no fault of the database");
    }
    assert_eq!(state(&world, "a1").await, "failed");
}

/// Nothing in an announcement says which account it is of: all are asked, and it cannot be had only if all of them say so.
#[rstest]
#[case::the_second_has_it(404, 200, "applied", "put on file")]
#[case::none_has_it(404, 404, "applied", "(no such mail)")]
#[case::the_second_may_have_it(404, 503, "stored", "503")]
#[case::the_first_may_have_it(503, 404, "stored", "503")]
#[tokio::test]
async fn a_mail_is_asked_of_every_account(
    #[case] first: u16,
    #[case] second: u16,
    #[case] becomes: &str,
    #[case] why: &str,
) {
    let world = World::new().await;
    world.approved_email(1).await;
    world.set_secret("resend-2", "re_second").await;
    for name in ["other", "same-account"] {
        let secret = "secret://resend-2:latest".parse().expect("a reference");
        world.add_outbox(&NewOutbox { secret, ..mail_outbox(name) }).await;
    }
    let transport = Scripted::new(move |_, call| {
        let is_second = call.headers.iter().any(|header| header.value.expose().contains("re_second"));
        Ok(response(if is_second { second } else { first }, &[], "{}"))
    });
    let calls = transport.calls();
    arrive(&world, &[announced("a1", "as answered")]).await;
    ask(&world, transport).await;
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2, "each account once");
    assert_eq!(state(&world, "a1").await, becomes);
    let told = "SELECT concat_ws(' ', error, array_to_string(did, ' ')) FROM crm_inbound_events";
    let told = world.text(told).await;
    assert!(told.contains(why), "{told}");
    assert_eq!(told.contains("could not be fetched"), (first, second) == (404, 404), "{told}");
}

async fn ask(world: &World, transport: impl Transport + 'static) {
    applier(world, mail_by(transport)).apply_due().await.expect("the database works");
}

/// A process that cannot ask anybody calls nothing a person's reply: another one may be able to. Nothing leaves meanwhile.
#[rstest]
#[case::without_a_line(Lines::new())]
#[case::in_a_dry_run(mail_by(Scripted::new(|_, _| panic!("nobody is asked"))).with_dry_run(dry_run()))]
#[tokio::test]
async fn who_cannot_ask_leaves_announced_mail_alone(#[case] lines: Lines) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    arrive(&world, &[announced("a1", "away")]).await;
    world.sql("UPDATE crm_inbound_events SET received_at = now() - interval '31 minutes'").await;
    assert_eq!(applier(&world, lines).apply_due().await.expect("the database works"), 0);
    let untouched =
        "SELECT count(*) FROM crm_inbound_events WHERE state = 'stored' AND tries = 0 AND look_at <= now()";
    assert_eq!(world.count(untouched).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM crm_contact_holds WHERE code = 'unread'").await, 1);
    applier(&world, provider.lines()).apply_due().await.expect("the database works");
    assert_eq!(
        (state(&world, "a1").await.as_str(), world.status(items[0].id).await),
        ("applied", Status::Approved)
    );
}

/// That an event had to wait often says nothing about whether it can be applied: ten errors end it, and no fewer.
#[tokio::test]
async fn waiting_is_no_error() {
    let world = World::new().await;
    arrive(&world, &[event("e1", vec![], progress(countersign_core::activity::fact::Fact::Opened))]).await;
    world.sql(r#"UPDATE crm_inbound_events SET tries = 50, reading = '{"what": 5}'"#).await;
    for _ in 0..9 {
        world.sql("UPDATE crm_inbound_events SET look_at = now()").await;
        apply(&world).await;
        assert_eq!(state(&world, "e1").await, "stored");
    }
    world.sql("UPDATE crm_inbound_events SET look_at = now()").await;
    apply(&world).await;
    assert_eq!(state(&world, "e1").await, "failed");
}
