//! The lists of Resend: mails that came in, and what became of those it took. Both are newest first.
use bytes::Bytes;
use countersign_core::activity::fact::Fact;
use countersign_core::channel::{List, Listed, Request, Response, Window};
use countersign_core::inbound::event::{Event, Progress, What};
use countersign_core::inbound::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::{self, is_mail_id};
use super::interpret::Said;
use crate::hook::provider_id;
use crate::listing::{formless, refused};

/// Mails a page.
const PAGE: usize = 100;

/// What came in.
const RECEIVED: &str = "received-mail";

/// What became of what was sent. Its entries keep the time they were made, so a day of them is read again each time.
const SENT: &str = "sent-mail";

pub(super) const LISTS: &[List] = &[
    List { name: RECEIVED, provider: Provider::Resend, overlap: SignedDuration::from_mins(10) },
    List { name: SENT, provider: Provider::Resend, overlap: SignedDuration::from_hours(24) },
];

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    has_more: bool,
    data: Vec<Value>,
}

pub(super) fn list(list: &List, window: &Window<'_>) -> Request {
    let path = if list.name == RECEIVED { "/emails/receiving" } else { "/emails" };
    let behind = window.place.map(|id| format!("&after={id}")).unwrap_or_default();
    Request::get(format!("{path}?limit={PAGE}{behind}"))
}

pub(super) fn listed(list: &List, window: &Window<'_>, response: &Response) -> Listed {
    if response.status != 200 {
        return refused(response, &Said::read(response).detail);
    }
    let Ok(page) = serde_json::from_slice::<Page>(&response.body) else { return formless(response) };
    let is_wanted = |mail: &&Value| created(mail).is_none_or(|at| at >= window.since);
    let read = if list.name == RECEIVED { received } else { sent };
    let last = page.data.last().filter(|mail| page.has_more && is_wanted(mail));
    let next = last.and_then(|mail| mail["id"].as_str()).filter(|id| is_mail_id(id)).map(str::to_owned);
    Listed::Page { events: page.data.iter().filter(is_wanted).filter_map(read).collect(), next }
}

/// A mail that came in, in the words of the webhook that announces it.
fn received(mail: &Value) -> Option<Event> {
    mail["id"].as_str().filter(|id| is_mail_id(id))?;
    let said = json!({
        "type": "email.received",
        "created_at": mail["created_at"],
        "data": {
            "email_id": mail["id"], "from": mail["from"], "to": mail["to"], "subject": mail["subject"],
            "message_id": mail["message_id"], "created_at": mail["created_at"],
        },
    });
    Some(event::read(None, said.to_string().as_bytes()))
}

/// The last thing that happened to a mail. When it did is not said.
fn sent(mail: &Value) -> Option<Event> {
    let id = mail["id"].as_str().filter(|id| is_mail_id(id))?;
    let word = mail["last_event"].as_str()?;
    let fact = match word {
        "delivered" => Fact::Delivered,
        "delivery_delayed" => Fact::Delayed,
        "opened" => Fact::Opened,
        "clicked" => Fact::Clicked,
        "complained" => Fact::Complained,
        // The list does not say whether for good, and only then an address is dead.
        "bounced" => Fact::SoftBounced,
        "failed" | "suppressed" => Fact::Failed,
        _ => return None,
    };
    let detail = matches!(fact, Fact::SoftBounced | Fact::Failed).then(|| word.to_owned());
    let progress = Progress { fact, recipient: None, detail, message_id: None, is_opt_out: false };
    let raw = Bytes::from(mail.to_string());
    let about = provider_id(Some(id)).into_iter().collect();
    Some(Event::new(&format!("listed:{id}:{word}"), None, about, What::Status(progress), raw))
}

fn created(mail: &Value) -> Option<Timestamp> {
    mail["created_at"].as_str()?.parse().ok()
}
