//! The sanitiser against the corpus of hostile strings, and its promises as properties of arbitrary text.
#[path = "../../tests/src/hostile.rs"]
pub mod hostile;

use countersign_core::safe_text::{SafeText, WarningKind};
use hostile::{Category, Hostile, corpus};
use proptest::prelude::*;
use rstest::rstest;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// What must never reach a terminal, written down independently of the sanitiser's own tables.
fn is_forbidden(c: char, allows_line_break: bool) -> bool {
    match c {
        '\n' => !allows_line_break,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fe00}'..='\u{fe0d}' => true,
        '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'.. => true,
        _ => u32::from(c) & 0xfffe == 0xfffe,
    }
}

fn assert_harmless(raw: &str) {
    let (line, block) = (SafeText::line(raw), SafeText::block(raw));
    let in_line = line.as_str().chars().find(|&c| is_forbidden(c, false));
    let in_block = block.as_str().chars().find(|&c| is_forbidden(c, true));
    assert_eq!(in_line, None, "line of {raw:?}");
    assert_eq!(in_block, None, "block of {raw:?}");
}

/// What a reader sees apart from spaces.
fn ink(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn of(category: Category) -> impl Iterator<Item = Hostile> {
    corpus().into_iter().filter(move |hostile| hostile.category == category)
}

/// S1, S2: the corpus is as large as promised and has no string twice.
#[test]
fn corpus_has_at_least_250_different_strings() {
    let mut texts: Vec<String> = corpus().into_iter().map(|hostile| hostile.text).collect();
    let total = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), total);
    assert!(total >= 250, "{total}");
}

/// S1, S2, S3: nothing that acts on a terminal or cannot be seen survives.
#[test]
fn no_hostile_string_keeps_a_forbidden_character() {
    corpus().iter().for_each(|hostile| assert_harmless(&hostile.text));
}

/// S3, S5: a replaced character is never silent.
#[test]
fn every_string_with_a_hidden_part_warns() {
    for hostile in corpus().into_iter().filter(|hostile| hostile.category.must_warn()) {
        assert!(SafeText::line(&hostile.text).is_suspicious(), "line of {hostile:?}");
        assert!(SafeText::block(&hostile.text).is_suspicious(), "block of {hostile:?}");
    }
}

/// S3: ordinary Hebrew, Arabic, Persian, Indic, East Asian text and emoji are shown as they are.
#[test]
fn ordinary_text_stays_byte_for_byte() {
    for hostile in corpus().into_iter().filter(|hostile| hostile.category.must_read()) {
        for safe in [SafeText::line(&hostile.text), SafeText::block(&hostile.text)] {
            assert_eq!(safe.as_str(), hostile.text);
            assert!(!safe.is_suspicious(), "{hostile:?}: {:?}", safe.warnings());
        }
    }
}

/// S3: what was made safe once is not changed again, so that text may be stored safe and loaded.
#[test]
fn safe_text_is_not_changed_by_a_second_pass() {
    for hostile in corpus() {
        let block = SafeText::block(&hostile.text);
        let again = SafeText::block(block.as_str());
        assert_eq!(again.as_str(), block.as_str(), "{hostile:?}");
        assert!(!again.is_suspicious(), "{hostile:?}");
    }
}

/// S5: whatever is put between two words, the second one is in sight of the first.
#[test]
fn no_gap_pushes_the_end_out_of_sight() {
    for hostile in of(Category::Gap) {
        let block = SafeText::block(&hostile.text);
        assert!(block.as_str().len() < 200, "{block}");
        assert!(block.warnings().iter().any(|warning| warning.kind() == WarningKind::Gap));
    }
}

/// S6: marks cannot pile up on a neighbouring cell.
#[test]
fn stacked_marks_are_bounded() {
    for hostile in of(Category::Combining) {
        let safe = SafeText::block(&hostile.text);
        assert!(safe.as_str().len() < 2500, "{hostile:?}");
        for grapheme in safe.as_str().graphemes(true) {
            assert!(grapheme.chars().count() <= 24, "{hostile:?}");
            assert!(grapheme == "\n" || (1..=8).contains(&grapheme.width()), "{hostile:?}");
        }
    }
}

