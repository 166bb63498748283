//! The parts of a round, and the stage they are measured on.
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_tests::server;
use countersign_tests::world::World;

use super::anchor::Anchor;
use super::commits::Commits;
use super::cpu::Used;
use super::product::Queue;
use super::provider::{Provider, bare_client};
use super::{Options, history, idle, product};

/// Sending identities, of ours and of the anchor.
pub(crate) const IDENTITIES: usize = 64;

/// What the slow provider takes.
const SLOW: Duration = Duration::from_millis(50);

/// Something that is measured once a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The four phases in plain SQL, so many rows a transaction, four workers.
    FourPhases(usize),
    /// Commits of a tiny update, over so many connections.
    Commits(usize),
    /// The whole path to a provider that answers at once.
    Drain,
    /// The same in a database with history.
    DrainWithHistory,
    /// The same with a transport that answers without a network.
    DrainNowhere,
    /// The bare client with so many connections to a provider that takes 50 ms.
    BareSlow(usize),
    /// The whole path to that provider, so many calls in flight, one outbox.
    DrainSlow(usize),
    /// From the decision to the provider, one message at a time.
    Idle,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// So many a second, and what one of them took of the processors.
    Rate(f64, Option<Used>),
    /// How long each took, sorted.
    Times(Vec<Duration>),
}

impl Value {
    fn rate(rate: f64) -> Self {
        Self::Rate(rate, None)
    }

    pub(crate) fn a_second(&self) -> Option<f64> {
        match self {
            Self::Rate(rate, _) => Some(*rate),
            Self::Times(_) => None,
        }
    }

    /// That quantile in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> Option<f64> {
        let Self::Times(times) = self else { return None };
        let place = (quantile * (times.len().checked_sub(1)? as f64)).round() as usize;
        Some(times.get(place)?.as_secs_f64() * 1_000.0)
    }
}

impl Part {
    /// In the order of an odd round.
    pub(crate) const ALL: &[Self] = &[
        Self::Commits(1),
        Self::Commits(4),
        Self::Commits(16),
        Self::FourPhases(50),
        Self::Drain,
        Self::DrainWithHistory,
        Self::FourPhases(200),
        Self::DrainNowhere,
        Self::BareSlow(64),
        Self::DrainSlow(64),
        Self::BareSlow(256),
        Self::DrainSlow(256),
        Self::Idle,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::FourPhases(rows) => format!("four-phases N={rows} 4w"),
            Self::Commits(connections) => format!("commits C{connections}"),
            Self::Drain => "drain 0 ms".to_owned(),
            Self::DrainWithHistory => "drain 0 ms, history".to_owned(),
            Self::DrainNowhere => "drain no network".to_owned(),
            Self::BareSlow(calls) => format!("bare client 50 ms C={calls}"),
            Self::DrainSlow(calls) => format!("drain 50 ms C={calls}"),
            Self::Idle => "approve to wire, idle".to_owned(),
        }
    }

    pub(crate) fn show(self, value: &Value) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        match value {
            Value::Rate(rate, None) => format!("{rate:>9.0}/s"),
            Value::Rate(rate, Some(used)) => format!(
                "{rate:>9.0}/s  processor time a message: {:.0} µs here, {:.0} µs server, {:.2} cores",
                micros(used.here),
                micros(used.server),
                rate * (used.here + used.server).as_secs_f64(),
            ),
            Value::Times(_) => match (value.millis(0.5), value.millis(0.99)) {
                (Some(p50), Some(p99)) => format!("p50 {p50:.1} ms  p99 {p99:.1} ms"),
                _ => "nothing".to_owned(),
            },
        }
    }
}

/// What the parts share: one server, and what is made once.
pub(crate) struct Stage {
    commits: Arc<Commits>,
    /// A company with history; messages drained there become history too.
    old: Option<Arc<World>>,
    messages: usize,
    measured_for: Duration,
}

/// A part whose tables are filled; to be awaited is to be measured.
pub(crate) type Ready = Pin<Box<dyn Future<Output = Value>>>;

impl Stage {
    pub(crate) async fn prepare(options: &Options, parts: &[Part], out: &mut impl Write) -> Self {
        server::commit_to_disk();
        let old = if parts.contains(&Part::DrainWithHistory) {
            let _closed = writeln!(out, "writing {} rows of history", options.history);
            let world = product::company().await;
            history::write(&world, options.history).await;
            Some(Arc::new(world))
        } else {
            None
        };
        Self {
            commits: Arc::new(Commits::prepare().await),
            old,
            messages: options.messages,
            measured_for: Duration::from_secs_f64(options.seconds),
        }
    }

    /// Fills what a part needs, so that parts can be measured one right after the other.
    pub(crate) async fn ready(&self, part: Part) -> Ready {
        let (messages, measured_for) = (self.messages, self.measured_for);
        match part {
            Part::FourPhases(rows) => {
                let anchor = Anchor::filled(messages).await;
                Box::pin(async move { Value::rate(anchor.rate(rows, messages).await) })
            }
            Part::Commits(connections) => {
                let commits = Arc::clone(&self.commits);
                Box::pin(async move { Value::rate(commits.rate(connections, measured_for).await) })
            }
            Part::Drain => {
                let queue = Queue::wide(product::company().await.into(), messages).await;
                Box::pin(async move { queue.drain().await })
            }
            Part::DrainWithHistory => match &self.old {
                Some(world) => {
                    let queue = Queue::wide(Arc::clone(world), messages).await;
                    Box::pin(async move { queue.drain().await })
                }
                None => Box::pin(std::future::ready(Value::Times(Vec::new()))),
            },
            Part::DrainNowhere => {
                let queue = Queue::wide(product::company().await.into(), messages).await;
                Box::pin(async move { queue.drain_nowhere().await })
            }
            Part::BareSlow(calls) => {
                Box::pin(
                    async move { Value::rate(bare_client(Provider::start(SLOW), calls, measured_for).await) },
                )
            }
            Part::DrainSlow(calls) => {
                let queue = Queue::narrow(self.slow_messages(calls)).await;
                Box::pin(async move { queue.drain_slow(calls, SLOW).await })
            }
            Part::Idle => {
                let drafts = idle::Drafts::filed((messages / 100).max(50)).await;
                Box::pin(async move { Value::Times(drafts.approve_to_wire().await) })
            }
        }
    }

    /// As many as leave in twice the time of the other parts.
    fn slow_messages(&self, calls: usize) -> usize {
        let turns = (self.measured_for * 2).as_millis() / SLOW.as_millis();
        calls * usize::try_from(turns).unwrap_or(1).max(1)
    }
}
