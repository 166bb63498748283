//! Changes the settings of an outbox. Each change is recorded with its old and its new value, and what it means for messages that
//! wait is said: their bytes are frozen and stay as they were decided.
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::limits::{Limits, QuietHours, Ramp};
use super::store_change::{self, Settings};
use super::{DAILY_CAP_LIMIT, NewOutbox, check, not_found, provider, store};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::channel::{Lines, Setting};
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::operator;
use crate::quota::{self, day};
use crate::secret::SecretRef;

/// What is to be another way; everything absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Most messages a local day. Below what was sent today it counts from tomorrow on; today nothing more leaves.
    pub daily_cap: Option<i32>,
    /// Zone whose midnight starts a new quota day. What was sent today stays counted.
    pub zone: Option<String>,
    /// How long a decision can be taken back, from the next decision on.
    pub undo_window: Option<Duration>,
    /// Credential.
    pub secret: Option<SecretRef>,
    /// Market segment; `Some(None)` takes it away.
    pub niche: Option<Option<String>>,
    /// Whether recipients must be on the allowlist.
    pub allowlist_enforced: Option<bool>,
    /// What recipients of drafts filed from here on see.
    pub sender: Option<String>,
    /// When recipients are left alone; the default takes quiet hours away.
    pub quiet: Option<QuietHours>,
    /// Warm-up: the cap of its first day, which is today, and by how much it grows a day. `Some(None)` ends it.
    pub ramp: Option<Option<(i32, i32)>>,
    /// Whether a contact must have consented to the channel.
    pub consent_required: Option<bool>,
    /// Provider settings by key; `None` takes one away.
    pub config: BTreeMap<String, Option<String>>,
}

/// One setting that is another one now.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangedSetting)]
pub struct Changed {
    /// Which, in the API's spelling.
    pub field: String,
    /// What it was.
    pub old: Value,
    /// What it is.
    pub new: Value,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OutboxChange)]
pub struct Done {
    /// Settings that are other ones now; empty when everything was as asked for.
    pub changed: Vec<Changed>,
    /// Drafts and approved messages whose bytes name the old sender, where that changed. They stay as they are.
    pub keep_sender: i64,
    /// Drafts and approved messages that were rendered with other provider settings. They stay as they are.
    pub keep_settings: i64,
    /// Drafts and approved messages whose bytes name the old credential, where another secret is used now. They will not be sent.
    pub name_old_secret: i64,
}

/// Changes settings; all of them or none. `lines` says which provider settings the channel knows.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] naming the option at fault, [`Error::NotFound`], or a database fault.
pub async fn change(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    outbox: OutboxId,
    change: &Change,
    lines: &Lines,
) -> Result<Done, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "change an outbox").await?;
        if change.daily_cap.is_some() || change.zone.is_some() || change.ramp.is_some() {
            // In the order in which a claim locks: rows, bucket, outbox. What waited for quota is looked at again at once.
            store_change::look_again(&mut tx, company, outbox).await?;
            quota::store::lock(&mut tx, company, outbox).await?;
        }
        let old = store_change::settings(&mut tx, company, outbox).await?.ok_or_else(|| not_found(outbox))?;
        let now = crate::db::now(&mut tx).await?;
        let known = lines.renderer(old.new.channel).map(|channel| channel.settings()).unwrap_or_default();
        let new = apply(&old, change, known, now)?;
        if new.new.zone != old.new.zone && !store::knows_zone(&mut tx, &new.new.zone).await? {
            return Err(Error::Invalid {
                field: "zone".to_owned(),
                reason: format!(
                    "PostgreSQL does not know the time zone {}; use one like Europe/Paris",
                    new.new.zone
                ),
            });
        }
        let changed = differences(&old, &new);
        if changed.is_empty() {
            return Ok(Done { changed, ..Done::default() });
        }
        store_change::write(&mut tx, company, outbox, &new).await?;
        if new.new.daily_cap != old.new.daily_cap
            || new.new.zone != old.new.zone
            || new.limits.ramp != old.limits.ramp
        {
            let (before, after) = (day::local_day(now, &old.new.zone), day::local_day(now, &new.new.zone));
            let moves_to = (new.new.zone != old.new.zone).then_some(after);
            let cap = new.limits.effective_cap(new.new.daily_cap, after);
            quota::store::adjust(&mut tx, company, outbox, before, moves_to, cap).await?;
        }
        let done = consequences(&mut tx, company, outbox, &old, &new, changed).await?;
        let entries: Vec<_> = done
            .changed
            .iter()
            .map(|one| audit::Entry::new(actor, "outbox.set").subject(outbox).detail(json!(one)))
            .collect();
        audit::store::append(&mut tx, company, &entries).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(done)
    })
    .await
}

