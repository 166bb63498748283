//! What differs between two messages, line by line. Pure; knows nothing of who read what.
//!
//! Lines are compared raw, byte for byte; signs of ours stand in a column that text cannot reach.
use std::ops::Range;

use countersign_core::safe_text::SafeText;
use similar::{ChangeTag, TextDiff};

use super::document::Document;
use super::outgoing::Field;
use super::theme::{Charset, Role};
use super::words;

/// Longer texts are not compared but shown in full: a comparison must not hold up the screen.
pub(crate) const LIMIT_CHARS: usize = 20_000;
const LIMIT_LINES: usize = 2_000;
/// Unchanged lines shown before and after a change.
const CONTEXT: usize = 1;

/// A line of either text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// A line of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Line(Change<'a>),
    /// So many unchanged lines.
    Folded(usize),
}

/// Compares two texts line by line; `None` if one is too long for that.
pub(crate) fn lines<'a>(old: &'a str, new: &'a str) -> Option<Vec<Change<'a>>> {
    if [old, new].iter().any(|text| text.chars().nth(LIMIT_CHARS).is_some()) {
        return None;
    }
    // Split at the one byte and nothing cleverer: a missing last line break and a carriage return are differences.
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    if old.len().max(new.len()) > LIMIT_LINES {
        return None;
    }
    let diff = TextDiff::from_slices(&old, &new);
    let changes = diff.iter_all_changes().map(|change| match change.tag() {
        ChangeTag::Equal => Change::Same(new[change.new_index().unwrap_or(0)]),
        ChangeTag::Delete => Change::Old(old[change.old_index().unwrap_or(0)]),
        ChangeTag::Insert => Change::New(new[change.new_index().unwrap_or(0)]),
    });
    Some(changes.collect())
}

/// Folds runs of unchanged lines that are not beside a change.
pub(crate) fn folded(changes: Vec<Change<'_>>) -> Vec<Piece<'_>> {
    let is_near = |index: usize| {
        let from = index.saturating_sub(CONTEXT);
        changes
            .iter()
            .skip(from)
            .take(index - from + CONTEXT + 1)
            .any(|near| !matches!(near, Change::Same(_)))
    };
    let near: Vec<bool> = (0..changes.len()).map(is_near).collect();
    let mut pieces = Vec::new();
    for (change, near) in changes.into_iter().zip(near) {
        match pieces.last_mut() {
            _ if near => pieces.push(Piece::Line(change)),
            Some(Piece::Folded(count)) => *count += 1,
            _ => pieces.push(Piece::Folded(1)),
        }
    }
    pieces
}

/// Tells what became of each field. Says whether anything differs.
pub(crate) fn tell(document: &mut Document, old: &[Field], new: &[Field], charset: Charset) -> bool {
    let mut same = 0;
    let mut differs = false;
    let nth = |fields: &[Field], index: usize| {
        fields[..index].iter().filter(|field| field.name == fields[index].name).count()
    };
    let find = |fields: &[Field], name: &str, nth: usize| {
        fields.iter().filter(|field| field.name == name).nth(nth).map(|field| field.text.clone())
    };
    for (index, field) in new.iter().enumerate() {
        let before = find(old, field.name, nth(new, index));
        if before.as_ref() == Some(&field.text) {
            same += 1;
            continue;
        }
        differs = true;
        head(document, field.name, before.is_none().then_some("is new"));
        text(document, before.as_deref(), Some(&field.text), charset);
    }
    for (index, field) in old.iter().enumerate() {
        if find(new, field.name, nth(old, index)).is_none() {
            differs = true;
            head(document, field.name, Some("is gone"));
            text(document, Some(&field.text), None, charset);
        }
    }
    if same > 0 {
        let fields = if same == 1 { "field is" } else { "fields are" };
        document.remark(Role::Muted, &format!("{same} {fields} the same"));
    }
    differs
}

fn head(document: &mut Document, name: &'static str, what: Option<&str>) {
    document.remark(Role::Title, &what.map_or_else(|| name.to_owned(), |what| format!("{name} {what}")));
}

fn text(document: &mut Document, old: Option<&str>, new: Option<&str>, charset: Charset) {
    let changes = match (old, new) {
        (Some(old), Some(new)) => lines(old, new),
        (Some(old), None) => Some(old.split('\n').map(Change::Old).collect()),
        (None, new) => Some(new.unwrap_or_default().split('\n').map(Change::New).collect()),
    };
    let Some(changes) = changes else {
        let limit = words::grouped(i64::try_from(LIMIT_CHARS).unwrap_or(i64::MAX));
        let lines = words::grouped(i64::try_from(LIMIT_LINES).unwrap_or(i64::MAX));
        let why = format!("longer than {limit} characters or {lines} lines: not compared, shown in full");
        document.remark(Role::Warn, &why);
        document.block(charset.block(new.unwrap_or_default()));
        return;
    };
    let pieces = folded(changes);
    let mut index = 0;
    while index < pieces.len() {
        match &pieces[index] {
            Piece::Folded(count) => {
                let noun = if *count == 1 { "line" } else { "lines" };
                document.signed(
                    " ",
                    Role::Muted,
                    SafeText::line(&format!("({count} unchanged {noun})")),
                    Vec::new(),
                );
                index += 1;
            }
            Piece::Line(Change::Same(line)) => {
                document.signed(" ", Role::Plain, charset.line(line), Vec::new());
                index += 1;
            }
            Piece::Line(Change::Old(_) | Change::New(_)) => index += run(document, &pieces[index..], charset),
        }
    }
}

/// Tells a run of changed lines; lines that stand for each other have their words marked. Returns its length.
fn run(document: &mut Document, pieces: &[Piece<'_>], charset: Charset) -> usize {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Line(Change::Old(line)) => old.push(charset.line(line)),
            Piece::Line(Change::New(line)) => new.push(charset.line(line)),
            _ => break,
        }
    }
    let length = old.len() + new.len();
    let is_paired = old.len() == new.len();
    let marks: Vec<_> = old
        .iter()
        .zip(&new)
        .map(
            |(old, new)| {
                if is_paired { changed_words(old.as_str(), new.as_str()) } else { Default::default() }
            },
        )
        .collect();
    for (index, line) in old.into_iter().enumerate() {
        document.signed(
            "-",
            Role::Removed,
            line,
            marks.get(index).map(|marks| marks.0.clone()).unwrap_or_default(),
        );
    }
    for (index, line) in new.into_iter().enumerate() {
        document.signed(
            "+",
            Role::Added,
            line,
            marks.get(index).map(|marks| marks.1.clone()).unwrap_or_default(),
        );
    }
    length
}

