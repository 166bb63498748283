//! One run: a company with so many approved messages, everything that happens to it, and what is left.
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_core::clock;
use countersign_tests::check::{self, Evidence, Finding, canary, left};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::crew::Crew;
use crate::home::Home;
use crate::provider::Provider;
use crate::schedule::{Event, Planned, schedule};

/// Turns up at the provider, in no row and in no output.
const CREDENTIAL: &str = "re_canary_9c41f7d03be2a658";

/// In every message, so in rows; in no output.
const PERSONAL: &str = "quorlbeck";

/// Items one request may name.
const AT_ONCE: usize = 1_000;

/// A person who sees a stopped outbox lets it go on after this long.
const RESUME_AFTER: Duration = Duration::from_millis(3_500);

/// Between two looks into the database.
const LOOK: Duration = Duration::from_millis(500);

/// Runs one schedule and has everything checked.
pub(crate) fn run(seed: u64, messages: usize) {
    let planned = schedule(seed, messages);
    tell_schedule(&planned);
    let cluster = Cluster::start();
    let mut home = home(&cluster);
    let mut provider = Provider::start(&home);
    home.set("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", &provider.url());
    open(&home, messages);
    let began = clock::monotonic();
    let (crew, restarts) = work(&cluster, &home, &provider, planned, messages);
    let took = clock::monotonic() - began;
    let (ledger, requests) = (provider.ledger(), provider.seen());
    provider.stop();
    let Crew { said, kills, drained, .. } = crew;

    let requests: Vec<_> = requests.log.into();
    let evidence = Evidence { ledger: Some(&ledger), requests: Some(&requests), is_at_rest: true };
    let looked = cluster.on(async |conn| {
        let mut report = check::examine(conn, evidence).await?;
        report.findings.extend(canary::in_rows(conn, &[CREDENTIAL.to_owned()]).await?);
        Ok(report.findings)
    });
    let mut findings: Vec<Finding> = looked.expect("the database can be read");
    let canaries = [CREDENTIAL.to_owned(), PERSONAL.to_owned()];
    findings.extend(canary::in_output("log", home.logs().as_bytes(), &canaries));
    for answer in &said {
        findings.extend(canary::in_output(
            "output",
            (answer.out.clone() + &answer.err).as_bytes(),
            &canaries,
        ));
    }
    let standing: Vec<String> = cluster.on(statuses).expect("the database can be read");
    drop(cluster);
    crate::until("the last process ends", || home.processes().is_empty());
    findings.extend(left::on_the_machine(&home.path("")));
    crate::tell(&format!(
        "seed {seed}: {} messages accepted of {} requests in {:.0} s; {kills} kills, {drained} drained, {restarts} restarts of the server; {}",
        ledger.len(),
        requests.len(),
        took.as_secs_f64(),
        standing.join(", "),
    ));
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "seed {seed}: {} findings:\n{}", lines.len(), lines.join("\n"));
    // The provider keeps keys, so nothing has to stay uncertain.
    assert_eq!(standing, [format!("{messages} sent")], "seed {seed}");
    assert_eq!(ledger.len(), messages, "seed {seed}: none is lost");
}

#[expect(clippy::print_stderr, reason = "kept by the test harness unless the run fails or is asked to talk")]
fn tell_schedule(planned: &[Planned]) {
    for planned in planned {
        eprintln!("{planned}");
    }
}

fn home(cluster: &Cluster) -> Home {
    let mut home = Home::new();
    home.set("DATABASE_URL", &cluster.url());
    home.set("COUNTERSIGN_DISPATCHER__LEASE", "3s");
    home.set("COUNTERSIGN_DISPATCHER__POLL", "250ms");
    home
}

