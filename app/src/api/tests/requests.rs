//! A request for every route that is good by itself, on things that nobody else in the test touches.
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::account::check::account;
use countersign_core::account::import_accounts;
use countersign_core::actor::Actor;
use countersign_core::approval::Item;
use countersign_core::channel::ChannelName;
use countersign_core::contact::suppression::{Identity, Reason, suppress};
use countersign_core::draft::file::Mode;
use countersign_core::draft::{self, DraftInput};
use countersign_core::outbox;
use countersign_tests::world::{World, draft as line, mail_outbox, rendering};
use serde_json::{Value, json};

use crate::api::matrix::Route;

/// A request: path and body, and what becomes of it for who may.
pub(super) struct Prepared {
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) status: u16,
}

static NUMBER: AtomicUsize = AtomicUsize::new(1_000);

/// A number that no other request of the process has.
pub(super) fn number() -> usize {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A draft as its own drafter hands it in.
pub(super) fn own_line(number: usize) -> Value {
    let mut line = line(number);
    line.as_object_mut().expect("an object").remove("proposedBy");
    line
}

/// Files a draft for an actor.
pub(super) async fn file(world: &World, actor: &Actor) -> Item {
    let input: DraftInput = serde_json::from_value(own_line(number())).expect("a draft");
    let report = draft::add(&world.pool, actor, world.company, input, &rendering()).await.expect("files");
    world.items(&[report.filed[0].id]).await[0]
}

/// What an item is named by.
pub(super) fn seen(item: Item) -> Value {
    json!({ "payloadSha256": item.payload_sha256, "round": 1 })
}

/// The same among many.
pub(super) fn one_of_many(item: Item) -> Value {
    json!({ "id": item.id, "payloadSha256": item.payload_sha256, "round": 1 })
}

/// Prepares a request for a route; `drafter` filed what it is about.
pub(super) async fn prepare(world: &World, route: &Route, drafter: &Actor) -> Prepared {
    let (pool, company, n) = (&world.pool, world.company, number());
    let about = |path: String, body: Option<Value>| Prepared { path, body, status: 200 };
    let outbox = async || world.add_outbox(&mail_outbox(&format!("box-{n}"))).await;
    let at = |id: &dyn std::fmt::Display| {
        route
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { id.to_string() } else { part.to_owned() })
            .collect::<Vec<_>>()
            .join("/")
    };
    let reason = || Some(json!({ "reason": "a test" }));
    match (route.method.as_str(), route.path) {
        (_, "/send") => about(route.path.to_owned(), Some(own_line(n))),
        (_, "/drafts/{id}/revise") => {
            let item = file(world, drafter).await;
            let payload = json!({ "subject": "Another", "text": format!("Other words {n}.") });
            about(at(&item.id), Some(json!({ "payloadSha256": item.payload_sha256, "payload": payload })))
        }
        (_, "/drafts/{id}/withdraw") => about(at(&file(world, drafter).await.id), reason()),
        (_, "/approvals/bulk-approve") => {
            let item = file(world, &world.second).await;
            about(route.path.to_owned(), Some(json!({ "items": [one_of_many(item)] })))
        }
        (_, "/approvals/{id}/approve") => {
            let item = file(world, &world.second).await;
            about(at(&item.id), Some(seen(item)))
        }
        (_, "/approvals/{id}/reject") => {
            let item = file(world, &world.second).await;
            let mut body = seen(item);
            body["reason"] = "a test".into();
            about(at(&item.id), Some(body))
        }
        (_, "/approvals/{id}/undo") => {
            let item = file(world, &world.second).await;
            world.approve(&[item]).await;
            about(at(&item.id), Some(seen(item)))
        }
        ("GET", "/activities/{id}") => about(at(&file(world, &world.second).await.id), None),
        (_, "/activities/{id}/resolve") => {
            let body = json!({ "verdict": "was-sent", "reason": "a test" });
            Prepared { status: 409, ..about(at(&file(world, &world.second).await.id), Some(body)) }
        }
        (_, "/activities/{id}/retry" | "/activities/{id}/lookup") => {
            Prepared { status: 409, ..about(at(&file(world, &world.second).await.id), None) }
        }
        ("POST", "/outboxes") => {
            let body = json!({
                "name": format!("box-{n}"), "channel": "email", "sender": "Ana <ana@sender.example>",
                "secretRef": "secret://resend:latest", "dailyCap": 10, "zone": "UTC", "undoWindow": 5,
                "allowlistMode": "enforced",
            });
            about(route.path.to_owned(), Some(body))
        }
        ("GET", "/outboxes/{id}") => about(at(&world.outbox), None),
        ("PATCH", _) => {
            let body = json!({
                "dailyCap": 11, "niche": "roofs", "quiet": "20:00-08:00", "ramp": { "start": 2, "step": 1 },
                "undoWindow": 60, "consentRequired": false, "config": {},
            });
            about(at(&outbox().await), Some(body))
        }
        (_, "/outboxes/{id}/pause" | "/outboxes/{id}/kill") => about(at(&outbox().await), reason()),
        (_, "/outboxes/{id}/resume") => {
            let id = outbox().await;
            outbox::pause(pool, &world.approver, company, id, "a test").await.expect("pauses");
            about(at(&id), None)
        }
        (_, "/kill") => {
            let lifted = outbox::lift_all(pool, &world.admin, company, Some(ChannelName::Instagram)).await;
            drop(lifted);
            about(route.path.to_owned(), Some(json!({ "channel": "instagram", "reason": "a test" })))
        }
        (_, "/kill/lift") => {
            let killed =
                outbox::kill_all(pool, &world.admin, company, Some(ChannelName::Instagram), "a test").await;
            drop(killed);
            about(route.path.to_owned(), Some(json!({ "channel": "instagram" })))
        }
        ("POST", "/allowlist") => {
            about(route.path.to_owned(), Some(json!({ "entry": format!("@firm-{n}.example") })))
        }
        ("DELETE", _) => {
            world.allow(&format!("@firm-{n}.example")).await;
            about(at(&format!("%40firm-{n}.example")), None)
        }
        ("POST", "/suppressions") => {
            let body =
                json!({ "identity": format!("no-{n}@example.com"), "reason": "manual", "note": "a test" });
            about(route.path.to_owned(), Some(body))
        }
        (_, "/suppressions/{identity}/lift") => {
            let identity = Identity::parse(&format!("no-{n}@example.com")).expect("an identity");
            suppress(pool, &world.admin, company, &identity, Reason::Manual, None).await.expect("suppresses");
            about(at(&identity.address), Some(json!({ "note": "they wrote" })))
        }
        (_, "/contacts/import") => {
            let item =
                json!({ "name": "Zoë", "email": format!("zoe-{n}@example.com"), "account": "Example" });
            about(route.path.to_owned(), Some(json!({ "items": [item] })))
        }
        (_, "/contacts/{id}" | "/contacts/{id}/consent") => {
            file(world, &world.second).await;
            let contact = world.text("SELECT id::text FROM crm_contacts ORDER BY id DESC LIMIT 1").await;
            let body = json!({ "channel": "email", "state": "granted", "evidence": "a form" });
            about(at(&contact), Some(body).filter(|_| route.takes.is_some()))
        }
        (_, "/accounts/import") => {
            let item = json!({ "name": format!("Firm {n}"), "tier": 2 });
            about(route.path.to_owned(), Some(json!({ "items": [item], "partial": true })))
        }
        (_, "/accounts/{name}") => {
            let firm = account(format!(r#"{{"name":"Firm-{n}","tier":2}}"#).as_bytes()).expect("an account");
            let lines = [(1, firm)];
            let done =
                import_accounts(pool, &world.admin, company, &lines, Mode::AllOrNothing, &|_| {}).await;
            assert_eq!(done.expect("imports").inserted, 1);
            about(at(&format!("Firm-{n}")), None)
        }
        ("GET", path) if !path.contains('{') => about(path.to_owned(), None),
        (method, path) => panic!("there is no request for {method} {path}: add one"),
    }
}
