//! Who has the port, and what is said when the database does not answer.
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::inbound::provider::Provider;
use countersign_tests::world::World;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::desk::{DEADLINE, Desk, delivery, state_of};
use crate::config::Listening;
use crate::listener::{Standing, run, take};

/// A port that is taken is taken over when it falls free, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_taken_over() {
    let other = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = other.local_addr().unwrap();
    let place = take(address).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(place.standing, Standing::Taken(address));
    let world = World::new().await;
    let state = state_of(&world, world.pool.clone(), Listening::default());
    let (said, mut says) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let say = move |standing| said.send(standing).unwrap();
    let task = tokio::spawn(run(place, Arc::clone(&state), say, stop.clone()));
    drop(other);
    let standing = tokio::time::timeout(DEADLINE, says.recv()).await.expect("it is taken over");
    assert_eq!(standing, Some(Standing::At(address)));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_place_of_another_machine_is_refused_in_words() {
    let fault = take("192.0.2.1:8787".parse().unwrap()).await.err().expect("nobody has that address");
    assert!(fault.to_string().starts_with("listener.listen: nobody can listen at 192.0.2.1:8787"), "{fault}");
}

/// F43: nothing is acknowledged while it cannot be stored, and it is asked to come again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_while_the_database_is_away() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    assert_eq!(desk.ask(delivery(Provider::Resend, id, "before")).await.status, Some(200));
    desk.world.pool.close().await;
    for body in ["before", "after"] {
        let reply = desk.ask(delivery(Provider::Resend, id, body)).await;
        assert_eq!(reply.status, Some(503), "{reply:?}");
        assert!(reply.text.to_ascii_lowercase().contains("retry-after: "), "{reply:?}");
    }
    let ready = desk.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(ready.status, Some(503));
    let alive = desk.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(alive.status, Some(200));
}
