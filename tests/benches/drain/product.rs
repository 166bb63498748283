//! The product: companies with approved messages, and a dispatcher that sends them.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::channel::{BoxFuture, Broken, Call, Lines, Response, Transport};
use countersign_core::dispatch::{Dispatcher, Engine, Settings};
use countersign_core::draft::file::Mode;
use countersign_core::engine::board::Board;
use countersign_core::{clock, db};
use countersign_tests::provider::mail_by;
use countersign_tests::wire::accepted;
use countersign_tests::world::{World, draft, mail_outbox};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::cpu::Used;
use super::part::{IDENTITIES, Value};
use super::provider::Provider;

/// Messages filed and approved at once.
const CHUNK: usize = 1_000;

/// A drain that takes longer than this has stopped.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the end of a drain is looked for.
const GLANCE: Duration = Duration::from_millis(2);

/// A company with as many outboxes as the anchor has identities.
pub(crate) async fn company() -> World {
    let world = World::new().await;
    for number in 1..=IDENTITIES {
        world.add_outbox(&mail_outbox(&outbox(number))).await;
    }
    world
}

fn outbox(number: usize) -> String {
    format!("mail-{}", 1 + number % IDENTITIES)
}

/// Approved messages that wait for a dispatcher.
pub(crate) struct Queue {
    world: Arc<World>,
    messages: usize,
}

impl Queue {
    /// Spread over all outboxes of the company.
    pub(crate) async fn wide(world: Arc<World>, messages: usize) -> Self {
        fill(&world, messages, outbox).await;
        Self { world, messages }
    }

    /// In one outbox of a new company.
    pub(crate) async fn narrow(messages: usize) -> Self {
        let world = World::new().await;
        fill(&world, messages, |_| "mail".to_owned()).await;
        Self { world: Arc::new(world), messages }
    }

    /// Drains through the whole path, to a provider that answers at once.
    pub(crate) async fn drain(self) -> Value {
        let provider = Provider::start(Duration::ZERO);
        self.measure(provider.lines(), settings(), || provider.answered()).await
    }

    /// The same without a network: the transport answers at once.
    pub(crate) async fn drain_nowhere(self) -> Value {
        let transport = Nowhere::default();
        let answered = Arc::clone(&transport.answered);
        self.measure(mail_by(transport), settings(), || answered.load(Ordering::Relaxed)).await
    }

    /// Drains with so many calls in flight, to a provider that takes its time.
    pub(crate) async fn drain_slow(self, calls: usize, latency: Duration) -> Value {
        let provider = Provider::start(latency);
        let settings = Settings { max_in_flight: calls, ..settings() };
        self.measure(provider.lines(), settings, || provider.answered()).await
    }

    /// Starts a dispatcher with warm connections, and measures until the last message is closed.
    async fn measure(&self, lines: Lines, settings: Settings, answered: impl Fn() -> u64) -> Value {
        let world = &self.world;
        let messages = u64::try_from(self.messages).expect("a count");
        let before = Used::read(world).await;
        let running = start(world, lines, settings).await;
        let begin = running.begin;
        while answered() < messages || has_queue(world).await {
            assert!(begin.elapsed() < PATIENCE, "the drain stopped: {:?}", world.statuses().await);
            tokio::time::sleep(GLANCE).await;
        }
        let took = begin.elapsed();
        let after = Used::read(world).await;
        running.stop().await;
        assert_eq!(answered(), messages, "every message is sent once");
        let count = u32::try_from(self.messages).expect("a count");
        let used = before.zip(after).map(|(before, after)| {
            let used = after.since(before);
            Used { here: used.here / count, server: used.server / count }
        });
        Value::Rate(f64::from(count) / took.as_secs_f64(), used)
    }
}

/// As a process for throughput is configured.
fn settings() -> Settings {
    Settings { max_in_flight: 256, batch: 200, worker: "bench".to_owned(), ..Settings::default() }
}

/// Files and approves so many messages, each to a contact of its own, the way people do.
async fn fill(world: &World, messages: usize, outbox: impl Fn(usize) -> String) {
    let before = world.count("SELECT count(*) FROM crm_contacts WHERE name LIKE 'Person %'").await;
    let before = usize::try_from(before).expect("a count");
    for first in (0..messages).step_by(CHUNK) {
        let numbers = first..messages.min(first + CHUNK);
        let lines: Vec<_> = numbers
            .map(|number| {
                let mut line = draft(before + number);
                line["outbox"] = json!(outbox(number));
                line
            })
            .collect();
        let report = world.import(&lines, Mode::AllOrNothing).await;
        assert!(report.errors.is_empty(), "a line was refused: {:?}", report.errors);
        let ids: Vec<_> = report.filed.iter().map(|filed| filed.id).collect();
        world.approve(&world.items(&ids).await).await;
    }
    settle(world).await;
}

/// Leaves no upkeep of what went before to the measured time.
pub(crate) async fn settle(world: &World) {
    let mut admin =
        PgConnection::connect_with(&world.admin_options()).await.expect("the server answers its owner");
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut admin).await.expect("can be vacuumed");
    sqlx::raw_sql("CHECKPOINT").execute(&mut admin).await.expect("can be written down");
}

/// A dispatcher on the runtime of the bench.
pub(crate) struct Running {
    pub(crate) begin: std::time::Instant,
    /// Wakes it.
    pub(crate) wake: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

pub(crate) async fn start(world: &World, lines: Lines, settings: Settings) -> Running {
    let pool = db::steady(&world.pool);
    let mut warm = Vec::new();
    for _ in 0..db::STEADY_CONNECTIONS {
        warm.push(pool.acquire().await.expect("a connection"));
    }
    drop(warm);
    let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
    let engine = Engine {
        pool: pool.clone(),
        lines,
        key: world.key.clone(),
        settings,
        wake: Arc::clone(&wake),
        board: Board::default(),
    };
    let token = stop.clone();
    let begin = clock::monotonic();
    let task = tokio::spawn(async move {
        Dispatcher::new(engine).run(token).await.expect("no task of the dispatcher dies");
        pool.close().await;
    });
    Running { begin, wake, stop, task }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the dispatcher does not panic");
    }
}

async fn has_queue(world: &World) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM crm_activities WHERE company_id = $1 AND stage = 'queue')")
        .bind(world.company.0)
        .fetch_one(&world.pool)
        .await
        .expect("the database answers")
}

/// Accepts everything without a network.
#[derive(Default)]
struct Nowhere {
    answered: Arc<AtomicU64>,
}

impl Transport for Nowhere {
    fn exchange<'a>(&'a self, _call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(accepted(&format!("nowhere-{number}")))))
    }
}
