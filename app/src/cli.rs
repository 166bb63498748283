//! The command line: `countersign <noun> <verb>`. Every verb is a few lines around a use case; `--json` uses the API's names.
mod accounts;
mod agents;
mod allowlist;
mod approvals;
mod channels;
mod companies;
mod console;
mod db;
mod demo;
mod dispatch;
mod drafts;
mod files;
mod inbox;
mod keys;
mod operators;
mod outboxes;
mod page;
mod queue;
mod secrets;
mod serve;
mod suppressions;
mod themes;
mod tokens;
mod webhooks;

use clap::{Parser, Subcommand};
use color_eyre::eyre::Result;
use countersign_core::db::phase;

use crate::config::{Config, Environment};
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::paths::Paths;
use crate::session::{Caller, Setup};

/// Terminal approval console for outbound outreach, with the dispatcher built in.
///
/// Without a command it opens the console. `countersign demo` shows everything with a made-up company.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Company to work on, by its short name. Not needed while there is only one.
    #[arg(long, global = true, value_name = "SLUG")]
    company: Option<String>,
    /// Operator to act as. Whoever is not logged in as that operator needs a token of theirs, in COUNTERSIGN_TOKEN or --token-file.
    #[arg(long = "as", global = true, value_name = "OPERATOR")]
    operator: Option<String>,
    /// File that holds the token for --as; only its owner may be able to read it.
    #[arg(long, global = true, value_name = "FILE", requires = "operator")]
    token_file: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Draw the console in ASCII and without colour, for screen readers and simple terminals.
    #[arg(long, global = true)]
    plain: bool,
    /// Open the console without an engine: another process sends.
    #[arg(long)]
    attach: bool,
    #[command(subcommand)]
    noun: Option<Noun>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Open the console on a made-up company; nothing leaves this machine.
    Demo(demo::Arguments),
    /// Run the built-in sandbox provider by itself.
    Sandbox(demo::SandboxArguments),
    /// Run the dispatcher without a screen.
    Dispatch(dispatch::Arguments),
    /// Run the engine without a screen, for a service manager.
    Serve(serve::Arguments),
    /// Companies.
    #[command(subcommand)]
    Companies(companies::Verb),
    /// People who decide.
    #[command(subcommand)]
    Operators(operators::Verb),
    /// Programs that draft.
    #[command(subcommand)]
    Agents(agents::Verb),
    /// Sending identities.
    #[command(subcommand)]
    Outboxes(outboxes::Verb),
    /// What can be sent where, and by which rules.
    #[command(subcommand)]
    Channels(channels::Verb),
    /// Who may be written to.
    #[command(subcommand)]
    Allowlist(allowlist::Verb),
    /// Who must not be written to.
    #[command(subcommand)]
    Suppressions(suppressions::Verb),
    /// Companies that are written to.
    #[command(subcommand)]
    Accounts(accounts::Verb),
    /// People who are written to.
    #[command(subcommand)]
    Contacts(accounts::ContactVerb),
    /// Credentials.
    #[command(subcommand)]
    Secrets(secrets::Verb),
    /// Where providers send what happens on their side.
    #[command(subcommand)]
    Webhooks(webhooks::Verb),
    /// What came in.
    #[command(subcommand)]
    Inbox(inbox::Verb),
    /// Files that messages carry.
    #[command(subcommand)]
    Files(files::Verb),
    /// Messages that come in.
    #[command(subcommand)]
    Drafts(drafts::Verb),
    /// Decisions.
    #[command(subcommand)]
    Approvals(approvals::Verb),
    /// What the dispatcher has before it.
    #[command(subcommand)]
    Queue(queue::Verb),
    /// Single messages and their lives.
    #[command(subcommand)]
    Activities(queue::ActivityVerb),
    /// The database.
    #[command(subcommand)]
    Db(db::Verb),
    /// What the console's keys do.
    Keys(keys::Arguments),
    /// How the console looks.
    #[command(subcommand)]
    Themes(themes::Verb),
}

