//! Turns planned messages into rows, on the path of all drafts: check, render, seal.
use super::message::{Life, Message};
use super::plan::Plan;
use crate::activity::payload::Sealed;
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::channel::{Files, Lines};
use crate::draft::check::{Checked, FieldError, check};
use crate::draft::seal::seal;
use crate::error::Error;

/// A message ready to be written.
pub(super) struct Row<'a> {
    pub(super) message: &'a Message,
    /// What the address is: `email`, `phone` or `handle`.
    pub(super) address_kind: &'static str,
    pub(super) address: String,
    pub(super) recipient: String,
    pub(super) headline: String,
    pub(super) proposed_kind: &'static str,
    pub(super) proposed_id: Option<uuid::Uuid>,
    pub(super) proposed_by: String,
    pub(super) sealed: Sealed,
}

/// Seals every message of the plan.
pub(super) fn all<'a>(plan: &'a Plan, lines: &Lines) -> Result<Vec<Row<'a>>, Error> {
    plan.messages
        .iter()
        .map(|message| {
            one(plan, message, lines).map_err(|error| Error::Invalid {
                field: format!("demo.{}", error.field),
                reason: error.reason,
            })
        })
        .collect()
}

fn one<'a>(plan: &'a Plan, message: &'a Message, lines: &Lines) -> Result<Row<'a>, FieldError> {
    let outbox = &plan.outboxes[message.outbox].settings;
    let Checked { mut payload, address_kind, address, .. } = check(&message.input, outbox)?;
    let recipient = payload.to.clone();
    let is_noted = matches!(message.life, Life::Noted { .. });
    if message.life.status() == Status::Received {
        // It came the other way.
        std::mem::swap(&mut payload.from, &mut payload.to);
    }
    let headline = payload.parts.headline().chars().take(200).collect();
    // What was noted by hand was not sent by us, so there is no request.
    let nothing = Lines::new();
    let lines = if is_noted { &nothing } else { lines };
    let sealed = seal(lines, payload, message.id, &outbox.provider, &Files::default())?;
    let proposed_by = message.input.proposed_by.clone().unwrap_or_default();
    let operator = plan.operators.iter().find(|operator| operator.name() == proposed_by).and_then(Actor::id);
    Ok(Row {
        message,
        address_kind,
        address,
        recipient,
        headline,
        proposed_kind: if operator.is_some() { "operator" } else { "agent" },
        proposed_id: operator,
        proposed_by,
        sealed,
    })
}
