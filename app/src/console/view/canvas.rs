//! Puts text into cells. The only place of the console that touches a buffer: nothing is drawn outside the area it was given.
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::console::theme::{Charset, Glyphs, Role, Theme};

/// A buffer with the theme it is drawn in.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: Theme,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        let area = buffer.area;
        buffer.set_style(area, theme.style(Role::Plain));
        Self { buffer, theme }
    }

    pub(super) fn area(&self) -> Rect {
        self.buffer.area
    }

    pub(super) fn glyphs(&self) -> &'static Glyphs {
        self.theme.glyphs()
    }

    /// Puts one line into the first row of the area, cut at its edge. Returns what is left of that row.
    pub(super) fn put(&mut self, area: Rect, text: &str, role: Role) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.is_empty() {
            return Rect { width: 0, ..area };
        }
        let text = self.theme.charset.own(text);
        let style = self.theme.style(role);
        let (x, _) = self.buffer.set_stringn(area.x, area.y, text, usize::from(area.width), style);
        Rect { x, width: area.right().saturating_sub(x), height: 1, ..area }
    }

    /// Puts text in the style of one role with that of another over it.
    pub(super) fn put_over(&mut self, area: Rect, text: &str, under: Role, over: Role) -> Rect {
        let rest = self.put(area, text, under);
        self.wash(
            Rect { width: rest.x.saturating_sub(area.x).min(area.width), height: area.height.min(1), ..area },
            over,
        );
        rest
    }

    /// Puts words in turn, each behind the one before.
    pub(super) fn put_all<'t>(
        &mut self,
        area: Rect,
        words: impl IntoIterator<Item = (&'t str, Role)>,
    ) -> Rect {
        words.into_iter().fold(Rect { height: area.height.min(1), ..area }, |rest, (text, role)| {
            self.put(rest, text, role)
        })
    }

    /// Puts words at the right edge of the area, if there is room. Returns what is left of it on their left.
    pub(super) fn put_right(&mut self, area: Rect, words: &[(&str, Role)]) -> Rect {
        let width: usize = words.iter().map(|(text, _)| self.width(text)).sum();
        let Ok(width) = u16::try_from(width) else {
            return area;
        };
        if width == 0 || width + 1 > area.width {
            return area;
        }
        let place = Rect { x: area.right() - width, width, ..area };
        self.put_all(place, words.iter().copied());
        Rect { width: area.width - width - 1, ..area }
    }

    /// Cells that a line of ours takes.
    pub(super) fn width(&self, text: &str) -> usize {
        ratatui::text::Span::raw(self.theme.charset.own(text)).width()
    }

    /// Empties every cell of the area.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for position in area.positions() {
            self.buffer[position].reset();
        }
        self.wash(area, Role::Plain);
    }

    /// Fills a row with the rule.
    pub(super) fn rule(&mut self, area: Rect) {
        let rule = self.glyphs().rule.repeat(usize::from(area.width));
        self.put(area, &rule, Role::Frame);
    }

    /// Gives every cell of the area the style of a role, over what is there.
    pub(super) fn wash(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let style: Style = self.theme.style(role);
        self.buffer.set_style(area, style);
    }

    /// Without UTF-8, no cell may hold what the terminal would show as garbage.
    pub(super) fn spell_out(&mut self) {
        if self.theme.charset == Charset::Unicode {
            return;
        }
        for cell in &mut self.buffer.content {
            if !cell.symbol().is_ascii() {
                cell.set_symbol("?");
            }
        }
    }
}

/// Cuts columns off an area from the left.
pub(super) struct Columns {
    rest: Rect,
}

impl Columns {
    pub(super) fn of(area: Rect) -> Self {
        Self { rest: area }
    }

    /// The next column, with one blank behind it.
    pub(super) fn next(&mut self, width: u16) -> Rect {
        let width = width.min(self.rest.width);
        let column = Rect { width, ..self.rest };
        let step = (width + 1).min(self.rest.width);
        self.rest.x += step;
        self.rest.width -= step;
        column
    }

    /// What is left.
    pub(super) fn rest(self) -> Rect {
        self.rest
    }
}
