//! What Instagram shows of messages under our account: ours, whose answer may be lost, and those that somebody wrote by hand.
use countersign_adapters::sandbox::Fault;
use countersign_core::activity::status::Status;
use countersign_core::inbound::event::{Echo, Event, Reference, What};
use countersign_core::inbound::provider::Provider as Source;
use countersign_tests::provider::Provider;
use countersign_tests::world::World;

use crate::inbound::{apply, arrive_from, event, facts, state};
use crate::instagram::{PERSON, answer, hurry_until, worker, world};

fn echo(id: &str, about: Vec<Reference>, words: &str) -> Event {
    let echo = Echo { id: id.to_owned(), to: PERSON.to_owned(), text: Some(words.to_owned()) };
    event(id, about, What::Echo(echo))
}

async fn show(world: &World, shown: Event) {
    arrive_from(world, Source::Instagram, &[shown]).await;
    apply(world).await;
}

/// Long ago: nothing more can turn up that it is about.
async fn grow_old(world: &World) {
    world.sql("UPDATE crm_inbound_events SET received_at = received_at - interval '1 hour', look_at = received_at").await;
    apply(world).await;
}

async fn uncertain() -> (World, Provider, countersign_core::approval::Item) {
    let (world, _, provider) = world().await;
    let item = answer(&world).await;
    provider.fails([Fault::ResetAfterAccept.times(1)]);
    let worker = worker(&world, &provider).await;
    hurry_until(&world, item, Status::Uncertain).await;
    worker.stop().await;
    (world, provider, item)
}

/// R6: a message that nobody knows the end of is shown by its provider, in its words: it was sent.
#[tokio::test]
async fn an_echo_settles_what_was_uncertain() {
    let (world, _provider, item) = uncertain().await;
    show(&world, echo("mid.1", vec![], "¡Sí! Mañana a las 9.")).await;
    assert_eq!(world.status(item.id).await, Status::Sent);
    assert_eq!(state(&world, "mid.1").await, "applied");
    // It is known by that name from here on.
    show(&world, echo("mid.2", vec![Reference::Provider("mid.1".to_owned())], "other words")).await;
    assert_eq!(facts(&world, item.id).await, ["accepted"]);
}

/// Other words are another message: they prove nothing, and count as written by hand once nothing else can turn up.
#[tokio::test]
async fn an_echo_of_other_words_was_written_by_hand() {
    let (world, _provider, item) = uncertain().await;
    show(&world, echo("mid.1", vec![], "written on a phone")).await;
    assert_eq!(state(&world, "mid.1").await, "stored");
    grow_old(&world).await;
    assert_eq!(world.status(item.id).await, Status::Uncertain);
    assert_eq!(state(&world, "mid.1").await, "applied");
    assert_eq!(world.statuses().await.get("recorded"), Some(&1));
}

/// Somebody who is not on file was written to: a person says who it was, or puts it aside.
#[tokio::test]
async fn an_echo_to_a_stranger_is_unmatched() {
    let (world, _, _provider) = world().await;
    show(&world, echo("mid.1", vec![], "hello")).await;
    grow_old(&world).await;
    assert_eq!(state(&world, "mid.1").await, "unmatched");
}
