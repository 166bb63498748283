//! What the integration suites of countersign share.
//!
//! `server` starts one PostgreSQL for the whole test process and hands out a fresh, migrated database for every test. `world` is
//! a company in such a database with people, an outbox and drafts. `provider` is the sandbox provider with its ledger, `wire`
//! holds transports and `line` a connection to the database that misbehave on command, `worker` a dispatcher on a runtime of its own. `check` examines what a run left,
//! `books` asserts that it finds nothing, and `process` asks the kernel. `hostile` holds the texts nobody wants to meet.
pub mod books;
pub mod check;
pub mod hostile;
pub mod line;
pub mod model;
pub mod process;
pub mod provider;
pub mod replica;
pub mod server;
pub mod simulate;
pub mod standing_clock;
pub mod wire;
pub mod worker;
pub mod world;

use std::time::Duration;

use countersign_core::clock;

/// How long a test waits for something that has to happen. Long, because a machine may be busy; passing tests never use it up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long between two looks at a condition.
const GLANCE: Duration = Duration::from_millis(10);

/// Looks until the condition holds. After [`DEADLINE`] it fails with what `state` says.
///
/// # Panics
/// When the condition does not come about in time.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool, state: impl AsyncFnOnce() -> String) {
    let give_up = clock::monotonic() + DEADLINE;
    while !holds().await {
        if clock::monotonic() >= give_up {
            panic!("waited in vain: {what}\n{}", state().await);
        }
        tokio::time::sleep(GLANCE).await;
    }
}
