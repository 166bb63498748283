//! Faults and checks have numbers, and every number has a test that names it.
use std::collections::BTreeSet;

use countersign_tests::server::root;

use crate::architecture::{expect_none, walk_all};

/// Every fault of a dispatch, of its provider, of its database and of what comes in, and every check, is named by a test.
#[test]
fn every_fault_and_check_has_a_test() {
    let mut found = Vec::new();
    for folder in ["tests", "core", "adapters", "app"] {
        walk_all(&root().join(folder), &mut found);
    }
    let comments: Vec<&str> = found
        .iter()
        .filter(|source| !source.path.ends_with("suite/coverage.rs") && !source.path.contains("/src/check"))
        .flat_map(|source| source.text.lines())
        .map(str::trim)
        .filter(|line| line.starts_with("///") || line.starts_with("#[case"))
        .collect();
    let named: BTreeSet<String> = comments.iter().flat_map(|line| numbers(line)).collect();
    let wanted = (1..=30).chain(38..=44).map(|number| format!("F{number}"));
    let wanted = wanted.chain((1..=12).map(|number| format!("C{number}")));
    expect_none(wanted.filter(|number| !named.contains(number)), "name it in the comment of a test");
}

/// `F1`, `C4 to C6` and `F11–F13`, each number on its own.
fn numbers(line: &str) -> Vec<String> {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '–')
        .filter(|word| !word.is_empty())
        .collect();
    let mut found: Vec<(char, u32)> = Vec::new();
    let mut is_range = false;
    for word in words.iter().flat_map(|word| word.split('–').enumerate()) {
        let (place, word) = word;
        is_range |= place > 0 || word == "to";
        let mut letters = word.chars();
        let Some((kind @ ('F' | 'C'), Ok(number))) =
            letters.next().map(|kind| (kind, letters.as_str().parse::<u32>()))
        else {
            is_range = word == "to";
            continue;
        };
        let from =
            found.last().filter(|(last, _)| is_range && *last == kind).map_or(number, |(_, from)| from + 1);
        found.extend((from..=number).map(|number| (kind, number)));
        is_range = false;
    }
    found.into_iter().map(|(kind, number)| format!("{kind}{number}")).collect()
}

#[test]
fn ranges_of_numbers_are_read() {
    assert_eq!(
        numbers("/// F1 to F3, F5, C1–C3"),
        ["F1", "F2", "F3", "F5", "C1", "C2", "C3"].map(str::to_owned)
    );
}
