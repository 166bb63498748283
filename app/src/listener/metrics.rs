//! `/metrics`, in the text format of Prometheus. It holds ids, words of ours and numbers, and nothing that anybody wrote.
//!
//! Written by hand: the format is a line a number, and what is counted is counted elsewhere already.
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use countersign_core::clock;
use countersign_core::db::phase;
use countersign_core::engine::store_depth::{self, COUNTED, Depth};
use countersign_core::error::Error;
use countersign_core::ids::CompanyId;
use countersign_core::inbound::endpoint;
use countersign_core::inbound::provider::Provider;
use countersign_core::sync;
use tokio::sync::Mutex;

use super::answer::answer;
use super::counts::Verdict;
use super::state::{Shared, State};

/// So long the database is not asked again: whoever scrapes often does not disturb it.
const FRESH: Duration = Duration::from_secs(5);

/// Whoever scrapes waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the database was last found to hold.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Option<(Instant, Arc<Found>)>>);

#[derive(Debug, Default)]
struct Found {
    depths: Vec<Depth>,
    events: Vec<(CompanyId, String, i64)>,
    stale: Vec<(CompanyId, i64)>,
}

/// The route of metrics.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(Extract(state): Extract<Shared>) -> Response {
    let found = tokio::time::timeout(PATIENCE, find(&state)).await;
    let found = match found {
        Ok(Ok(found)) => Some(found),
        Ok(Err(_)) | Err(_) => None,
    };
    answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", written(&state, found.as_deref()))
}

async fn find(state: &State) -> Result<Arc<Found>, Error> {
    let mut kept = state.waiting.0.lock().await;
    let now = clock::monotonic();
    if let Some((at, found)) = &*kept
        && now.duration_since(*at) < FRESH
    {
        return Ok(Arc::clone(found));
    }
    let mut conn = state.pool.acquire().await?;
    let (events, stale) = match state.phases_off.contains(phase::INBOUND) {
        true => Default::default(),
        false => (endpoint::waiting(&mut conn, COUNTED).await?, sync::stale(&mut conn).await?),
    };
    let found = Arc::new(Found { depths: store_depth::depths(&mut conn).await?, events, stale });
    *kept = Some((now, Arc::clone(&found)));
    Ok(found)
}

fn written(state: &State, found: Option<&Found>) -> String {
    let mut page = Page::default();
    page.family("database_up", "gauge", "1 if the database answered this scrape");
    page.line("", found.is_some().into());
    if let Some(found) = found {
        of_database(&mut page, found);
    }
    of_process(&mut page, state);
    page.0
}

fn of_database(page: &mut Page, found: &Found) {
    let help = "messages by state; counted up to 100000 for each company and stage";
    page.family("queue_depth", "gauge", help);
    for Depth { company, channel, status, count, .. } in &found.depths {
        let labels = format!("company=\"{company}\",channel=\"{channel}\",status=\"{status}\"");
        page.line(&labels, whole(*count));
    }
    page.family("oldest_due_seconds", "gauge", "for how long the oldest approved message could have left");
    for depth in found.depths.iter().filter(|depth| depth.status == "approved") {
        let labels = format!("company=\"{}\",channel=\"{}\"", depth.company, depth.channel);
        page.line(&labels, whole(depth.overdue_secs));
    }
    let help = "events that wait to be applied, or for a person; counted up to 100000 for each company";
    page.family("inbound_events", "gauge", help);
    for (company, state, count) in &found.events {
        page.line(&format!("company=\"{company}\",state=\"{state}\""), whole(*count));
    }
    let help = "lists of providers that were not read to their end for an hour, so that what webhooks miss is not known";
    page.family("degraded_facts", "gauge", help);
    for (company, count) in &found.stale {
        page.line(&format!("company=\"{company}\""), whole(*count));
    }
}

fn of_process(page: &mut Page, state: &State) {
    let counted = state.board.tally().counted();
    page.family("sends_total", "counter", "calls of providers by what they proved");
    for (word, count) in &counted.outcomes {
        page.line(&format!("outcome=\"{word}\""), *count);
    }
    page.family(
        "tick_seconds",
        "summary",
        "rounds of the dispatcher over all outboxes, and how long they took",
    );
    page.named("tick_seconds_sum", "", &format!("{:.6}", counted.turning.as_secs_f64()));
    page.named("tick_seconds_count", "", &counted.turns.to_string());
    let counts = &state.counts;
    page.family("webhooks_total", "counter", "deliveries by provider and by what became of them");
    for provider in Provider::ALL {
        for verdict in Verdict::ALL {
            let labels = format!("provider=\"{provider}\",verdict=\"{}\"", verdict.as_str());
            page.line(&labels, counts.deliveries(*provider, *verdict));
        }
    }
    page.family("inbound_stored_total", "counter", "events that were stored");
    page.line("", counts.stored.get());
    page.family("inbound_repeated_total", "counter", "events that were on file already");
    page.line("", counts.known.get());
    page.family("inbound_handled_total", "counter", "events that were taken in hand after they were stored");
    page.line("", counted.events);
    page.family("http_requests_total", "counter", "requests that reached the listener");
    page.line("", counts.requests.get());
    page.family("http_connections_total", "counter", "connections by what became of them");
    page.line("verdict=\"taken\"", counts.connections.get());
    page.line("verdict=\"turned_away\"", counts.turned_away.get());
    page.family("task_healthy", "gauge", "1 if the last run of a background task went well");
    for task in state.board.tasks() {
        use countersign_core::engine::board::Health;
        let is_well = matches!(task.health, Health::Ok | Health::Starting | Health::Off);
        page.line(&format!("task=\"{}\"", task.name), is_well.into());
    }
}

fn whole(count: i64) -> u64 {
    count.try_into().unwrap_or(0)
}

/// Lines of numbers, each family behind what it is.
#[derive(Default)]
struct Page(String, &'static str);

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.1 = name;
        // Writing to a text cannot fail.
        let _ = write!(self.0, "# HELP countersign_{name} {help}\n# TYPE countersign_{name} {kind}\n");
    }

    fn line(&mut self, labels: &str, value: u64) {
        self.named(self.1, labels, &value.to_string());
    }

    fn named(&mut self, name: &str, labels: &str, value: &str) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "countersign_{name}{labels} {value}");
    }
}
