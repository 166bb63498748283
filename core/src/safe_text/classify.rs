//! What a single character is to a reader: visible, a space, something that attaches, or hidden. Knows nothing of context.
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

use super::warning::WarningKind;

/// Zero width non-joiner.
const ZWNJ: char = '\u{200C}';
/// Zero width joiner.
pub(super) const ZWJ: char = '\u{200D}';
/// Asks for the emoji form of the character before.
pub(super) const EMOJI_SELECTOR: char = '\u{FE0F}';

/// The part a character plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Stands for itself.
    Visible,
    /// A kind of space.
    Space,
    /// Is drawn over the character before and needs one.
    Attached,
    /// U+200C or U+200D: right in some scripts and in emoji, a disguise elsewhere.
    Joiner,
    /// U+FE0E or U+FE0F: right after an emoji.
    EmojiStyle,
    /// Never shown as itself.
    Hidden(WarningKind),
}

/// Classifies one character.
pub(super) fn classify(c: char) -> Class {
    match c {
        ' ' => Class::Space,
        '!'..='~' => Class::Visible,
        ZWNJ | ZWJ => Class::Joiner,
        '\u{FE0E}' | EMOJI_SELECTOR => Class::EmojiStyle,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            Class::Hidden(WarningKind::Bidi)
        }
        '\u{E0000}'..='\u{E007F}' => Class::Hidden(WarningKind::Tag),
        _ if is_blank(c) => Class::Hidden(WarningKind::Invisible),
        // Vowels and finals of Hangul syllables have no width of their own.
        '\u{1161}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}' => Class::Attached,
        _ => match c.general_category() {
            GeneralCategory::Control => Class::Hidden(WarningKind::Control),
            GeneralCategory::Format => Class::Hidden(WarningKind::Invisible),
            GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
                Class::Hidden(WarningKind::LineBreak)
            }
            GeneralCategory::PrivateUse => Class::Hidden(WarningKind::PrivateUse),
            GeneralCategory::Unassigned | GeneralCategory::Surrogate => {
                Class::Hidden(WarningKind::Unassigned)
            }
            GeneralCategory::SpaceSeparator => Class::Space,
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => Class::Attached,
            _ => Class::Visible,
        },
    }
}

/// Characters that are letters, symbols or marks by category and nevertheless show nothing.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{034F}' // combining grapheme joiner
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
            | '\u{17B4}' | '\u{17B5}' // Khmer inherent vowels
            | '\u{180B}'..='\u{180F}' // Mongolian variation selectors and vowel separator
            | '\u{2800}' // Braille pattern without dots
            | '\u{FE00}'..='\u{FE0D}' // variation selectors other than the emoji ones
            | '\u{16FE4}' // Khitan filler
            | '\u{1D159}' // musical null notehead
            | '\u{E0100}'..='\u{E01EF}' // variation selectors supplement
    )
}

/// Whether this can be an element of an emoji sequence joined by U+200D.
pub(super) fn is_pictograph(c: char) -> bool {
    let is_part_of_flag_or_skin = matches!(c, '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F3FB}'..='\u{1F3FF}');
    !c.is_ascii() && !is_part_of_flag_or_skin && c.is_emoji_char()
}

/// Whether this is drawn onto the character before although it counts as visible: spacing vowels and finals, skin tones, sound
/// marks of half-width kana.
pub(super) fn leans_back(c: char) -> bool {
    !c.is_ascii()
        && (is_skin_tone(c)
            || matches!(c, '\u{0E33}' | '\u{0EB3}' | '\u{FF9E}' | '\u{FF9F}')
            || (c.general_category() == GeneralCategory::SpacingMark && is_one_with_its_base(c)))
}

/// Some spacing marks, those of Myanmar among them, are cells of their own.
fn is_one_with_its_base(mark: char) -> bool {
    String::from_iter(['a', mark]).graphemes(true).count() == 1
}

/// Whether this is drawn onto the character after it, as the letters of some scripts that stand for a leading consonant are.
pub(super) fn leans_forward(c: char) -> bool {
    matches!(
        c,
        '\u{0D4E}'
            | '\u{111C2}'
            | '\u{111C3}'
            | '\u{113D1}'
            | '\u{1193F}'
            | '\u{11941}'
            | '\u{11A3A}'
            | '\u{11A84}'..='\u{11A89}' | '\u{11D46}' | '\u{11F02}'
    )
}

/// Whether a letter that leans forward has something to lean on here.
pub(super) fn carries(next: char) -> bool {
    !next.is_ascii()
        && !leans_forward(next)
        && classify(next) == Class::Visible
        && next.general_category_group() == GeneralCategoryGroup::Letter
}

/// Whether this is a skin tone.
pub(super) fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether a joiner between these two changes how the word is written, as it does in Arabic, Persian and the scripts of India.
pub(super) fn is_joined_script(before: char, after: Option<char>) -> bool {
    // Explicit half forms and the older spelling of final consonants may stand at the end of a word.
    if is_virama(before) {
        return true;
    }
    let Some(after) = after else { return false };
    let is_word_part =
        matches!(before.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
            && after.general_category_group() == GeneralCategoryGroup::Letter;
    is_word_part && joining_script(before).is_some() && joining_script(before) == joining_script(after)
}

fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{094D}'
            | '\u{09CD}'
            | '\u{0A4D}'
            | '\u{0ACD}'
            | '\u{0B4D}'
            | '\u{0BCD}'
            | '\u{0C4D}'
            | '\u{0CCD}'
            | '\u{0D4D}'
            | '\u{0DCA}'
    )
}

/// A number for each script that uses joiners; scripts that share nothing have different ones.
fn joining_script(c: char) -> Option<u32> {
    match c {
        '\u{0600}'..='\u{06FF}' | '\u{0750}'..='\u{077F}' | '\u{0870}'..='\u{08FF}' => Some(1),
        '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' => Some(1),
        '\u{0700}'..='\u{074F}' | '\u{0860}'..='\u{086F}' => Some(2),
        '\u{07C0}'..='\u{07FF}' => Some(3),
        '\u{1000}'..='\u{109F}' => Some(4),
        '\u{1780}'..='\u{17FF}' => Some(5),
        '\u{1800}'..='\u{18AF}' => Some(6),
        // Devanagari to Sinhala: one block of 128 code points each.
        '\u{0900}'..='\u{0DFF}' => Some(u32::from(c) >> 7),
        _ => None,
    }
}
