//! What is read out of deliveries as the providers describe them.
mod calcom;
mod calendly;
mod instagram;
mod linkedin;
mod resend;
mod sandbox;
mod twilio;

use countersign_core::activity::fact::Fact;
use countersign_core::ids::ActivityId;
use countersign_core::inbound::event::{Booking, Event, Letter, Phase, Progress, Reference, What};
use serde_json::Value;

/// Our own id of a message.
const ACTIVITY: &str = "0199a0f0-0000-7000-8000-000000000001";

fn ours() -> Reference {
    Reference::Activity(ACTIVITY.parse::<ActivityId>().expect("it is an id"))
}

fn theirs(id: &str) -> Reference {
    Reference::Provider(id.to_owned())
}

fn named(id: &str) -> Reference {
    Reference::MessageId(id.to_owned())
}

fn progress(event: &Event) -> &Progress {
    let What::Status(progress) = &event.what else { panic!("no status: {event:?}") };
    progress
}

fn letter(event: &Event) -> &Letter {
    let What::Message(letter) = &event.what else { panic!("no message: {event:?}") };
    letter
}

fn meeting(event: &Event) -> &Booking {
    let What::Booking(meeting) = &event.what else { panic!("no booking: {event:?}") };
    meeting
}

/// A fact or a phase or the word of anything else, for tables.
fn word(event: &Event) -> String {
    match &event.what {
        What::Status(Progress { fact, .. }) => fact.as_str().to_owned(),
        What::Booking(Booking { phase, .. }) => format!("{phase:?}").to_lowercase(),
        What::Social { action, .. } => format!("social {action}"),
        What::Other { name } => format!("other {name}"),
        what => what.as_str().to_owned(),
    }
}

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().expect("it is a time"))
}

/// What is told of a message, as the word of the table says.
fn is(fact: Fact) -> String {
    fact.as_str().to_owned()
}

fn phase(phase: Phase) -> String {
    format!("{phase:?}").to_lowercase()
}

/// Puts more fields into an object.
fn add(to: &mut Value, more: Value) {
    let Value::Object(fields) = more else { panic!("no object: {more}") };
    fields.into_iter().for_each(|(name, value)| to[name] = value);
}
