//! What a person reads before deciding: everything that is sent, in one document made from the frozen bytes.
use std::time::Duration;

use countersign_core::activity::payload::{Envelope, InstagramAction, LinkedinAction, Parts, Payload};
use countersign_core::activity::view::ActivityDetail;
use countersign_core::approval::Item;
use countersign_core::draft::edit;
use countersign_core::gate::Verdict;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

use super::document::{Document, Line};
use super::evidence;
use super::theme::{Charset, Role};
use super::words;

/// How the stored request compares with the message that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestCheck {
    /// The channel has no adapter yet, so there is no request.
    Absent,
    /// It is what this version renders from the message.
    Same,
    /// Rendered by another version, which this one cannot repeat.
    OtherVersion,
    /// It is not what this version renders from the message.
    Differs,
}

/// An item in full, as it came from the database.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) activity: ActivityDetail,
    pub(crate) request: RequestCheck,
    /// How long the provider recognises a repeated key.
    pub(crate) keeps_keys_for: Option<Duration>,
}

/// Which screen reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody decides: the message is all there is.
    Approver,
    /// Somebody looks at what happened: the evidence comes first.
    Watcher,
}

/// The item that is open beside a list.
#[derive(Debug)]
pub(crate) struct Preview {
    pub(crate) item: Item,
    pub(crate) version: i64,
    pub(crate) bytes: usize,
    pub(crate) verdicts: Vec<Verdict>,
    /// Recipients who can be taken for somebody else, each as a sentence.
    pub(crate) doubts: Vec<SafeText>,
    pub(crate) outbox: SafeText,
    /// What is known about the request, in a few words.
    pub(crate) request: SafeText,
    /// Whether the frozen bytes are there to be shown.
    pub(crate) is_complete: bool,
    /// The words that can be edited, or why they cannot.
    pub(crate) words: Result<String, String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) scroll: usize,
    document: Document,
    width: usize,
}

/// What the reader's clock and terminal are like.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) charset: Charset,
    pub(crate) now: Timestamp,
}

impl Preview {
    pub(crate) fn new(detail: &Detail, reader: Reader, version: i64, setting: &Setting) -> Self {
        let activity = &detail.activity;
        let mut document = Document::default();
        if reader == Reader::Watcher {
            evidence::tell(&mut document, detail, setting);
            document.blank();
        }
        let doubts: Vec<SafeText> =
            activity.look_alikes.iter().map(|doubt| setting.charset.line(&doubt.sentence())).collect();
        for doubt in &doubts {
            document.remark(Role::Bad, &format!("! {doubt}"));
        }
        match &activity.envelope {
            Some(envelope) => message(&mut document, envelope, detail.request, setting.charset),
            None => document.remark(Role::Warn, "The text was erased; only its hash is left."),
        }
        if reader == Reader::Approver && !activity.decisions.is_empty() {
            document.blank();
            evidence::decisions(&mut document, activity, setting);
        }
        Self {
            item: Item::seen(activity.row.id, activity.row.payload_sha256),
            version,
            bytes: activity.envelope_bytes,
            verdicts: activity.verdicts.clone(),
            doubts,
            outbox: setting.charset.line(&activity.row.outbox),
            request: setting.charset.line(&request_words(activity.envelope.as_ref(), detail.request)),
            is_complete: activity.envelope.is_some(),
            words: match &activity.envelope {
                Some(envelope) => edit::document(&envelope.payload).map_err(|error| error.to_string()),
                None => Err("its text was erased".to_owned()),
            },
            lines: Vec::new(),
            scroll: 0,
            document,
            width: usize::MAX,
        }
    }

    /// Wraps to the width if it is another than before.
    pub(crate) fn wrap(&mut self, width: usize) {
        if self.width != width {
            self.lines = self.document.wrapped(width);
            self.width = width;
        }
    }

    /// Keeps the scroll position inside a box of this height.
    pub(crate) fn keep_inside(&mut self, height: usize) {
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(height.max(1)));
    }
}

fn message(document: &mut Document, envelope: &Envelope, check: RequestCheck, charset: Charset) {
    let payload = &envelope.payload;
    let mut body = Document::default();
    let mut found = Findings { charset, flags: Vec::new() };
    heads(&mut body, payload, &mut found);
    parts(&mut body, &payload.parts, &mut found);
    // The flags belong above the text they are about, and are known only after it was read.
    for flag in &found.flags {
        document.remark(Role::Bad, flag);
    }
    document.append(body);
    request(document, envelope, check, charset);
}

struct Findings {
    charset: Charset,
    flags: Vec<String>,
}

impl Findings {
    fn line(&mut self, name: &str, raw: &str) -> SafeText {
        self.note(name, &SafeText::line(raw));
        self.charset.line(raw)
    }

    fn block(&mut self, name: &str, raw: &str) -> SafeText {
        self.note(name, &SafeText::block(raw));
        self.charset.block(raw)
    }

    fn note(&mut self, name: &str, text: &SafeText) {
        if text.is_suspicious() {
            let what = text.warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            self.flags.push(format!("! {name}: {what}"));
        }
    }
}

