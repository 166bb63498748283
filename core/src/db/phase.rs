//! The phases of the schema, and which of them are switched off. Pure: what is applied and what is not is `migrate`'s.
//!
//! A phase that is off is left as it is: its migrations are not applied, its tables are not used and not dropped.
use std::collections::BTreeSet;

use crate::safe_text::SafeText;

/// A part of the schema that can be absent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its letter, as in file names of migrations.
    pub letter: char,
    /// What it holds.
    pub holds: &'static str,
    /// Letters of the phases its tables refer to.
    pub needs: &'static [char],
}

/// The phases this binary knows.
pub const PHASES: &[Phase] = &[
    Phase { letter: BASE, holds: "base, messages, decisions", needs: &[] },
    Phase { letter: OUTBOXES, holds: "outboxes, quota", needs: &[BASE] },
    Phase { letter: INBOUND, holds: "webhooks, inbound events", needs: &[BASE, OUTBOXES] },
];

/// The phase that everything needs.
pub const BASE: char = 'a';

/// The phase of outboxes and quota; without it nothing is drafted, decided or sent.
pub const OUTBOXES: char = 'b';

/// The phase of what comes in; without it nothing is listened to.
pub const INBOUND: char = 'c';

/// Why phases cannot be switched off like that, or something cannot be done without one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// Not a phase.
    #[error("`{0}` is not a phase of this binary; the phases are {1}")]
    Unknown(String, String),
    /// The base.
    #[error("phase a (base, messages, decisions) cannot be switched off: everything needs it")]
    Base,
    /// A phase that is on refers to it.
    #[error("phase {0} cannot be switched off while phase {1} is on and needs it; switch off {1} as well")]
    Needed(char, char),
    /// What was asked needs a phase that is off.
    #[error("phase {} ({}) is switched off in the configuration", .0.letter, .0.holds)]
    Off(Phase),
}

/// Phases that are switched off. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhasesOff(BTreeSet<char>);

impl PhasesOff {
    /// Reads letters.
    ///
    /// # Errors
    /// For what is no phase, for the base, and for a phase that another one needs which stays on.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, PhaseError> {
        Self::of(words, PHASES)
    }

    fn of<'a>(words: impl IntoIterator<Item = &'a str>, phases: &[Phase]) -> Result<Self, PhaseError> {
        let mut off = BTreeSet::new();
        for word in words {
            let letter = read(word, phases)?;
            if letter == BASE {
                return Err(PhaseError::Base);
            }
            off.insert(letter);
        }
        for phase in phases.iter().filter(|phase| !off.contains(&phase.letter)) {
            if let Some(absent) = phase.needs.iter().find(|needed| off.contains(needed)) {
                return Err(PhaseError::Needed(*absent, phase.letter));
            }
        }
        Ok(Self(off))
    }

    /// Whether that phase is off.
    #[must_use]
    pub fn contains(&self, letter: char) -> bool {
        self.0.contains(&letter)
    }

    /// Refuses what needs a phase that is off.
    ///
    /// # Errors
    /// [`PhaseError::Off`], a sentence for people.
    pub fn require(&self, letter: char) -> Result<(), PhaseError> {
        match PHASES.iter().find(|phase| phase.letter == letter) {
            Some(phase) if self.contains(letter) => Err(PhaseError::Off(*phase)),
            _ => Ok(()),
        }
    }
}

/// Reads one letter.
///
/// # Errors
/// [`PhaseError::Unknown`] for anything that is no phase of this binary.
pub fn letter(word: &str) -> Result<char, PhaseError> {
    read(word, PHASES)
}

fn read(word: &str, phases: &[Phase]) -> Result<char, PhaseError> {
    let mut letters = word.trim().chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if phases.iter().any(|phase| phase.letter == letter) => Ok(letter),
        _ => {
            let known = phases.iter().map(|phase| phase.letter.to_string()).collect::<Vec<_>>().join(", ");
            Err(PhaseError::Unknown(SafeText::line(word).truncated(40), known))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &[Phase] = &[
        Phase { letter: 'a', holds: "base", needs: &[] },
        Phase { letter: 'b', holds: "boxes", needs: &['a'] },
        Phase { letter: 'c', holds: "cron", needs: &['a', 'b'] },
        Phase { letter: 'd', holds: "texts", needs: &['a'] },
    ];

    #[rstest::rstest]
    #[case(&["d"], Ok("d"))]
    #[case(&["c"], Ok("c"))]
    #[case(&["b", "c"], Ok("bc"))]
    #[case(&[], Ok(""))]
    #[case(&["b"], Err(PhaseError::Needed('b', 'c')))]
    #[case(&["a"], Err(PhaseError::Base))]
    #[case(&["a", "b", "c", "d"], Err(PhaseError::Base))]
    fn a_phase_is_off_only_with_all_that_need_it(
        #[case] words: &[&str],
        #[case] expected: Result<&str, PhaseError>,
    ) {
        let off = PhasesOff::of(words.iter().copied(), FOUR);
        assert_eq!(off.map(|off| off.0.into_iter().collect::<String>()), expected.map(str::to_owned));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("z")]
    #[case("ab")]
    #[case("\u{1b}[31m")]
    fn what_is_no_phase_is_named_as_such(#[case] word: &str) {
        let error = letter(word).unwrap_err();
        assert!(matches!(error, PhaseError::Unknown(..)) && !error.to_string().contains('\u{1b}'), "{error}");
    }

    #[test]
    fn what_needs_a_phase_that_is_off_says_which() {
        let off = PhasesOff::parse(["b", "c"]).unwrap();
        let error = off.require(OUTBOXES).unwrap_err();
        assert_eq!(error.to_string(), "phase b (outboxes, quota) is switched off in the configuration");
        assert_eq!((off.require(BASE), PhasesOff::default().require(OUTBOXES)), (Ok(()), Ok(())));
    }
}
