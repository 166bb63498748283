//! Strings that outsiders send to deceive a reader or to drive a terminal, and ordinary ones that must survive.
//!
//! The corpus is generated from small tables, so that adding an attack is adding a line. It says what a string is, not how a
//! program should show it.
//!
//! The paths are explicit because the core's own tests include this file by path.
#[path = "hostile/escape.rs"]
mod escape;
#[path = "hostile/unseen.rs"]
mod unseen;
#[path = "hostile/words.rs"]
mod words;

/// What a string tries to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Drives the terminal: titles, clipboard, modes, queries, passthrough.
    Escape,
    /// Holds a single control character.
    Control,
    /// Turns the direction of text.
    Bidi,
    /// Holds characters nobody can see.
    Invisible,
    /// Carries a hidden text in tags or variation selectors.
    Tag,
    /// Holds code points without an agreed shape.
    Unassigned,
    /// Draws over its neighbours by stacking marks.
    Combining,
    /// Pushes its end out of sight.
    Gap,
    /// Imitates the program's own words and frames.
    Forge,
    /// Breaks out of a header, a query or a file.
    Injection,
    /// Looks like another name.
    LookAlike,
    /// Looks like a reference to a secret.
    SecretRef,
    /// Ordinary text written from right to left.
    OrdinaryBidi,
    /// Ordinary emoji, also joined ones.
    OrdinaryEmoji,
    /// Ordinary text of wide, narrow and combining characters.
    OrdinaryWidth,
}

impl Category {
    /// Whether a reader must be warned, because the string holds something that cannot be shown as itself.
    pub fn must_warn(self) -> bool {
        matches!(
            self,
            Self::Escape
                | Self::Control
                | Self::Bidi
                | Self::Invisible
                | Self::Tag
                | Self::Unassigned
                | Self::Combining
                | Self::Gap
        )
    }

    /// Whether the string must be shown byte for byte.
    pub fn must_read(self) -> bool {
        matches!(
            self,
            Self::OrdinaryBidi
                | Self::OrdinaryEmoji
                | Self::OrdinaryWidth
                | Self::LookAlike
                | Self::SecretRef
        )
    }
}

/// One string of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostile {
    /// What it tries to do.
    pub category: Category,
    /// The string.
    pub text: String,
}

/// The whole corpus, in a fixed order.
pub fn corpus() -> Vec<Hostile> {
    let groups = [
        (Category::Escape, escape::escapes()),
        (Category::Control, escape::controls()),
        (Category::Bidi, unseen::bidi()),
        (Category::Invisible, unseen::around(unseen::INVISIBLE)),
        (Category::Tag, unseen::tags()),
        (Category::Unassigned, unseen::around(unseen::UNASSIGNED)),
        (Category::Combining, unseen::combining()),
        (Category::Gap, unseen::gaps()),
        (Category::Forge, owned(words::FORGE)),
        (Category::Injection, owned(words::INJECTION)),
        (Category::LookAlike, owned(words::LOOK_ALIKE)),
        (Category::SecretRef, owned(words::SECRET_REF)),
        (Category::OrdinaryBidi, owned(words::ORDINARY_BIDI)),
        (Category::OrdinaryEmoji, owned(words::ORDINARY_EMOJI)),
        (Category::OrdinaryWidth, owned(words::ORDINARY_WIDTH)),
    ];
    groups
        .into_iter()
        .flat_map(|(category, texts)| texts.into_iter().map(move |text| Hostile { category, text }))
        .collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
