//! Roles to styles, and which signs may be drawn. The default theme uses only the 16 ANSI colours; the mono theme none.
use countersign_core::safe_text::SafeText;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Foreign text and ordinary words.
    Plain,
    /// Labels and column heads.
    Muted,
    /// The product's and company's name, the current screen.
    Title,
    /// Something is fine.
    Good,
    /// Something waits or wants a look.
    Warn,
    /// Something is wrong.
    Bad,
    /// The row under the cursor.
    Selected,
    /// A key in a hint.
    Key,
    /// A name of the recipient in a message.
    Personal,
    /// A line that is no more.
    Old,
    /// A line that has come.
    New,
    /// The words in it that differ.
    Changed,
    /// Lines and borders.
    Frame,
}

/// Whether the terminal is given colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Palette {
    Ansi,
    Mono,
}

/// Whether the terminal can be given more than ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Unicode,
    Ascii,
}

/// How the console looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) palette: Palette,
    pub(crate) charset: Charset,
}

/// The signs that chrome is drawn with.
pub(crate) struct Glyphs {
    pub(crate) rule: &'static str,
    pub(crate) cursor: &'static str,
    pub(crate) full: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) dot: &'static str,
    pub(crate) down: &'static str,
    pub(crate) between: &'static str,
    pub(crate) more: &'static str,
}

impl Theme {
    pub(crate) fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let colour = |colour: Color| {
            if self.palette == Palette::Ansi { plain.fg(colour) } else { plain }
        };
        match role {
            Role::Plain => plain,
            Role::Muted if self.palette == Palette::Mono => plain,
            Role::Muted | Role::Frame => colour(Color::DarkGray),
            Role::Title | Role::Key => plain.add_modifier(Modifier::BOLD),
            Role::Good => colour(Color::Green),
            Role::Warn => colour(Color::Yellow),
            Role::Bad => colour(Color::Red).add_modifier(Modifier::BOLD),
            Role::Personal | Role::Changed => plain.add_modifier(Modifier::UNDERLINED),
            Role::Old => colour(Color::Red),
            Role::New => colour(Color::Green),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
        }
    }

    pub(crate) fn glyphs(self) -> &'static Glyphs {
        match self.charset {
            Charset::Unicode => &Glyphs {
                rule: "─",
                cursor: "▌",
                full: "█",
                empty: "░",
                dot: "●",
                down: "↓",
                between: " · ",
                more: "…",
            },
            Charset::Ascii => &Glyphs {
                rule: "-",
                cursor: ">",
                full: "#",
                empty: ".",
                dot: "*",
                down: "v",
                between: " - ",
                more: "~",
            },
        }
    }
}

impl Charset {
    /// One line of foreign text. Without UTF-8, what the terminal cannot show becomes its code point: a reader must not
    /// approve what was left out.
    pub(crate) fn line(self, raw: &str) -> SafeText {
        match self {
            Self::Unicode => SafeText::line(raw),
            Self::Ascii => SafeText::line(&spelled_out(SafeText::line(raw).as_str())),
        }
    }

    /// Several lines of foreign text.
    pub(crate) fn block(self, raw: &str) -> SafeText {
        match self {
            Self::Unicode => SafeText::block(raw),
            Self::Ascii => SafeText::block(&spelled_out(SafeText::block(raw).as_str())),
        }
    }

    /// Our own words, which hold a few signs outside ASCII.
    pub(crate) fn own<'a>(self, words: &'a str) -> std::borrow::Cow<'a, str> {
        if self == Self::Unicode || words.is_ascii() {
            return words.into();
        }
        let plain = words
            .replace(" · ", " - ")
            .replace('–', "-")
            .replace('…', "~")
            .replace('↓', "v")
            .replace('×', "x");
        if plain.is_ascii() { plain.into() } else { spelled_out(&plain).into() }
    }
}

fn spelled_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            out.push_str(&format!("<U+{:04X}>", u32::from(letter)));
        }
    }
    out
}
