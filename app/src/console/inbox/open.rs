//! The open event in full, wrapped, and where in it the person is.
use countersign_core::ids::EventId;
use countersign_core::inbound::event::{Letter, Reference, What};
use countersign_core::inbound::inbox::{InboxDetail, State};
use countersign_core::safe_text::SafeText;

use crate::console::action::key_of;
use crate::console::document::{Document, Line};
use crate::console::preview::Setting;
use crate::console::theme::Role;
use crate::console::words;

/// An event that is open beside the list.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) id: EventId,
    pub(crate) version: i64,
    document: Document,
    lines: Vec<Line>,
    width: usize,
    scroll: usize,
}

impl Open {
    pub(crate) fn new(detail: &InboxDetail, version: i64, setting: &Setting) -> Self {
        let mut document = Document::default();
        tell(&mut document, detail, setting);
        Self { id: detail.row.id, version, document, lines: Vec::new(), width: usize::MAX, scroll: 0 }
    }

    /// Takes over the place of the same event as it was open before.
    pub(crate) fn go_on_from(&mut self, old: &Self) {
        self.wrap(old.width);
        self.scroll = old.scroll;
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The first line on screen.
    pub(crate) fn scroll(&self) -> usize {
        self.scroll
    }

    pub(crate) fn scroll_by(&mut self, step: isize) {
        self.scroll = self.scroll.saturating_add_signed(step);
    }

    /// Wraps to the width if it is another than before.
    pub(crate) fn wrap(&mut self, width: usize) {
        if self.width != width {
            (self.lines, self.width) = (self.document.wrapped(width), width);
        }
    }

    /// Keeps the scroll position inside a box of this height.
    pub(crate) fn keep_inside(&mut self, height: usize) {
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(height.max(1)));
    }
}

fn tell(document: &mut Document, detail: &InboxDetail, setting: &Setting) {
    let (row, charset) = (&detail.row, setting.charset);
    let (role, sentence) = state(detail);
    document.remark(role, &sentence);
    for sentence in &row.did {
        document.field("Did", charset.line(sentence));
    }
    if let Some(error) = &row.error {
        document.field("Error", charset.line(error));
    }
    for one in &detail.handled {
        let verb = match one.action.as_str() {
            "inbound.assign" => "assigned",
            "inbound.dismiss" => "dismissed",
            "inbound.retry" => "tried again",
            other => other,
        };
        let at = words::exact(one.at);
        let mut pieces = vec![verb, " by ", &one.by, " at ", &at];
        pieces.extend(one.reason.as_deref().into_iter().flat_map(|reason| [": ", reason]));
        document.field("By hand", charset.joined(&pieces));
    }
    who(document, detail, setting);
    let happened = row.occurred_at.map(|at| format!(", happened {}", words::exact(at))).unwrap_or_default();
    document.field("Received", SafeText::line(&format!("{}{happened}", words::exact(row.received_at))));
    if let Some(at) = detail.applied_at {
        document.field("Applied", SafeText::line(&words::exact(at)));
    }
    let proof = if row.sig_ok { "signed by the provider" } else { "found by asking the provider" };
    document.field("Proof", SafeText::line(proof));
    if let Some(contact) = &row.contact {
        document.field("Contact", charset.joined(&[&contact.name, " ", &contact.id.to_string()]));
    }
    if let Some(activity) = row.activity {
        document.field("About", SafeText::line(&activity.to_string()));
    }
    for reference in detail.event.iter().flat_map(|event| &event.about) {
        let (what, id) = match reference {
            Reference::Activity(id) => ("our id ", id.to_string()),
            Reference::Provider(id) => ("their id ", id.clone()),
            Reference::MessageId(id) => ("Message-ID ", id.clone()),
        };
        document.field("Names", charset.joined(&[what, &id]));
    }
    document.field("Event", charset.joined(&[&row.id.to_string(), ", its id there ", &detail.external_id]));
    text(document, detail, setting);
}

/// Who wrote, or whom it is about, and what it says in a line.
fn who(document: &mut Document, detail: &InboxDetail, setting: &Setting) {
    let (row, charset) = (&detail.row, setting.charset);
    if let Some(from) = &row.from {
        document.field("From", charset.line(from));
    }
    if row.is_erased {
        return document.remark(Role::Warn, "What it said was erased; only its hash is left.");
    }
    let Some(letter) = letter(detail) else {
        return document.field("Says", charset.line(&row.headline));
    };
    for to in &letter.to {
        document.field("To", charset.line(to));
    }
    if let Some(subject) = &letter.subject {
        document.field("Subject", charset.line(subject));
    }
    if letter.is_automatic {
        document.remark(Role::Warn, "A machine answered, not a person.");
    }
    if letter.is_authentic == Some(false) {
        document.remark(Role::Warn, "! The provider could not show that it comes from whom it says.");
    }
}

/// The words of a message.
fn text(document: &mut Document, detail: &InboxDetail, setting: &Setting) {
    let Some(letter) = letter(detail) else {
        return;
    };
    document.blank();
    match &letter.text {
        Some(text) => document.block(setting.charset.block(text)),
        None => document.remark(Role::Muted, "Its words were not fetched, or there are none."),
    }
}

fn letter(detail: &InboxDetail) -> Option<&Letter> {
    match &detail.event.as_ref()?.what {
        What::Message(letter) => Some(letter),
        _ => None,
    }
}

/// Where it stands, and what a person can do about that.
fn state(detail: &InboxDetail) -> (Role, String) {
    let row = &detail.row;
    let (assign, dismiss, retry) = (key_of("assign-event"), key_of("dismiss-event"), key_of("retry-event"));
    match row.state {
        State::Applied => (Role::Good, "Applied.".to_owned()),
        State::Dismissed => (Role::Muted, "Put aside by a person.".to_owned()),
        State::Unmatched => {
            let words = format!(
                "Unmatched: nobody was found whom it concerns. {assign} says who it is, {dismiss} puts it aside, {retry} tries again."
            );
            (Role::Warn, words)
        }
        State::Failed => {
            let tries = if row.tries == 1 { "one try".to_owned() } else { format!("{} tries", row.tries) };
            let again = match row.kind.as_str() {
                "unreadable" => String::new(),
                _ => format!("{retry} tries again, "),
            };
            (Role::Bad, format!("Failed after {tries}. {again}{dismiss} puts it aside."))
        }
        State::Stored => {
            let next = row.look_at.map(|at| format!(", next at {}", words::exact(at))).unwrap_or_default();
            match row.tries {
                0 => (Role::Title, "Waits to be applied.".to_owned()),
                1 => (Role::Title, format!("Waits to be applied: tried once{next}.")),
                tries => (Role::Title, format!("Waits to be applied: tried {tries} times{next}.")),
            }
        }
    }
}
