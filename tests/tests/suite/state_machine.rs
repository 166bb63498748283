//! The model of the dispatch core beside the database: whatever happens, in whatever order, the rows say what the model says.
use std::ops::Range;

use countersign_core::clock;
use countersign_tests::model::{Op, Setup};
use countersign_tests::replica::Replica;
use countersign_tests::simulate::{HEALING, draw};

/// A seed to begin with; runs go on from there. Seeds are those of the simulator.
const SEED: &str = "COUNTERSIGN_MODEL_SEED";
/// How many runs each of the tests makes.
const RUNS: &str = "COUNTERSIGN_MODEL_RUNS";

/// Steps of a run. A database of its own is dear, so it is used for longer than the simulator uses a model.
const STEPS: Range<usize> = 30..70;

/// How often a run that failed is tried in a shorter form.
const SHORTENINGS: usize = 120;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

async fn play(setup: Setup, steps: &[Op]) -> Result<(), String> {
    let mut replica = Replica::new(setup).await;
    for step in steps.iter().copied() {
        replica.step(step).await.map_err(|error| format!("at {step:?}: {error}"))?;
    }
    for _ in 0..HEALING {
        let Some(step) = replica.model.healing() else { break };
        replica
            .step(step)
            .await
            .map_err(|error| format!("at {step:?}, when the faults are over: {error}"))?;
    }
    replica.model.check_rest().map_err(|breach| breach.to_string())
}

/// Leaves out steps without which it still fails.
async fn shorten(setup: Setup, steps: &mut Vec<Op>, reason: &mut String) {
    let mut index = steps.len();
    for _ in 0..SHORTENINGS {
        let Some(next) = index.checked_sub(1) else { return };
        index = next;
        let left_out = steps.remove(index);
        match play(setup, steps).await {
            Ok(()) => steps.insert(index, left_out),
            Err(other) => *reason = other,
        }
    }
}

async fn run(keeps_keys: bool) {
    let seed = number(SEED).unwrap_or_else(|| clock::now().as_microsecond().unsigned_abs());
    for seed in (seed..).take(number(RUNS).and_then(|runs| usize::try_from(runs).ok()).unwrap_or(20)) {
        let (setup, mut steps) = draw(seed, STEPS);
        let setup = Setup { keeps_keys, ..setup };
        if let Err(mut reason) = play(setup, &steps).await {
            shorten(setup, &mut steps, &mut reason).await;
            let steps: String = steps.iter().map(|step| format!("  {step:?}\n")).collect();
            panic!("{reason}\n{setup:?}\n{steps}repeat with {SEED}={seed} {RUNS}=1");
        }
    }
}

/// I3, I4, I5, R1 to R6, R22, R26: claims, rollovers, refunds, caps and zones that change, workers that are lost, a clock that is
/// set, and a provider that keeps keys; `sent_today` stays within its bounds throughout.
#[tokio::test]
async fn the_database_does_what_the_model_does() {
    run(true).await;
}

/// The same with a provider that keeps no keys.
#[tokio::test]
async fn the_database_does_what_the_model_does_without_keys() {
    run(false).await;
}
