//! Whether two texts are of one family: their edit ratio is at most 0.3 (Levenshtein distance ÷ longer length, on normalised
//! graphemes). Pure and bounded.
use std::collections::HashMap;

use rapidfuzz::distance::levenshtein;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Texts longer than so many graphemes are of no family: comparing them costs more than it tells.
pub const LIMIT_GRAPHEMES: usize = 20_000;

/// Whether the texts are near enough. Texts of more than 20 000 graphemes are of no family.
#[must_use]
pub fn is_near(one: &str, other: &str) -> bool {
    let mut numbers = HashMap::new();
    let mut numbered = |text: &str| -> Option<Vec<u32>> {
        let text: String = text.replace("\r\n", "\n").nfc().collect();
        let mut out = Vec::new();
        for grapheme in text.graphemes(true) {
            if out.len() == LIMIT_GRAPHEMES {
                return None;
            }
            let next = u32::try_from(numbers.len()).ok()?;
            out.push(*numbers.entry(grapheme.to_owned()).or_insert(next));
        }
        Some(out)
    };
    let (Some(one), Some(other)) = (numbered(one), numbered(other)) else {
        return false;
    };
    let allowed = one.len().max(other.len()) * 3 / 10;
    let args = levenshtein::Args::default().score_cutoff(allowed);
    levenshtein::distance_with_args(one, other, &args).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_ten_are_the_limit() {
        assert!(is_near("abcdefghij", "abcdefgXYZ"));
        assert!(!is_near("abcdefghij", "abcdefWXYZ"));
        assert!(is_near("", "") && !is_near("", "a"));
    }

    #[test]
    fn one_letter_is_one_letter_however_it_is_written() {
        assert!(is_near("Zoe\u{308}", "Zo\u{eb}") && is_near("👩‍👩‍👧abc", "xabc"));
    }

    #[test]
    fn long_texts_have_no_family() {
        let long = "x".repeat(LIMIT_GRAPHEMES + 1);
        assert!(!is_near(&long, &long));
    }
}
