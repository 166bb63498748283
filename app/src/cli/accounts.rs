//! Accounts and contacts: lists of them come in, and what is known of them is read.
pub(super) mod contact;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::account::view::{AccountView, Narrow};
use countersign_core::account::{Report, check, import_accounts, import_contacts, store_read};
use countersign_core::channel::ChannelName;
use countersign_core::company::money::Money;
use countersign_core::draft::LineError;
use countersign_core::draft::file::Mode;
use countersign_core::safe_text::SafeText;

use super::drafts::{tell_errors, tell_unused};
use super::page::{Paging, channel};
use crate::exit::{Code, Fault};
use crate::intake::{self, Intake};
use crate::meter::{self, Meter};
use crate::output::Output;
use crate::pages::cut;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Import accounts from JSON lines or CSV: name, domain, tier (1 to 5), valueMinor, currency, country.
    ///
    /// Accounts are matched by name. A value replaces the one that was known, an empty one replaces nothing.
    Import(intake::Source),
    /// List accounts by name.
    List(List),
    /// Show an account.
    Show {
        /// Its exact name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ContactVerb {
    /// Import contacts from JSON lines or CSV: name, account, email, phone, handle, locale, zone, country.
    ///
    /// Contacts are matched by any of their addresses; a further line for the same one adds addresses. A value replaces the one that was
    /// known, an empty one replaces nothing. An address that belongs to another contact is refused.
    Import(intake::Source),
    /// List contacts by name.
    List(List),
    /// Show a contact: addresses, whether they are on the allowlist or suppressed, consents, messages.
    Show {
        /// Id or address.
        contact: String,
    },
    /// Record what a contact said about being written to on a channel; the last word counts. A withdrawal stops every message there.
    Consent {
        /// Id or address.
        contact: String,
        /// On which channel.
        #[arg(long, value_parser = channel)]
        channel: ChannelName,
        /// What was said.
        #[arg(long)]
        state: contact::Said,
        /// Where it says so; recorded with your name.
        #[arg(long, value_name = "TEXT")]
        evidence: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only this account, by its exact name.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only accounts of this tier.
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(i16).range(1..=5))]
    tier: Option<i16>,
    /// Only this country, ISO 3166-1 alpha-2; a contact without one is where its account is.
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Only names that hold this text.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    fn narrow(&self) -> Narrow {
        Narrow {
            account: self.account.clone(),
            tier: self.tier,
            country: self.country.as_ref().map(|code| code.to_ascii_uppercase()),
            text: self.text.clone().filter(|text| !text.is_empty()),
        }
    }

    fn after<T: std::str::FromStr>(&self) -> Result<Option<T>, Fault> {
        let refuse =
            |_| Fault::usage("--cursor: not a cursor of this list; use the one the page before printed");
        self.paging.cursor.as_deref().map(str::parse).transpose().map_err(refuse)
    }
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Import(source) => {
            let intake = intake::read(&source, intake::ACCOUNT, check::account).await?;
            let session = setup.session().await?;
            let (mode, total) = (mode(&source, &intake.errors), intake.lines.len());
            let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
            let report = meter::around("importing accounts", Some(total), async |meter: &Meter| {
                import_accounts(pool, actor, company, &intake.lines, mode, &|done| meter.set(done)).await
            })
            .await;
            tell(report.map_err(Fault::from)?, intake, source.partial, output)
        }
        Verb::List(list) => {
            let session = setup.session().await?;
            let mut conn = session.pool().acquire().await?;
            let limit = i64::from(list.paging.limit) + 1;
            let company = session.company.id;
            let mut rows = store_read::accounts(&mut conn, company, &list.narrow(), list.after()?, limit)
                .await
                .map_err(Fault::from)?;
            let next = cut(&mut rows, list.paging.limit).map(|last| last.id.to_string());
            let heads = ["TIER", "VALUE", "COUNTRY", "CONTACTS", "DOMAIN", "NAME"];
            output.list(&rows, next, &heads, |row| {
                let domain = row.domain.clone().unwrap_or_default();
                vec![
                    row.tier.map(|tier| tier.to_string()).unwrap_or_default(),
                    value(row),
                    row.country.clone().unwrap_or_default(),
                    row.contacts.to_string(),
                    domain,
                    row.name.clone(),
                ]
            })?;
            Ok(Code::Done)
        }
        Verb::Show { name } => {
            let session = setup.session().await?;
            let mut conn = session.pool().acquire().await?;
            let narrow = Narrow { account: Some(name.clone()), ..Narrow::default() };
            let rows = store_read::accounts(&mut conn, session.company.id, &narrow, None, 1)
                .await
                .map_err(Fault::from)?;
            let row = rows.first().ok_or_else(|| unknown("account", &name, "accounts list"))?;
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            output.thing(
                &serde_json::to_value(row)?,
                &[
                    ("account", row.name.clone()),
                    ("id", row.id.to_string()),
                    ("domain", or_dash(row.domain.clone())),
                    ("tier", or_dash(row.tier.map(|tier| tier.to_string()))),
                    ("value", or_dash(Some(value(row)).filter(|value| !value.is_empty()))),
                    ("country", or_dash(row.country.clone())),
                    ("contacts", row.contacts.to_string()),
                ],
            )?;
            Ok(Code::Done)
        }
    }
}

