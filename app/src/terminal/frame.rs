//! One frame on its way out: begun and ended by a guard, collected and written in one piece.
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use ratatui::buffer::{Buffer, CellDiffOption, CellWidth};
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
        open.screen.draw(|frame| {
            drawn = Some(view(frame));
            tell_covered(frame.buffer_mut());
        })?;
        drop(open);
        drawn.ok_or_else(|| io::Error::other("the frame was not drawn"))
    }
}

/// Makes the second halves of wide letters unlike anything that is drawn. A wide letter that comes to stand one cell before another
/// leaves half of the other on the terminal; the library compares that place with what lay hidden there, finds a blank in both, and
/// would leave it.
fn tell_covered(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(width) {
        let mut x = 0;
        while x < row.len() {
            let end = row.len().min(x + usize::from(row[x].cell_width()).max(1));
            for covered in &mut row[x + 1..end] {
                covered.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
            x = end;
        }
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

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    /// An underlined wide letter that comes to stand one cell before another leaves nothing of the other, nor of its own line.
    #[test]
    fn no_half_of_a_wide_letter_stays() {
        let mut recorder = Recorder::new(6, 1);
        let mut terminal = vt100::Parser::new(1.try_into().unwrap(), 6.try_into().unwrap(), 0);
        let mut draw = |x| {
            let style = Style::new().underlined();
            let ((), bytes) = recorder.draw(|frame| frame.buffer_mut().set_string(x, 0, "\u{5c71}", style));
            bytes
        };
        terminal.process(&draw(1));
        terminal.process(&draw(0));
        assert_eq!(terminal.screen().contents().trim_end(), "\u{5c71}");
        assert!(!terminal.screen().cell(0, 2).unwrap().underline(), "half of a line stays");
        assert!(draw(0).is_empty(), "an equal frame writes nothing");
    }
}
