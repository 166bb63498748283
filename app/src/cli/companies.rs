//! Companies.
mod policy;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::company;
use serde_json::json;

use crate::database::Database;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Setup, user};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a company. You become its first operator, an admin.
    Add {
        /// Short name: a-z, 0-9 and -.
        slug: String,
        /// Name for people.
        #[arg(long)]
        name: String,
    },
    /// List companies.
    List,
    /// Show one company with its people and its load.
    Show {
        /// Short name or id. Default: the one that is worked on.
        company: Option<String>,
    },
    /// Change what the company asks of every message; what is not named stays. Each change is recorded.
    Set(policy::Set),
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let database = Database::open(&setup.config, 2).await?;
    match verb {
        Verb::Add { slug, name } => {
            let (company, actor) =
                company::add(&database.pool, &slug, &name, false, &user()?).await.map_err(Fault::from)?;
            let operator = actor.name().to_owned();
            let value = json!({ "company": company, "operator": operator });
            output.thing(
                &value,
                &[
                    ("company", company.slug),
                    ("admin", operator),
                    ("next", "countersign outboxes add …".to_owned()),
                ],
            )?;
        }
        Verb::List => {
            let mut conn = database.pool.acquire().await?;
            let companies = company::store::list(&mut conn).await.map_err(Fault::from)?;
            output.list(&companies, None, &["SLUG", "SENDS TO", "ID", "NAME"], |company| {
                vec![
                    company.slug.clone(),
                    sends_to(company).to_owned(),
                    company.id.to_string(),
                    company.name.clone(),
                ]
            })?;
        }
        Verb::Show { company } => show(setup, database, company, output).await?,
        Verb::Set(set) => policy::run(&setup.session_on(database).await?, set, output).await?,
    }
    Ok(Code::Done)
}

fn sends_to(company: &company::Company) -> &'static str {
    if company.sandbox { "sandbox" } else { "people" }
}

async fn show(setup: &Setup, database: Database, wanted: Option<String>, output: Output) -> Result<()> {
    let mut conn = database.pool.acquire().await?;
    let companies = company::store::list(&mut conn).await.map_err(Fault::from)?;
    let company = match wanted {
        None => setup.choose(&database.pool).await?,
        Some(wanted) => {
            companies.into_iter().find(|known| known.slug == wanted || known.id.to_string() == wanted)
        }
    };
    let Some(company) = company else {
        let sentence = "there is no such company; see `countersign companies list`".to_owned();
        return Err(Fault { code: Code::Failed, sentence }.into());
    };
    setup.caller.actor(&database.pool, &company).await?;
    let figures = company::store::figures(&mut conn, company.id).await.map_err(Fault::from)?;
    let asked = company::store_policy::policy(&mut conn, company.id).await.map_err(Fault::from)?;
    let value = json!({
        "company": company, "figures": figures, "policy": asked, "notSet": asked.not_set(),
    });
    let mut lines = vec![
        ("company", company.slug.clone()),
        ("name", company.name.clone()),
        ("id", company.id.to_string()),
        ("sends to", sends_to(&company).to_owned()),
        ("since", format!("{:.0}", figures.created_at)),
        ("operators", format!("{} ({} admins)", figures.operators, figures.admins)),
        ("contacts", figures.contacts.to_string()),
        ("secrets", figures.secrets.to_string()),
        ("allowlist", format!("{} entries", figures.allowlist)),
    ];
    lines.extend(policy::lines(&asked));
    output.thing(&value, &lines)
}
