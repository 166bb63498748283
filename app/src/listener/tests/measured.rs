//! What is measured, and what is not said in it.
use countersign_core::inbound::provider::Provider;
use countersign_tests::world::draft_to;

use super::desk::{Desk, delivery};

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_nobody() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let world = &desk.world;
    world.approve(&world.file(&[draft_to("canary@example.com", 1)]).await).await;
    desk.ask(delivery(Provider::Resend, id, "canary event")).await;
    desk.ask(delivery(Provider::Resend, id, "canary event")).await;
    desk.ask(delivery(Provider::Resend, id, "x").replace("X-Proof", "X-Other")).await;
    desk.state.board.tally().outcome("accepted");
    // Nobody reads the lists of the provider here.
    world
        .sql(
            "INSERT INTO crm_sync_cursors (company_id, outbox_id, list, seen_until, look_at)
            SELECT company_id, id, 'sent-mail', now() - interval '2 hours', now() FROM crm_outboxes",
        )
        .await;
    let reply = desk.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(reply.status, Some(200));
    let company = world.company;
    for line in [
        format!("countersign_queue_depth{{company=\"{company}\",channel=\"email\",status=\"approved\"}} 1"),
        format!("countersign_inbound_events{{company=\"{company}\",state=\"stored\"}} 1"),
        "countersign_webhooks_total{provider=\"resend\",verdict=\"accepted\"} 1".to_owned(),
        "countersign_webhooks_total{provider=\"resend\",verdict=\"repeated\"} 1".to_owned(),
        "countersign_webhooks_total{provider=\"resend\",verdict=\"refused\"} 1".to_owned(),
        "countersign_sends_total{outcome=\"accepted\"} 1".to_owned(),
        format!("countersign_degraded_facts{{company=\"{company}\"}} 1"),
        "countersign_database_up 1".to_owned(),
    ] {
        assert!(reply.text.lines().any(|found| found == line), "{line}\n{}", reply.text);
    }
    for word in ["canary", "acme", "Acme", "example.com"] {
        assert!(!reply.text.contains(word), "S35: {word}\n{}", reply.text);
    }
    let (_, body) = reply.text.split_once("\r\n\r\n").unwrap();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with("countersign_") && value.parse::<f64>().is_ok(), "{line}");
    }
}

/// A database that is away is said, and what this process counted is there.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_there_without_a_database() {
    let desk = Desk::open().await;
    desk.world.pool.close().await;
    let reply = desk.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(reply.status, Some(200));
    assert!(reply.text.contains("countersign_database_up 0\n"), "{}", reply.text);
    assert!(reply.text.contains("countersign_http_requests_total 1\n"), "{}", reply.text);
}
