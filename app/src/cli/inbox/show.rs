//! One event in full.
use color_eyre::eyre::Result;
use countersign_core::inbound::event::What;
use countersign_core::inbound::inbox::InboxDetail;
use countersign_core::safe_text::SafeText;

use crate::output::Output;

pub(super) fn print(detail: &InboxDetail, output: Output) -> Result<()> {
    if output.is_json {
        return output.json(detail);
    }
    output.block(&text(detail))
}

/// One line of foreign text, which cannot begin a line of ours.
fn safe(text: &str) -> SafeText {
    SafeText::line(text)
}

fn text(detail: &InboxDetail) -> String {
    let row = &detail.row;
    let proof = if row.sig_ok { "signed" } else { "found by asking the provider" };
    let mut lines = vec![
        format!("event    {}", row.id),
        format!("source   {} ({proof}), its id {}", row.source, safe(&detail.external_id)),
        format!("kind     {}", row.kind),
        format!("state    {}", row.state.as_str()),
        format!("received {:.0}", row.received_at),
    ];
    lines.extend(row.occurred_at.map(|at| format!("happened {at:.0}")));
    lines.extend(detail.applied_at.map(|at| format!("applied  {at:.0}")));
    lines.extend(row.look_at.map(|at| format!("next try {at:.0}, {} so far", row.tries)));
    lines.extend(
        row.contact.as_ref().map(|contact| format!("contact  {} {}", contact.id, safe(&contact.name))),
    );
    lines.extend(row.activity.map(|id| format!("about    {id}")));
    lines.extend(row.did.iter().map(|sentence| format!("did      {}", safe(sentence))));
    lines.extend(row.error.iter().map(|error| format!("error    {}", safe(error))));
    for one in &detail.handled {
        let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", safe(reason)));
        let verb = one.action.strip_prefix("inbound.").unwrap_or(&one.action);
        lines.push(format!("by hand  {verb} by {} at {:.0}{reason}", safe(&one.by), one.at));
    }
    if row.is_erased {
        lines.push("erased   only the hash remains".to_owned());
        return lines.join("\n");
    }
    lines.extend(row.from.iter().map(|from| format!("from     {}", safe(from))));
    lines.push(format!("says     {}", safe(&row.headline)));
    if let Some(What::Message(letter)) = detail.event.as_ref().map(|event| &event.what) {
        lines.extend(letter.to.iter().map(|to| format!("to       {}", safe(to))));
        if letter.is_automatic {
            lines.push("answer   of a machine, not of a person".to_owned());
        }
        if letter.is_authentic == Some(false) {
            lines.push("! the provider could not show that it comes from whom it says".to_owned());
        }
        if let Some(words) = &letter.text {
            lines.push(String::new());
            lines.extend(words.lines().map(|line| format!("  {}", safe(line))));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use countersign_core::ids::EventId;
    use countersign_core::inbound::event::{Event, Letter};
    use countersign_core::inbound::inbox::{InboxRow, State};
    use countersign_core::inbound::provider::Provider;

    use super::*;

    /// S1: what a stranger wrote begins no line of ours and reaches no terminal as more than text.
    #[test]
    fn foreign_text_stays_in_its_place() {
        let hostile = "x\nstate    applied\u{1b}[2J\u{202e}";
        let letter = Letter {
            from: hostile.to_owned(),
            text: Some("one\r\nstate    applied\n\u{1b}]0;t\u{7}".to_owned()),
            ..Letter::default()
        };
        let event = Event::new("m1", None, Vec::new(), What::Message(letter), Vec::new().into());
        let row = InboxRow {
            id: EventId::new(),
            source: Provider::Resend,
            kind: "message".to_owned(),
            occurred_at: None,
            received_at: "2026-11-23T07:00:00Z".parse().unwrap(),
            state: State::Unmatched,
            contact: None,
            activity: None,
            from: Some(hostile.to_owned()),
            headline: hostile.to_owned(),
            did: Vec::new(),
            error: Some(hostile.to_owned()),
            tries: 1,
            look_at: None,
            sig_ok: true,
            is_erased: false,
        };
        let detail = InboxDetail {
            row,
            endpoint: None,
            external_id: hostile.to_owned(),
            applied_at: None,
            event: Some(event),
            handled: Vec::new(),
        };
        let text = text(&detail);
        assert_eq!(text.lines().filter(|line| line.starts_with("state")).count(), 1, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
        assert!(text.contains("\n  state    applied"), "{text}");
    }
}