impl Noun {
    /// The phase of the schema it cannot do without, besides the base.
    fn needs(&self) -> Option<char> {
        match self {
            Self::Demo(_)
            | Self::Dispatch(_)
            | Self::Serve(_)
            | Self::Outboxes(_)
            | Self::Drafts(_)
            | Self::Approvals(_)
            | Self::Queue(_)
            | Self::Activities(_) => Some(phase::OUTBOXES),
            Self::Webhooks(_) | Self::Inbox(_) => Some(phase::INBOUND),
            _ => None,
        }
    }
}

/// Runs what was asked.
pub(crate) async fn run(arguments: Arguments) -> Result<Code> {
    let output = Output { is_json: arguments.json };
    let paths = Paths::find()?;
    let environment = Environment::of_process().map_err(|error| Fault::usage(error.to_string()))?;
    let config =
        Config::load(&paths.config, &environment).map_err(|error| Fault::usage(error.to_string()))?;
    if let Some(phase) = arguments.noun.as_ref().and_then(Noun::needs) {
        config.phases_off.require(phase).map_err(Fault::from)?;
    }
    if arguments.attach && arguments.noun.is_some() {
        return Err(Fault::usage("--attach: only the console is attached; leave the command out").into());
    }
    let to_stderr = matches!(&arguments.noun, Some(Noun::Serve(serve)) if serve.logs_to_stderr());
    let _log = crate::logging::start(&paths.logs, config.log_level, to_stderr)?;
    let caller = Caller::new(arguments.operator, arguments.token_file.as_deref(), config.token.clone())?;
    let is_plain = arguments.plain;
    let setup = Setup { paths, config, company: arguments.company, caller, is_plain };
    match arguments.noun {
        None if arguments.attach => console::attach(&setup).await,
        None => console::run(&setup).await,
        Some(Noun::Demo(arguments)) => demo::run(&setup, &arguments, output).await,
        Some(Noun::Sandbox(arguments)) => demo::sandbox(&setup, &arguments, output).await,
        Some(Noun::Dispatch(arguments)) => dispatch::run(&setup, &arguments, output).await,
        Some(Noun::Serve(arguments)) => serve::run(&setup, &arguments, output).await,
        Some(Noun::Companies(verb)) => companies::run(&setup, verb, output).await,
        Some(Noun::Operators(verb)) => operators::run(&setup, verb, output).await,
        Some(Noun::Agents(verb)) => agents::run(&setup, verb, output).await,
        Some(Noun::Outboxes(verb)) => outboxes::run(&setup, verb, output).await,
        Some(Noun::Allowlist(verb)) => allowlist::run(&setup, verb, output).await,
        Some(Noun::Suppressions(verb)) => suppressions::run(&setup, verb, output).await,
        Some(Noun::Accounts(verb)) => accounts::run(&setup, verb, output).await,
        Some(Noun::Contacts(verb)) => accounts::run_contacts(&setup, verb, output).await,
        Some(Noun::Secrets(verb)) => secrets::run(&setup, verb, output).await,
        Some(Noun::Webhooks(verb)) => webhooks::run(&setup, verb, output).await,
        Some(Noun::Inbox(verb)) => inbox::run(&setup, verb, output).await,
        Some(Noun::Drafts(verb)) => drafts::run(&setup, verb, output).await,
        Some(Noun::Files(verb)) => files::run(&setup, verb, output).await,
        Some(Noun::Approvals(verb)) => approvals::run(&setup, verb, output).await,
        Some(Noun::Queue(verb)) => queue::run(&setup, verb, output).await,
        Some(Noun::Activities(verb)) => queue::run_activities(&setup, verb, output).await,
        Some(Noun::Db(verb)) => db::run(&setup, verb, output).await,
        Some(Noun::Keys(arguments)) => keys::run(&arguments, output),
        Some(Noun::Themes(verb)) => themes::run(&setup, &verb, output),
        Some(Noun::Channels(verb)) => channels::run(&setup, &verb, output),
    }
}
