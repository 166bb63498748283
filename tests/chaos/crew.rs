//! The dispatchers: killed, put to sleep, told to end, and started again.
use std::time::{Duration, Instant};

use countersign_core::clock;
use rustix::process::Signal;

use crate::child::{Answer, Child};
use crate::home::Home;
use crate::process;
use crate::schedule::WORKERS;

/// Longer than a lease.
const SLEEP: Duration = Duration::from_secs(4);

/// Between an end and the next start, as a service manager would wait.
const PAUSE: Duration = Duration::from_millis(200);

/// The exit code of a process that found no database at its start.
const NO_DATABASE: i32 = 5;

enum State {
    Away { since: Instant },
    Working(Child),
    Sleeping { child: Child, since: Instant },
    Ending { child: Child, since: Instant },
}

/// Three dispatchers and what happened to them.
pub(crate) struct Crew<'a> {
    home: &'a Home,
    states: Vec<State>,
    /// Everything they said, of those that were not killed.
    pub(crate) said: Vec<Answer>,
    pub(crate) kills: usize,
    pub(crate) drained: usize,
}

impl<'a> Crew<'a> {
    pub(crate) fn start(home: &'a Home) -> Self {
        let states = (0..WORKERS).map(|_| State::Working(serve(home))).collect();
        Self { home, states, said: Vec::new(), kills: 0, drained: 0 }
    }

    /// Kills that one, or the next that works; says whether one did.
    pub(crate) fn kill(&mut self, worker: usize) -> bool {
        let Some(child) = self.take(worker, State::Away { since: clock::monotonic() }) else { return false };
        child.kill();
        self.kills += 1;
        true
    }

    pub(crate) fn put_to_sleep(&mut self, worker: usize) -> bool {
        self.turn(worker, Signal::STOP, |child, since| State::Sleeping { child, since })
    }

    pub(crate) fn drain(&mut self, worker: usize) -> bool {
        self.turn(worker, Signal::TERM, |child, since| State::Ending { child, since })
    }

    fn turn(&mut self, worker: usize, signal: Signal, into: fn(Child, Instant) -> State) -> bool {
        let now = clock::monotonic();
        let Some(place) = self.working(worker) else { return false };
        let State::Working(child) = std::mem::replace(&mut self.states[place], State::Away { since: now })
        else {
            return false;
        };
        child.signal(signal);
        self.states[place] = into(child, now);
        true
    }

    fn take(&mut self, worker: usize, instead: State) -> Option<Child> {
        let place = self.working(worker)?;
        match std::mem::replace(&mut self.states[place], instead) {
            State::Working(child) => Some(child),
            _ => None,
        }
    }

    fn working(&self, worker: usize) -> Option<usize> {
        let mut places = (0..WORKERS).map(|step| (worker + step) % WORKERS);
        places.find(|place| matches!(self.states[*place], State::Working(_)))
    }

    /// Starts, wakes and buries who is due. Nobody may end for a reason of its own but the lack of a database at its start.
    pub(crate) fn look_after(&mut self) {
        let now = clock::monotonic();
        for place in 0..WORKERS {
            let state = std::mem::replace(&mut self.states[place], State::Away { since: now });
            self.states[place] = match state {
                State::Away { since } if now >= since + PAUSE => State::Working(serve(self.home)),
                State::Sleeping { child, since } if now >= since + SLEEP => {
                    child.signal(Signal::CONT);
                    State::Working(child)
                }
                State::Working(child) if has_ended(&child) => {
                    let answer = child.finish();
                    assert_eq!(
                        answer.code,
                        Some(NO_DATABASE),
                        "a dispatcher ended by itself: {}",
                        answer.err
                    );
                    self.said.push(answer);
                    State::Away { since: now }
                }
                State::Ending { child, .. } if has_ended(&child) => {
                    let answer = child.finish();
                    assert!(ended_well(&answer), "R16: {:?}: {}", answer.code, answer.err);
                    self.drained += usize::from(answer.code == Some(0));
                    self.said.push(answer);
                    State::Away { since: now }
                }
                State::Ending { child, since } => {
                    assert!(now < since + crate::DEADLINE, "R16: a dispatcher that was told to end works on");
                    State::Ending { child, since }
                }
                state => state,
            };
        }
    }

    /// Everybody wakes up, ends politely, and has nothing half done.
    pub(crate) fn dismiss(mut self) -> Self {
        for state in self.states.drain(..) {
            let child = match state {
                State::Away { .. } => continue,
                State::Working(child) | State::Ending { child, .. } => child,
                State::Sleeping { child, .. } => {
                    child.signal(Signal::CONT);
                    child
                }
            };
            child.signal(Signal::TERM);
            let answer = child.finish();
            assert!(ended_well(&answer), "R16: {:?}: {}", answer.code, answer.err);
            self.said.push(answer);
        }
        self
    }
}

fn serve(home: &Home) -> Child {
    home.start(&["serve"])
}

/// Whoever was ready ends with 0 when told to. One that was still starting has nothing under way: the signal may meet it before it
/// listens, or it may have found no database yet.
fn ended_well(answer: &Answer) -> bool {
    answer.code == Some(0) || !answer.out.contains("ready") && matches!(answer.code, None | Some(NO_DATABASE))
}

fn has_ended(child: &Child) -> bool {
    matches!(process::state(child.number()), None | Some('Z'))
}
