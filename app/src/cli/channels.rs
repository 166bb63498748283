//! `countersign channels`: what can be sent where, and by which rules. Asks nobody.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::channel::{Channel, ChannelName, Guide};
use serde_json::{Value, json};

use super::page::channel;
use crate::config::Config;
use crate::engine;
use crate::exit::Code;
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The channels there are.
    List,
    /// Print the rules of a channel: limits, windows, what a repeated request does, what `uncertain` means there.
    Show {
        /// email, cal-com, linkedin, whatsapp, instagram or dry-run.
        #[arg(value_parser = channel)]
        name: ChannelName,
    },
}

pub(super) fn run(setup: &Setup, verb: &Verb, output: Output) -> Result<Code> {
    let lines = engine::ways(&setup.config, None)?;
    let adapter = |name: &ChannelName| lines.renderer(*name).map(|adapter| &**adapter);
    match verb {
        Verb::List => {
            let items: Vec<Value> = ChannelName::ALL
                .iter()
                .filter_map(|name| {
                    let adapter = adapter(name)?;
                    Some(json!({
                        "channel": name, "provider": adapter.guide().provider, "reached": reached(&setup.config, *name),
                    }))
                })
                .collect();
            output.list(&items, None, &["CHANNEL", "PROVIDER", "REACHED AT"], |item| {
                ["channel", "provider", "reached"]
                    .map(|key| item[key].as_str().unwrap_or_default().to_owned())
                    .to_vec()
            })?;
        }
        Verb::Show { name } => {
            if let Some(adapter) = adapter(name) {
                show(&setup.config, adapter, output)?;
            }
        }
    }
    Ok(Code::Done)
}

fn show(config: &Config, adapter: &dyn Channel, output: Output) -> Result<()> {
    let (name, guide) = (adapter.name(), adapter.guide());
    let Guide { provider, sends, limits, windows, idempotency, uncertain, not_offered, credential } = *guide;
    let settings: Vec<Value> = adapter
        .settings()
        .iter()
        .map(|setting| json!({ "key": setting.key, "isRequired": setting.is_required, "what": setting.what }))
        .collect();
    let value = json!({
        "channel": name, "provider": provider, "reached": reached(config, name), "sends": sends, "limits": limits,
        "windows": windows, "idempotency": idempotency, "uncertain": uncertain, "notOffered": not_offered,
        "credential": credential, "settings": settings, "undoWindow": name.default_undo_window().as_secs(),
    });
    let mut told = vec![("channel", name.to_string()), ("provider", provider.to_owned())];
    told.extend(reached(config, name).map(|place| ("reached at", place)));
    let many = [("sends", sends), ("limit", limits), ("window", windows)];
    told.extend(
        many.into_iter().flat_map(|(key, lines)| lines.iter().map(move |line| (key, (*line).to_owned()))),
    );
    told.push((
        "undo",
        format!(
            "a decision can be taken back for {} s unless an outbox says otherwise",
            name.default_undo_window().as_secs()
        ),
    ));
    told.push(("repeats", idempotency.to_owned()));
    told.push(("uncertain", uncertain.to_owned()));
    told.extend(not_offered.iter().map(|line| ("not there", (*line).to_owned())));
    told.push(("credential", credential.to_owned()));
    told.extend(adapter.settings().iter().map(|setting| {
        let need = if setting.is_required { "required" } else { "if wanted" };
        ("setting", format!("{} ({need}): {}", setting.key, setting.what))
    }));
    output.thing(&value, &told)
}

/// Where its provider is reached, and by which version of its API.
fn reached(config: &Config, name: ChannelName) -> Option<String> {
    let reached = config.channels.iter().find(|reached| reached.channel == name)?;
    let version = reached.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
    Some(format!("{}{version}", reached.base))
}
