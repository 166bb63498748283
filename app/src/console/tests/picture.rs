//! A screen as text: the characters, then the styles as letters with a legend.
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Style};

use crate::console::theme::{self, Role, Styles};

/// The characters of the screen, line by line.
pub(super) fn text(buffer: &Buffer) -> String {
    lines(buffer, |cell| cell.symbol().to_owned())
}

/// Characters and styles, for a snapshot.
pub(super) fn picture(buffer: &Buffer) -> String {
    let mut used = std::collections::BTreeSet::new();
    let styles = lines(buffer, |cell| {
        let (letter, name) = style(cell);
        if letter != ' ' {
            used.insert(format!("{letter} {name}"));
        }
        letter.to_string().repeat(cell.symbol().chars().next().map_or(1, |_| width(cell)))
    });
    let legend = used.into_iter().collect::<Vec<_>>().join(", ");
    format!("{}\n== styles: {legend}\n{styles}", text(buffer))
}

fn lines(buffer: &Buffer, mut piece: impl FnMut(&Cell) -> String) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            line.push_str(&piece(cell));
            x += u16::try_from(width(cell)).unwrap_or(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn width(cell: &Cell) -> usize {
    ratatui::text::Span::raw(cell.symbol()).width().max(1)
}

/// Screens are drawn for their picture in [`roles`], where every role has a colour that says its number.
fn style(cell: &Cell) -> (char, &'static str) {
    let role = match cell.fg {
        Color::Indexed(number) => Role::ALL.get(usize::from(number)).copied().unwrap_or(Role::Plain),
        _ => Role::Plain,
    };
    (letter(role), role.name())
}

fn letter(role: Role) -> char {
    match role {
        Role::Plain => ' ',
        Role::Muted => 'm',
        Role::Title => 'T',
        Role::Heading => 'h',
        Role::Label => 'l',
        Role::Key => 'k',
        Role::Disabled => 'd',
        Role::Frame => 'f',
        Role::Good => 'g',
        Role::Warn => 'w',
        Role::Bad => 'b',
        Role::Selected => '#',
        Role::Tab => 't',
        Role::Marked => 'M',
        Role::Question => 'q',
        Role::Gauge => 'u',
        Role::GaugeRest => 'e',
        Role::Hash => 'x',
        Role::Added => '+',
        Role::Removed => '-',
        Role::Changed => 'c',
        Role::Personal => 'p',
    }
}

/// A look that tells every role from every other.
pub(super) fn roles() -> Styles {
    let mut styles = Styles::PLAIN;
    for (number, role) in (0..).zip(Role::ALL) {
        styles.set(*role, Style::new().fg(Color::Indexed(number)));
    }
    styles
}

/// What a theme makes of a screen: which cells differ, and how.
pub(super) fn looks(buffer: &Buffer) -> String {
    let mut known: Vec<String> = Vec::new();
    let map = lines(buffer, |cell| {
        let look = look(cell);
        if look == "{}" {
            return " ".repeat(width(cell));
        }
        let number = known.iter().position(|other| *other == look).unwrap_or_else(|| {
            known.push(look);
            known.len() - 1
        });
        char::from(b'a' + u8::try_from(number).unwrap()).to_string().repeat(width(cell))
    });
    let legend: Vec<String> =
        known.iter().zip('a'..).map(|(look, letter)| format!("{letter} {look}\n")).collect();
    format!("{}{map}", legend.concat())
}

fn look(cell: &Cell) -> String {
    let colour = |colour| (colour != Color::Reset).then_some(colour);
    let style =
        Style { fg: colour(cell.fg), bg: colour(cell.bg), ..Style::new() }.add_modifier(cell.modifier);
    theme::written(style)
}
