//! The message as it is read before a decision: everything that is sent, in one document made from the frozen bytes.
use countersign_core::activity::payload::{Envelope, InstagramAction, LinkedinAction, Parts, Payload};
use countersign_core::safe_text::SafeText;

use super::document::Document;
use super::html_part::HtmlPart;
use super::personal;
use super::preview::{Detail, RequestCheck};
use super::theme::{Charset, Role};
use super::words;

/// Tells everything that is sent.
pub(crate) fn tell(document: &mut Document, envelope: &Envelope, detail: &Detail, charset: Charset) {
    let row = &detail.activity.row;
    let names = personal::names(&row.contact, row.account.as_deref());
    let (body, found) = read(envelope, &names, charset);
    remark_doubts(document, detail, charset);
    // The flags belong above the text they are about, and are known only after it was read.
    for flag in &found.flags {
        document.remark(Role::Bad, flag);
    }
    let between = charset.glyphs().between;
    let times = if charset == Charset::Unicode { "×" } else { "x" };
    let named: Vec<String> = found
        .names
        .iter()
        .zip(&found.counts)
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{} {times}{count}", SafeText::line(name)))
        .collect();
    if !named.is_empty() {
        document.field("Personal", SafeText::line(&named.join(between)));
    }
    document.append(body);
    request(document, envelope, detail.request, charset);
}

/// Whom the recipients could be taken for.
pub(crate) fn doubts(detail: &Detail, charset: Charset) -> Vec<SafeText> {
    detail.activity.look_alikes.iter().map(|doubt| charset.line(&doubt.sentence())).collect()
}

fn remark_doubts(document: &mut Document, detail: &Detail, charset: Charset) {
    for doubt in doubts(detail, charset) {
        document.remark(Role::Bad, &format!("! {doubt}"));
    }
}

/// Says in words whom the recipients could be taken for, and what had to be replaced by marks.
pub(crate) fn flags(document: &mut Document, envelope: &Envelope, detail: &Detail, charset: Charset) {
    remark_doubts(document, detail, charset);
    for flag in read(envelope, &[], charset).1.flags {
        document.remark(Role::Bad, &flag);
    }
}

fn read(envelope: &Envelope, names: &[String], charset: Charset) -> (Document, Findings) {
    let mut body = Document::default();
    // Without UTF-8 text and names are spelled out alike.
    let names: Vec<String> = names.iter().map(|name| charset.line(name).as_str().to_owned()).collect();
    let mut found = Findings { charset, flags: Vec::new(), counts: vec![0; names.len()], names };
    heads(&mut body, &envelope.payload, &mut found);
    parts(&mut body, &envelope.payload.parts, &mut found);
    (body, found)
}

struct Findings {
    charset: Charset,
    flags: Vec<String>,
    names: Vec<String>,
    counts: Vec<usize>,
}

impl Findings {
    fn line(&mut self, name: &str, raw: &str) -> SafeText {
        self.note(name, &SafeText::line(raw));
        self.charset.line(raw)
    }

    fn joined(&mut self, name: &str, pieces: &[&str]) -> SafeText {
        self.note(
            name,
            &SafeText::joined(&pieces.iter().map(|piece| SafeText::line(piece)).collect::<Vec<_>>()),
        );
        self.charset.joined(pieces)
    }

    /// Adds a text over the whole width, with the recipient's names marked.
    fn block(&mut self, document: &mut Document, name: &str, raw: &str) {
        self.note(name, &SafeText::block(raw));
        let text = self.charset.block(raw);
        let spans = self.personal(&text);
        document.marked("", text, spans);
    }

    /// Adds the HTML part: in full unless it was found to say and do no more than the text.
    fn html(&mut self, document: &mut Document, html: &str, text: &str) {
        let part = HtmlPart::of(html, text);
        self.flags.extend(part.flags(self.charset));
        let is_plain = part.is_plain();
        part.tell(document, html.len(), self.charset);
        if is_plain {
            self.note("HTML", &SafeText::block(html));
        } else {
            self.block(document, "HTML", html);
        }
    }

    fn personal(&mut self, text: &SafeText) -> Vec<std::ops::Range<usize>> {
        let found = personal::find(text.as_str(), &self.names);
        for (_, name) in &found {
            self.counts[*name] += 1;
        }
        found.into_iter().map(|(range, _)| range).collect()
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
        document.field("Header", found.joined("Header", &[name, ": ", value]));
    }
}

