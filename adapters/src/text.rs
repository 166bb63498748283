//! Foreign text on its way into an error or an outcome: bounded, and storable. What is safe to show is decided where it is shown.

/// The longest foreign text kept in a detail, in characters.
pub(crate) const DETAIL_CHARS: usize = 300;

/// Keeps the beginning of a foreign text. NUL goes, because PostgreSQL cannot store it and an outcome must always be storable.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    let text = text.trim();
    let mut kept: String =
        text.chars().take(limit).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(limit).is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn a_short_text_stays_and_a_long_one_ends_with_an_ellipsis_inside_the_limit() {
        assert_eq!(bounded(" abc \n", 3), "abc");
        assert_eq!(bounded("äbcd", 3), "äb…");
    }

    /// S20: an answer that PostgreSQL cannot store would lose the outcome.
    #[test]
    fn nul_becomes_visible() {
        assert_eq!(bounded("a\0b", 10), "a\u{fffd}b");
    }
}
