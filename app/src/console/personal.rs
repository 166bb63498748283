//! Where a message names its recipient: whole words, as they are written. Pure.
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The names a message may be made personal with, longest first.
pub(crate) fn names(contact: &str, account: Option<&str>) -> Vec<String> {
    // A title says nothing about who is meant.
    let first = contact.split_whitespace().find(|word| !word.ends_with('.'));
    let mut names: Vec<String> = [Some(contact), account, first]
        .into_iter()
        .flatten()
        .map(|name| name.trim().to_owned())
        .filter(|name| name.graphemes(true).nth(1).is_some())
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

/// Where the names stand in the text, with the number of the name; none within another.
pub(crate) fn find(text: &str, names: &[String]) -> Vec<(Range<usize>, usize)> {
    let normal = |grapheme: &str| -> String { grapheme.nfc().collect() };
    let letters: Vec<(usize, String)> =
        text.grapheme_indices(true).map(|(at, grapheme)| (at, normal(grapheme))).collect();
    let wanted: Vec<Vec<String>> =
        names.iter().map(|name| name.graphemes(true).map(normal).collect()).collect();
    let is_word = |index: Option<usize>| {
        let letter = index.and_then(|index| letters.get(index));
        letter.is_some_and(|(_, letter)| letter.chars().next().is_some_and(char::is_alphanumeric))
    };
    let mut found = Vec::new();
    let mut index = 0;
    while index < letters.len() {
        let hit = wanted.iter().position(|name| {
            letters.len() - index >= name.len()
                && letters[index..].iter().zip(name).all(|((_, letter), wanted)| letter == wanted)
                && !is_word(index.checked_sub(1))
                && !is_word(Some(index + name.len()))
        });
        let Some(number) = hit else {
            index += 1;
            continue;
        };
        let start = letters[index].0;
        index += wanted[number].len();
        found.push((start..letters.get(index).map_or(text.len(), |(at, _)| *at), number));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, contact: &str, account: Option<&str>) -> Vec<String> {
        find(text, &names(contact, account)).into_iter().map(|(range, _)| text[range].to_owned()).collect()
    }

    #[test]
    fn names_are_found_as_whole_words_the_longest_first() {
        let text = "Hi Zoë, is Zoë Álvarez of Nordlys AS the Zoës' boss? zoë";
        assert_eq!(found(text, "Zoë Álvarez", Some("Nordlys AS")), ["Zoë", "Zoë Álvarez", "Nordlys AS"]);
    }

    #[test]
    fn a_name_is_found_however_its_letters_are_put_together() {
        assert_eq!(found("Hi Zoe\u{308}!", "Zoë", None), ["Zoe\u{308}"]);
    }

    #[test]
    fn titles_and_single_letters_are_no_names() {
        assert_eq!(names("Prof. X Lind", None), ["Prof. X Lind"]);
        assert!(names("X", Some("")).is_empty());
    }
}