pub(super) async fn run_contacts(setup: &Setup, verb: ContactVerb, output: Output) -> Result<Code> {
    match verb {
        ContactVerb::Import(source) => {
            let intake = intake::read(&source, intake::CONTACT, check::contact).await?;
            let session = setup.session().await?;
            let (mode, total) = (mode(&source, &intake.errors), intake.lines.len());
            let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
            let report = meter::around("importing contacts", Some(total), async |meter: &Meter| {
                import_contacts(pool, actor, company, &intake.lines, mode, &|done| meter.set(done)).await
            })
            .await;
            tell(report.map_err(Fault::from)?, intake, source.partial, output)
        }
        ContactVerb::List(list) => {
            let session = setup.session().await?;
            let mut conn = session.pool().acquire().await?;
            let limit = i64::from(list.paging.limit) + 1;
            let company = session.company.id;
            let mut rows = store_read::contacts(&mut conn, company, &list.narrow(), list.after()?, limit)
                .await
                .map_err(Fault::from)?;
            let next = cut(&mut rows, list.paging.limit).map(|last| last.id.to_string());
            output.list(&rows, next, &["COUNTRY", "NAME", "ACCOUNT", "ADDRESSES"], |row| {
                vec![
                    row.country.clone().unwrap_or_default(),
                    row.name.clone(),
                    row.account.clone().unwrap_or_default(),
                    row.addresses.join(" "),
                ]
            })?;
            Ok(Code::Done)
        }
        ContactVerb::Show { contact } => contact::show(&setup.session().await?, &contact, output).await,
        ContactVerb::Consent { contact, channel, state, evidence } => {
            let session = setup.session().await?;
            contact::consent(&session, &contact, channel, state, &evidence, output).await
        }
    }
}

fn mode(source: &intake::Source, errors: &[LineError]) -> Mode {
    match (source.partial, errors.is_empty()) {
        (true, _) => Mode::Partial,
        (false, true) => Mode::AllOrNothing,
        // Nothing will be written, but the other lines are checked all the same, so that one run names every fault.
        (false, false) => Mode::Check,
    }
}

fn tell<T>(mut report: Report, intake: Intake<T>, partial: bool, output: Output) -> Result<Code> {
    tell_unused(&intake.unused);
    report.errors.extend(intake.errors);
    report.errors.sort_by_key(|error| error.line);
    if output.is_json {
        output.json(&report)?;
    } else {
        let made = match report.accounts_made {
            0 => String::new(),
            count => format!(", {count} accounts made for them"),
        };
        output.line(format!(
            "{} new, {} changed, {} known already, {} not acceptable{made}",
            report.inserted,
            report.updated,
            report.identical,
            report.errors.len()
        ))?;
        tell_errors(&report.errors, partial);
    }
    Ok(if report.errors.is_empty() { Code::Done } else { Code::Failed })
}

fn value(row: &AccountView) -> String {
    match (row.value_minor, &row.currency) {
        (Some(minor), Some(currency)) => Money { minor, currency: currency.clone() }.to_string(),
        _ => String::new(),
    }
}

fn unknown(what: &str, wanted: &str, list: &str) -> Fault {
    let wanted = SafeText::line(wanted).truncated(63);
    let sentence = format!("there is no {what} `{wanted}`; see `countersign {list}`");
    Fault { code: Code::Failed, sentence }
}
