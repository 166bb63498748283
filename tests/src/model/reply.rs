//! What the provider does with a call, what comes back, and what the product makes of that.
use std::time::Duration;

use countersign_core::channel::{Outcome, Replay};
use countersign_core::dispatch::settle::LATE;
use fastrand::Rng;

/// What the provider does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Takes it and says so.
    Accepts,
    /// Takes it; the answer is lost.
    LosesAnswer,
    /// Never hears of it; nobody knows.
    NeverArrives,
    /// Hears of it after the worker gave up.
    ArrivesLate,
    /// Cannot be reached at all.
    IsAway,
    /// Refuses it for good.
    Refuses,
    /// Asks to wait.
    Limits {
        /// For so long, if it says.
        secs: Option<u16>,
    },
    /// Refuses the credential.
    RefusesAccount,
    /// Fails before it took it.
    FailsBefore,
    /// Fails after it took it.
    FailsAfter,
    /// Says that something else was done under the key.
    FindsKeyUsed,
}

/// How a call ended, as the transport and the adapter see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 with an id.
    Accepted,
    /// 422.
    Refused,
    /// 429, perhaps with a time.
    Limited(Option<u16>),
    /// 401.
    AccountRefused,
    /// 500.
    Failed,
    /// 409 for a key that was used for something else.
    KeyUsed,
    /// The connection was refused.
    NotSent,
    /// The call was not begun.
    Late,
    /// The connection broke.
    Nothing,
}

impl Reply {
    /// Draws what the provider does, likely things more often.
    pub(super) fn draw(dice: &mut Rng) -> Self {
        match dice.u8(0..24) {
            0..8 => Self::Accepts,
            8..10 => Self::LosesAnswer,
            10..12 => Self::NeverArrives,
            12..14 => Self::ArrivesLate,
            14 => Self::IsAway,
            15..18 => Self::Refuses,
            18 => Self::Limits { secs: Some(600) },
            19 => Self::Limits { secs: None },
            20 => Self::RefusesAccount,
            21 => Self::FailsBefore,
            22 => Self::FailsAfter,
            _ => Self::FindsKeyUsed,
        }
    }

    /// What comes back.
    #[must_use]
    pub fn answer(self) -> Answer {
        match self {
            Self::Accepts => Answer::Accepted,
            Self::LosesAnswer | Self::NeverArrives | Self::ArrivesLate => Answer::Nothing,
            Self::IsAway => Answer::NotSent,
            Self::Refuses => Answer::Refused,
            Self::Limits { secs } => Answer::Limited(secs),
            Self::RefusesAccount => Answer::AccountRefused,
            Self::FailsBefore | Self::FailsAfter => Answer::Failed,
            Self::FindsKeyUsed => Answer::KeyUsed,
        }
    }

    /// Whether the provider takes the message.
    #[must_use]
    pub fn accepts(self) -> bool {
        matches!(self, Self::Accepts | Self::LosesAnswer | Self::FailsAfter)
    }
}

impl Answer {
    /// The code an adapter gives it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Accepted => "",
            Self::Refused => "validation_error",
            Self::Limited(_) => "rate_limit_exceeded",
            Self::AccountRefused => "invalid_api_key",
            Self::Failed => "500",
            Self::KeyUsed => "invalid_idempotent_request",
            Self::NotSent => "not_sent",
            Self::Late => LATE,
            Self::Nothing => "no_answer",
        }
    }

    /// What it proves, in the product's terms.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let (code, detail) = (self.code().to_owned(), String::new());
        let again = Replay::SameKey(None);
        match self {
            Self::Accepted => Outcome::Accepted { provider_ref: None },
            Self::Refused => Outcome::Rejected { code, detail },
            Self::Limited(secs) => {
                // One that says no time is held for ten seconds by the adapter of mail.
                let after = Duration::from_secs(secs.unwrap_or(10).into());
                Outcome::Retry { code, detail, after: Some(after) }
            }
            Self::AccountRefused => Outcome::AccountBroken { code, detail },
            Self::Failed => Outcome::MaybeSent { code, detail, replay: again },
            Self::KeyUsed => Outcome::MaybeSent { code, detail, replay: Replay::Never },
            Self::NotSent | Self::Late => Outcome::Retry { code, detail, after: None },
            Self::Nothing => Outcome::MaybeSent { code, detail, replay: again },
        }
    }

    /// Whether it leaves open if the message was taken.
    #[must_use]
    pub fn is_ambiguous(self) -> bool {
        matches!(self, Self::Failed | Self::KeyUsed | Self::Nothing)
    }
}