/// The settings as they are to be, checked like those of a new outbox.
fn apply(old: &Settings, change: &Change, known: &[Setting], now: Timestamp) -> Result<Settings, Error> {
    let before = old.new.clone();
    let new = check(&NewOutbox {
        daily_cap: change.daily_cap.unwrap_or(before.daily_cap),
        zone: change.zone.clone().unwrap_or(before.zone),
        undo_window: change.undo_window.unwrap_or(before.undo_window),
        secret: change.secret.clone().unwrap_or(before.secret),
        allowlist_enforced: change.allowlist_enforced.unwrap_or(before.allowlist_enforced),
        sender: change.sender.clone().unwrap_or(before.sender),
        ..before
    })?;
    let niche = change.niche.clone().unwrap_or_else(|| old.niche.clone());
    let is_line = |text: &str, most: usize| {
        !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    let refuse = |field: &str, reason: &str| {
        Err(Error::Invalid { field: field.to_owned(), reason: reason.to_owned() })
    };
    if niche.as_deref().is_some_and(|niche| !is_line(niche, 100)) {
        return refuse("niche", "use 1 to 100 characters on one line");
    }
    let config = provider::changed(&old.config, &change.config, new.channel, known)?;
    let limits = limits(old, change, day::local_day(now, &new.zone))?;
    Ok(Settings { new, niche, config, limits })
}

/// What else limits the outbox. A warm-up begins on the day it is set.
fn limits(old: &Settings, change: &Change, today: Date) -> Result<Limits, Error> {
    let ramp = match change.ramp {
        None => old.limits.ramp,
        Some(None) => None,
        Some(Some((start, step)))
            if (1..=DAILY_CAP_LIMIT).contains(&start) && (1..=DAILY_CAP_LIMIT).contains(&step) =>
        {
            Some(Ramp { from: today, start, step })
        }
        Some(Some(_)) => {
            let reason =
                format!("use a first day's cap and a step of 1 to {DAILY_CAP_LIMIT} each, like 10+2, or off");
            return Err(Error::Invalid { field: "ramp".to_owned(), reason });
        }
    };
    Ok(Limits {
        quiet: change.quiet.clone().unwrap_or_else(|| old.limits.quiet.clone()),
        ramp,
        consent_required: change.consent_required.unwrap_or(old.limits.consent_required),
    })
}

fn differences(old: &Settings, new: &Settings) -> Vec<Changed> {
    let mode = |is_enforced: bool| if is_enforced { "enforced" } else { "open" };
    let pairs = [
        ("dailyCap", json!(old.new.daily_cap), json!(new.new.daily_cap)),
        ("zone", json!(old.new.zone), json!(new.new.zone)),
        ("undoWindow", json!(old.new.undo_window.as_secs()), json!(new.new.undo_window.as_secs())),
        ("secretRef", json!(old.new.secret.to_string()), json!(new.new.secret.to_string())),
        ("niche", json!(old.niche), json!(new.niche)),
        ("allowlistMode", json!(mode(old.new.allowlist_enforced)), json!(mode(new.new.allowlist_enforced))),
        ("sender", json!(old.new.sender), json!(new.new.sender)),
        ("quiet", json!(old.limits.quiet.to_string()), json!(new.limits.quiet.to_string())),
        ("ramp", json!(old.limits.ramp), json!(new.limits.ramp)),
        ("consentRequired", json!(old.limits.consent_required), json!(new.limits.consent_required)),
    ];
    let mut changed: Vec<Changed> = pairs
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(field, old, new)| Changed { field: field.to_owned(), old, new })
        .collect();
    let keys: std::collections::BTreeSet<_> = old.config.keys().chain(new.config.keys()).collect();
    for key in keys {
        let value = |settings: &Settings| settings.config.get(key).cloned().unwrap_or(Value::Null);
        if value(old) != value(new) {
            changed.push(Changed { field: format!("config.{key}"), old: value(old), new: value(new) });
        }
    }
    changed
}

/// Counts the messages whose frozen bytes say what is no longer so.
async fn consequences(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    old: &Settings,
    new: &Settings,
    changed: Vec<Changed>,
) -> Result<Done, Error> {
    let is_other_sender = old.new.sender != new.new.sender;
    let is_other_secret = old.new.secret.id != new.new.secret.id;
    let has_other_settings = old.config != new.config;
    let open = match is_other_sender || is_other_secret || has_other_settings {
        true => store_change::open_messages(conn, company, outbox).await?,
        false => 0,
    };
    Ok(Done {
        changed,
        keep_sender: if is_other_sender { open } else { 0 },
        keep_settings: if has_other_settings { open } else { 0 },
        name_old_secret: if is_other_secret { open } else { 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelName;

    fn settings() -> Settings {
        let new = NewOutbox {
            name: "mail".to_owned(),
            channel: ChannelName::Email,
            sender: "ana@acme.example".to_owned(),
            secret: "secret://resend:latest".parse().unwrap(),
            daily_cap: 10,
            zone: "Europe/Paris".to_owned(),
            undo_window: Duration::from_secs(30),
            allowlist_enforced: true,
        };
        Settings { new, niche: None, config: serde_json::Map::new(), limits: Limits::default() }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let change = Change {
            daily_cap: Some(10),
            niche: Some(Some("roofs".to_owned())),
            config: [("none".to_owned(), None)].into(),
            ..Change::default()
        };
        let new = apply(&settings(), &change, &[], Timestamp::UNIX_EPOCH).unwrap();
        let changed: Vec<_> = differences(&settings(), &new).into_iter().map(|one| one.field).collect();
        assert_eq!(changed, ["niche"]);
    }

    #[rstest::rstest]
    #[case(Change { daily_cap: Some(-1), ..Change::default() }, "daily-cap")]
    #[case(Change { zone: Some("Mars/Base".to_owned()), ..Change::default() }, "zone")]
    #[case(Change { undo_window: Some(Duration::from_secs(3601)), ..Change::default() }, "undo-window")]
    #[case(Change { sender: Some("nobody".to_owned()), ..Change::default() }, "from")]
    #[case(Change { niche: Some(Some("a\nb".to_owned())), ..Change::default() }, "niche")]
    #[case(Change { ramp: Some(Some((0, 2))), ..Change::default() }, "ramp")]
    #[case(Change { config: [("key".to_owned(), Some("x".to_owned()))].into(), ..Change::default() }, "set")]
    fn what_is_wrong_is_named(#[case] change: Change, #[case] option: &str) {
        match apply(&settings(), &change, &[], Timestamp::UNIX_EPOCH) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, option),
            other => panic!("{other:?}"),
        }
    }
}
