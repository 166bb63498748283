//! Which signs may be drawn, and foreign text made of those only. Knows no colours.
use countersign_core::safe_text::{SafeText, spelled_out};

/// Whether the terminal can be given more than ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Unicode,
    Ascii,
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

impl Charset {
    /// The signs of this set.
    pub(crate) fn glyphs(self) -> &'static Glyphs {
        match self {
            Self::Unicode => &Glyphs {
                rule: "─",
                cursor: "▌",
                full: "█",
                empty: "░",
                dot: "●",
                down: "↓",
                between: " · ",
                more: "…",
            },
            Self::Ascii => &Glyphs {
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

    /// One line of foreign text. Without UTF-8, what the terminal cannot show becomes its code point: a reader must not
    /// approve what was left out.
    pub(crate) fn line(self, raw: &str) -> SafeText {
        match self {
            Self::Unicode => SafeText::line(raw),
            Self::Ascii => SafeText::line(raw).spelled_out(),
        }
    }

    /// Words of ours and lines of foreign text in turn, each made safe by itself.
    pub(crate) fn joined(self, pieces: &[&str]) -> SafeText {
        SafeText::joined(&pieces.iter().map(|piece| self.line(piece)).collect::<Vec<_>>())
    }

    /// Several lines of foreign text.
    pub(crate) fn block(self, raw: &str) -> SafeText {
        match self {
            Self::Unicode => SafeText::block(raw),
            Self::Ascii => SafeText::block(raw).spelled_out(),
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
