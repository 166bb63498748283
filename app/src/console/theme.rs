//! Roles to styles, and which signs may be drawn. Themes are files (`themes`, and the user's own); see [`file`].
mod charset;
mod file;
mod folder;

use ratatui::style::Style;
use serde::Deserialize;

pub(crate) use self::charset::{Charset, Glyphs};
#[cfg(test)]
pub(crate) use self::file::written;
pub(crate) use self::folder::{Found, Source, ThemeError, found, load, mono, read};

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident $name:literal,)+) => {
        /// What a piece of screen means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum Role {
            $($(#[$doc])* $role,)+
        }

        impl Role {
            /// Every role, in the order of theme files.
            pub(crate) const ALL: &[Self] = &[$(Self::$role,)+];

            /// The name in theme files.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)+
                }
            }
        }
    };
}

roles! {
    /// Foreign text and ordinary words.
    Plain "plain",
    /// What may be overlooked.
    Muted "muted",
    /// The product's and company's name, heads of what lies over the screen.
    Title "title",
    /// Column heads and headings of sections.
    Heading "heading",
    /// What a fact is called: `From`, `To`.
    Label "label",
    /// A key in a hint.
    Key "key",
    /// What is not possible now. It stands in brackets or says why, too.
    Disabled "disabled",
    /// Lines and borders.
    Frame "frame",
    /// Something is fine.
    Good "good",
    /// Something waits or wants a look.
    Warn "warn",
    /// Something is wrong.
    Bad "bad",
    /// The row under the cursor.
    Selected "selected",
    /// The screen that is shown, in the line of screens.
    Tab "tab",
    /// The sign of a marked row, and of the cursor.
    Marked "marked",
    /// A question that waits for an answer.
    Question "question",
    /// The used part of a gauge.
    Gauge "gauge",
    /// The free part of a gauge.
    GaugeRest "gauge-rest",
    /// Hash and size of what is shown.
    Hash "hash",
    /// Text that a newer version has and an older has not. A sign says so, too.
    Added "added",
    /// Text that an older version had. A sign says so, too.
    Removed "removed",
    /// The words that differ in a line of a newer version.
    Changed "changed",
    /// A name of the recipient in a message. A line of its own says so, too.
    Personal "personal",
}

/// How each role looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Styles([Style; Role::ALL.len()]);

impl Styles {
    /// Nothing but plain cells.
    pub(crate) const PLAIN: Self = Self([Style::new(); Role::ALL.len()]);

    /// Gives a role another look.
    pub(crate) fn set(&mut self, role: Role, style: Style) {
        self.0[role as usize] = style;
    }
}

/// How the console looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) styles: Styles,
    pub(crate) charset: Charset,
}

impl Theme {
    pub(crate) fn style(self, role: Role) -> Style {
        self.styles.0[role as usize]
    }

    pub(crate) fn glyphs(self) -> &'static Glyphs {
        self.charset.glyphs()
    }
}

#[cfg(test)]
impl Theme {
    /// A theme of this program.
    pub(crate) fn shipped(name: &str, charset: Charset) -> Self {
        Self { styles: folder::shipped(name).expect("the theme is shipped"), charset }
    }
}
