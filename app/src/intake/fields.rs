//! The fields a column can fill, for each import. Spelled as in the API; what a value may be is checked in the core.
use super::{Field, Form};

const fn text(path: &'static str) -> Field {
    Field { path, form: Form::Text }
}

const fn formed(path: &'static str, form: Form) -> Field {
    Field { path, form }
}

/// The fields of a draft.
pub(crate) const DRAFT: &[Field] = &[
    text("channel"),
    text("outbox"),
    text("outboxId"),
    text("kind"),
    text("to"),
    text("contact.name"),
    text("contact.account"),
    text("contact.locale"),
    text("contact.zone"),
    text("payload.subject"),
    text("payload.text"),
    text("payload.html"),
    formed("payload.cc", Form::List),
    formed("payload.bcc", Form::List),
    text("payload.replyTo"),
    text("payload.inReplyTo"),
    text("payload.headers.*"),
    formed("payload.eventTypeId", Form::Whole),
    text("payload.start"),
    text("payload.timeZone"),
    text("payload.attendee.name"),
    text("payload.attendee.email"),
    text("payload.attendee.language"),
    text("payload.notes"),
    text("payload.metadata.*"),
    text("payload.action"),
    text("payload.thread"),
    text("payload.template.contentSid"),
    text("payload.template.version"),
    text("payload.template.variables.*"),
    text("payload.template.renderedText"),
    text("payload.imageSha256"),
    formed("payload.humanAgent", Form::Truth),
    text("sendAfter"),
    text("expiresAt"),
    text("supersedes"),
    text("clientDedupKey"),
    text("proposedBy"),
];

/// The fields of an account.
pub(crate) const ACCOUNT: &[Field] = &[
    text("name"),
    text("domain"),
    formed("tier", Form::Whole),
    formed("valueMinor", Form::Whole),
    text("currency"),
    text("country"),
];

/// The fields of a contact.
pub(crate) const CONTACT: &[Field] = &[
    text("name"),
    text("account"),
    text("email"),
    text("phone"),
    text("handle"),
    text("locale"),
    text("zone"),
    text("country"),
];
