//! How a command ends: its exit code and the sentence that explains it.
use std::process::ExitCode;

use countersign_core::db::migrate::SchemaError;
use countersign_core::db::phase::PhaseError;
use countersign_core::error::Error;

/// The exit codes of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Called wrongly.
    Usage = 2,
    /// Changed since it was seen, or decided by another.
    Conflict = 3,
    /// Refused by role or gate.
    Refused = 4,
    /// The database is not available.
    Unavailable = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// A command that did not do what was asked, with its code.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Fault {
    /// How to end.
    pub(crate) code: Code,
    /// What to say.
    pub(crate) sentence: String,
}

impl Fault {
    /// The call was wrong.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self { code: Code::Usage, sentence: sentence.into() }
    }

    /// The database cannot be worked on.
    pub(crate) fn database(sentence: String) -> Self {
        Self { code: Code::Unavailable, sentence }
    }

    /// The schema cannot be worked on.
    pub(crate) fn schema(error: SchemaError) -> Self {
        match error {
            SchemaError::Database(error) => error.into(),
            SchemaError::NoSuchPhase(..) => Self::usage(error.to_string()),
            other => Self { code: Code::Failed, sentence: other.to_string() },
        }
    }
}

impl From<PhaseError> for Fault {
    fn from(error: PhaseError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Unavailable(_) | Error::Contended { .. } => Code::Unavailable,
            Error::Forbidden { .. } | Error::Refused(_) | Error::AnotherServer(_) => Code::Refused,
            Error::Invalid { .. } => Code::Usage,
            Error::Conflict(_) => Code::Conflict,
            Error::Database(_) | Error::NotFound { .. } | Error::Corrupt { .. } | Error::Secret(_) => {
                Code::Failed
            }
        };
        Self { code, sentence: error.to_string() }
    }
}

/// The code of an error that reached the outermost layer.
pub(crate) fn code_of(report: &color_eyre::Report) -> Code {
    report
        .chain()
        .find_map(|cause| cause.downcast_ref::<Fault>().map(|fault| fault.code))
        .unwrap_or(Code::Failed)
}
