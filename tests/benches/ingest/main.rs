//! How fast proven webhooks become durable, as ratios to what the server itself commits in small inserts.
//!
//! ```text
//! cargo bench -p countersign --bench ingest                 # a minute
//! cargo bench -p countersign --bench ingest -- --rounds 5
//! ```
//!
//! The real binary listens with a private server of its own (`fsync` on), and applies what it stores meanwhile, as in everyday work.
//! Every round measures the anchor and the listener one right after the other, each second round in reverse order; ratios are taken
//! inside a round and their medians count, because rates of a shared machine mean nothing alone. There are no floors yet: what is printed
//! is what was found, beside the goals.
#[path = "../../stories/caller.rs"]
mod caller;
#[expect(dead_code, reason = "the stories need more of it")]
#[path = "../../stories/child.rs"]
mod child;
#[expect(dead_code, reason = "the stories need more of it")]
#[path = "../../stories/home.rs"]
mod home;
#[expect(dead_code, unused_imports, reason = "the stories need more of it")]
#[path = "../../stories/process.rs"]
mod process;
#[path = "../../stories/waiting.rs"]
mod waiting;

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_core::clock;
use sqlx::ConnectOptions as _;

use self::home::Home;
use self::waiting::{DEADLINE, until, wait};

/// Connections of callers; the listener stores four deliveries at a time.
const CALLERS: usize = 16;

/// Connections of the anchor: as many commits at a time as the listener makes.
const COMMITTERS: usize = 4;

/// How long a rate is measured.
const MEASURED_FOR: Duration = Duration::from_secs(3);

static NEXT: AtomicUsize = AtomicUsize::new(1);

/// What a round found.
struct Round {
    /// Events a second.
    events: f64,
    /// Small inserts a second.
    commits: f64,
    /// 99th percentile of an answer at half the rate of events.
    p99: Duration,
    /// 99th percentile of one small insert at half the rate of inserts.
    commit_p99: Duration,
}

fn rounds() -> Option<usize> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if !words.iter().any(|word| word == "--bench") {
        return None;
    }
    let place = words.iter().position(|word| word == "--rounds");
    Some(place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(3))
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let Some(rounds) = rounds() else { return ExitCode::SUCCESS };
    let mut home = Home::new();
    home.keep_server();
    home.set("COUNTERSIGN_LISTENER__LISTEN", "127.0.0.1:0");
    home.run(&["companies", "add", "acme", "--name", "Acme"]).ends_with(0);
    let path = caller::endpoint(&home);
    let server = home.start(&["serve"]);
    let listens = caller::place(&home);
    until("it is ready", || caller::get(listens, "/readyz").is_some_and(|(status, _)| status == 200));
    anchor(
        &home,
        1,
        "CREATE TABLE IF NOT EXISTS bench_tiny (id bigserial PRIMARY KEY, n int NOT NULL)",
        Duration::ZERO,
        None,
    );
    let mut found = Vec::new();
    for number in 0..rounds {
        let round = measure(&home, listens, &path, number % 2 == 1);
        let _closed = writeln!(
            out,
            "round {}: {:.0} events/s, {:.0} small inserts/s over {COMMITTERS} connections, p99 at half load {:?} and {:?}",
            number + 1,
            round.events,
            round.commits,
            round.p99,
            round.commit_p99
        );
        found.push(round);
    }
    let stored = home.count("SELECT count(*) FROM crm_inbound_events");
    server.signal(rustix::process::Signal::TERM);
    server.finish().ends_with(0);
    let told = NEXT.load(Ordering::Relaxed) - 1;
    assert_eq!(usize::try_from(stored), Ok(told), "what was acknowledged is on file, once");
    let median = |of: fn(&Round) -> f64| {
        let mut all: Vec<f64> = found.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let _closed = writeln!(
        out,
        "events ÷ small inserts {:.2} (each of them one of its own commits)\np99 ÷ p99 of an insert, at half load each {:.1}\nevents a second {:.0} (goal of 1000 on a quiet machine)\np99 at half load {:.0} ms (goal of 50)",
        median(|round| round.events / round.commits),
        median(|round| round.p99.as_secs_f64() / round.commit_p99.as_secs_f64()),
        median(|round| round.events),
        median(|round| round.p99.as_secs_f64() * 1e3),
    );
    ExitCode::SUCCESS
}

