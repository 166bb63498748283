//! The sides of an item beside its message: what differs, what was said before, what was checked, and the bytes.
use std::fmt::Write as _;

use countersign_core::activity::status::Status;
use countersign_core::channel::Guide;
use countersign_core::gate::Ruling;
use countersign_core::safe_text::SafeText;

use super::document::Document;
use super::memory::{Base, What};
use super::preview::{Detail, Setting};
use super::theme::Role;
use super::{diff, evidence, message, outgoing, stakes, words};

/// What differs from the base. `false` if that does not tell the whole message.
pub(crate) fn differences(
    document: &mut Document,
    detail: &Detail,
    base: Option<&Base>,
    setting: &Setting,
) -> bool {
    let Some(envelope) = &detail.activity.envelope else {
        document.remark(Role::Warn, "The text was erased; only its hash is left.");
        return false;
    };
    let Some(base) = base else {
        document.remark(
            Role::Warn,
            "Nothing like this was read here yet. Read it in full; what follows is compared with it.",
        );
        return false;
    };
    let clock = |at| words::clock(setting.now, at, &setting.zone);
    let (role, head) = match &base.what {
        What::Earlier { at } => (Role::Muted, format!("against the version you read {}", clock(*at))),
        What::Sibling { who, at } => (Role::Muted, format!("read {}: against {who}", clock(*at))),
        What::Unread { at } => (
            Role::Warn,
            format!(
                "against the version filed {}, which was not read here: the message has to be read in full",
                clock(*at)
            ),
        ),
    };
    document.remark(role, &head);
    // What cannot be seen in a line is said in words here as well.
    message::flags(document, envelope, detail, setting.charset);
    let new = outgoing::fields(envelope, detail.request);
    if !diff::tell(document, &base.fields, &new, setting.charset) {
        document.remark(Role::Good, "nothing differs");
    }
    true
}

/// What was said with the same contact, newest first.
pub(crate) fn thread(document: &mut Document, detail: &Detail, setting: &Setting) {
    if detail.thread.touches.is_empty() {
        document.remark(Role::Muted, "Nothing was said with this contact before.");
        return;
    }
    for touch in &detail.thread.touches {
        let (role, direction) = match touch.status {
            Status::Received => (Role::Title, "from them, "),
            Status::Recorded => (Role::Plain, "by hand, "),
            _ => (Role::Plain, "to them, "),
        };
        let words = format!(
            "{}  {} {}  {direction}{}  {}",
            words::exact(touch.at),
            touch.channel.as_str(),
            touch.kind.as_str(),
            touch.status.label(),
            setting.charset.line(&touch.headline)
        );
        document.remark(role, SafeText::line(&words).as_str());
        if let Some(told) = words::facts(&touch.facts, setting.now, &setting.zone) {
            document.remark(evidence::role_of(&touch.facts), &told);
        }
        if let Some(text) = &touch.text {
            for line in setting.charset.block(text).as_str().lines() {
                document.signed(" ", Role::Muted, SafeText::line(line), Vec::new());
            }
        }
        document.blank();
    }
    if detail.thread.has_more {
        document.remark(Role::Warn, "Older ones are not shown here.");
    }
}

/// What every gate says, who drafted it, and what happened since.
pub(crate) fn checks(document: &mut Document, detail: &Detail, setting: &Setting) {
    let (activity, charset) = (&detail.activity, setting.charset);
    for verdict in &activity.verdicts {
        let (word, role, until) = match verdict.ruling {
            Ruling::Pass => ("ok   ", Role::Good, String::new()),
            Ruling::Defer { until } => ("hold ", Role::Warn, format!("; not before {}", words::exact(until))),
            Ruling::Reopen => ("back ", Role::Bad, "; becomes a draft again".to_owned()),
            Ruling::Block { status } => ("stop ", Role::Bad, format!("; becomes {}", status.label())),
        };
        let code = if verdict.code.is_empty() { String::new() } else { format!(" ({})", verdict.code) };
        let sentence = charset.line(&verdict.sentence);
        let sentence = if sentence.is_empty() { String::new() } else { format!(": {sentence}") };
        document.remark(role, &format!("{word}{}{code}{until}{sentence}", verdict.gate));
    }
    document.blank();
    stakes::tell(document, activity, charset);
    if let Some(envelope) = &activity.envelope {
        message::flags(document, envelope, detail, charset);
        document.field("Request", charset.line(&message::request_words(Some(envelope), detail.request)));
    }
    let row = &activity.row;
    document.field("Outbox", charset.line(&row.outbox));
    let drafted = format!("{} by ", words::exact(row.created_at));
    document.field("Drafted", charset.joined(&[&drafted, &row.proposed_by]));
    document.field("Leaves", SafeText::line(&format!("{} at the earliest", words::exact(row.send_after))));
    let expires = row.expires_at.map_or_else(|| "never".to_owned(), words::exact);
    document.field("Expires", SafeText::line(&expires));
    document.field("Round", SafeText::line(&row.round.to_string()));
    evidence::attempts(document, activity, setting);
    evidence::lookups(document, activity, setting);
    evidence::decisions(document, activity, setting);
    if let Some(guide) = detail.guide {
        document.blank();
        rules(document, guide);
    }
}

/// The rules of the channel: the words of `countersign channels show`.
fn rules(document: &mut Document, guide: &Guide) {
    document.field("Channel", SafeText::line(guide.provider));
    let many = [("Limit", guide.limits), ("Window", guide.windows)];
    for (name, lines) in many {
        lines.iter().for_each(|line| document.field(name, SafeText::line(line)));
    }
    document.field("Repeats", SafeText::line(guide.idempotency));
    document.field("Uncertain", SafeText::line(guide.uncertain));
    guide.not_offered.iter().for_each(|line| document.field("Not there", SafeText::line(line)));
}

/// Exactly what is hashed: offset, bytes, and letters where a byte is one.
pub(crate) fn bytes(document: &mut Document, detail: &Detail, per_row: usize, setting: &Setting) {
    let activity = &detail.activity;
    document.field("sha256", SafeText::line(&activity.row.payload_sha256.to_string()));
    if activity.raw.is_empty() {
        document.remark(Role::Warn, "The bytes were erased; only their hash is left.");
        return;
    }
    document.field("Size", SafeText::line(&words::size(activity.raw.len())));
    document.blank();
    for (index, row) in activity.raw.chunks(per_row).enumerate() {
        document.row(hex(index * per_row, row, per_row));
    }
    let Some(envelope) = &activity.envelope else {
        return;
    };
    document.blank();
    match &envelope.request {
        Some(request) => {
            document.remark(Role::Title, "The request in it");
            document.field("Method", setting.charset.joined(&[&request.method, " ", &request.path]));
            document.field("Type", setting.charset.line(&request.content_type));
            document.block(setting.charset.block(&request.body));
        }
        None => document.remark(Role::Muted, "No request is in it: the channel has no adapter yet."),
    }
}

fn hex(offset: usize, row: &[u8], per_row: usize) -> String {
    let mut line = format!("{offset:08x}  ");
    for place in 0..per_row {
        match row.get(place) {
            Some(byte) => {
                let _ = write!(line, "{byte:02x} ");
            }
            None => line.push_str("   "),
        }
    }
    line.push(' ');
    line.extend(row.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }));
    line
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn only_printable_ascii_stands_in_the_letters() {
        assert_eq!(hex(16, b"{a\x1b\xc3\xab~ \x7f", 8), "00000010  7b 61 1b c3 ab 7e 20 7f  {a...~ .");
        assert_eq!(hex(0, b"ab", 4), "00000000  61 62        ab");
    }
}
