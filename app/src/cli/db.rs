//! The database.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::db::catalogue::Name;
use countersign_core::db::migrate;
use countersign_core::db::private::{self, Location, Stopped};
use countersign_core::db::repair::{self, Mode};
use countersign_core::safe_text::SafeText;
use countersign_core::server;
use serde_json::json;

use crate::database::{Database, migrated};
use crate::exit::{Code, Fault};
use crate::meter::{self, Meter, Step};
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Say where the data is and what is applied.
    Status,
    /// Apply what is missing. Every other command does this by itself.
    Migrate,
    /// Drop the tables of one phase, with everything in them.
    Revert {
        /// Letter of the phase.
        #[arg(long)]
        phase: String,
        /// Really do it.
        #[arg(long)]
        yes: bool,
    },
    /// Look for what is wrong and say what mending would do; with --apply, mend it.
    Repair {
        /// Mend what can be mended without guessing.
        #[arg(long)]
        apply: bool,
    },
    /// Send from another server than before: a standby that took over, or a restored backup. An admin may.
    AcceptServer,
    /// Print how to connect, without the password.
    Url,
    /// Stop the private server, also under consoles that use it.
    Stop,
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Status => status(setup, output).await?,
        Verb::Migrate => {
            let database = Database::reach(&setup.config, 4).await?;
            migrated(&database.pool, &setup.config.phases_off).await?;
            output.thing(&json!({ "current": true }), &[("schema", "current".to_owned())])?;
        }
        Verb::Revert { phase, yes } => {
            if !yes {
                return Err(Fault::usage("this drops tables with everything in them; add --yes if that is meant").into());
            }
            let database = Database::reach(&setup.config, 4).await?;
            let revert = async |meter: &Meter| {
                migrate::revert_watched(&database.pool, &phase, &|done, total| meter.set_of(done, total)).await
            };
            let what = format!("reverting phase {}", SafeText::line(&phase).truncated(20));
            meter::around(&what, None, revert).await.map_err(Fault::schema)?;
            let mut lines = vec![("reverted", format!("phase {phase}"))];
            if !phase.chars().all(|letter| setup.config.phases_off.contains(letter)) {
                let words = "the phase is on in the configuration: the next command makes its tables again, empty";
                lines.push(("careful", words.to_owned()));
            }
            output.thing(&json!({ "reverted": phase }), &lines)?;
        }
        Verb::Repair { apply } => return repair(setup, apply, output).await,
        Verb::AcceptServer => {
            let session = setup.session().await?;
            let accepted = server::accept(session.pool(), &session.actor, session.company.id);
            let accepted = accepted.await.map_err(Fault::from)?;
            let words = match &accepted {
                Some(change) => format!("{change}; messages are sent from it again"),
                None => "nothing to accept: messages are sent from the server that is known".to_owned(),
            };
            output.thing(&json!({ "accepted": accepted }), &[("server", words)])?;
        }
        Verb::Url => match &setup.config.database_url {
            Some(_) => output.line("DATABASE_URL is set; that is the connection (it is not repeated here, it may hold a password)")?,
            None => {
                let location = location()?;
                let url = location.url(Name::Main.as_str());
                output.thing(&json!({ "url": url }), &[("url", url.clone()), ("psql", location.psql_hint(Name::Main.as_str()))])?;
            }
        },
        Verb::Stop => {
            if setup.config.database_url.is_some() {
                return Err(Fault::usage("DATABASE_URL is set; that server is not ours to stop").into());
            }
            let stop = async |_: &Meter| {
                tokio::task::spawn_blocking(|| private::stop(&Location::for_user()?)).await
            };
            let stopped = meter::around("stopping PostgreSQL", None, stop).await?;
            let sentence = match stopped.map_err(|error| Fault::database(error.to_string()))? {
                Stopped::WasNotRunning => "was not running".to_owned(),
                Stopped::Stopped { supervisor } => format!("stopped (supervisor {supervisor})"),
            };
            output.thing(&json!({ "server": sentence }), &[("server", sentence.clone())])?;
        }
    }
    Ok(Code::Done)
}

fn location() -> Result<Location> {
    Location::for_user().map_err(|error| Fault::database(error.to_string()).into())
}

async fn status(setup: &Setup, output: Output) -> Result<()> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut server = json!({ "kind": "DATABASE_URL" });
    if setup.config.database_url.is_none() {
        // Looked at before this command itself starts the server.
        let status =
            tokio::task::spawn_blocking(|| Location::for_user().map(|location| private::status(&location)))
                .await?
                .map_err(|error| Fault::database(error.to_string()))?;
        lines.push((
            "server",
            if status.running { "private, was running" } else { "private, was not running" }.to_owned(),
        ));
        lines.push(("data", format!("{} ({} MiB)", status.data_dir.display(), status.data_bytes >> 20)));
        server = json!({ "kind": "private", "running": status.running, "dataDir": status.data_dir, "dataBytes": status.data_bytes });
    } else {
        lines.push(("server", "DATABASE_URL".to_owned()));
    }
    let database = Database::reach(&setup.config, 2).await?;
    let off = &setup.config.phases_off;
    let schema = migrate::status_without(&database.pool, off).await.map_err(Fault::schema)?;
    for phase in &schema.phases {
        let state = if phase.is_off { "switched off" } else { "on" };
        lines.push(("phase", format!("{} ({}): {state}", phase.phase, phase.holds)));
        let waiting = if phase.is_off { "not applied" } else { "pending" };
        let all = [(&phase.applied, "applied"), (&phase.pending, waiting)];
        for (names, word) in all {
            lines.extend(names.iter().map(|name| ("", format!("{word}  {name}"))));
        }
    }
    if !schema.unknown.is_empty() {
        lines
            .push(("unknown", format!("applied migrations this binary does not know: {:?}", schema.unknown)));
    }
    output.thing(&json!({ "server": server, "schema": schema, "current": schema.is_current() }), &lines)
}

async fn repair(setup: &Setup, apply: bool, output: Output) -> Result<Code> {
    let database = Database::reach(&setup.config, 3).await?;
    let mode = if apply { Mode::Apply } else { Mode::Look };
    let work = async |meter: &Meter| {
        let tell = |step: repair::Step<'_>| {
            let number = Some((step.number, step.of));
            meter.step(Step { number, words: step.words.to_owned(), left: None });
        };
        repair::repair_watched(&database.pool, &setup.config.phases_off, mode, &tell).await
    };
    let findings = meter::around("repair", None, work).await.map_err(Fault::schema)?;
    let left = findings.iter().any(|finding| finding.is_for_people);
    if output.is_json {
        output.json(&json!({ "applied": apply, "items": findings }))?;
    } else if findings.is_empty() {
        output.line("nothing to do: the database is as this binary wants it")?;
    }
    for finding in findings.iter().filter(|_| !output.is_json) {
        let mut lines = vec![("what", finding.what.clone()), ("why", finding.why.clone())];
        match (finding.is_for_people, finding.done.as_str()) {
            (true, _) => lines.push(("for you", finding.remedy.clone())),
            (false, "") => lines.push(("--apply", finding.remedy.clone())),
            (false, done) => lines.push(("done", done.to_owned())),
        }
        output.thing(&json!(null), &lines)?;
        output.line("")?;
    }
    // Mended or not: what is left to people is not done.
    Ok(if apply && left { Code::Failed } else { Code::Done })
}
