//! The format of a theme file: roles, each with colours and attributes. Reads and writes it; opens no files.
//!
//! Colours are one of the 16 ANSI names, a number 0 to 255, or `#rrggbb`. An unknown role, key or colour is refused.
use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Deserializer};

use super::{Role, Styles};

/// Names of the 16 ANSI colours, by number.
const NAMES: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// A theme file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The shipped theme that is patched.
    pub(super) base: Option<toml::Spanned<String>>,
    #[serde(default)]
    pub(super) roles: BTreeMap<Role, Look>,
}

/// How one role looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Look {
    #[serde(deserialize_with = "colour")]
    fg: Option<Color>,
    #[serde(deserialize_with = "colour")]
    bg: Option<Color>,
    bold: bool,
    underline: bool,
    reverse: bool,
    dim: bool,
}

/// Something in the file is wrong: line, from 1, and what.
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) problem: String,
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<File, Wrong> {
    toml::from_str(text).map_err(|error: toml::de::Error| Wrong {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        problem: error.message().to_owned(),
    })
}

/// The line that a byte stands in, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or_default().matches('\n').count() + 1
}

impl File {
    /// Gives the named roles their look.
    pub(super) fn lay_over(&self, styles: &mut Styles) {
        for (role, look) in &self.roles {
            styles.set(*role, look.style());
        }
    }
}

impl Look {
    fn style(self) -> Style {
        let mut style = Style { fg: self.fg, bg: self.bg, ..Style::new() };
        for (is_set, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
            (self.dim, Modifier::DIM),
        ] {
            if is_set {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

/// A style as theme files write it: `{ fg = "red", bold = true }`.
pub(crate) fn written(style: Style) -> String {
    let mut parts = Vec::new();
    for (key, colour) in [("fg", style.fg), ("bg", style.bg)] {
        if let Some(colour) = colour {
            parts.push(format!("{key} = {}", written_colour(colour)));
        }
    }
    for (key, modifier) in [
        ("bold", Modifier::BOLD),
        ("underline", Modifier::UNDERLINED),
        ("reverse", Modifier::REVERSED),
        ("dim", Modifier::DIM),
    ] {
        if style.add_modifier.contains(modifier) {
            parts.push(format!("{key} = true"));
        }
    }
    if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
}

fn written_colour(colour: Color) -> String {
    let named = NAMES.iter().find(|(_, known)| *known == colour);
    match (named, colour) {
        (Some((name, _)), _) => format!("\"{name}\""),
        (None, Color::Indexed(number)) => number.to_string(),
        (None, Color::Rgb(red, green, blue)) => format!("\"#{red:02x}{green:02x}{blue:02x}\""),
        (None, _) => "\"black\"".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Spelling {
    Number(i64),
    Word(String),
}

fn colour<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Color>, D::Error> {
    let (shown, colour) = match Spelling::deserialize(deserializer) {
        Ok(Spelling::Number(number)) => (number.to_string(), u8::try_from(number).ok().map(Color::Indexed)),
        Ok(Spelling::Word(word)) => {
            let colour = named(&word).or_else(|| hexadecimal(&word));
            (word, colour)
        }
        Err(_) => ("this".to_owned(), None),
    };
    colour.map(Some).ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        serde::de::Error::custom(format!(
            "`{shown}` is not a colour; write 0 to 255, \"#rrggbb\", or one of {}",
            names.join(", ")
        ))
    })
}

fn named(word: &str) -> Option<Color> {
    NAMES.iter().find(|(name, _)| *name == word).map(|(_, colour)| *colour)
}

fn hexadecimal(word: &str) -> Option<Color> {
    let digits = word.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some(Color::Rgb(red, green, blue))
}
