//! Which words one part says and the other does not. Compares words in their order; layout does not count.
use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::excerpt;
use super::few::Few;
use super::link::Link;

/// Of longer texts only the words are told, not where they stand: a comparison must not hold up anybody.
const LIMIT_WORDS: usize = 1_500;
/// So many places are told; the rest are counted.
const LIMIT_PLACES: usize = 20;

/// What only one of both says, each as a sentence.
pub(super) fn compare(html: &str, text: &str, links: &[Link]) -> Vec<String> {
    let html: Vec<&str> = html.lines().flat_map(words_of_line).collect();
    let text: Vec<&str> = text.lines().flat_map(words_of_line).collect();
    let start = html.iter().zip(&text).take_while(|(one, other)| one == other).count();
    let (html, text) = (&html[start..], &text[start..]);
    let end = html.iter().rev().zip(text.iter().rev()).take_while(|(one, other)| one == other).count();
    let (html, text) = (&html[..html.len() - end], &text[..text.len() - end]);
    let (mut only_html, mut only_text) = (Vec::new(), Vec::new());
    if html.len().max(text.len()) <= LIMIT_WORDS {
        for op in capture_diff_slices(Algorithm::Myers, text, html) {
            let (old, new) = (op.old_range(), op.new_range());
            if !matches!(op, DiffOp::Equal { .. }) {
                only_text.push(text[old].to_vec());
                only_html.push(html[new].to_vec());
            }
        }
    } else {
        only_html.push(surplus(html, text));
        only_text.push(surplus(text, html));
        if only_html[0].is_empty() && only_text[0].is_empty() {
            return vec!["the HTML says the same words in another order".to_owned()];
        }
    }
    // Where a text has no links it names their targets.
    only_text.iter_mut().for_each(|words| words.retain(|word| !is_target(word, links)));
    let mut sentences = told("only the HTML says", &only_html);
    sentences.extend(told("only the text says", &only_text));
    sentences
}

/// The words of a line, without the sign that makes it an entry of a list. Before a number it may be a minus and stays.
fn words_of_line(line: &str) -> impl Iterator<Item = &str> {
    let mut words = line.split_whitespace();
    let second = words.clone().nth(1).and_then(|word| word.chars().next());
    if matches!(line.split_whitespace().next(), Some("-" | "*" | "•"))
        && second.is_some_and(char::is_alphabetic)
    {
        words.next();
    }
    words
}

fn is_target(word: &str, links: &[Link]) -> bool {
    let word = word.trim_matches(['<', '>', '(', ')', '[', ']']);
    let word = word.trim_end_matches(['.', ',', ';', ':', ')', '>', ']']);
    links.iter().any(|link| {
        let target = link.target.trim();
        target == word
            || target.strip_suffix('/') == Some(word)
            || target.strip_prefix("mailto:") == Some(word)
    })
}

/// The words of one that the other has no more of.
fn surplus<'a>(one: &[&'a str], other: &[&str]) -> Vec<&'a str> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in other {
        *counts.entry(word).or_default() += 1;
    }
    let is_more = |word: &&&str| match counts.get_mut(**word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    one.iter().filter(is_more).copied().collect()
}

fn told(who: &str, places: &[Vec<&str>]) -> Vec<String> {
    let mut told = Few::up_to(LIMIT_PLACES);
    for words in places.iter().filter(|words| !words.is_empty()) {
        told.push(words);
    }
    let mut sentences: Vec<String> =
        told.kept().iter().map(|words| format!("{who}: {}", excerpt(&words.join(" ")))).collect();
    if told.more() > 0 {
        sentences.push(format!("{who} more, in {} further places", told.more()));
    }
    sentences
}
