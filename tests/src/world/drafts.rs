//! Drafts as they come in: the JSON of a line, and filing it.
use countersign_core::approval::Item;
use countersign_core::channel::{BoxFuture, Broken, Call, Lines, Response, Transport};
use countersign_core::draft::file::Mode;
use countersign_core::draft::{DraftInput, Report};
use countersign_core::ids::ActivityId;
use countersign_core::{actor::Actor, draft as drafts};
use serde_json::{Value, json};

use super::World;
use crate::provider::{all_by, mail_by};

/// A mail to the contact of that number, from the outbox `mail`.
#[must_use]
pub fn draft(number: usize) -> Value {
    draft_to(&format!("person-{number}@example.com"), number)
}

/// A mail to that address.
#[must_use]
pub fn draft_to(address: &str, number: usize) -> Value {
    json!({
        "channel": "email",
        "outbox": "mail",
        "to": address,
        "contact": { "name": format!("Person {number}"), "account": "Example" },
        "payload": { "subject": format!("Offer {number}"), "text": format!("Dear person {number},\nthis is an offer.") },
        "clientDedupKey": format!("draft-{number}"),
        "proposedBy": "scout",
    })
}

struct Unconnected;

impl Transport for Unconnected {
    fn exchange<'a>(&'a self, _call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(std::future::ready(Err(Broken::NotSent { detail: "this line only renders".to_owned() })))
    }
}

/// Lines that can render mail and send nothing.
#[must_use]
pub fn rendering() -> Lines {
    mail_by(Unconnected)
}

/// Lines that can render every channel and send nothing.
#[must_use]
pub fn rendering_all() -> Lines {
    all_by(Unconnected)
}

impl World {
    /// Files lines, as an import would.
    pub async fn import(&self, lines: &[Value], mode: Mode) -> Report {
        self.import_by(&rendering(), lines, mode).await
    }

    /// The same where every channel has its adapter.
    pub async fn import_rendered(&self, lines: &[Value], mode: Mode) -> Report {
        self.import_by(&rendering_all(), lines, mode).await
    }

    /// The same with other adapters.
    pub async fn import_by(&self, adapters: &Lines, lines: &[Value], mode: Mode) -> Report {
        let inputs = lines.iter().enumerate().map(|(index, line)| (index + 1, read(line))).collect();
        let agent = Actor::Agent { name: "scout".to_owned() };
        drafts::file(&self.pool, &agent, self.company, inputs, adapters, mode)
            .await
            .expect("the database takes drafts")
    }

    /// Files lines that have to be good and returns them as they were seen.
    pub async fn file(&self, lines: &[Value]) -> Vec<Item> {
        self.file_by(&rendering(), lines).await
    }

    /// The same where every channel has its adapter.
    pub async fn file_rendered(&self, lines: &[Value]) -> Vec<Item> {
        self.file_by(&rendering_all(), lines).await
    }

    /// The same with other adapters.
    pub async fn file_by(&self, adapters: &Lines, lines: &[Value]) -> Vec<Item> {
        let report = self.import_by(adapters, lines, Mode::AllOrNothing).await;
        assert!(report.errors.is_empty(), "a line was refused: {:?}", report.errors);
        let ids: Vec<ActivityId> = report.filed.iter().map(|filed| filed.id).collect();
        self.items(&ids).await
    }

    /// Files so many mails to as many contacts.
    pub async fn file_email(&self, count: usize) -> Vec<Item> {
        let lines: Vec<Value> = (1..=count).map(draft).collect();
        self.file(&lines).await
    }

    /// Files so many mails and approves them.
    pub async fn approved_email(&self, count: usize) -> Vec<Item> {
        let items = self.file_email(count).await;
        for items in items.chunks(countersign_core::approval::BATCH_LIMIT) {
            self.approve(items).await;
        }
        items
    }
}

/// A line as the command reads it.
fn read(line: &Value) -> DraftInput {
    serde_json::from_value(line.clone()).expect("the line has the shape of a draft")
}