/// A company whose messages are approved.
fn open(home: &Home, messages: usize) {
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    home.run_with(&["secrets", "set", "resend"], CREDENTIAL).ends_with(0);
    let cap = messages.to_string();
    let outbox = ["outboxes", "add", "main", "--channel", "email", "--from", "Ana <ana@acme.example>"];
    let settings =
        ["--secret", "secret://resend:latest", "--daily-cap", &cap, "--zone", "UTC", "--undo-window", "0s"];
    home.run(&[outbox.as_slice(), &settings].concat()).ends_with(0);
    home.run(&["allowlist", "add", "@example.com"]).ends_with(0);
    let lines: Vec<String> = (1..=messages).map(draft).collect();
    home.run_with(&["drafts", "import", "-"], &lines.join("\n")).ends_with(0);
    let mut left = messages;
    while left > 0 {
        let list = home.json(&["approvals", "list", "--limit", &AT_ONCE.to_string()]);
        let items = list["items"].as_array().expect("a list");
        let pairs: Vec<String> = items
            .iter()
            .map(|item| format!("{}@{}", text(&item["id"]), text(&item["payloadSha256"])))
            .collect();
        let words = ["approvals", "approve"].into_iter().chain(pairs.iter().map(String::as_str));
        home.run(&words.collect::<Vec<_>>()).ends_with(0);
        left -= pairs.len();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn draft(number: usize) -> String {
    json!({
        "channel": "email", "outbox": "main", "to": format!("person{number}.{PERSONAL}@example.com"),
        "contact": {"name": format!("Person {number} {PERSONAL}")},
        "payload": {"subject": format!("Roof {number}"), "text": format!("Dear Person {number} {PERSONAL},\n\nyour roof is ready.\n")},
        "clientDedupKey": format!("roof-{number}"), "proposedBy": "writer-1",
    })
    .to_string()
}

/// Lets everything happen, until every message is settled. Returns who worked and how often the server was restarted.
fn work<'a>(
    cluster: &Cluster,
    home: &'a Home,
    provider: &Provider,
    planned: Vec<Planned>,
    messages: usize,
) -> (Crew<'a>, usize) {
    let began = clock::monotonic();
    let limit =
        Duration::from_secs(240) + Duration::from_millis(50) * u32::try_from(messages).expect("it fits");
    let mut progress = Progress::of(home);
    let mut crew = Crew::start(home);
    let mut planned = VecDeque::from(planned);
    let mut due: Vec<(Instant, Event)> = Vec::new();
    let (mut restarts, mut look_at, mut stopped_at) = (0, began, None);
    loop {
        let (now, accepted) = (clock::monotonic(), progress.accepted());
        assert!(now < began + limit, "{accepted} of {messages} after {} s", limit.as_secs());
        while planned.front().is_some_and(|planned| planned.accepted <= accepted) {
            due.extend(planned.pop_front().map(|planned| (now + planned.delay, planned.event)));
        }
        let (ready, later): (Vec<_>, Vec<_>) = due.drain(..).partition(|(at, _)| *at <= now);
        due = later;
        for (at, event) in ready {
            let happened = match &event {
                Event::Kill(worker) => crew.kill(*worker),
                Event::Sleep(worker) => crew.put_to_sleep(*worker),
                Event::Drain(worker) => crew.drain(*worker),
                Event::Restart => {
                    cluster.restart();
                    restarts += 1;
                    true
                }
                Event::Provider(faults) => {
                    provider.fails(faults);
                    true
                }
            };
            if !happened {
                // Nobody works at the moment.
                due.push((at + LOOK, event));
            }
        }
        crew.look_after();
        if now >= look_at {
            look_at = now + LOOK;
            if planned.is_empty() && due.is_empty() {
                // Whom the last fault holds is let go.
                provider.fails("[]");
            }
            let (waiting, is_stopped) = cluster.on(standing).unwrap_or((i64::MAX, false));
            if waiting == 0 && planned.is_empty() && due.is_empty() {
                return (crew.dismiss(), restarts);
            }
            stopped_at = is_stopped.then(|| stopped_at.unwrap_or(now));
            if stopped_at.is_some_and(|at| now >= at + RESUME_AFTER) {
                stopped_at = None;
                // While the server is away this fails, and is tried again.
                home.run(&["outboxes", "resume", "main"]);
            }
        }
        std::thread::sleep(crate::GLANCE);
    }
}

/// What waits, and whether the outbox is stopped.
async fn standing(conn: &mut sqlx::PgConnection) -> Result<(i64, bool), sqlx::Error> {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM crm_activities WHERE stage = 'queue'), (SELECT bool_or(NOT enabled) FROM crm_outboxes)",
    )
    .fetch_one(conn)
    .await
}

async fn statuses(conn: &mut sqlx::PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let statement = "SELECT count(*) || ' ' || status FROM crm_activities GROUP BY status ORDER BY status";
    sqlx::query_scalar(statement).fetch_all(conn).await
}

/// How many messages the provider has accepted: lines of its file, of which only the new ones are read.
struct Progress {
    path: PathBuf,
    file: Option<File>,
    lines: usize,
}

impl Progress {
    fn of(home: &Home) -> Self {
        Self { path: home.path("data/countersign/sandbox/ledger.jsonl"), file: None, lines: 0 }
    }

    fn accepted(&mut self) -> usize {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut news = Vec::new();
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut news).expect("the ledger can be read");
        }
        self.lines += news.iter().filter(|byte| **byte == b'\n').count();
        self.lines
    }
}
