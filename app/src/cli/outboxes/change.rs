//! `outboxes set`.
use std::collections::BTreeMap;
use std::time::Duration;

use color_eyre::eyre::Result;
use countersign_core::outbox::limits::{NotQuietHours, QuietHours, Ramp};
use countersign_core::outbox::{self, Change};
use countersign_core::secret::{self, SecretRef};
use serde_json::{Value, json};

use super::find;
use crate::config::parse_duration;
use crate::engine;
use crate::exit::Fault;
use crate::output::{Output, complain};
use crate::session::{Session, Setup};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Set {
    /// Name or id.
    outbox: String,
    /// Most messages a day. Below what was sent today it counts from tomorrow on; today nothing more leaves.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    daily_cap: Option<i32>,
    /// Time zone of that day. What was sent today stays counted.
    #[arg(long)]
    zone: Option<String>,
    /// How long a decision can be taken back, from the next decision on.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    undo_window: Option<Duration>,
    /// Credential. Messages that wait and name another secret id will not be sent.
    #[arg(long, value_name = "REF")]
    secret: Option<String>,
    /// Market segment.
    #[arg(long, conflicts_with = "no_niche")]
    niche: Option<String>,
    /// No market segment any more.
    #[arg(long)]
    no_niche: bool,
    /// Whether recipients must be on the allowlist.
    #[arg(long, value_parser = ["enforced", "open"])]
    allowlist_mode: Option<String>,
    /// What recipients of drafts filed from now on see. Drafts and approved messages keep the sender they were filed with.
    #[arg(long, value_name = "SENDER")]
    from_for_new_drafts: Option<String>,
    /// When recipients are left alone, by their local time: 20:00-08:00, sat,sun, both with a comma, or off.
    #[arg(long, value_name = "HOURS", value_parser = quiet)]
    quiet: Option<QuietHours>,
    /// Warm-up from today on: the cap of the first day and by how much it grows a day, like 10+2; or off.
    #[arg(long, value_name = "CAP+STEP", value_parser = ramp)]
    ramp: Option<WarmUp>,
    /// Whether a contact must have consented to the channel.
    #[arg(long, value_parser = ["required", "not-required"])]
    consent: Option<String>,
    /// Provider setting; KEY= takes it away. `countersign channels show CHANNEL` lists those of a channel.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    config: Vec<(String, Option<String>)>,
}

/// Cap of the first day and step, or none at all. Under a name of its own, because an option of an option means an optional value to clap.
type WarmUp = Option<(i32, i32)>;

fn pair(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, or KEY= to take it away")?;
    Ok((key.to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty())))
}

fn quiet(text: &str) -> Result<QuietHours, String> {
    match text {
        "off" => Ok(QuietHours::default()),
        other => other.parse().map_err(|error: NotQuietHours| error.to_string()),
    }
}

fn ramp(text: &str) -> Result<WarmUp, String> {
    if text == "off" {
        return Ok(None);
    }
    let (start, step) = text.split_once('+').map_or((text, None), |(start, step)| (start, Some(step)));
    let number =
        |text: &str| text.trim().parse::<i32>().map_err(|_| "write CAP+STEP, like 10+2, or off".to_owned());
    Ok(Some((number(start)?, step.map_or(Ok(Ramp::DEFAULT_STEP), number)?)))
}

pub(super) async fn run(setup: &Setup, session: &Session, set: Set, output: Output) -> Result<()> {
    let found = find(session, &set.outbox).await?;
    let secret: Option<SecretRef> = match &set.secret {
        Some(text) => Some(text.parse().map_err(|error| Fault::usage(format!("--secret: {error}")))?),
        None => None,
    };
    let change = Change {
        daily_cap: set.daily_cap,
        zone: set.zone,
        undo_window: set.undo_window,
        secret,
        niche: if set.no_niche { Some(None) } else { set.niche.map(Some) },
        allowlist_enforced: set.allowlist_mode.map(|mode| mode == "enforced"),
        sender: set.from_for_new_drafts,
        quiet: set.quiet,
        ramp: set.ramp,
        consent_required: set.consent.map(|word| word == "required"),
        config: set.config.into_iter().collect::<BTreeMap<_, _>>(),
    };
    let company = session.company.id;
    let lines = engine::ways(&setup.config, None)?;
    let done = outbox::change(session.pool(), &session.actor, company, found.id, &change, &lines)
        .await
        .map_err(Fault::from)?;
    if let Some(reference) = &change.secret {
        let mut conn = session.pool().acquire().await?;
        if !secret::store::exists(&mut conn, company, reference).await.map_err(Fault::from)? {
            complain(&format!(
                "{reference} cannot be used; run `countersign secrets set {}`, until then everything waits",
                reference.id
            ));
        }
    }
    let mut words_of: Vec<(&str, String)> = done
        .changed
        .iter()
        .map(|one| ("changed", format!("{}: {} → {}", one.field, words(&one.old), words(&one.new))))
        .collect();
    if words_of.is_empty() {
        words_of.push(("unchanged", format!("{} is like that already", found.name)));
    }
    if done.keep_sender > 0 {
        let words = format!(
            "{} drafts and approved messages keep the old sender; they stay as they are",
            done.keep_sender
        );
        words_of.push(("kept", words));
    }
    if done.keep_settings > 0 {
        let words = format!(
            "{} drafts and approved messages were rendered with the old settings; they stay as they are, edit them to use the new ones",
            done.keep_settings
        );
        words_of.push(("kept", words));
    }
    if done.name_old_secret > 0 {
        let words = format!(
            "{} drafts and approved messages name the old secret; they will be blocked, not sent under another one",
            done.name_old_secret
        );
        words_of.push(("careful", words));
    }
    output.thing(&json!({ "id": found.id, "name": found.name, "done": done }), &words_of)
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        set: Set,
    }

    #[rstest::rstest]
    #[case("10+5", Some(Some((10, 5))))]
    #[case("10", Some(Some((10, Ramp::DEFAULT_STEP))))]
    #[case("off", Some(None))]
    fn a_warm_up_is_read(#[case] value: &str, #[case] read: Option<WarmUp>) {
        let line = Line::try_parse_from(["set", "main", "--ramp", value]).unwrap();
        assert_eq!(line.set.ramp, read);
        assert_eq!(Line::try_parse_from(["set", "main"]).unwrap().set.ramp, None);
    }
}
