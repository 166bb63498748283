//! A company in a database of its own: people in every role, a mail outbox, drafts, and ways to look at what became of them.
//!
//! Everything is done through the use cases of the product. `look` reads with plain SQL, as somebody at `psql` would.
mod drafts;
mod look;

use std::time::Duration;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::actor::{Actor, Role};
use countersign_core::approval::{self, Item, ItemOutcome, ItemResult};
use countersign_core::channel::ChannelName;
use countersign_core::contact::allowlist::Entry;
use countersign_core::contact::{allow, disallow};
use countersign_core::ids::{ActivityId, CompanyId, OutboxId};
use countersign_core::outbox::NewOutbox;
use countersign_core::secret::{MasterKey, SecretText};
use countersign_core::{company, operator, outbox, secret};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

pub use self::drafts::{draft, draft_to, rendering, rendering_all};
pub use self::look::Stored;
use crate::server::Database;

/// The credential of every mail outbox here. It must never be found anywhere but on the wire.
pub const CREDENTIAL: &str = "re_canary_5f1d3a7e9b";

/// A company with what it needs to send.
pub struct World {
    // Dropped last: fields are dropped in order, and the pool must let go first.
    /// The test's own connections.
    pub pool: PgPool,
    /// The company.
    pub company: CompanyId,
    /// May do everything.
    pub admin: Actor,
    /// Decides.
    pub approver: Actor,
    /// Decides too.
    pub second: Actor,
    /// Sees.
    pub viewer: Actor,
    /// Opens the secrets.
    pub key: MasterKey,
    /// A mail outbox named `mail`: no undo window, a cap nobody reaches.
    pub outbox: OutboxId,
    database: Database,
}

/// An outbox for mail as most tests want it; change what matters.
#[must_use]
pub fn mail_outbox(name: &str) -> NewOutbox {
    NewOutbox {
        name: name.to_owned(),
        channel: ChannelName::Email,
        sender: "Ana <ana@sender.example>".to_owned(),
        secret: "secret://resend:latest".parse().expect("a reference"),
        daily_cap: 100_000,
        zone: "UTC".to_owned(),
        undo_window: Duration::ZERO,
        allowlist_enforced: true,
    }
}

impl World {
    /// A company that may write to anyone at `example.com`.
    pub async fn new() -> Self {
        let database = Database::migrated().await;
        let pool = database.pool().await;
        let (company, admin) =
            company::add(&pool, "acme", "Acme", true, "ada").await.expect("a company can be added");
        let company = company.id;
        let approver = person(&pool, &admin, company, "ben", Role::Approver).await;
        let second = person(&pool, &admin, company, "cleo", Role::Approver).await;
        let viewer = person(&pool, &admin, company, "vic", Role::Viewer).await;
        let key = MasterKey::from_text(&"5c".repeat(32), "test").expect("a key");
        let credential = SecretText::new(CREDENTIAL.to_owned());
        secret::set(&pool, &admin, company, &key, "resend", &credential).await.expect("a secret can be set");
        let outbox =
            outbox::add(&pool, &admin, company, &mail_outbox("mail")).await.expect("an outbox can be added");
        let world = Self { pool, company, admin, approver, second, viewer, key, outbox, database };
        world.allow("@example.com").await;
        world
    }

    /// More connections than the test's own pool has, for races.
    pub async fn wide_pool(&self, connections: u32) -> PgPool {
        self.database.wide_pool(connections).await
    }

