//! The terminal: taken once, given back exactly once, whatever ends the program. The only place that writes escape sequences.
//!
//! Knows nothing of screens. Reading keys happens on a thread that is never waited for: on a dead terminal the reader may spin
//! without ever coming back, so the end is noticed by [`watch`].
mod clipboard;
mod frame;
mod mouse;
mod panic;
mod reader;
mod sparing;
mod support;
mod watcher;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, style};
use ratatui::Frame;
use ratatui::layout::Rect;
use rustix::process::{self, Signal};

pub(crate) use self::clipboard::Clip;
use self::clipboard::Way;
#[cfg(test)]
pub(crate) use self::frame::Recorder;
use self::frame::{Ours, Screen};
pub(crate) use self::panic::PanicHook;
pub(crate) use self::reader::input;
pub(crate) use self::support::{Refusal, support};
pub(crate) use self::watcher::watch;

/// Name of the thread that draws; a panic there ends the program, elsewhere it does not.
pub(crate) const SCREEN_THREAD: &str = "console";

/// Whether the terminal is ours at the moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
pub(crate) struct Terminal {
    screen: Screen<Ours>,
    area: Rect,
    clipboard: Result<Way, &'static str>,
}

impl Terminal {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, no wrapping, no cursor.
    pub(crate) fn open() -> io::Result<Self> {
        // Under NO_COLOR crossterm 0.29 drops bold and reverse as well; the mono theme uses those and no colour.
        style::force_color_output(true);
        take()?;
        Self::on_screen().inspect_err(|_| restore())
    }

    fn on_screen() -> io::Result<Self> {
        let (width, height) = crossterm::terminal::size()?;
        let area = Rect::new(0, 0, width, height);
        let clipboard = clipboard::way(|name| std::env::var(name).ok());
        Ok(Self { screen: Screen::new(Ours, area)?, area, clipboard })
    }

    /// Columns and rows as last asked for.
    pub(crate) fn size(&self) -> (u16, u16) {
        (self.area.width, self.area.height)
    }

    /// Takes the terminal again after the program was continued. Whoever had it in between may have changed its modes, also when
    /// we were stopped without being asked.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        restore();
        take()
    }

    /// Whether the terminal is ours at the moment; otherwise nothing may be drawn.
    pub(crate) fn is_ours(&self) -> bool {
        IS_TAKEN.load(Ordering::SeqCst)
    }

    /// Gives the terminal back.
    pub(crate) fn leave(&mut self) {
        restore();
    }

    /// Draws on a screen of this size from now on.
    pub(crate) fn fit(&mut self, width: u16, height: u16) -> io::Result<()> {
        let area = Rect::new(0, 0, width, height);
        if area != self.area {
            self.area = area;
            self.screen.resize(area)?;
        }
        Ok(())
    }

    /// Forgets what is on screen, so that the next frame draws everything.
    pub(crate) fn redraw_all(&mut self) -> io::Result<()> {
        self.screen.resize(self.area)
    }

    /// Draws one frame inside a synchronized update; nothing is written if nothing changed.
    pub(crate) fn draw<T>(&mut self, view: impl FnOnce(&mut Frame<'_>) -> T) -> io::Result<T> {
        self.screen.draw(view)
    }

    /// Lends the terminal to another program while `work` runs; afterwards everything is drawn anew.
    pub(crate) fn lend<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        restore();
        let done = {
            let _paused = reader::pause()?;
            work()
        };
        take()?;
        self.redraw_all()?;
        Ok(done)
    }

    /// Asks for clicks and the wheel until told otherwise, also after the terminal was lent or given back in between.
    pub(crate) fn listen_to_mouse(&mut self, is_on: bool) -> io::Result<()> {
        mouse::listen(is_on)
    }

    /// Why nothing can be copied, if so.
    pub(crate) fn clipboard_fault(&self) -> Option<&'static str> {
        self.clipboard.err()
    }

    /// Asks the terminal to put the text on the clipboard, where there is a way to it.
    pub(crate) fn copy(&mut self, clip: &Clip) -> io::Result<()> {
        match self.clipboard {
            Ok(way) if self.is_ours() => clipboard::send(clip, way),
            _ => Ok(()),
        }
    }

    /// Gives the terminal back and stops this job until it is continued; [`Control::Continue`] follows then.
    ///
    /// [`Control::Continue`]: crate::console::Control
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        restore();
        // The whole job stops, as if the terminal itself had sent the signal: a parent such as `cargo run` must stop too.
        // SIGSTOP, because SIGTSTP is caught and would come back here.
        process::kill_current_process_group(Signal::STOP)?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    if IS_TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    enable_raw_mode()?;
    let mut out = io::stdout();
    // Terminals disagree about the width of joined letters. What is too wide for its row must not go on in the next one.
    execute!(out, EnterAlternateScreen, DisableLineWrap, EnableBracketedPaste, cursor::Hide)?;
    mouse::taken(&mut out)
}

/// Gives the terminal back, if it was not given back already. Failing is not told: there is nobody left to tell.
pub(crate) fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = mouse::given_back(&mut out);
        let _ = execute!(
            out,
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            EnableLineWrap,
            cursor::Show,
            LeaveAlternateScreen
        );
        let _ = disable_raw_mode();
        let _ = out.flush();
    }
}

/// Gives the terminal back although the drawing thread hangs in it: what is queued is thrown away and stopped output goes on.
pub(crate) fn restore_forcibly() {
    let stdout = io::stdout();
    let _ = rustix::termios::tcflush(&stdout, rustix::termios::QueueSelector::OFlush);
    let _ = rustix::termios::tcflow(&stdout, rustix::termios::Action::OOn);
    let _ = disable_raw_mode();
    // The drawing thread may hold the lock on the output for good, so the last sequences get a thread that nobody waits for
    // longer than a moment.
    let (done, ended) = std::sync::mpsc::channel();
    let last = std::thread::Builder::new().name("terminal-restore".to_owned()).spawn(move || {
        restore();
        let _ = done.send(());
    });
    if last.is_ok() {
        let _ = ended.recv_timeout(std::time::Duration::from_millis(50));
    }
}
