//! Puts the words of a book into the shape in which drafts come in.
use fastrand::Rng;
use serde_json::{Value, json};

use super::book::{Book, NameOrder};
use super::people::{Account, Contact};
use super::setup::Outbox;
use crate::activity::payload::Kind;
use crate::draft::DraftInput;
use crate::draft::input::ContactInput;

/// Whom a letter is for, with everything its words may name.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) book: &'a Book,
    pub(super) contact: &'a Contact,
    pub(super) account: Option<&'a Account>,
    pub(super) outbox: &'a Outbox,
}

/// A mail before it is a draft.
pub(super) struct Mail {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
    /// Message-ID of what it answers.
    pub(super) in_reply_to: Option<String>,
}

impl Reader<'_> {
    /// Fills the placeholders of a text.
    fn say(&self, text: &str, site: &str) -> String {
        let sender = self.outbox.settings.sender.split(" <").next().unwrap_or_default();
        text.replace("{first}", &self.contact.given)
            .replace("{last}", &self.contact.family)
            .replace("{name}", &self.contact.name)
            .replace("{account}", self.account.map_or("", |account| account.name.as_str()))
            .replace("{site}", site)
            .replace("{sender}", sender)
    }

    /// The building a contact is written to about: always the same one.
    fn site(&self) -> &str {
        let place = self.contact.name.bytes().map(usize::from).sum::<usize>();
        self.book.sites.get(place % self.book.sites.len()).map_or("", String::as_str)
    }

    /// A mail of a family.
    pub(super) fn mail(&self, topic: usize, kind: Kind, in_reply_to: Option<String>, rng: &mut Rng) -> Mail {
        let Some((subject, opening)) = self.book.topics.values().nth(topic % self.book.topics.len()) else {
            unreachable!("no book is without topics")
        };
        let site = self.site();
        let opening = match kind {
            Kind::FollowUp => {
                // Chinese and Japanese write no blank between sentences.
                let blank = if self.book.order == NameOrder::GivenFirst { " " } else { "" };
                format!("{}{blank}{opening}", pick(&self.book.again, rng))
            }
            Kind::Reply => pick(&self.book.answer, rng).to_owned(),
            _ => opening.clone(),
        };
        let parts = [
            self.book.hello.as_str(),
            &opening,
            pick(&self.book.middle, rng),
            pick(&self.book.ask, rng),
            &self.book.bye,
        ];
        let text = self.say(&parts.join("\n\n"), site);
        let subject = self.say(subject, site);
        let wants_html = self.outbox.settings.name == "news-fr" || rng.u8(0..6) == 0;
        Mail {
            to: self.contact.email.clone().unwrap_or_default(),
            subject: if kind == Kind::Reply { format!("Re: {subject}") } else { subject },
            html: wants_html.then(|| html(&text)),
            text,
            in_reply_to,
        }
    }

    /// What the contact writes back about a topic.
    pub(super) fn answer(&self, topic: usize, rng: &mut Rng) -> Mail {
        let subject =
            self.book.topics.values().nth(topic % self.book.topics.len()).map_or("", |(subject, _)| subject);
        let site = self.site();
        Mail {
            to: String::new(),
            subject: format!("Re: {}", self.say(subject, site)),
            text: format!("{}\n\n{}", pick(&self.book.theirs, rng), self.contact.name),
            html: None,
            in_reply_to: None,
        }
    }

    /// A short text of one of the book's other chapters.
    pub(super) fn short(&self, chapter: &[String], rng: &mut Rng) -> String {
        self.say(pick(chapter, rng), self.site())
    }

    /// The text at a place of a chapter.
    pub(super) fn nth(&self, chapter: &[String], place: usize) -> String {
        self.say(chapter.get(place).map_or("", String::as_str), self.site())
    }

    /// The draft of a mail.
    pub(super) fn draft_mail(&self, mail: Mail, kind: Kind, drafter: &str) -> DraftInput {
        let mut payload = json!({ "subject": mail.subject, "text": mail.text });
        if let Some(html) = mail.html {
            payload["html"] = Value::String(html);
        }
        if let Some(answered) = mail.in_reply_to {
            payload["headers"] = json!({ "References": answered });
            payload["inReplyTo"] = Value::String(answered);
        } else if kind == Kind::FollowUp {
            payload["headers"] = json!({ "List-Unsubscribe": "<https://acme.example/unsubscribe>" });
        }
        self.draft(Some(mail.to), payload, kind, drafter)
    }

    /// A draft of any channel.
    pub(super) fn draft(&self, to: Option<String>, payload: Value, kind: Kind, drafter: &str) -> DraftInput {
        DraftInput {
            channel: self.outbox.settings.channel,
            outbox_id: Some(self.outbox.settings.id),
            outbox: None,
            kind: Some(kind),
            contact: Some(ContactInput {
                name: Some(self.contact.name.clone()),
                account: self.account.map(|account| account.name.clone()),
                locale: Some(self.book.locale.clone()),
                zone: Some(self.book.zone.clone()),
            }),
            to,
            payload,
            send_after: None,
            expires_at: None,
            supersedes: None,
            client_dedup_key: None,
            proposed_by: Some(drafter.to_owned()),
        }
    }

    /// The agent that drafts a mail of this kind.
    pub(super) fn drafter(&self, kind: Kind) -> String {
        match kind {
            Kind::FollowUp => format!("seq-renov-{}", self.book.language()),
            Kind::Reply => "reply-1".to_owned(),
            _ => "writer-2".to_owned(),
        }
    }
}

fn pick<'a>(texts: &'a [String], rng: &mut Rng) -> &'a str {
    texts.get(rng.usize(0..texts.len().max(1))).map_or("", String::as_str)
}

/// The same words as simple HTML.
pub(super) fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs =
        escaped.split("\n\n").map(|paragraph| format!("<p>{}</p>\n", paragraph.replace('\n', "<br>")));
    format!("<html><body>\n{}</body></html>", paragraphs.collect::<String>())
}
