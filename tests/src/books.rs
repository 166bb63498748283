//! The checks after a run, as assertions.
use sqlx::{Connection, PgConnection};

use crate::check::{self, Evidence};
use crate::provider::Provider;
use crate::world::World;

/// Every check that a database and a provider allow (C1 to C7, C9, C10). Call it when no dispatcher runs.
///
/// # Panics
/// With all findings, if there are any.
pub async fn compare(world: &World, provider: &Provider) {
    let (ledger, requests) = (provider.ledger(), provider.seen().log);
    let requests: Vec<_> = requests.into_iter().collect();
    let evidence = Evidence { ledger: Some(&ledger), requests: Some(&requests), is_at_rest: true };
    let mut conn = PgConnection::connect_with(&world.options()).await.expect("the database answers");
    let report = check::examine(&mut conn, evidence).await.expect("the database can be read");
    let lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

/// Every request the provider saw belongs to an attempt and the other way round (S19). Not for runs in which the connection itself
/// failed, or a worker was lost.
///
/// # Panics
/// When the numbers differ.
pub async fn every_request_is_an_attempt(world: &World, provider: &Provider) {
    let attempts = world.count("SELECT count(*) FROM crm_dispatch_attempts").await;
    assert_eq!(u64::try_from(attempts), Ok(provider.requests()), "S19: attempts and requests differ");
}
