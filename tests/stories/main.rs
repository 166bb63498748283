//! Stories: the real binary, in real terminals, on real databases, against the real sandbox provider.
//!
//! A story tells what a person or a machine around the program does and looks at what is left afterwards: the screen, exit codes,
//! the database, the provider's ledger, the processes. Details belong to lower layers.
//!
//! `home` is one user's folders with everything that runs in them, `child` a command under way, `screen` the program in a
//! pseudo-terminal, `provider` the sandbox provider as a process of its own, `office` a company ready to send, `holds` the labelled
//! points of a dispatch, and `process` what the kernel knows.
mod child;
mod holds;
mod home;
mod office;
mod process;
mod provider;
mod screen;

mod command_line;
mod database_lost;
mod decisions;
mod demo;
mod editing;
mod hostile_text;
mod imports;
mod killed;
mod limits;
mod main_story;
mod panicking;
mod provider_faults;
mod quitting;
mod resources;
mod restored;
mod safety;
mod secrets;
mod server;
mod serving;
mod terminal;
mod tokens;
mod triage;
mod upkeep;
mod working_day;

use std::time::Duration;

use countersign_core::clock;

/// How long a story waits for something that has to happen. Long, because a machine may be busy; passing stories never use it up.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long between two looks at a condition.
const GLANCE: Duration = Duration::from_millis(20);

/// Looks until `found` finds something. After [`DEADLINE`] it fails with what was waited for.
#[track_caller]
fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let give_up = clock::monotonic() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(clock::monotonic() < give_up, "waited in vain: {what}");
        std::thread::sleep(GLANCE);
    }
}

/// Looks until the condition holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    wait(what, || holds().then_some(()));
}