/// S2: sequences of every kind become marks, and what they carried is readable.
#[rstest]
#[case::csi("\u{1b}[2J", "<U+001B>[2J")]
#[case::csi_of_one_byte("\u{9b}2J", "<U+009B>2J")]
#[case::hyperlink(
    "\u{1b}]8;;https://evil.example/\u{7}pay\u{1b}]8;;\u{7}",
    "<U+001B>]8;;https://evil.example/<U+0007>pay<U+001B>]8;;<U+0007>"
)]
#[case::line_feed("a\nb", "a<LF>b")]
#[case::carriage_return("a\rb", "a<CR>b")]
#[case::both("a\r\nb", "a<CRLF>b")]
#[case::tab("a\tb", "a<TAB>b")]
#[case::next_line("a\u{85}b", "a<U+0085>b")]
#[case::override_("\u{202e}x", "<U+202E>x")]
#[case::zero_width("a\u{200b}b", "a<U+200B>b")]
#[case::three_alike("\u{200b}\u{200b}\u{200b}", "<U+200B><U+200B><U+200B>")]
#[case::many_alike("a\u{200b}\u{200b}\u{200b}\u{200b}b", "a<U+200B x4>b")]
#[case::tag("x\u{e0041}", "x<U+E0041>")]
#[case::joiner_between_latin_letters("a\u{200d}b", "a<U+200D>b")]
#[case::non_joiner_between_latin_letters("a\u{200c}b", "a<U+200C>b")]
#[case::two_joiners("می\u{200c}\u{200c}خ", "می<U+200C><U+200C>خ")]
#[case::selector_after_a_letter("a\u{fe0f}", "a<U+FE0F>")]
#[case::two_selectors("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}<U+FE0F>")]
#[case::digit_without_keycap("1\u{fe0f}", "1<U+FE0F>")]
#[case::fifth_person("👨‍👩‍👧‍👦‍👦", "👨‍👩‍👧‍👦<U+200D>👦")]
#[case::mark_without_base("\u{301}a", "<U+0301>a")]
#[case::mark_after_hidden("a\u{200b}\u{301}b", "a<U+200B><U+0301>b")]
#[case::ten_marks(
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}.",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}<+2 stacked>."
)]
#[case::noncharacter("\u{ffff}", "<U+FFFF>")]
#[case::private("\u{e000}", "<U+E000>")]
fn hidden_characters_become_marks(#[case] raw: &str, #[case] shown: &str) {
    assert_eq!(SafeText::line(raw).as_str(), shown);
}

/// S5: blocks keep their lines, and say how many blank ones were left out.
#[rstest]
#[case("a\nb", "a\nb")]
#[case("a\r\nb\r\n", "a\nb\n")]
#[case("a\r\r\nb", "a<CR>\nb")]
#[case("\ta", "    a")]
#[case("", "")]
#[case("\n", "\n")]
#[case("a\n\n\n\nb", "a\n\n\n\nb")]
#[case("a\n\n\n\n\nb", "a\n<4 blank lines>\nb")]
#[case("a\n \n\t\n\u{a0}\n\nb", "a\n<4 blank lines>\nb")]
#[case("\n\n\n\n\nb", "<5 blank lines>\nb")]
#[case("a\n\n\n\n\n", "a\n<4 blank lines>\n")]
#[case("a\n\n\n\n ", "a\n<4 blank lines>")]
#[case("a\n ", "a\n ")]
fn blocks_keep_lines_and_count_gaps(#[case] raw: &str, #[case] shown: &str) {
    assert_eq!(SafeText::block(raw).as_str(), shown);
}

#[rstest]
#[case(40, None)]
#[case(41, Some("a<41 spaces>b"))]
fn more_than_forty_spaces_are_counted(#[case] count: usize, #[case] shown: Option<&str>) {
    let raw = format!("a{}b", " ".repeat(count));
    assert_eq!(SafeText::line(&raw).as_str(), shown.unwrap_or(&raw));
}

/// S3: a typed mark looks like a real one; the warnings tell them apart.
#[test]
fn typed_mark_is_told_apart_by_its_missing_warning() {
    let (typed, real) = (SafeText::line("<U+202E>"), SafeText::line("\u{202e}"));
    assert_eq!(typed.as_str(), real.as_str());
    assert!(!typed.is_suspicious());
    assert!(real.is_suspicious());
}

/// Whether words of ours beside the text are drawn as they are without it, and the text as it is without them.
fn stands_alone(safe: &SafeText) -> bool {
    let alone = safe.as_str().graphemes(true);
    let beside = format!("a{safe}b");
    ["a"].into_iter().chain(alone).chain(["b"]).eq(beside.graphemes(true))
}

/// S6: no character takes a neighbour along, whatever Unicode says about it.
#[test]
fn every_character_stands_alone() {
    for c in '\0'..=char::MAX {
        let safe = SafeText::line(c.encode_utf8(&mut [0; 4]));
        assert!(stands_alone(&safe), "{c:?}: {safe:?}");
    }
}

