//! A company that is ready to send: an outbox, its credential, an allowlist, drafts, and a provider to send to.
use std::collections::BTreeSet;

use countersign_adapters::sandbox::Entry;
use countersign_core::activity::payload::{Envelope, PayloadHash};
use serde_json::{Value, json};

use crate::child::Child;
use crate::holds::Hold;
use crate::home::Home;
use crate::provider::Provider;

/// The value of its credential. It may turn up nowhere but at the provider.
pub(crate) const CREDENTIAL: &str = "re_canary_5f1c0c7e9b2d4a68";

/// A company in a home of its own.
pub(crate) struct Office {
    // Before the home: it has to end first.
    pub(crate) provider: Provider,
    pub(crate) home: Home,
}

impl Office {
    /// Opens a company whose decisions can be taken back for that long. Its server runs until [`Home::let_go`].
    pub(crate) fn open(undo_window: &str) -> Self {
        let mut home = Home::new();
        home.keep_server();
        let provider = Provider::start(&home);
        home.set("COUNTERSIGN_CHANNELS__EMAIL__BASE_URL", &provider.url());
        home.set("COUNTERSIGN_DISPATCHER__LEASE", "1s");
        home.run(&["companies", "add", "acme", "--name", "Acme Renovation"]).ends_with(0);
        home.run_with(&["secrets", "set", "resend"], CREDENTIAL).ends_with(0);
        let outbox =
            ["outboxes", "add", "main", "--channel", "email", "--from", "Ana Lind <ana@acme.example>"];
        let settings = ["--secret", "secret://resend:latest", "--daily-cap", "500", "--zone", "Europe/Paris"];
        let words: Vec<&str> =
            outbox.into_iter().chain(settings).chain(["--undo-window", undo_window]).collect();
        home.run(&words).ends_with(0);
        home.run(&["allowlist", "add", "@example.com"]).ends_with(0);
        Self { provider, home }
    }

    /// The same with drafts that are approved already and due at once.
    pub(crate) fn with_approved(count: usize) -> Self {
        let office = Self::open("0s");
        office.import(count);
        office.approve_all();
        office
    }

    /// Hands drafts in, as an agent would.
    #[track_caller]
    pub(crate) fn import(&self, count: usize) {
        let lines: Vec<String> = (1..=count).map(draft).collect();
        self.home.run_with(&["drafts", "import", "-"], &lines.join("\n")).ends_with(0);
    }

    /// What waits for a decision, oldest first, each as `ID@SHA256`.
    #[track_caller]
    pub(crate) fn pending(&self) -> Vec<String> {
        items(&self.home.json(&["approvals", "list", "--limit", "1000"]))
    }

    /// Approves everything that waits, as shown.
    #[track_caller]
    pub(crate) fn approve_all(&self) {
        let items = self.pending();
        let words: Vec<&str> =
            ["approvals", "approve"].into_iter().chain(items.iter().map(String::as_str)).collect();
        self.home.run(&words).ends_with(0);
    }

    /// Starts a dispatcher.
    pub(crate) fn dispatch(&self) -> Child {
        self.home.start(&["dispatch", "--until-idle"])
    }

    /// Starts a dispatcher that knows of a hold.
    pub(crate) fn dispatch_into(&self, hold: &Hold) -> Child {
        let mut command = self.home.command(["dispatch", "--until-idle"]);
        let (name, folder) = hold.variable();
        command.env(name, folder);
        Child::start(command, "")
    }

    /// Asserts that every approved message was sent, once, in the words that were approved, and that the books agree (C1–C6).
    #[track_caller]
    pub(crate) fn sent_each_once(&self, count: usize) {
        let ledger = self.provider.ledger();
        self.matches(&ledger);
        let counted = |statement| usize::try_from(self.home.count(statement)).expect("a count");
        assert_eq!(ledger.len(), count, "C1: lines in the ledger");
        let sent = counted("SELECT count(*) FROM crm_activities WHERE status = 'sent'");
        assert_eq!(sent, count, "C5: messages called sent");
        let used = counted("SELECT sum(sent_today)::bigint FROM crm_credential_buckets");
        assert_eq!(used, count, "C6: quota used");
        assert_eq!(counted("SELECT count(*) FROM crm_dispatch_claims"), 0, "C2: claims left");
        let audited = counted("SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.sent'");
        assert_eq!(audited, count, "C7: audit rows");
    }

    /// Asserts that what the provider accepted is what was approved, once each (C1, C3, C4).
    #[track_caller]
    fn matches(&self, ledger: &[Entry]) {
        let keys: BTreeSet<_> = ledger.iter().map(|entry| entry.idempotency_key.as_deref()).collect();
        assert_eq!(keys.len(), ledger.len(), "C1: a key was accepted twice");
        let approved = self.approved();
        for entry in ledger {
            let id = entry.activity_id.as_deref().expect("every message names its activity");
            let (_, envelope) =
                approved.iter().find(|(known, _)| known == id).unwrap_or_else(|| panic!("C4: {id}"));
            let request = Envelope::open(envelope).expect("an envelope").request.expect("a request");
            assert_eq!(request.body, entry.body, "C3: {id} was sent in other words than were approved");
        }
    }

    /// Activities with a binding decision on exactly the bytes they point at, and those bytes.
    fn approved(&self) -> Vec<(String, Vec<u8>)> {
        let rows: Vec<(String, Vec<u8>, Vec<u8>)> = self.home.on("countersign", async |conn| {
            sqlx::query_as(
                "SELECT a.id::text, p.envelope, l.payload_sha256 FROM crm_activities a
                JOIN crm_decisions d ON d.activity_id = a.id AND d.round = a.round AND d.binds_sha256 = a.payload_sha256
                JOIN crm_payloads p ON p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
                JOIN crm_audit_log l ON l.subject_id = a.id AND l.action = 'approval.approve' AND l.payload_sha256 = a.payload_sha256",
            )
            .fetch_all(conn)
            .await
            .expect("decisions can be read")
        });
        let checked = rows.into_iter().map(|(id, envelope, audited)| {
            assert_eq!(
                PayloadHash::of(&envelope).as_bytes(),
                audited.as_slice(),
                "C3: the audit row of {id}"
            );
            (id, envelope)
        });
        checked.collect()
    }
}

/// One line of a file of drafts. Everybody is somebody else, so that no draft stands in another's way.
pub(crate) fn draft(number: usize) -> String {
    draft_as(number, &json!({}))
}

/// The same with other or further fields.
pub(crate) fn draft_as(number: usize, fields: &Value) -> String {
    let mut draft = json!({
        "channel": "email", "outbox": "main", "to": format!("person{number}@example.com"),
        "contact": {"name": format!("Person {number}"), "account": format!("House {number}"), "locale": "en", "zone": "Europe/Paris"},
        "payload": {"subject": format!("Roof {number}"), "text": format!("Dear Person {number},\n\nyour roof is ready.\n")},
        "clientDedupKey": format!("roof-{number}"), "proposedBy": "writer-1",
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        draft[name] = value.clone();
    }
    draft.to_string()
}

/// `ID@SHA256` of every row of a list.
pub(crate) fn items(list: &Value) -> Vec<String> {
    let rows = list["items"].as_array().expect("a list");
    rows.iter().map(|row| format!("{}@{}", text(&row["id"]), text(&row["payloadSha256"]))).collect()
}

/// A JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
