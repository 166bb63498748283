//! `countersign themes`: which there are, what one looks like as a file, and where files go. Draws nothing.
use clap::Subcommand;
use color_eyre::eyre::Result;
use serde_json::{Map, Value, json};

use crate::console::{self, Source};
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;

/// What can be done with themes.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The themes there are.
    List,
    /// Print a theme as a file that defines every role.
    Show {
        /// Its name.
        name: String,
    },
    /// Print the folder that a theme's file goes into, as NAME.toml.
    Path,
}

pub(super) fn run(setup: &Setup, verb: &Verb, output: Output) -> Result<Code> {
    let folder = setup.paths.themes();
    match verb {
        Verb::List => {
            let found = console::themes(&folder)
                .map_err(|error| Fault::usage(format!("{} cannot be read: {error}", folder.display())))?;
            let items: Vec<Value> = found
                .iter()
                .map(|theme| {
                    let source = match theme.source {
                        Source::Shipped => "shipped",
                        Source::File => "file",
                        Source::Changed => "shipped, changed by a file",
                    };
                    json!({
                        "name": theme.name,
                        "source": source,
                        "isUsed": theme.name == setup.config.theme.name,
                    })
                })
                .collect();
            output.list(&items, None, &["theme", "source", "configured"], |item| {
                let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
                let used = if item["isUsed"] == true { "yes" } else { "" };
                vec![text("name"), text("source"), used.to_owned()]
            })?;
        }
        Verb::Show { name } => {
            let roles =
                console::theme_roles(name, &folder).map_err(|error| Fault::usage(error.to_string()))?;
            if output.is_json {
                let roles: Map<String, Value> =
                    roles.into_iter().map(|(role, look)| (role.to_owned(), Value::String(look))).collect();
                output.json(&json!({ "name": name, "roles": roles }))?;
            } else {
                output.line("[roles]")?;
                for (role, look) in roles {
                    output.line(format!("{role} = {look}"))?;
                }
            }
        }
        Verb::Path => output.line(folder.display().to_string())?,
    }
    Ok(Code::Done)
}
