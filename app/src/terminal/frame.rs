//! One frame on its way out: begun and ended by a guard, collected and written in one piece.
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use ratatui::layout::Rect;
use ratatui::{Frame, TerminalOptions, Viewport};

use super::IS_TAKEN;
use super::sparing::Sparing;

/// Standard output while the terminal is ours. At any other time what is written is forgotten: the library shows the cursor when
/// it is dropped, and would print to a dead terminal that it could not.
#[derive(Debug)]
pub(super) struct Ours;

impl Write for Ours {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if IS_TAKEN.load(Ordering::SeqCst) { io::stdout().write(bytes) } else { Ok(bytes.len()) }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if IS_TAKEN.load(Ordering::SeqCst) { io::stdout().lock().write_all(bytes) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if IS_TAKEN.load(Ordering::SeqCst) { io::stdout().flush() } else { Ok(()) }
    }
}

/// What is on screen, and the way there.
pub(super) struct Screen<W: Write> {
    inner: ratatui::Terminal<Sparing<W>>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, area: Rect) -> io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        Ok(Self { inner: ratatui::Terminal::with_options(Sparing::new(out), options)? })
    }

    /// Forgets what is on screen; the next frame has this area.
    pub(super) fn resize(&mut self, area: Rect) -> io::Result<()> {
        self.inner.resize(area)
    }

    /// Draws one frame inside a synchronized update. A frame equal to the last one writes nothing.
    pub(super) fn draw<T>(&mut self, view: impl FnOnce(&mut Frame<'_>) -> T) -> io::Result<T> {
        let mut drawn = None;
        let open = Open::begin(&mut self.inner);
        open.screen.draw(|frame| drawn = Some(view(frame)))?;
        drop(open);
        drawn.ok_or_else(|| io::Error::other("the frame was not drawn"))
    }
}

/// A frame that was begun. Dropping it ends it, so no early return leaves a terminal waiting for the rest.
struct Open<'a, W: Write> {
    screen: &'a mut ratatui::Terminal<Sparing<W>>,
}

impl<'a, W: Write> Open<'a, W> {
    fn begin(screen: &'a mut ratatui::Terminal<Sparing<W>>) -> Self {
        screen.backend_mut().open();
        Self { screen }
    }
}

impl<W: Write> Drop for Open<'_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // A terminal that takes nothing any more is noticed by the watcher.
        let _ = self.screen.backend_mut().close();
    }
}

/// Draws frames as the terminal gets them, and keeps their bytes.
#[cfg(test)]
pub(crate) struct Recorder {
    screen: Screen<Vec<u8>>,
}

#[cfg(test)]
impl Recorder {
    /// An empty screen of this size.
    pub(crate) fn new(width: u16, height: u16) -> Self {
        // As the terminal does when it is opened: otherwise NO_COLOR would decide what is measured.
        crossterm::style::force_color_output(true);
        Self { screen: Screen::new(Vec::new(), Rect::new(0, 0, width, height)).unwrap() }
    }

    /// Draws one frame; returns what the view said and the bytes that went out.
    pub(crate) fn draw<T>(&mut self, view: impl FnOnce(&mut Frame<'_>) -> T) -> (T, Vec<u8>) {
        let said = self.screen.draw(view).unwrap();
        (said, self.screen.inner.backend_mut().take_sent())
    }
}
