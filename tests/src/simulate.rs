//! The seeded simulator: the model alone, through as many interleavings as one likes, each followed by a time without faults.
//!
//! A seed is one run: the same seed is the same run, down to every decision.
use std::fmt;
use std::ops::Range;

use fastrand::Rng;

use crate::model::{Breach, Model, Op, Setup};

/// Steps between the opening and the time without faults.
const STEPS: Range<usize> = 8..40;

/// A run that is not at rest after so many steps without faults never will be.
pub const HEALING: usize = 400;

/// A run that broke a rule, as short as it can be made.
#[derive(Debug)]
pub struct Failure {
    /// The seed it came from.
    pub seed: u64,
    /// Its circumstances.
    pub setup: Setup,
    /// Steps that lead to it.
    pub steps: Vec<Op>,
    /// The rule.
    pub breach: Breach,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; seed {}, {:?}", self.breach, self.seed, self.setup)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

/// The run of a seed: its circumstances, and so many steps before everything is to come to rest.
#[must_use]
pub fn draw(seed: u64, steps: Range<usize>) -> (Setup, Vec<Op>) {
    let mut dice = Rng::with_seed(seed);
    let setup = Setup::draw(&mut dice);
    let count = dice.usize(steps);
    let mut steps = Op::opening(&mut dice);
    steps.extend(std::iter::repeat_with(|| Op::draw(&mut dice, setup.focus)).take(count));
    (setup, steps)
}

/// Plays the run of a seed and shows the model after each step.
///
/// # Errors
/// The run that broke a rule, shortened.
pub fn run(seed: u64, mut watch: impl FnMut(Op, &Model)) -> Result<(), Box<Failure>> {
    let (setup, mut steps) = draw(seed, STEPS);
    play(setup, &steps, &mut watch).map_err(|breach| {
        let breach = shorten(setup, &mut steps).unwrap_or(breach);
        Box::new(Failure { seed, setup, steps, breach })
    })
}

/// Plays steps, then lets everything come to rest.
fn play(setup: Setup, steps: &[Op], mut each: impl FnMut(Op, &Model)) -> Result<(), Breach> {
    let mut model = Model::new(setup);
    for step in steps.iter().copied() {
        model.step(step)?;
        each(step, &model);
    }
    for _ in 0..HEALING {
        let Some(step) = model.healing() else { break };
        model.step(step)?;
        each(step, &model);
    }
    model.check_rest()
}

/// Leaves out every step without which some rule still breaks, until none is left to leave out.
/// Returns the rule that breaks in the end; it may be another one.
fn shorten(setup: Setup, steps: &mut Vec<Op>) -> Option<Breach> {
    let mut index = 0;
    let mut broken = None;
    while index < steps.len() {
        let left_out = steps.remove(index);
        match play(setup, steps, |_, _| {}) {
            Ok(()) => {
                steps.insert(index, left_out);
                index += 1;
            }
            Err(breach) => {
                broken = Some(breach);
                index = 0;
            }
        }
    }
    broken
}
