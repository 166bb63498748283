//! Outboxes.
mod change;
mod show;
mod trial;

use std::time::Duration;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::view::OutboxView;
use countersign_core::channel::ChannelName;
use countersign_core::outbox::limits::CIRCUIT_OPENS_AT;
use countersign_core::outbox::store::KillScope;
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
    /// Try an outbox: whether its credential is taken, which only reads, and what a message of it looks like. Sends only with --send.
    Test(trial::Test),
    /// Change settings; what is not named stays. Each change is recorded with its old and its new value.
    Set(Box<change::Set>),
    /// Stop an outbox, a channel or everything until an admin lifts it: nothing leaves, nor what is claimed and not on the wire.
    Kill {
        #[command(flatten)]
        what: What,
        /// Why; people read it on the screen.
        #[arg(long)]
        reason: String,
    },
    /// Let a paused outbox send again. Only an admin lifts the kill of an outbox, a channel or everything.
    Resume {
        #[command(flatten)]
        what: What,
    },
}

/// What is stopped, or sends again.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct What {
    /// Name or id.
    outbox: Option<String>,
    /// Every outbox of this channel.
    #[arg(long, value_parser = channel)]
    channel: Option<ChannelName>,
    /// Every outbox of the company.
    #[arg(long)]
    all: bool,
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
                &["NAME", "CHANNEL", "TODAY", "QUEUED", "NEXT HOUR", "STATE", "FROM"],
                |outbox| {
                    vec![
                        outbox.name.clone(),
                        outbox.channel.to_string(),
                        format!("{}/{}", outbox.sent_today, outbox.effective_cap),
                        outbox.queued.to_string(),
                        outbox.next_hour.to_string(),
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
        Verb::Test(test) => return trial::run(setup, &session, test, output).await,
        Verb::Set(set) => change::run(setup, &session, *set, output).await?,
        Verb::Kill { what, reason } => kill(&session, &what, &reason, output).await?,
        Verb::Resume { what } => resume(&session, &what, output).await?,
    }
    Ok(Code::Done)
}

async fn kill(session: &Session, what: &What, reason: &str, output: Output) -> Result<()> {
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    let (value, name, option) = match &what.outbox {
        Some(outbox) => {
            let found = find(session, outbox).await?;
            outbox::kill(pool, actor, company, found.id, reason).await.map_err(Fault::from)?;
            (json!({ "id": found.id, "enabled": false, "killed": true }), found.name.clone(), found.name)
        }
        None => {
            outbox::kill_all(pool, actor, company, what.channel, reason).await.map_err(Fault::from)?;
            (json!({ "channel": what.channel, "killed": true }), words(what.channel), option(what.channel))
        }
    };
    let next = format!("an admin lifts it with `countersign outboxes resume {option}`");
    output.thing(&value, &[("killed", name), ("to lift it", next)])
}

async fn resume(session: &Session, what: &What, output: Output) -> Result<()> {
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    let Some(outbox) = &what.outbox else {
        outbox::lift_all(pool, actor, company, what.channel).await.map_err(Fault::from)?;
        let value = json!({ "channel": what.channel, "killed": false });
        return output.thing(&value, &[("resumed", words(what.channel))]);
    };
    let found = find(session, outbox).await?;
    outbox::resume(pool, actor, company, found.id).await.map_err(Fault::from)?;
    let mut lines = vec![("resumed", found.name.clone())];
    // A wider kill is another person's word and stays; whoever expects mail to leave is told.
    let now = find(session, outbox).await?;
    if now.kill_reason.is_some() {
        lines.push(("still", state(&now)));
    }
    output.thing(&json!({ "id": found.id, "enabled": true, "killScope": now.kill_scope }), &lines)
}

/// What a wide kill reaches, for people.
fn words(channel: Option<ChannelName>) -> String {
    channel.map_or_else(|| "everything".to_owned(), |channel| format!("every outbox of {channel}"))
}

/// The same as the option that names it.
fn option(channel: Option<ChannelName>) -> String {
    channel.map_or_else(|| "--all".to_owned(), |channel| format!("--channel {channel}"))
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
        return match outbox.kill_scope {
            Some(KillScope::Channel) => format!("KILLED with every outbox of {}: {reason}", outbox.channel),
            Some(KillScope::Company) => format!("KILLED with everything of the company: {reason}"),
            _ => format!("KILLED: {reason}"),
        };
    }
    match (&outbox.pause_reason, outbox.cool_until) {
        (Some(reason), _) if !outbox.enabled => format!("paused: {reason}"),
        (_, Some(until)) if outbox.is_circuit_open => {
            format!(
                "{} calls in a row without a clear answer; one is tried at {until:.0}",
                outbox.fault_streak
            )
        }
        (_, Some(until)) => format!("provider asked to wait until {until:.0}"),
        _ if outbox.sent_today >= outbox.effective_cap => format!("full until {:.0}", outbox.quota_resets_at),
        // Its circuit closes with the first clear answer.
        _ if outbox.fault_streak >= CIRCUIT_OPENS_AT => {
            format!("{} calls in a row without a clear answer; one at a time is tried", outbox.fault_streak)
        }
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