    /// How another process connects to this world.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.database.options()
    }

    /// How the owner of the machine connects to this world.
    #[must_use]
    pub fn admin_options(&self) -> PgConnectOptions {
        self.database.admin_options()
    }

    /// Puts an entry on the allowlist.
    pub async fn allow(&self, entry: &str) {
        let entry = Entry::parse(entry).expect("an entry");
        allow(&self.pool, &self.admin, self.company, &entry).await.expect("an entry can be added");
    }

    /// Takes an entry off the allowlist.
    pub async fn disallow(&self, entry: &str) {
        let entry = Entry::parse(entry).expect("an entry");
        disallow(&self.pool, &self.admin, self.company, &entry).await.expect("an entry can be removed");
    }

    /// Adds an outbox.
    pub async fn add_outbox(&self, new: &NewOutbox) -> OutboxId {
        outbox::add(&self.pool, &self.admin, self.company, new).await.expect("an outbox can be added")
    }

    /// Adds an outbox of another channel with its provider settings and a credential of its own, named like the outbox.
    pub async fn add_channel_outbox(
        &self,
        name: &str,
        channel: ChannelName,
        sender: &str,
        settings: &[(&str, &str)],
    ) -> OutboxId {
        self.set_secret(name, CREDENTIAL).await;
        let secret = format!("secret://{name}:latest").parse().expect("a reference");
        let id = self
            .add_outbox(&NewOutbox { channel, sender: sender.to_owned(), secret, ..mail_outbox(name) })
            .await;
        let config = settings.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())));
        let change = outbox::Change { config: config.collect(), ..outbox::Change::default() };
        outbox::change(&self.pool, &self.admin, self.company, id, &change, &rendering_all())
            .await
            .expect("can be set");
        id
    }

    /// Stores a new version of a secret.
    pub async fn set_secret(&self, id: &str, value: &str) -> i32 {
        let value = SecretText::new(value.to_owned());
        secret::set(&self.pool, &self.admin, self.company, &self.key, id, &value)
            .await
            .expect("a secret can be set")
    }

    /// Stops the outbox named `mail`.
    pub async fn pause(&self) {
        outbox::pause(&self.pool, &self.approver, self.company, self.outbox, "a test")
            .await
            .expect("can be paused");
    }

    /// Lets the outbox named `mail` send again.
    pub async fn resume(&self) {
        outbox::resume(&self.pool, &self.approver, self.company, self.outbox).await.expect("can be resumed");
    }

    /// Approves as the approver and expects every item to be approved.
    pub async fn approve(&self, items: &[Item]) {
        let results = self.try_approve(&self.approver, items).await;
        let all = results.iter().all(|result| matches!(result.outcome, ItemOutcome::Approved { .. }));
        assert!(all && results.len() == items.len(), "not everything was approved: {results:?}");
    }

    /// Approves as somebody.
    pub async fn try_approve(&self, actor: &Actor, items: &[Item]) -> Vec<ItemResult> {
        approval::approve(&self.pool, actor, self.company, items).await.expect("the request is acceptable")
    }

    /// Rejects as somebody.
    pub async fn try_reject(&self, actor: &Actor, items: &[Item]) -> Vec<ItemResult> {
        approval::reject(&self.pool, actor, self.company, items, "not today")
            .await
            .expect("the request is acceptable")
    }

    /// Takes back as the approver.
    pub async fn undo(&self, ids: &[ActivityId]) -> Vec<ItemResult> {
        approval::undo(&self.pool, &self.approver, self.company, ids)
            .await
            .expect("the request is acceptable")
    }

    /// Takes one item back and returns it as it is to be approved anew.
    pub async fn undone(&self, id: ActivityId) -> Item {
        let results = self.undo(&[id]).await;
        assert_eq!(results[0].outcome, ItemOutcome::Undone);
        Item::seen(id, self.hash(id).await)
    }

    /// The hash an item points at.
    pub async fn hash(&self, id: ActivityId) -> PayloadHash {
        let bytes: Vec<u8> =
            sqlx::query_scalar("SELECT payload_sha256 FROM crm_activities WHERE company_id = $1 AND id = $2")
                .bind(self.company.0)
                .bind(id.0)
                .fetch_one(&self.pool)
                .await
                .expect("the item exists");
        PayloadHash::from_bytes(&bytes).expect("32 bytes")
    }
}

async fn person(pool: &PgPool, admin: &Actor, company: CompanyId, name: &str, role: Role) -> Actor {
    let id = operator::add(pool, admin, company, name, role).await.expect("an operator can be added");
    Actor::Operator { id, name: name.to_owned(), role }
}
