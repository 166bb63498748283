//! How fast messages leave, as ratios inside one run on one server.
//!
//! ```text
//! cargo bench -p countersign-tests --bench drain                    # a few minutes
//! cargo bench -p countersign-tests --bench drain -- --quick         # smaller, one round
//! cargo bench -p countersign-tests --bench drain -- --history 5000000
//! cargo bench -p countersign-tests --bench drain -- four-phases drain   # only parts whose names contain one of these words
//! ```
//!
//! The server is a private one with `fsync` on, the provider a bare loop on loopback. Every round fills all queues and then measures
//! every part, one right after the other, each second round in reverse order; a ratio is taken inside a round and the median of the rounds counts, because rates of a shared machine mean nothing
//! alone. The exit code is 1 when a median lies below its floor.
mod anchor;
mod commits;
mod cpu;
mod history;
mod idle;
mod part;
mod product;
mod provider;
mod report;

use std::io::Write;
use std::process::ExitCode;

use self::part::{Part, Stage};
use self::report::Report;

/// That of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sizes of a run.
struct Options {
    rounds: usize,
    history: usize,
    /// Messages of a drain without latency.
    messages: usize,
    /// How long a rate that does not depend on a backlog is measured.
    seconds: f64,
    /// Parts to measure; all when empty.
    only: Vec<String>,
}

/// Reads the command line; `None` when this is not `cargo bench`, which hands `--bench` in.
fn options() -> Result<Option<Options>, String> {
    let mut options =
        Options { rounds: 3, history: 1_000_000, messages: 20_000, seconds: 2.0, only: Vec::new() };
    let mut is_bench = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = |name: &str| {
            let text = arguments.next().ok_or_else(|| format!("{name} needs a number"))?;
            text.parse::<usize>().map_err(|error| format!("{name} {text}: {error}"))
        };
        match argument.as_str() {
            "--bench" => is_bench = true,
            "--quick" => {
                (options.rounds, options.history, options.messages, options.seconds) =
                    (1, 20_000, 4_000, 0.5);
            }
            "--history" => options.history = number("--history")?,
            "--rounds" => options.rounds = number("--rounds")?.max(1),
            word if !word.starts_with('-') => options.only.push(word.to_owned()),
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(is_bench.then_some(options))
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(what) => {
            let _closed = writeln!(out, "{what}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let report = runtime.block_on(run(&options, &mut out));
    let _closed = out.write_all(report.text().as_bytes());
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(options: &Options, out: &mut impl Write) -> Report {
    let is_wanted =
        |part: &&Part| options.only.is_empty() || options.only.iter().any(|word| part.name().contains(word));
    let mut parts: Vec<Part> = Part::ALL.iter().filter(is_wanted).copied().collect();
    let stage = Stage::prepare(options, &parts, out).await;
    let mut report = Report::default();
    for round in 1..=options.rounds {
        let _closed = writeln!(out, "filling for round {round}");
        let mut ready = Vec::new();
        for part in &parts {
            ready.push((*part, stage.ready(*part).await));
        }
        report.begin_round();
        for (part, measure) in ready {
            let value = measure.await;
            let _closed = writeln!(out, "round {round}  {:28} {}", part.name(), part.show(&value));
            report.note(part, value);
        }
        parts.reverse();
    }
    report
}
