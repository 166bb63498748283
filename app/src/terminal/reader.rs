//! Reads what is typed, on a thread of its own that stands aside while another program has the terminal.
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_core::clock;
use crossterm::event::Event;
use rustix::process::{self, Signal};
use tokio::sync::mpsc;

/// Keys that may wait; a person is slower, a paste outside bracketed mode waits in the terminal's own buffer.
const INPUT: usize = 256;

/// How long the thread may take to stand aside; after that it would read the other program's keys.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// Asked to stand aside.
    Asked,
    /// Stands aside.
    Aside,
}

static STATE: Mutex<State> = Mutex::new(State::Reading);
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to read keys. The thread ends with the program.
pub(crate) fn input() -> io::Result<mpsc::Receiver<(Event, Instant)>> {
    let (sender, receiver) = mpsc::channel(INPUT);
    std::thread::Builder::new().name("terminal-input".to_owned()).spawn(move || {
        loop {
            stand_aside();
            let Ok(event) = crossterm::event::read() else { return };
            if sender.blocking_send((event, clock::monotonic())).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// Waits for as long as somebody else has the terminal.
fn stand_aside() {
    let mut state = state();
    while *state != State::Reading {
        *state = State::Aside;
        CHANGED.notify_all();
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Reading goes on when this is dropped.
pub(super) struct Paused;

/// Makes the thread stand aside, and waits until it does.
pub(super) fn pause() -> io::Result<Paused> {
    *state() = State::Asked;
    let paused = Paused;
    // The reader sleeps until the terminal has something to say; a change of size is the one thing that can be said for it.
    process::kill_process(process::getpid(), Signal::WINCH)?;
    let is_asked = |state: &mut State| *state == State::Asked;
    let (state, waited) =
        CHANGED.wait_timeout_while(state(), PATIENCE, is_asked).unwrap_or_else(PoisonError::into_inner);
    drop(state);
    if waited.timed_out() {
        return Err(io::Error::other("the reader of the terminal does not stand aside"));
    }
    Ok(paused)
}

impl Drop for Paused {
    fn drop(&mut self) {
        *state() = State::Reading;
        CHANGED.notify_all();
    }
}
