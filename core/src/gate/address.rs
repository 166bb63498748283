//! Has every recipient the shape that its channel takes?
use super::{Facts, Verdict};
use crate::activity::payload::{InstagramAction, LinkedinAction, Parts, Payload};
use crate::activity::status::Status;
use crate::contact::address;

const GATE: &str = "address";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let Some(envelope) = &facts.item.envelope else {
        // The decision gate says what is wrong with it.
        return Verdict::pass(GATE, "nothing to ask");
    };
    match odd(&envelope.payload) {
        Some(recipient) => Verdict::block(
            GATE,
            "address",
            Status::BlockedByPolicy,
            format!("{recipient} is not an address that {} takes", facts.outbox.channel),
        ),
        None => Verdict::pass(GATE, "every address has the shape of its channel"),
    }
}

/// The first recipient that the channel would not take.
fn odd(payload: &Payload) -> Option<&str> {
    let to = payload.to.as_str();
    let is_mail = |text: &str| address::email(text).is_ok();
    let fits = match &payload.parts {
        Parts::Email { .. } => {
            return std::iter::once(&payload.to)
                .chain(&payload.cc)
                .chain(&payload.bcc)
                .map(String::as_str)
                .find(|recipient| !is_mail(recipient));
        }
        Parts::CalCom { attendee, .. } => is_mail(to) && attendee.email.eq_ignore_ascii_case(to),
        Parts::Whatsapp { .. } => address::phone(to).is_ok_and(|number| number == to),
        Parts::Linkedin { action: LinkedinAction::Post, .. } => to.strip_prefix("feed:").is_some_and(is_urn),
        Parts::Linkedin { .. } => is_urn(to),
        Parts::Instagram { action: InstagramAction::Post, .. } => {
            to.strip_prefix("feed:").is_some_and(is_word)
        }
        Parts::Instagram { .. } => is_word(to) && !to.starts_with("feed:"),
    };
    (!fits).then_some(to)
}

fn is_urn(text: &str) -> bool {
    text.strip_prefix("urn:li:").is_some_and(|rest| {
        rest.split_once(':').is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty()) && is_word(rest)
    })
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
