//! Outboxes.
mod change;
mod show;

use std::time::Duration;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::view::OutboxView;
use countersign_core::channel::ChannelName;
use countersign_core::outbox::{self, NewOutbox};
use countersign_core::safe_text::SafeText;
use countersign_core::secret::{self, SecretRef};
use serde_json::json;

use super::page::channel;
use crate::config::parse_duration;
use crate::exit::{Code, Fault};
use crate::output::{Output, complain};
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a sending identity.
    Add(Add),
    /// List outboxes with quota and load.
    List,
    /// Stop an outbox; what is approved waits.
    Pause {
        /// Name or id.
        outbox: String,
        /// Why; people read it on the screen.
        #[arg(long)]
        reason: String,
    },
    /// Show one outbox: settings, quota, health, what waits, what went wrong last.
    Show {
        /// Name or id.
        outbox: String,
    },
    /// Change settings; what is not named stays. Each change is recorded with its old and its new value.
    Set(Box<change::Set>),
    /// Stop an outbox until an admin lifts it: nothing leaves, nor what is claimed and not on the wire.
    Kill {
        /// Name or id.
        outbox: String,
        /// Why; people read it on the screen.
        #[arg(long)]
        reason: String,
    },
    /// Let a paused outbox send again. Only an admin lets a killed one.
    Resume {
        /// Name or id.
        outbox: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Name: a-z, 0-9 and -.
    name: String,
    /// email, cal-com, linkedin, whatsapp, instagram or dry-run.
    #[arg(long, value_parser = channel)]
    channel: ChannelName,
    /// What the recipient sees, e.g. 'Ana <ana@example.com>'.
    #[arg(long)]
    from: String,
    /// Credential, e.g. secret://resend:latest.
    #[arg(long)]
    secret: String,
    /// Most messages a day.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    daily_cap: i32,
    /// Time zone of that day, e.g. Europe/Paris.
    #[arg(long)]
    zone: String,
    /// How long a decision can be taken back. Default: 30s, for chat channels 10s.
    #[arg(long, value_parser = parse_duration)]
    undo_window: Option<Duration>,
    /// Write to anyone, not only to the allowlist.
    #[arg(long)]
    open: bool,
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let company = session.company.id;
    match verb {
        Verb::Add(add) => return self::add(&session, add, output).await,
        Verb::List => {
            let mut conn = session.pool().acquire().await?;
            let outboxes = outbox::store::list(&mut conn, company).await.map_err(Fault::from)?;
            output.list(
                &outboxes,
                None,
                &["NAME", "CHANNEL", "TODAY", "QUEUED", "STATE", "FROM"],
                |outbox| {
                    vec![
                        outbox.name.clone(),
                        outbox.channel.to_string(),
                        format!("{}/{}", outbox.sent_today, outbox.daily_cap),
                        outbox.queued.to_string(),
                        state(outbox),
                        outbox.sender.clone(),
                    ]
                },
            )?;
        }
        Verb::Pause { outbox, reason } => {
            let found = find(&session, &outbox).await?;
            outbox::pause(session.pool(), &session.actor, company, found.id, &reason)
                .await
                .map_err(Fault::from)?;
            output.thing(&json!({ "id": found.id, "enabled": false }), &[("paused", found.name)])?;
        }
        Verb::Show { outbox } => show::run(&session, &outbox, output).await?,
        Verb::Set(set) => change::run(&session, *set, output).await?,
        Verb::Kill { outbox, reason } => {
            let found = find(&session, &outbox).await?;
            outbox::kill(session.pool(), &session.actor, company, found.id, &reason)
                .await
                .map_err(Fault::from)?;
            let next = format!("an admin lifts it with `countersign outboxes resume {}`", found.name);
            output.thing(
                &json!({ "id": found.id, "enabled": false, "killed": true }),
                &[("killed", found.name), ("to lift it", next)],
            )?;
        }
        Verb::Resume { outbox } => {
            let found = find(&session, &outbox).await?;
            outbox::resume(session.pool(), &session.actor, company, found.id).await.map_err(Fault::from)?;
            output.thing(&json!({ "id": found.id, "enabled": true }), &[("resumed", found.name)])?;
        }
    }
    Ok(Code::Done)
}

async fn add(session: &Session, add: Add, output: Output) -> Result<Code> {
    let secret: SecretRef = add.secret.parse().map_err(|error| Fault::usage(format!("--secret: {error}")))?;
    let new = NewOutbox {
        undo_window: add.undo_window.unwrap_or(add.channel.default_undo_window()),
        name: add.name,
        channel: add.channel,
        sender: add.from,
        secret,
        daily_cap: add.daily_cap,
        zone: add.zone,
        allowlist_enforced: !add.open,
    };
    let id =
        outbox::add(session.pool(), &session.actor, session.company.id, &new).await.map_err(Fault::from)?;
    let mut conn = session.pool().acquire().await?;
    if !secret::store::exists(&mut conn, session.company.id, &new.secret).await.map_err(Fault::from)? {
        complain(&format!(
            "{} is not stored yet; run `countersign secrets set {}`, until then everything waits",
            new.secret, new.secret.id
        ));
    }
    output.thing(
        &json!({ "id": id, "name": new.name }),
        &[("outbox", new.name.clone()), ("id", id.to_string())],
    )?;
    Ok(Code::Done)
}

fn state(outbox: &OutboxView) -> String {
    if let Some(reason) = &outbox.kill_reason {
        return format!("KILLED: {reason}");
    }
    match (&outbox.pause_reason, outbox.cool_until) {
        (Some(reason), _) if !outbox.enabled => format!("paused: {reason}"),
        (_, Some(until)) => format!("provider asked to wait until {until:.0}"),
        _ if outbox.sent_today >= outbox.daily_cap => format!("full until {:.0}", outbox.quota_resets_at),
        _ => "open".to_owned(),
    }
}

/// The outbox of that name or id.
async fn find(session: &Session, wanted: &str) -> Result<OutboxView> {
    let mut conn = session.pool().acquire().await?;
    let found = outbox::store_show::find(&mut conn, session.company.id, wanted).await.map_err(Fault::from)?;
    found.ok_or_else(|| unknown(wanted).into())
}

fn unknown(wanted: &str) -> Fault {
    let wanted = SafeText::line(wanted).truncated(63);
    let sentence = format!("there is no outbox `{wanted}`; see `countersign outboxes list`");
    Fault { code: Code::Failed, sentence }
}
