//! Many deliveries at once, and the same ones again and again.
use std::collections::HashSet;

use countersign_core::inbound::provider::Provider;

use super::desk::{Desk, Line, PROOF, delivery_with};

/// Callers at the same time.
const LINES: usize = 64;

/// Sends deliveries over as many connections and asserts that each was acknowledged.
async fn send(desk: &Desk, bodies: Vec<String>) {
    let id = desk.endpoint(Provider::Resend).await;
    let place = desk.place;
    let mut lines: Vec<Vec<String>> = vec![Vec::new(); LINES];
    for (number, body) in bodies.into_iter().enumerate() {
        let request = delivery_with(Provider::Resend, id, &format!("X-Proof: {PROOF}\r\n"), &body);
        lines[number % LINES].push(request);
    }
    let callers = lines.into_iter().map(|requests| {
        tokio::spawn(async move {
            let mut line = Line::open(place).await;
            for request in requests {
                assert_eq!(line.ask(&request).await, 200);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// F40: a burst in which three of ten come again loses nothing and doubles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_loses_and_doubles_nothing() {
    let desk = Desk::open().await;
    let mut random = fastrand::Rng::with_seed(40);
    let mut bodies: Vec<String> = (0..3500).map(|number| format!("event {number}")).collect();
    bodies.extend((0..1500).map(|_| format!("event {}", random.u32(..3500))));
    random.shuffle(&mut bodies);
    let different = bodies.iter().collect::<HashSet<_>>().len();
    send(&desk, bodies).await;
    assert_eq!(usize::try_from(desk.events().await).unwrap(), different);
    assert_eq!(desk.state.counts.stored.get(), u64::try_from(different).unwrap());
}

/// F38: ten thousand times the same is one event.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_repetitions_are_one_event() {
    let desk = Desk::open().await;
    send(&desk, vec!["the same".to_owned(); 10_000]).await;
    assert_eq!(desk.events().await, 1);
    assert_eq!(desk.state.counts.known.get(), 9_999);
}