/// S6: a space of ours is no base for foreign marks.
#[rstest]
#[case::combining("by \u{300}x", "by <U+0300>x")]
#[case::spacing_vowel("by \u{93e}x", "by <U+093E>x")]
#[case::skin_tone("by \u{1f3fb}", "by <U+1F3FB>")]
#[case::no_break_space("\u{a0}\u{301}", "\u{a0}<U+0301>")]
#[case::letter_that_leans_forward("\u{d4e} is not", "<U+0D4E> is not")]
#[case::and_has_support("\u{d4e}\u{d15} is", "\u{d4e}\u{d15} is")]
#[case::two_that_lean("\u{d4e}\u{d4e}\u{d15}", "<U+0D4E>\u{d4e}\u{d15}")]
#[case::on_nothing_visible("\u{d4e}\u{3164}", "<U+0D4E><U+3164>")]
#[case::thai("น้ำ", "น้ำ")]
#[case::half_width("ｶﾞ", "ｶﾞ")]
fn what_needs_a_neighbour_is_marked_without_one(#[case] raw: &str, #[case] shown: &str) {
    assert_eq!(SafeText::line(raw).as_str(), shown);
}

/// S6: joined pieces are what each is alone, and warn together.
#[test]
fn joined_pieces_keep_their_own_cells_and_warnings() {
    let pieces = [
        SafeText::line("stopped: "),
        SafeText::line("\u{300}x\u{200b}"),
        SafeText::line(" · "),
        SafeText::line("\u{feff}"),
    ];
    let joined = SafeText::joined(&pieces);
    assert_eq!(joined.as_str(), "stopped: <U+0300>x<U+200B> · <U+FEFF>");
    let sentences: Vec<String> = joined.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "2 invisible characters shown as marks like <U+200B>",
            "1 stray or excessive combining mark shown as <U+0300>"
        ]
    );
    let gap = SafeText::joined(&[SafeText::line("a "), SafeText::line(&" ".repeat(40)), SafeText::line("b")]);
    assert!(!gap.is_suspicious());
    assert_eq!(SafeText::joined(&[]), SafeText::default());
}

/// A terminal without UTF-8 does not make a text less suspicious.
#[test]
fn spelling_out_keeps_the_warnings() {
    let safe = SafeText::line("ü\u{202e}");
    assert_eq!(safe.clone().spelled_out().as_str(), "<U+00FC><U+202E>");
    assert_eq!(safe.clone().spelled_out().warnings(), safe.warnings());
}

#[rstest]
#[case("a\u{200b}b", "1 invisible character shown as <U+200B>")]
#[case("\u{200b}\u{200b}\u{200b}", "3 invisible characters shown as <U+200B>")]
#[case("\u{202e}\u{202c}", "2 direction overrides shown as marks like <U+202E>")]
#[case("a\n", "1 line break or tab shown as <LF>")]
fn warnings_are_sentences(#[case] raw: &str, #[case] sentence: &str) {
    let texts: Vec<String> = SafeText::line(raw).warnings().iter().map(ToString::to_string).collect();
    assert_eq!(texts, [sentence]);
}

#[test]
fn warnings_are_counted_by_kind() {
    let safe = SafeText::line("\u{1b}[31m\u{202e}a\u{200b}\u{feff}\u{e0041}");
    let counts: Vec<_> = safe.warnings().iter().map(|warning| (warning.kind(), warning.count())).collect();
    assert_eq!(
        counts,
        [
            (WarningKind::Control, 1),
            (WarningKind::Bidi, 1),
            (WarningKind::Invisible, 2),
            (WarningKind::Tag, 1)
        ]
    );
}

#[rstest]
#[case("hello", 5, "hello")]
#[case("hello", 4, "hel…")]
#[case("hello", 1, "…")]
#[case("hello", 0, "")]
#[case("漢字", 3, "漢…")]
#[case("漢字", 2, "…")]
#[case("a\nb", 5, "a…")]
#[case("👨‍👩‍👧‍👦 family", 4, "👨‍👩‍👧‍👦 …")]
fn truncation_says_that_it_cut(#[case] raw: &str, #[case] cells: usize, #[case] shown: &str) {
    assert_eq!(SafeText::block(raw).truncated(cells), shown);
}

