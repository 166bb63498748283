//! Reports of the mouse: clicks and the wheel only. Movement is not asked for, because over a slow line it would drown the keys.
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::{Command, execute};

/// Whether the terminal is to report the mouse while it is ours.
static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Presses and the wheel, with coordinates in decimal so that columns beyond 223 are told.
struct Reports {
    is_on: bool,
}

impl Command for Reports {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(if self.is_on { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" })
    }
}

/// Asks for reports, or asks for them no more.
pub(super) fn listen(is_on: bool) -> io::Result<()> {
    IS_WANTED.store(is_on, Ordering::SeqCst);
    execute!(io::stdout(), Reports { is_on })
}

/// The terminal was taken: asks again if reports are wanted.
pub(super) fn taken(out: &mut impl io::Write) -> io::Result<()> {
    if IS_WANTED.load(Ordering::SeqCst) { execute!(out, Reports { is_on: true }) } else { Ok(()) }
}

/// The terminal is about to be given back: no report may reach the shell.
pub(super) fn given_back(out: &mut impl io::Write) -> io::Result<()> {
    if IS_WANTED.load(Ordering::SeqCst) { execute!(out, Reports { is_on: false }) } else { Ok(()) }
}
