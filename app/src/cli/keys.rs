//! `countersign keys`: the table of actions, for people, scripts and the README. Needs neither database nor terminal.
use color_eyre::eyre::Result;

use crate::console;
use crate::exit::Code;
use crate::output::Output;

/// What `keys` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the table of the README.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<Code> {
    if arguments.markdown {
        output.block(console::keys_markdown().trim_end())?;
        return Ok(Code::Done);
    }
    let entries = console::keys();
    if output.is_json {
        return output.list(&entries, None, &[], |_| Vec::new()).map(|()| Code::Done);
    }
    let mut group = "";
    for entry in &entries {
        if entry.group != group {
            group = entry.group;
            output.line(group)?;
        }
        let (keys, screens) = (entry.keys.join("  "), entry.screens.join(", "));
        output.line(format!("  {keys:<18} {:<18} {} ({screens})", entry.id, entry.help))?;
    }
    Ok(Code::Done)
}
