//! What became of a post, comment or message: LinkedIn lists none to those who made them, so a person has to say.
use countersign_core::activity::payload::{LinkedinAction, Parts};
use countersign_core::channel::{Case, Finding, Lookup, Probe, Response};
use serde::Deserialize;

use super::interpret::Said;
use crate::text::bounded;

/// Characters of a name that are kept.
const NAME_CHARS: usize = 100;

pub(super) fn lookup(case: &Case<'_>) -> Lookup {
    let why = match &case.payload.parts {
        Parts::Linkedin { action: LinkedinAction::Post, .. } => {
            "LinkedIn cannot be asked for a post; take it back to draft and post it again: the provider refuses the same text and names \
             the earlier one, and that counts as sent"
        }
        Parts::Linkedin { action: LinkedinAction::Comment, .. } => {
            "LinkedIn cannot be asked for a comment; look under the post whether it is there"
        }
        _ => "LinkedIn shows no inbox to programs; look on linkedin.com whether the message is there",
    };
    Lookup::Found(Finding::Impossible { why: why.to_owned() })
}

#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    name: String,
}

pub(super) fn probed(response: &Response) -> Probe {
    let said = Said::read(response);
    match response.status {
        200 => match serde_json::from_slice::<Member>(&response.body) {
            Ok(member) => {
                Probe::Works { says: format!("the token is of {}", bounded(&member.name, NAME_CHARS)) }
            }
            Err(_) => Probe::Unclear { says: said.detail },
        },
        401 => Probe::Refused { says: said.detail },
        // A token that may post and nothing else cannot read the member it belongs to; neither can one that lost its rights.
        403 => Probe::Unclear {
            says: format!(
                "the token may not read its own profile; whether it may post shows at the first post: {}",
                said.detail
            ),
        },
        426 => Probe::Unclear { says: format!("this version of the API has gone: {}", said.detail) },
        status => Probe::Unclear { says: format!("{status}: {}", said.detail) },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use countersign_core::channel::{Probe, Response};
    use rstest::rstest;

    use super::probed;

    /// What is not plainly a yes or a no is called neither.
    #[rstest]
    #[case(200, r#"{"sub":"1","name":"Ana"}"#, "works")]
    #[case(200, "<html>Sign in</html>", "unclear")]
    #[case(401, r#"{"status":401,"message":"revoked"}"#, "refused")]
    #[case(403, r#"{"status":403,"message":"Not enough permissions"}"#, "unclear")]
    #[case(426, r#"{"status":426,"message":"not active"}"#, "unclear")]
    #[case(500, "", "unclear")]
    fn a_probe_says_what_the_answer_proves(
        #[case] status: u16,
        #[case] body: &'static str,
        #[case] word: &str,
    ) {
        let response = Response { status, headers: Vec::new(), body: Bytes::from_static(body.as_bytes()) };
        let said = match probed(&response) {
            Probe::Works { .. } => "works",
            Probe::Refused { .. } => "refused",
            Probe::Unclear { .. } => "unclear",
        };
        assert_eq!(said, word);
    }
}
