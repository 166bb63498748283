//! Ratios beside their targets.
use std::collections::HashMap;
use std::fmt::Write;

use super::part::{Part, Value};

/// What every round measured.
#[derive(Default)]
pub(crate) struct Report {
    rounds: Vec<HashMap<Part, Value>>,
}

/// A number of a round with its target.
struct Target {
    what: &'static str,
    of: fn(&Round<'_>) -> Option<f64>,
    /// The median must not be below.
    floor: Option<f64>,
    /// What is aimed at.
    goal: Option<f64>,
}

struct Round<'a>(&'a HashMap<Part, Value>);

impl Round<'_> {
    fn rate(&self, part: Part) -> Option<f64> {
        self.0.get(&part)?.a_second()
    }

    fn ratio(&self, part: Part, anchor: Part) -> Option<f64> {
        Some(self.rate(part)? / self.rate(anchor)?)
    }

    /// To what so many calls of 50 ms could be at best.
    fn of_best(&self, part: Part, calls: f64) -> Option<f64> {
        Some(self.rate(part)? / (calls / 0.05))
    }
}

const TARGETS: &[Target] = &[
    Target {
        what: "drain 0 ms ÷ four phases, N = 50",
        of: |round| round.ratio(Part::Drain, Part::FourPhases(50)),
        floor: Some(0.40),
        goal: Some(0.60),
    },
    Target {
        what: "drain 0 ms ÷ four phases, N = 200",
        of: |round| round.ratio(Part::Drain, Part::FourPhases(200)),
        floor: None,
        goal: None,
    },
    Target {
        what: "drain 0 ms ÷ commits C4",
        of: |round| round.ratio(Part::Drain, Part::Commits(4)),
        floor: None,
        goal: Some(1.9),
    },
    Target {
        what: "drain without network ÷ four phases, N = 50",
        of: |round| round.ratio(Part::DrainNowhere, Part::FourPhases(50)),
        floor: None,
        goal: None,
    },
    Target {
        what: "history ÷ empty, 0 ms",
        of: |round| round.ratio(Part::DrainWithHistory, Part::Drain),
        floor: Some(0.90),
        goal: Some(0.95),
    },
    Target {
        what: "drain 50 ms, C = 64 ÷ (C ÷ 50 ms)",
        of: |round| round.of_best(Part::DrainSlow(64), 64.0),
        floor: Some(0.93),
        goal: None,
    },
    Target {
        what: "drain 50 ms, C = 64 ÷ bare client",
        of: |round| round.ratio(Part::DrainSlow(64), Part::BareSlow(64)),
        floor: None,
        goal: Some(0.95),
    },
    Target {
        what: "drain 50 ms, C = 256 ÷ (C ÷ 50 ms)",
        of: |round| round.of_best(Part::DrainSlow(256), 256.0),
        floor: Some(0.88),
        goal: None,
    },
    Target {
        what: "drain 50 ms, C = 256 ÷ bare client",
        of: |round| round.ratio(Part::DrainSlow(256), Part::BareSlow(256)),
        floor: None,
        goal: Some(0.95),
    },
    Target {
        what: "four phases, N = 50 ÷ commits C4",
        of: |round| round.ratio(Part::FourPhases(50), Part::Commits(4)),
        floor: None,
        goal: None,
    },
    Target {
        what: "20 ms ÷ approve to wire when idle, p50",
        of: |round| Some(20.0 / round.0.get(&Part::Idle)?.millis(0.5)?),
        floor: None,
        goal: Some(1.0),
    },
    Target {
        what: "50 ms ÷ approve to wire when idle, p99",
        of: |round| Some(50.0 / round.0.get(&Part::Idle)?.millis(0.99)?),
        floor: None,
        goal: Some(1.0),
    },
];

impl Report {
    pub(crate) fn begin_round(&mut self) {
        self.rounds.push(HashMap::new());
    }

    pub(crate) fn note(&mut self, part: Part, value: Value) {
        if let Some(round) = self.rounds.last_mut() {
            round.insert(part, value);
        }
    }

    /// The ratio of every round, sorted.
    fn ratios(&self, target: &Target) -> Vec<f64> {
        let mut ratios: Vec<f64> =
            self.rounds.iter().filter_map(|round| (target.of)(&Round(round))).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios
    }

    /// Whether no median is below its floor.
    pub(crate) fn holds(&self) -> bool {
        TARGETS.iter().all(|target| match (median(&self.ratios(target)), target.floor) {
            (Some(median), Some(floor)) => median >= floor,
            _ => true,
        })
    }

    /// The table.
    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("\n{:<46}{:>8}{:>17}{:>8}{:>8}\n", "ratio", "median", "range", "floor", "goal");
        for target in TARGETS {
            let ratios = self.ratios(target);
            let (Some(median), Some(least), Some(most)) = (median(&ratios), ratios.first(), ratios.last())
            else {
                continue;
            };
            let shown =
                |limit: Option<f64>| limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.2}"));
            let verdict = match (target.floor, target.goal) {
                (Some(floor), _) if median < floor => "  BELOW ITS FLOOR",
                (_, Some(goal)) if median >= goal => "  goal reached",
                _ => "",
            };
            let range = format!("{least:.2} to {most:.2}");
            let (floor, goal) = (shown(target.floor), shown(target.goal));
            let _infallible =
                writeln!(text, "{:<46}{median:>8.2}{range:>17}{floor:>8}{goal:>8}{verdict}", target.what);
        }
        text
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}
