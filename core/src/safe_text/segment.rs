//! One visible character with everything that attaches to it, bounded so that it cannot grow over its neighbours.
use unicode_width::UnicodeWidthStr;

use super::classify::{self, Class, EMOJI_SELECTOR, ZWJ};

/// More combining marks than any ordinary word has on one letter (pointed Hebrew needs five).
const MARK_LIMIT: usize = 8;
/// More code points than the longest ordinary character has (ten in an emoji of two people with skin tones).
const CHAR_LIMIT: usize = 24;
/// More cells than an ordinary syllable takes.
const CELL_LIMIT: usize = 8;
/// An emoji of four people has three joiners.
const EMOJI_JOINER_LIMIT: usize = 3;

/// A character under construction.
#[derive(Default)]
pub(super) struct Segment {
    text: String,
    last: Option<char>,
    chars: usize,
    marks: usize,
    emoji_joiners: usize,
    left_out: usize,
}

impl Segment {
    /// Whether nothing has been added since the last [`Segment::clear`].
    pub(super) fn is_empty(&self) -> bool {
        self.chars == 0
    }

    /// Whether a mark may be put onto what is there.
    pub(super) fn is_base(&self) -> bool {
        self.last.is_some_and(|last| classify::classify(last) != Class::Space)
    }

    /// What is to be shown.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many characters did not fit.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Starts anew.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        (self.last, self.chars, self.marks, self.emoji_joiners, self.left_out) = (None, 0, 0, 0, 0);
    }

    /// Adds a character that stands for itself, or counts it as left out.
    pub(super) fn push(&mut self, c: char) {
        if self.left_out > 0 || self.chars >= CHAR_LIMIT {
            self.left_out += 1;
            return;
        }
        self.text.push(c);
        if self.chars >= CELL_LIMIT / 2 && self.text.width() > CELL_LIMIT {
            self.text.pop();
            self.left_out += 1;
            return;
        }
        self.last = Some(c);
        self.chars += 1;
    }

    /// Adds a combining mark, or counts it as left out.
    pub(super) fn push_mark(&mut self, c: char) {
        if self.marks >= MARK_LIMIT {
            self.left_out += 1;
            return;
        }
        self.marks += 1;
        self.push(c);
    }

    /// Adds the joiner if it has a meaning between what is there and `next`; says whether it did.
    pub(super) fn push_joiner(&mut self, joiner: char, next: Option<char>) -> bool {
        let Some(last) = self.last.filter(|_| self.left_out == 0) else {
            return false;
        };
        let joins_emoji = joiner == ZWJ
            && self.emoji_joiners < EMOJI_JOINER_LIMIT
            && (last == EMOJI_SELECTOR || classify::is_pictograph(last) || classify::is_skin_tone(last))
            && next.is_some_and(classify::is_pictograph);
        if joins_emoji {
            self.emoji_joiners += 1;
        } else if !classify::is_joined_script(last, next) {
            return false;
        }
        self.push(joiner);
        true
    }

    /// Adds the selector if it follows an emoji; says whether it did.
    pub(super) fn push_emoji_style(&mut self, selector: char, next: Option<char>) -> bool {
        let Some(last) = self.last.filter(|_| self.left_out == 0) else {
            return false;
        };
        let is_keycap =
            selector == EMOJI_SELECTOR && matches!(last, '0'..='9' | '#' | '*') && next == Some('\u{20E3}');
        if !is_keycap && !classify::is_pictograph(last) {
            return false;
        }
        self.push(selector);
        true
    }
}
