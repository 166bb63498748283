//! Outboxes: the sending identities of a company; adding and changing them, pausing and killing.
mod change;
pub mod health;
pub mod limits;
pub mod provider;
pub mod store;
mod store_change;
pub(crate) mod store_health;
pub mod store_show;
mod switch;

use std::time::Duration;

use jiff::tz::TimeZone;
use sqlx::PgPool;

use crate::actor::{Actor, Role};
use crate::audit;
use crate::channel::ChannelName;
use crate::company;
use crate::contact::address;
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::operator;
use crate::secret::SecretRef;

pub use self::change::{Change, Changed, Done, change};
pub use self::switch::{kill, kill_all, lift_all, pause, resume};

/// The largest daily cap that is accepted; the database holds the same line.
pub const DAILY_CAP_LIMIT: i32 = 1_000_000;

/// The longest undo window that is accepted.
pub const UNDO_WINDOW_LIMIT: Duration = Duration::from_secs(3600);

/// What an outbox is made of.
#[derive(Clone, Debug)]
pub struct NewOutbox {
    /// Unique name: `a-z 0-9 -`.
    pub name: String,
    /// Channel.
    pub channel: ChannelName,
    /// What the recipient sees: mailbox, number, handle or author.
    pub sender: String,
    /// Credential.
    pub secret: SecretRef,
    /// Most messages a local day.
    pub daily_cap: i32,
    /// IANA zone whose midnight starts a new quota day.
    pub zone: String,
    /// How long a decision can be taken back.
    pub undo_window: Duration,
    /// Whether recipients must be on the allowlist.
    pub allowlist_enforced: bool,
}

/// Adds an outbox with its empty quota bucket.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] naming the option at fault, [`Error::Conflict`] if the name is taken, or a
/// database fault.
pub async fn add(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    new: &NewOutbox,
) -> Result<OutboxId, Error> {
    let new = &check(new)?;
    let id = OutboxId::new();
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Admin, "add an outbox").await?;
    if !store::knows_zone(&mut tx, &new.zone).await? {
        return Err(Error::Invalid {
            field: "zone".to_owned(),
            reason: format!("PostgreSQL does not know the time zone {}; use one like Europe/Paris", new.zone),
        });
    }
    let now = crate::db::now(&mut tx).await?;
    if !store::insert(&mut tx, company, id, new).await? {
        return Err(Error::Conflict(format!("there is an outbox `{}` already", new.name)));
    }
    crate::quota::store::open(
        &mut tx,
        company,
        id,
        crate::quota::day::local_day(now, &new.zone),
        new.daily_cap,
    )
    .await?;
    let detail = serde_json::json!({ "name": new.name, "channel": new.channel, "dailyCap": new.daily_cap });
    audit::store::append(
        &mut tx,
        company,
        &[audit::Entry::new(actor, "outbox.add").subject(id).detail(detail)],
    )
    .await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(id)
}

fn not_found(outbox: OutboxId) -> Error {
    Error::NotFound { what: format!("outbox {outbox}"), hint: "; see `countersign outboxes list`".to_owned() }
}

/// Checks what was given and brings the zone into its canonical spelling.
fn check(new: &NewOutbox) -> Result<NewOutbox, Error> {
    let refuse = |field: &str, reason: String| Err(Error::Invalid { field: field.to_owned(), reason });
    let name_fits = (1..=63).contains(&new.name.len())
        && new.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !new.name.starts_with('-');
    if !name_fits {
        return refuse("name", "use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit".to_owned());
    }
    if !(0..=DAILY_CAP_LIMIT).contains(&new.daily_cap) {
        return refuse("daily-cap", format!("use 0 to {DAILY_CAP_LIMIT}"));
    }
    if new.undo_window > UNDO_WINDOW_LIMIT {
        return refuse("undo-window", "use at most 1 h".to_owned());
    }
    if new.undo_window.subsec_nanos() != 0 {
        return refuse("undo-window", "use whole seconds".to_owned());
    }
    let zone = TimeZone::get(&new.zone).ok();
    let Some(zone) = zone.as_ref().and_then(TimeZone::iana_name) else {
        let zone = crate::safe_text::SafeText::line(&new.zone);
        return refuse("zone", format!("`{zone}` is not an IANA time zone; Europe/Paris is one"));
    };
    let sender = match new.channel {
        ChannelName::Email | ChannelName::DryRun => address::mailbox(&new.sender).map(|_| ()),
        ChannelName::Whatsapp => address::phone(&new.sender).map(|_| ()),
        _ => address::header_value("from", &new.sender),
    };
    if let Err(error) = sender {
        return refuse("from", error.to_string());
    }
    if new.sender.trim().is_empty() {
        return refuse("from", "say what the recipient sees".to_owned());
    }
    Ok(NewOutbox { zone: zone.to_owned(), ..new.clone() })
}
