//! What stands in a list for an event: whom it is from or about, and what it says in a line. Pure; all of it is foreign text.
use super::event::{Booking, Phase, What};

/// The longest line, in characters.
const LINE: usize = 200;

/// An event in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) from: Option<String>,
    pub(super) headline: String,
}

/// Reads an event.
pub(super) fn read(what: &What) -> Reading {
    let (from, headline) = match what {
        What::Message(letter) => {
            let from = match &letter.from_name {
                Some(name) if !name.trim().is_empty() => format!("{} <{}>", name.trim(), letter.from),
                _ => letter.from.clone(),
            };
            (Some(from), headline(letter.subject.as_deref(), letter.text.as_deref()))
        }
        What::Status(progress) => {
            let fact = progress.fact.as_str().replace('_', " ");
            let detail = progress.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
            (progress.recipient.clone(), format!("{fact}{detail}"))
        }
        What::Booking(meeting) => (meeting.attendees.first().cloned(), booking(meeting)),
        What::Echo(echo) => (Some(echo.to.clone()), headline(None, echo.text.as_deref())),
        What::Suppression { address, origin, is_lifted } => {
            let word = if *is_lifted { "delivered to again" } else { "not delivered to any more" };
            (Some(address.clone()), format!("{word} ({origin})"))
        }
        What::Social { action, by, text } => {
            let text = text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (by.clone(), format!("{action}{text}"))
        }
        What::Other { name } => (None, name.clone()),
        What::Unreadable { why } => (None, why.clone()),
    };
    Reading { from: from.map(|from| cut(&from)), headline: cut(&headline) }
}

/// What stands for a message: its subject, else its first words.
pub(super) fn headline(subject: Option<&str>, text: Option<&str>) -> String {
    let subject = subject.map(str::trim).filter(|subject| !subject.is_empty());
    let first = text.and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    cut(subject.or(first).unwrap_or("(no text)"))
}

fn booking(meeting: &Booking) -> String {
    let word = match meeting.phase {
        Phase::Requested => "asked for a meeting",
        Phase::Booked => "booked a meeting",
        Phase::Moved => "moved the meeting",
        Phase::Cancelled => "the meeting was called off",
        Phase::Missed => "did not come to the meeting",
    };
    let at = meeting.starts_at.map(|at| format!(", {at:.0}")).unwrap_or_default();
    let why = meeting.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{word}{at}{why}")
}

/// One line of at most [`LINE`] characters.
fn cut(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::fact::Fact;
    use crate::inbound::event::{Letter, Progress};

    #[test]
    fn a_message_is_its_subject_or_its_first_words() {
        let letter = |subject: &str, text: &str| {
            let (subject, text) = (Some(subject.to_owned()), Some(text.to_owned()));
            read(&What::Message(Letter {
                from: "a@b.example".to_owned(),
                subject,
                text,
                ..Letter::default()
            }))
        };
        assert_eq!(letter(" Re: Hello ", "Hi").headline, "Re: Hello");
        assert_eq!(letter("", "\n\n Call\tme \nnow").headline, "Call me");
        assert_eq!(letter(" ", " \n").headline, "(no text)");
        assert_eq!(letter(&"x".repeat(300), "").headline.chars().count(), LINE);
        assert_eq!(letter("", "").from.as_deref(), Some("a@b.example"));
    }

    #[test]
    fn a_status_is_its_fact_and_what_the_provider_says() {
        let status = What::Status(Progress {
            fact: Fact::SoftBounced,
            recipient: Some("kari@fjord.example".to_owned()),
            detail: Some("452 full\r\nlater".to_owned()),
            message_id: None,
            is_opt_out: false,
        });
        let reading = Reading {
            from: Some("kari@fjord.example".to_owned()),
            headline: "soft bounced: 452 full  later".to_owned(),
        };
        assert_eq!(read(&status), reading);
    }
}
