//! A backend that says nothing when nothing changed, and a whole frame in one piece otherwise.
//!
//! The library resets colours and hides the cursor after every frame, also after one that is equal to the last, and moves the
//! cursor after every wide letter. How cells become bytes stays its business; it is only told less.
use std::collections::HashMap;
use std::io::{self, Write};

use crossterm::queue;
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::Modifier;

/// How the library ends what it draws; the last of the four alone says the same.
const RESETS: &[u8] = b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m";

/// What cannot be seen on a blank.
const UNSEEN: Modifier = Modifier::BOLD.union(Modifier::DIM).union(Modifier::ITALIC);

/// Collects what is drawn and hands it on when the frame ends.
#[derive(Debug)]
pub(super) struct Sparing<W> {
    out: W,
    collected: Vec<u8>,
    is_open: bool,
    cursor: Cursor,
    shown: Shown,
}

/// What stands on the screen. A place that is missing is blank; `None` is a letter that is not plain, or half of one.
type Shown = HashMap<(u16, u16), Option<Cell>>;

/// What the terminal's cursor is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    Unknown,
    Hidden,
    /// Shown, and where, unless it was moved since.
    Shown(Option<Position>),
}

impl<W: Write> Sparing<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, collected: Vec::new(), is_open: false, cursor: Cursor::Unknown, shown: Shown::new() }
    }

    /// Begins a frame. What an earlier one left is forgotten, never written late.
    pub(super) fn open(&mut self) {
        self.collected.clear();
        self.is_open = true;
    }

    /// Ends the frame and hands it on, if there is anything in it.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.is_open = false;
        if !self.collected.is_empty() {
            queue!(self.collected, EndSynchronizedUpdate)?;
        }
        self.hand_on()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if self.collected.is_empty() {
            return Ok(());
        }
        let result = self.out.write_all(&self.collected).and_then(|()| self.out.flush());
        self.collected.clear();
        result
    }

    /// The library's backend, inside a synchronized update if a frame is open.
    fn pen(&mut self) -> io::Result<CrosstermBackend<&mut Vec<u8>>> {
        if self.is_open && self.collected.is_empty() {
            queue!(self.collected, BeginSynchronizedUpdate)?;
        }
        Ok(CrosstermBackend::new(&mut self.collected))
    }
}

#[cfg(test)]
impl Sparing<Vec<u8>> {
    /// What was handed on since it was last asked for.
    pub(super) fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

impl<W: Write> Backend for Sparing<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let cells = fewer_sequences(content, &mut self.shown);
        if cells.is_empty() {
            return Ok(());
        }
        if let Cursor::Shown(at) = &mut self.cursor {
            *at = None;
        }
        self.pen()?.draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
        if self.collected.ends_with(RESETS) {
            let end = self.collected.len() - RESETS.len();
            self.collected.truncate(end);
            queue!(self.collected, SetAttribute(Attribute::Reset))?;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor != Cursor::Hidden {
            self.pen()?.hide_cursor()?;
            self.cursor = Cursor::Hidden;
        }
        self.flush()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !matches!(self.cursor, Cursor::Shown(_)) {
            self.pen()?.show_cursor()?;
            self.cursor = Cursor::Shown(None);
        }
        self.flush()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.pen()?.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Cursor::Shown(Some(position)) {
            self.pen()?.set_cursor_position(position)?;
            if let Cursor::Shown(at) = &mut self.cursor {
                *at = Some(position);
            }
        }
        self.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    /// Also forgets the cursor: a screen is cleared when somebody else may have had it. Only whole screens are cleared here.
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.pen()?.clear_region(region)?;
        self.cursor = Cursor::Unknown;
        self.shown.clear();
        self.flush()
    }

    fn size(&self) -> io::Result<Size> {
        CrosstermBackend::new(io::sink()).size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.pen()?.window_size()
    }

    /// Inside a frame nothing leaves before its end.
    fn flush(&mut self) -> io::Result<()> {
        if self.is_open { Ok(()) } else { self.hand_on() }
    }
}

/// Up to so many letters are cheaper written again than jumped over.
const GAP: u16 = 5;

/// The same picture for fewer bytes: blanks take over what cannot be seen on them, short gaps are written again, and a letter
/// right behind a wide one is told as its neighbour, so that the library does not move the cursor to where it is.
fn fewer_sequences<'a>(
    content: impl Iterator<Item = (u16, u16, &'a Cell)>,
    shown: &mut Shown,
) -> Vec<(u16, u16, Cell)> {
    let mut cells: Vec<(u16, u16, Cell)> = Vec::new();
    // Where the cursor is known to be after the cell before.
    let mut after = None;
    for (x, y, cell) in content {
        let mut told = x;
        if let (Some((from, row)), Some((before, _, pen))) = (after, cells.last())
            && row == y
            && from <= x
            && x - from <= GAP
            && let Some(between) = (from..x).map(|x| same_pen(shown, (x, y), pen)).collect::<Option<Vec<_>>>()
        {
            // Cells come in order, so a cell that is told further left than it is never meets a gap that is told as none.
            told = before + 1;
            for cell in between {
                cells.push((told, y, cell));
                told += 1;
            }
        }
        let mut cell = cell.clone();
        if let Some((.., pen)) = cells.last().filter(|_| is_blank(&cell)) {
            cell.fg = pen.fg;
            cell.modifier = pen.modifier & UNSEEN;
        }
        let is_plain = cell.symbol().len() == 1;
        shown.insert((x, y), is_plain.then(|| cell.clone()));
        if !is_plain {
            shown.insert((x + 1, y), None);
        }
        after = Some((x + if is_surely_wide(cell.symbol()) { 2 } else { 1 }, y));
        cells.push((told, y, cell));
    }
    cells
}

/// A plain letter that stands there already, if the pen need not be changed for it.
fn same_pen(shown: &Shown, at: (u16, u16), pen: &Cell) -> Option<Cell> {
    let mut cell = shown.get(&at).cloned().unwrap_or_else(|| Some(Cell::default()))?;
    if is_blank(&cell) && UNSEEN.contains(pen.modifier) {
        (cell.fg, cell.modifier) = (pen.fg, pen.modifier);
    }
    ((cell.fg, cell.bg, cell.modifier) == (pen.fg, pen.bg, pen.modifier)).then_some(cell)
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && UNSEEN.contains(cell.modifier)
}

/// Letters that take two cells on every terminal. About emoji and joined letters terminals disagree: behind those the cursor is
/// moved, so that a disagreement ends with them.
fn is_surely_wide(symbol: &str) -> bool {
    let mut letters = symbol.chars();
    let is_wide = |letter| matches!(letter, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    letters.next().is_some_and(is_wide) && letters.next().is_none()
}
