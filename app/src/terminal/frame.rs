//! One frame on its way out: begun and ended by a guard, collected and written in one piece.
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::CrosstermBackend;

use super::IS_TAKEN;

pub(super) type Screen = ratatui::Terminal<CrosstermBackend<Output>>;

/// Collects what is drawn. What was not flushed is forgotten, never written late: after a panic the terminal is not ours any more.
#[derive(Debug, Default)]
pub(super) struct Output {
    collected: Vec<u8>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            // The library shows the cursor when it is dropped, and would print to a dead terminal that it could not.
            self.collected.clear();
            return Ok(());
        }
        let mut out = io::stdout().lock();
        let result = out.write_all(&self.collected).and_then(|()| out.flush());
        self.collected.clear();
        result
    }
}

/// A frame that was begun. Dropping it ends it, so no early return leaves a terminal waiting for the rest.
pub(super) struct Open<'a> {
    screen: &'a mut Screen,
}

impl<'a> Open<'a> {
    pub(super) fn begin(screen: &'a mut Screen) -> io::Result<Self> {
        queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
        Ok(Self { screen })
    }

    pub(super) fn screen(&mut self) -> &mut Screen {
        self.screen
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let _ = queue!(self.screen.backend_mut(), EndSynchronizedUpdate);
        // A terminal that takes nothing any more is noticed by the watcher.
        let _ = Write::flush(self.screen.backend_mut());
    }
}