fn parts(document: &mut Document, parts: &Parts, found: &mut Findings) {
    match parts {
        Parts::Email { subject, text, html, in_reply_to, attachments } => {
            if let Some(message) = in_reply_to {
                document.field("Answers", found.line("Answers", message));
            }
            let line = found.line("Subject", subject);
            let spans = found.personal(&line);
            document.marked("Subject", line, spans);
            for file in attachments {
                let fingerprint = file.sha256.fingerprint();
                let pieces = [&file.name, ", ", &file.mime, ", ", &fingerprint];
                document.field("File", found.joined("File", &pieces));
            }
            document.blank();
            found.block(document, "Text", text);
            if let Some(html) = html {
                document.blank();
                found.html(document, html, text);
            }
        }
        Parts::CalCom { event_type_id, start, time_zone, attendee, notes, metadata } => {
            document.field("Event", found.line("Event", &event_type_id.to_string()));
            let local = jiff::tz::TimeZone::get(time_zone)
                .map(|zone| format!(" ({} there)", start.to_zoned(zone).strftime("%a %-d %b %H:%M")))
                .unwrap_or_default();
            document.field("Start", found.joined("Start", &[&words::exact(*start), &local]));
            document.field("Zone", found.line("Zone", time_zone));
            document
                .field("Attendee", found.joined("Attendee", &[&attendee.name, " <", &attendee.email, ">"]));
            document.field("Language", found.line("Language", &attendee.language));
            for (name, value) in metadata {
                document.field("Data", found.joined("Data", &[name, ": ", value]));
            }
            if let Some(notes) = notes {
                document.blank();
                found.block(document, "Notes", notes);
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
            found.block(document, "Text", text);
        }
        Parts::Whatsapp { text, template } => {
            if let Some(template) = template {
                let pinned = [template.content_sid.as_str(), " version ", &template.version];
                document.field("Template", found.joined("Template", &pinned));
                for (name, value) in &template.variables {
                    document.field("Value", found.joined("Value", &[name, ": ", value]));
                }
                document.blank();
                found.block(document, "Template text", &template.rendered_text);
            }
            if let Some(text) = text {
                document.blank();
                found.block(document, "Text", text);
            }
        }
        Parts::Instagram { action, text, image_sha256, human_agent } => {
            let action = match action {
                InstagramAction::Dm => "write to a person",
                InstagramAction::Post => "publish a post",
            };
            document.field("Action", found.line("Action", action));
            if let Some(hash) = image_sha256 {
                document.field("Picture", found.joined("Picture", &["sha256 ", &hash.to_string()]));
            }
            if *human_agent {
                document.field("Tag", found.line("Tag", "human agent"));
            }
            document.blank();
            found.block(document, "Text", text);
        }
    }
}

/// The request is rendered from the message. Where that cannot be shown to be so, the request itself is shown.
fn request(document: &mut Document, envelope: &Envelope, check: RequestCheck, charset: Charset) {
    let Some(request) = envelope.request.as_ref().filter(|_| check != RequestCheck::Same) else {
        return;
    };
    let renderer = charset.line(envelope.renderer.as_deref().unwrap_or("unknown renderer"));
    let path = charset.line(&request.path);
    let method = charset.line(&request.method);
    let what = format!("{method} {path}, {}, by {renderer}", words::size(request.body.len()));
    let why = match check {
        RequestCheck::OtherVersion => "was rendered by another version",
        _ => "is not what this version makes of the message with the settings of its outbox",
    };
    document.blank();
    document.remark(Role::Bad, &format!("! The request {why}; this is what would be sent: {what}."));
    document.field("Type", charset.line(&request.content_type));
    for (name, value) in &request.headers {
        document.field("Sends", charset.joined(&[name, ": ", value]));
    }
    document.block(charset.block(&request.body));
}

/// What is known about the request, in a few words.
pub(crate) fn request_words(envelope: Option<&Envelope>, check: RequestCheck) -> String {
    let renderer = envelope.and_then(|envelope| envelope.renderer.as_deref()).unwrap_or("unknown");
    match (envelope.and_then(|envelope| envelope.request.as_ref()), check) {
        (None, _) => "not rendered yet".to_owned(),
        (Some(_), RequestCheck::Same) => format!("sent as shown ({renderer})"),
        (Some(_), _) => format!("! request by {renderer} shown below"),
    }
}
