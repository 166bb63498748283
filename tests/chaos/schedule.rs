//! What happens when. Pure: a seed and a number of messages make the same list every time.
use std::fmt;
use std::time::Duration;

/// Dispatchers at work.
pub(crate) const WORKERS: usize = 3;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A dispatcher gets SIGKILL.
    Kill(usize),
    /// A dispatcher gets SIGSTOP and sleeps past its leases, then SIGCONT.
    Sleep(usize),
    /// A dispatcher gets SIGTERM and has to end with 0.
    Drain(usize),
    /// `pg_ctl restart -m immediate`.
    Restart,
    /// The provider behaves like this from here on.
    Provider(String),
}

/// An event and its time: so long after so many messages were accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) accepted: usize,
    pub(crate) delay: Duration,
    pub(crate) event: Event,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} and {} ms: {:?}", self.accepted, self.delay.as_millis(), self.event)
    }
}

/// How a provider fails for a few messages. What it says before it accepts is rarer: it proves less.
const FAULTS: &[&str] = &[
    "reset-after-accept",
    "reset-after-accept",
    "reset-after-accept",
    "error-after-accept",
    "half-headers",
    "half-body",
    "html-page",
    "empty-body",
    "no-id",
    "hang-after-accept",
    "reset-before-accept",
    "error-before-accept",
];

/// Makes the list, in order.
pub(crate) fn schedule(seed: u64, messages: usize) -> Vec<Planned> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let often = |each: usize, least: usize| (messages / each).max(least);
    let mut events = Vec::new();
    events.extend((0..often(200, 3)).map(|_| Event::Kill(dice.usize(..WORKERS))));
    events.extend((0..often(1_500, 1)).map(|_| Event::Sleep(dice.usize(..WORKERS))));
    events.extend((0..often(1_200, 1)).map(|_| Event::Drain(dice.usize(..WORKERS))));
    events.extend((0..often(1_000, 2)).map(|_| Event::Restart));
    events.extend((0..often(250, 3)).map(|_| {
        let (fault, times) = (FAULTS[dice.usize(..FAULTS.len())], dice.u32(1..=20));
        Event::Provider(format!(r#"{{"fault":"{fault}","times":{times}}}"#))
    }));
    // The whole credential waits for these, so there are few of them however long the run.
    events.push(Event::Provider(r#"{"fault":"rate-limited","retryAfter":"4","times":1}"#.to_owned()));
    events.push(Event::Provider(r#"{"fault":"unauthorized","times":1}"#.to_owned()));
    let mut planned: Vec<Planned> = events
        .into_iter()
        .map(|event| Planned {
            // Nothing is planned for the very end: it would never come.
            accepted: dice.usize(1..messages - messages / 20),
            delay: Duration::from_millis(dice.u64(..100)),
            event,
        })
        .collect();
    planned.sort_by_key(|planned| planned.accepted);
    planned
}

/// C11: the same seed makes the same list, another one another.
#[test]
fn a_seed_is_a_schedule() {
    assert_eq!(schedule(7, 5_000), schedule(7, 5_000));
    assert_ne!(schedule(7, 5_000), schedule(8, 5_000));
    let planned = schedule(7, 5_000);
    let count = |wanted: fn(&Event) -> bool| planned.iter().filter(|planned| wanted(&planned.event)).count();
    assert_eq!(count(|event| matches!(event, Event::Kill(_))), 25);
    assert_eq!(count(|event| matches!(event, Event::Restart)), 5);
    assert!(planned.is_sorted_by_key(|planned| planned.accepted));
}