fn measure(home: &Home, listens: SocketAddr, path: &str, is_reversed: bool) -> Round {
    let insert = "INSERT INTO bench_tiny (n) VALUES (1)";
    let commits = || {
        let (rate, _) = anchor(home, COMMITTERS, insert, MEASURED_FOR, None);
        let (_, p99) = anchor(home, COMMITTERS, insert, MEASURED_FOR, Some(rate / 2.0));
        (rate, p99)
    };
    let events = || {
        let (rate, _) = call(listens, path, None);
        let (_, p99) = call(listens, path, Some(rate / 2.0));
        (rate, p99)
    };
    let ((events, p99), (commits, commit_p99)) = if is_reversed {
        let commits = commits();
        (events(), commits)
    } else {
        let events = events();
        (events, commits())
    };
    Round { events, commits, p99, commit_p99 }
}

/// Runs a statement in commits of its own over so many connections: how many a second, and how long the slowest but one in a hundred took.
fn anchor(
    home: &Home,
    connections: usize,
    statement: &'static str,
    measured_for: Duration,
    pace: Option<f64>,
) -> (f64, Duration) {
    let options = home.location().connect_options("countersign").expect("a password");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(options.connect().await.expect("the server takes connections"));
        }
        let begin = clock::monotonic();
        let mut clients = tokio::task::JoinSet::new();
        for (number, mut conn) in open.into_iter().enumerate() {
            clients.spawn(async move {
                let mut times = Vec::new();
                let mut due = Due::new(begin, number, connections, pace);
                loop {
                    if let Some(pause) = due.next() {
                        tokio::time::sleep(pause).await;
                    }
                    let asked = clock::monotonic();
                    sqlx::query(statement).execute(&mut conn).await.expect("the statement commits");
                    times.push(asked.elapsed());
                    if begin.elapsed() >= measured_for {
                        return times;
                    }
                }
            });
        }
        summed(clients.join_all().await, begin.elapsed())
    })
}

/// Delivers over [`CALLERS`] connections that are kept open.
fn call(listens: SocketAddr, path: &str, pace: Option<f64>) -> (f64, Duration) {
    let begin = clock::monotonic();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let path = path.to_owned();
            std::thread::spawn(move || {
                let mut times = Vec::new();
                let mut due = Due::new(begin, number, CALLERS, pace);
                let stream = wait("it takes connections", || TcpStream::connect(listens).ok());
                stream.set_nodelay(true).expect("it can be set");
                stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
                let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
                let mut requests = stream;
                while begin.elapsed() < MEASURED_FOR {
                    if let Some(pause) = due.next() {
                        std::thread::sleep(pause);
                    }
                    let body = caller::booking(NEXT.fetch_add(1, Ordering::Relaxed));
                    let request = caller::signed(&path, &body).replacen("Connection: close\r\n", "", 1);
                    let asked = clock::monotonic();
                    requests.write_all(request.as_bytes()).expect("it takes requests");
                    read_answer(&mut answers);
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let times = callers.into_iter().map(|caller| caller.join().expect("a caller does not panic")).collect();
    summed(times, begin.elapsed())
}

/// Reads one answer of known length.
fn read_answer(answers: &mut BufReader<TcpStream>) {
    let mut length = 0_usize;
    let mut line = String::new();
    answers.read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        answers.read_line(&mut line).expect("a header");
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body).expect("the body");
}

/// When one of several may ask next, so that together they keep a pace.
struct Due {
    next: Instant,
    every: Option<Duration>,
}

impl Due {
    fn new(begin: Instant, number: usize, all: usize, pace: Option<f64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let every = pace.map(|pace| Duration::from_secs_f64(all as f64 / pace.max(1.0)));
        let offset =
            every.unwrap_or_default() * u32::try_from(number).unwrap_or(0) / u32::try_from(all).unwrap_or(1);
        Self { next: begin + offset, every }
    }

    /// How long it has to wait; nothing without a pace.
    fn next(&mut self) -> Option<Duration> {
        let every = self.every?;
        let pause = self.next.saturating_duration_since(clock::monotonic());
        self.next += every;
        Some(pause)
    }
}

fn summed(times: Vec<Vec<Duration>>, took: Duration) -> (f64, Duration) {
    let mut all: Vec<Duration> = times.into_iter().flatten().collect();
    all.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "far below")]
    let rate = all.len() as f64 / took.as_secs_f64();
    let p99 = all.get(all.len() * 99 / 100).or(all.last()).copied().unwrap_or_default();
    (rate, p99)
}
