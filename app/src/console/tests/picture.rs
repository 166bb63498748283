//! A screen as text: the characters, then the styles as letters with a legend.
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

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

fn style(cell: &Cell) -> (char, &'static str) {
    let is = |modifier| cell.modifier.contains(modifier);
    match (cell.fg, is(Modifier::REVERSED), is(Modifier::BOLD)) {
        (_, true, _) => ('#', "selected"),
        (Color::DarkGray, ..) => ('m', "muted"),
        (Color::Green, ..) => ('g', "good"),
        (Color::Yellow, ..) => ('w', "warn"),
        (Color::Red, ..) => ('b', "bad"),
        _ if is(Modifier::UNDERLINED) => ('u', "underlined"),
        (_, _, true) => ('T', "bold"),
        _ => (' ', "plain"),
    }
}