fn heads(document: &mut Document, payload: &Payload, found: &mut Findings) {
    document.field("From", found.line("From", &payload.from));
    document.field("To", found.line("To", &payload.to));
    for (label, list) in [("Cc", &payload.cc), ("Bcc", &payload.bcc)] {
        for address in list {
            document.field(label, found.line(label, address));
        }
    }
    if let Some(address) = &payload.reply_to {
        document.field("Reply-To", found.line("Reply-To", address));
    }
    for (name, value) in &payload.headers {
        document.field("Header", found.line("Header", &format!("{name}: {value}")));
    }
}

fn parts(document: &mut Document, parts: &Parts, found: &mut Findings) {
    match parts {
        Parts::Email { subject, text, html, in_reply_to } => {
            if let Some(message) = in_reply_to {
                document.field("Answers", found.line("Answers", message));
            }
            document.field("Subject", found.line("Subject", subject));
            document.blank();
            document.block(found.block("Text", text));
            if let Some(html) = html {
                document.blank();
                let size = words::size(html.len());
                document.remark(Role::Warn, &format!("HTML part present: {size}, shown as source below"));
                document.block(found.block("HTML", html));
            }
        }
        Parts::CalCom { event_type_id, start, time_zone, attendee, notes, metadata } => {
            document.field("Event", found.line("Event", &event_type_id.to_string()));
            let local = jiff::tz::TimeZone::get(time_zone)
                .map(|zone| format!(" ({} there)", start.to_zoned(zone).strftime("%a %-d %b %H:%M")))
                .unwrap_or_default();
            document.field("Start", found.line("Start", &format!("{}{local}", words::exact(*start))));
            document.field("Zone", found.line("Zone", time_zone));
            document.field(
                "Attendee",
                found.line("Attendee", &format!("{} <{}>", attendee.name, attendee.email)),
            );
            document.field("Language", found.line("Language", &attendee.language));
            for (name, value) in metadata {
                document.field("Data", found.line("Data", &format!("{name}: {value}")));
            }
            if let Some(notes) = notes {
                document.blank();
                document.block(found.block("Notes", notes));
            }
        }
        Parts::Linkedin { action, text, thread } => {
            let action = match action {
                LinkedinAction::Post => "publish a post",
                LinkedinAction::Comment => "comment on a post",
                LinkedinAction::Message => "write to a member",
            };
            document.field("Action", found.line("Action", action));
            if let Some(thread) = thread {
                document.field("Thread", found.line("Thread", thread));
            }
            document.blank();
            document.block(found.block("Text", text));
        }
        Parts::Whatsapp { text, template } => {
            if let Some(template) = template {
                let pinned = format!("{} version {}", template.content_sid, template.version);
                document.field("Template", found.line("Template", &pinned));
                for (name, value) in &template.variables {
                    document.field("Value", found.line("Value", &format!("{name}: {value}")));
                }
                document.blank();
                document.block(found.block("Template text", &template.rendered_text));
            }
            if let Some(text) = text {
                document.blank();
                document.block(found.block("Text", text));
            }
        }
        Parts::Instagram { action, text, image_sha256, human_agent } => {
            let action = match action {
                InstagramAction::Dm => "write to a person",
                InstagramAction::Post => "publish a post",
            };
            document.field("Action", found.line("Action", action));
            if let Some(hash) = image_sha256 {
                document.field("Picture", found.line("Picture", &format!("sha256 {hash}")));
            }
            if *human_agent {
                document.field("Tag", found.line("Tag", "human agent"));
            }
            document.blank();
            document.block(found.block("Text", text));
        }
    }
}

/// The request is rendered from the message. Where that cannot be shown to be so, the request itself is shown.
fn request(document: &mut Document, envelope: &Envelope, check: RequestCheck, charset: Charset) {
    let Some(request) = envelope.request.as_ref().filter(|_| check != RequestCheck::Same) else {
        return;
    };
    let renderer = SafeText::line(envelope.renderer.as_deref().unwrap_or("unknown renderer"));
    let path = SafeText::line(&request.path);
    let method = SafeText::line(&request.method);
    let what = format!("{method} {path}, {}, by {renderer}", words::size(request.body.len()));
    let why = match check {
        RequestCheck::OtherVersion => "was rendered by another version",
        _ => "is not what this version makes of the message",
    };
    document.blank();
    document.remark(Role::Bad, &format!("! The request {why}; this is what would be sent: {what}."));
    document.field("Type", charset.line(&request.content_type));
    document.block(charset.block(&request.body));
}

fn request_words(envelope: Option<&Envelope>, check: RequestCheck) -> String {
    let renderer = envelope.and_then(|envelope| envelope.renderer.as_deref()).unwrap_or("unknown");
    match (envelope.and_then(|envelope| envelope.request.as_ref()), check) {
        (None, _) => "not rendered yet".to_owned(),
        (Some(_), RequestCheck::Same) => format!("sent as shown ({renderer})"),
        (Some(_), _) => format!("! request by {renderer} shown below"),
    }
}