#[rstest]
#[case("one two three", 7, &["one two", "three"])]
#[case("one  two", 20, &["one  two"])]
#[case("abcdefgh", 3, &["abc", "def", "gh"])]
#[case("a abcdefgh", 3, &["a", "abc", "def", "gh"])]
#[case("  indented text", 10, &["  indented", "text"])]
#[case("a\n\n\nb", 5, &["a", "", "", "b"])]
#[case("漢字漢字", 5, &["漢字", "漢字"])]
#[case("ab漢字", 4, &["ab漢", "字"])]
#[case("漢", 1, &["…"])]
#[case("          far", 6, &["far"])]
#[case("no\u{a0}break", 5, &["no\u{a0}br", "eak"])]
#[case("a ", 5, &["a"])]
#[case("", 5, &[])]
#[case("x", 0, &[])]
fn wrapping_breaks_at_words(#[case] raw: &str, #[case] cells: usize, #[case] lines: &[&str]) {
    assert_eq!(SafeText::block(raw).wrapped(cells), lines);
}

/// Text with a good share of the characters that matter.
fn weird() -> impl Strategy<Value = String> {
    let corpus: Vec<String> =
        corpus().into_iter().map(|hostile| hostile.text.chars().take(60).collect()).collect();
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ a-z.<>]{1,8}",
        proptest::sample::select(vec![
            "\u{1b}",
            "\n",
            "\r\n",
            "\t",
            " ",
            "\u{202e}",
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{fe0f}",
            "\u{301}",
            "👩",
            "🏽",
            "क",
            "्",
            "ی",
            "漢",
            "ᄀ",
            "ᅡ",
            "\u{e0041}",
            "🇩",
            "\u{600}",
            "\u{d4e}",
            "\u{903}",
            "\u{20e3}",
            "1",
        ])
        .prop_map(str::to_owned),
        proptest::sample::select(corpus),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// S1, S2, S3.
    #[test]
    fn no_text_keeps_a_forbidden_character(raw in weird()) {
        assert_harmless(&raw);
    }

    #[test]
    fn a_second_pass_finds_nothing_hidden(raw in weird()) {
        for safe in [SafeText::line(&raw), SafeText::block(&raw)] {
            let again = SafeText::block(safe.as_str());
            let kinds: Vec<_> = again.warnings().iter().map(countersign_core::safe_text::Warning::kind).collect();
            prop_assert!(
                kinds.iter().all(|kind| matches!(kind, WarningKind::Combining | WarningKind::Gap)),
                "{:?} -> {:?} -> {:?}", raw, safe, again
            );
        }
    }

    /// Sentences of ours that hold safe text are made safe once more as a whole.
    #[test]
    fn a_second_pass_changes_nothing(raw in weird()) {
        let safe = SafeText::line(&raw);
        let again = SafeText::line(safe.as_str());
        prop_assert_eq!(again.as_str(), safe.as_str());
    }

    /// S6: nothing foreign changes the cells of our own words beside it.
    #[test]
    fn every_text_stands_alone(raw in weird()) {
        let safe = SafeText::line(&raw);
        prop_assert!(stands_alone(&safe), "{:?} -> {:?}", raw, safe);
    }

    /// S5: text without a warning was not touched, apart from its line breaks and tabs.
    #[test]
    fn unwarned_text_is_unchanged(raw in weird()) {
        let safe = SafeText::block(&raw);
        if !safe.is_suspicious() {
            prop_assert_eq!(safe.as_str(), raw.replace("\r\n", "\n").replace('\t', "    "));
        }
    }

    #[test]
    fn truncated_text_never_exceeds_its_cells(raw in weird(), cells in 0_usize..40) {
        for safe in [SafeText::line(&raw), SafeText::block(&raw)] {
            prop_assert!(safe.truncated(cells).width() <= cells, "{:?}", safe.truncated(cells));
        }
    }

    #[test]
    fn text_that_fits_is_not_truncated(raw in weird()) {
        let safe = SafeText::line(&raw);
        prop_assert_eq!(safe.truncated(safe.width()), safe.as_str());
    }

    #[test]
    fn wrapped_lines_never_exceed_their_cells(raw in weird(), cells in 0_usize..40) {
        for line in SafeText::block(&raw).wrapped(cells) {
            prop_assert!(line.width() <= cells, "{line:?}");
        }
    }

    /// S5: eight cells hold every character the sanitiser lets through.
    #[test]
    fn wrapping_loses_no_visible_content(raw in weird(), cells in 8_usize..40) {
        let safe = SafeText::block(&raw);
        prop_assert_eq!(ink(&safe.wrapped(cells).concat()), ink(safe.as_str()));
    }

    #[test]
    fn wrapping_keeps_every_line(raw in weird(), cells in 8_usize..40) {
        let safe = SafeText::block(&raw);
        prop_assert!(safe.wrapped(cells).len() >= safe.as_str().lines().count());
    }
}
