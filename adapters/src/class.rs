//! The classes of refusals that every provider's codes fall into, and the outcome each of them is.
use std::time::Duration;

use countersign_core::channel::{Outcome, Replay};

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// This message will never be taken.
    Permanent,
    /// Proven not taken; may go again after a while.
    Again,
    /// Proven not taken, for a reason of this message alone.
    Waits,
    /// Not taken; wait, with everything of the credential.
    Limited,
    /// Credential, account or configuration are broken.
    Account,
    /// Perhaps taken; the same key and bytes may go again.
    MaybeSameKey,
    /// Perhaps taken; evidence or a person decides.
    Maybe,
}

impl Class {
    /// The outcome of an answer of this class, which asked to wait so long.
    pub(crate) fn outcome(self, code: String, detail: String, after: Option<Duration>) -> Outcome {
        match self {
            Self::Permanent => Outcome::Rejected { code, detail },
            Self::Again => Outcome::Retry { code, detail, after: None },
            Self::Waits => Outcome::Deferred { code, detail, after: after.unwrap_or_default() },
            Self::Limited => Outcome::Retry { code, detail, after },
            Self::Account => Outcome::AccountBroken { code, detail },
            Self::MaybeSameKey => Outcome::MaybeSent { code, detail, replay: Replay::SameKey(after) },
            Self::Maybe => Outcome::MaybeSent { code, detail, replay: Replay::Never },
        }
    }

    /// The class of a status whose code is not known. `unproven` is that of answers after which a message may have been taken.
    pub(crate) fn of_status(status: u16, unproven: Self) -> Self {
        match status {
            // 402 and 407 ask for money or for a proxy's credential; 307 and 308 want the same request at another place, so that it was
            // not taken at this one. Redirects are never followed, and these lead every message of the outbox elsewhere.
            401 | 402 | 403 | 407 | 307 | 308 => Self::Account,
            // These may lead to the result of a request that was taken. They mostly come of a wrong base URL, which somebody should mend
            // before the queue goes on; that is enough where a repeat is harmless, since a key is kept or nothing was sent by it.
            301 | 302 if unproven != Self::Maybe => Self::Account,
            301..=303 => unproven,
            // Somebody on the way gave up waiting, or something is in conflict that may be this very message.
            408 | 409 | 425 => unproven,
            429 => Self::Limited,
            400..=499 => Self::Permanent,
            // All of 5xx, and statuses that make no sense here: nothing proves that the message was not taken.
            _ => unproven,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Class;

    /// R4: a redirect after which a message may have been taken frees it only where a repeat is harmless.
    #[rstest]
    #[case(301, Class::Maybe, Class::Account)]
    #[case(302, Class::Maybe, Class::Account)]
    #[case(303, Class::Maybe, Class::MaybeSameKey)]
    #[case(304, Class::Maybe, Class::MaybeSameKey)]
    #[case(307, Class::Account, Class::Account)]
    #[case(308, Class::Account, Class::Account)]
    fn a_redirect_proves_something_only_if_it_wants_the_same_request(
        #[case] status: u16,
        #[case] without_keys: Class,
        #[case] with_keys: Class,
    ) {
        assert_eq!(Class::of_status(status, Class::Maybe), without_keys);
        assert_eq!(Class::of_status(status, Class::MaybeSameKey), with_keys);
    }
}
