//! What the sanitiser replaced, in numbers and in a sentence. Does not say whether that is an attack.
use std::fmt;

/// A reason why a character is not shown as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningKind {
    /// Escape and other control characters.
    Control,
    /// Characters that turn the direction of the text around them.
    Bidi,
    /// Characters without a shape: zero-width spaces, joiners in the wrong place, fillers, variation selectors.
    Invisible,
    /// Tag characters, which can carry a whole hidden text.
    Tag,
    /// Characters whose shape depends on a private agreement.
    PrivateUse,
    /// Code points that are not characters of Unicode.
    Unassigned,
    /// Line breaks and tabs where one line is expected.
    LineBreak,
    /// Combining marks without a base, or too many on one.
    Combining,
    /// Long runs of spaces or blank lines, which push what follows out of sight.
    Gap,
}

impl WarningKind {
    fn noun(self, count: usize) -> &'static str {
        match (self, count == 1) {
            (Self::Control, true) => "control character",
            (Self::Control, false) => "control characters",
            (Self::Bidi, true) => "direction override",
            (Self::Bidi, false) => "direction overrides",
            (Self::Invisible, true) => "invisible character",
            (Self::Invisible, false) => "invisible characters",
            (Self::Tag, true) => "hidden tag character",
            (Self::Tag, false) => "hidden tag characters",
            (Self::PrivateUse, true) => "private-use character",
            (Self::PrivateUse, false) => "private-use characters",
            (Self::Unassigned, true) => "unassigned code point",
            (Self::Unassigned, false) => "unassigned code points",
            (Self::LineBreak, true) => "line break or tab",
            (Self::LineBreak, false) => "line breaks or tabs",
            (Self::Combining, true) => "stray or excessive combining mark",
            (Self::Combining, false) => "stray or excessive combining marks",
            (Self::Gap, true) => "long gap",
            (Self::Gap, false) => "long gaps",
        }
    }
}

/// How often one kind of replacement was made. Its [`fmt::Display`] is a phrase for people:
/// "3 invisible characters shown as <U+200B>".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning {
    kind: WarningKind,
    count: usize,
    first: String,
    is_mixed: bool,
}

impl Warning {
    /// Why the characters were replaced.
    #[must_use]
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// How many were replaced; for [`WarningKind::Gap`] the number of gaps.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_mixed { "shown as marks like" } else { "shown as" };
        write!(f, "{} {} {how} {}", self.count, self.kind.noun(self.count), self.first)
    }
}

/// The visible form of something that is not shown as itself. Only printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A character with an everyday name.
    Named(&'static str),
    /// Any other character.
    Code(char),
    /// This many characters that were stacked on the one before.
    Stacked(usize),
    /// This many spaces.
    Spaces(usize),
    /// This many blank lines.
    BlankLines(usize),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Named(name) => write!(f, "<{name}>"),
            Self::Code(c) => write!(f, "<U+{:04X}>", u32::from(c)),
            Self::Stacked(count) => write!(f, "<+{count} stacked>"),
            Self::Spaces(count) => write!(f, "<{count} spaces>"),
            Self::BlankLines(count) => write!(f, "<{count} blank lines>"),
        }
    }
}

/// Collects warnings, one a kind.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<(Warning, Mark)>,
}

impl Findings {
    /// Notes that `count` things of that kind were replaced by `mark`.
    pub(super) fn note(&mut self, kind: WarningKind, mark: Mark, count: usize) {
        if let Some((warning, first)) = self.found.iter_mut().find(|(warning, _)| warning.kind == kind) {
            warning.count += count;
            warning.is_mixed |= *first != mark;
        } else {
            self.found.push((Warning { kind, count, first: mark.to_string(), is_mixed: false }, mark));
        }
    }

    /// The warnings in the order of their kinds.
    pub(super) fn into_warnings(mut self) -> Vec<Warning> {
        self.found.sort_by_key(|(warning, _)| warning.kind);
        self.found.into_iter().map(|(warning, _)| warning).collect()
    }
}

/// The warnings of several texts as those of one.
pub(super) fn united<'w>(warnings: impl IntoIterator<Item = &'w Warning>) -> Vec<Warning> {
    let mut all: Vec<Warning> = Vec::new();
    for warning in warnings {
        match all.iter_mut().find(|known| known.kind == warning.kind) {
            Some(known) => {
                known.count += warning.count;
                known.is_mixed |= warning.is_mixed || known.first != warning.first;
            }
            None => all.push(warning.clone()),
        }
    }
    all.sort_by_key(|warning| warning.kind);
    all
}