/// Where words of each line are that the other has not.
fn changed_words(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let diff = TextDiff::from_words(old, new);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    let (mut at_old, mut at_new) = (0, 0);
    for change in diff.iter_all_changes() {
        let length = change.value().len();
        match change.tag() {
            ChangeTag::Equal => (at_old, at_new) = (at_old + length, at_new + length),
            ChangeTag::Delete => {
                gone.push(at_old..at_old + length);
                at_old += length;
            }
            ChangeTag::Insert => {
                come.push(at_new..at_new + length);
                at_new += length;
            }
        }
    }
    (gone, come)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec("(a|b|Zoë|\r|  )", 0..40).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        /// The diff holds both texts, byte for byte.
        #[test]
        fn applying_the_diff_gives_the_new_text(old in text(), new in text()) {
            let changes = lines(&old, &new).unwrap();
            let side = |is_new: bool| {
                let lines = changes.iter().filter_map(|change| match change {
                    Change::Same(line) => Some(*line),
                    Change::New(line) => is_new.then_some(*line),
                    Change::Old(line) => (!is_new).then_some(*line),
                });
                lines.collect::<Vec<_>>().join("\n")
            };
            prop_assert_eq!(side(true), new.as_str());
            prop_assert_eq!(side(false), old.as_str());
        }

        /// What is folded is unchanged, and nothing is lost.
        #[test]
        fn folded_and_shown_lines_are_all_lines(old in text(), new in text()) {
            let changes = lines(&old, &new).unwrap();
            let all = changes.len();
            let changed = changes.iter().filter(|change| !matches!(change, Change::Same(_))).count();
            let pieces = folded(changes);
            let told: usize = pieces.iter().map(|piece| match piece { Piece::Folded(count) => *count, Piece::Line(_) => 1 }).sum();
            let shown = pieces.iter().filter(|piece| matches!(piece, Piece::Line(Change::Old(_) | Change::New(_)))).count();
            prop_assert_eq!((told, shown), (all, changed));
        }
    }

    #[test]
    fn what_ends_a_line_is_a_difference() {
        assert!(lines("a\nb", "a\r\nb").unwrap().contains(&Change::New("a\r")));
        assert_eq!(lines("a", "a\n").unwrap(), [Change::Same("a"), Change::New("")]);
    }

    #[test]
    fn long_texts_are_not_compared() {
        assert!(lines(&"x".repeat(LIMIT_CHARS + 1), "x").is_none());
        assert!(lines("x", &"\n".repeat(LIMIT_LINES)).is_none());
        assert!(lines(&"x".repeat(LIMIT_CHARS), "x").is_some());
    }
}
