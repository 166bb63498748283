//! What the terminal can do, from the environment. Refuses where a screen would be garbage.
use std::io::IsTerminal;

/// What the terminal can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Support {
    /// Colour was not turned off.
    pub(crate) is_coloured: bool,
    /// The locale says UTF-8.
    pub(crate) is_utf8: bool,
}

/// There is no terminal that the console could be shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Input or output is a file or a pipe.
    #[error(
        "the console needs a terminal on standard input and output; without one, use `countersign approvals list`"
    )]
    NotATerminal,
    /// The terminal cannot move its cursor.
    #[error(
        "the console cannot be shown with TERM={0}; use `countersign approvals list`, or set TERM to what the terminal is"
    )]
    Dumb(&'static str),
}

/// Looks at the standard streams and the environment.
///
/// # Errors
/// When the console cannot be shown.
pub(crate) fn support(variable: impl Fn(&str) -> Option<String>) -> Result<Support, Refusal> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Refusal::NotATerminal);
    }
    of_environment(variable)
}

fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Support, Refusal> {
    let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
    if filled("TERM").as_deref() == Some("dumb") {
        return Err(Refusal::Dumb("dumb"));
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(filled).unwrap_or_default();
    let charset = locale
        .split('@')
        .next()
        .unwrap_or_default()
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    Ok(Support {
        is_coloured: filled("NO_COLOR").is_none(),
        is_utf8: matches!(charset.as_str(), "utf-8" | "utf8"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<Support, Refusal> {
        of_environment(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// F36
    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert!(given(&[("LC_ALL", ""), ("LC_CTYPE", "en_GB.UTF-8"), ("LANG", "C")]).unwrap().is_utf8);
        assert!(!given(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]).unwrap().is_utf8);
        assert!(given(&[("LANG", "C.utf8")]).unwrap().is_utf8);
        assert!(given(&[("LANG", "de_DE.UTF-8@euro")]).unwrap().is_utf8);
        assert!(!given(&[]).unwrap().is_utf8);
    }

    /// F36
    #[test]
    fn a_dumb_terminal_is_refused_with_the_way_without_one() {
        let refusal = given(&[("TERM", "dumb")]).unwrap_err();
        assert!(refusal.to_string().contains("countersign approvals list"));
    }

    #[test]
    fn no_color_counts_when_it_is_not_empty() {
        assert!(given(&[("NO_COLOR", "")]).unwrap().is_coloured);
        assert!(!given(&[("NO_COLOR", "1")]).unwrap().is_coloured);
    }
}
