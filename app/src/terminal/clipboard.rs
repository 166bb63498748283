//! The clipboard of the terminal, by OSC 52. The terminal never answers, so nobody here knows whether it took the text.
//!
//! Foreign text stands inside base64 only: no byte of it can end the sequence it is in.
use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossterm::{Command, execute};

/// The most that is handed over, in bytes of text. Terminals drop longer sequences without a word.
pub(crate) const LIMIT_BYTES: usize = 100_000;

/// Text that may go to the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clip(String);

/// The text is longer than [`LIMIT_BYTES`]; half a text would be worse than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are too many for the clipboard of a terminal, which takes {LIMIT_BYTES}")]
pub(crate) struct TooLong(usize);

impl Clip {
    /// Takes a text.
    ///
    /// # Errors
    /// When it is too long.
    pub(crate) fn new(text: String) -> Result<Self, TooLong> {
        if text.len() > LIMIT_BYTES { Err(TooLong(text.len())) } else { Ok(Self(text)) }
    }

    /// The text.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// How the sequence reaches the terminal that the person sits at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing is in between.
    Direct,
    /// tmux hands it on, where `allow-passthrough` is on.
    Tmux,
}

/// Finds the way from the environment.
///
/// # Errors
/// Says why there is none.
pub(crate) fn way(variable: impl Fn(&str) -> Option<String>) -> Result<Way, &'static str> {
    let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
    if filled("TMUX").is_some() {
        return Ok(Way::Tmux);
    }
    if filled("STY").is_some() {
        return Err("GNU screen hands nothing on to the clipboard");
    }
    match filled("TERM").as_deref() {
        Some("linux") => Err("the Linux console has no clipboard"),
        Some("dumb") => Err("a dumb terminal has no clipboard"),
        _ => Ok(Way::Direct),
    }
}

/// The sequence that sets the clipboard.
struct SetClipboard<'a> {
    clip: &'a Clip,
    way: Way,
}

impl Command for SetClipboard<'_> {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let encoded = STANDARD.encode(&self.clip.0);
        match self.way {
            Way::Direct => write!(f, "\x1b]52;c;{encoded}\x07"),
            // Inside the wrapping every ESC is doubled; there is one, the first.
            Way::Tmux => write!(f, "\x1bPtmux;\x1b\x1b]52;c;{encoded}\x07\x1b\\"),
        }
    }
}

/// Sends the text to the terminal.
pub(super) fn send(clip: &Clip, way: Way) -> io::Result<()> {
    execute!(io::stdout(), SetClipboard { clip, way })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, way: Way) -> String {
        let mut out = String::new();
        let clip = Clip::new(text.to_owned()).unwrap();
        SetClipboard { clip: &clip, way }.write_ansi(&mut out).unwrap();
        out
    }

    fn way_of(pairs: &[(&str, &str)]) -> Result<Way, &'static str> {
        way(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    /// S2: whatever the text is, the terminal reads one sequence of ours around letters of base64.
    #[test]
    fn foreign_text_cannot_end_the_sequence() {
        let hostile = [
            "\u{7}\u{1b}]0;owned\u{7}\u{1b}[2J",
            "\u{1b}\\\u{9c}\u{1b}Ptmux;\u{1b}\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}\\",
            ";?\u{18}\u{1a}\r\n\0",
            "Zoë 山田",
            "",
        ];
        let wrappings =
            [(Way::Direct, "\x1b]52;c;", "\x07"), (Way::Tmux, "\x1bPtmux;\x1b\x1b]52;c;", "\x07\x1b\\")];
        for text in hostile {
            for (way, start, end) in wrappings {
                let out = bytes(text, way);
                let inside = out.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).unwrap();
                assert!(
                    inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)),
                    "{inside}"
                );
                assert_eq!(STANDARD.decode(inside).unwrap(), text.as_bytes());
            }
        }
    }

    #[test]
    fn the_limit_is_in_bytes_and_over_it_nothing_is_cut() {
        assert!(Clip::new("x".repeat(LIMIT_BYTES)).is_ok());
        let refused = Clip::new(format!("ë{}", "x".repeat(LIMIT_BYTES - 1))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "100001 bytes are too many for the clipboard of a terminal, which takes 100000"
        );
    }

    #[test]
    fn the_way_follows_what_is_in_between() {
        assert_eq!(way_of(&[("TERM", "xterm-256color")]), Ok(Way::Direct));
        assert_eq!(
            way_of(&[("TERM", "tmux-256color"), ("TMUX", "/run/1,2,3"), ("STY", "1.x")]),
            Ok(Way::Tmux)
        );
        assert_eq!(way_of(&[("TERM", "xterm"), ("TMUX", "")]), Ok(Way::Direct));
        assert!(way_of(&[("TERM", "screen"), ("STY", "1.x")]).unwrap_err().contains("screen"));
        assert!(way_of(&[("TERM", "linux")]).unwrap_err().contains("Linux"));
        assert!(way_of(&[("TERM", "dumb")]).is_err());
    }
}
