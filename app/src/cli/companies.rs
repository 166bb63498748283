//! Companies and operators.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::actor::Role;
use countersign_core::{company, operator};
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
}

#[derive(Debug, Subcommand)]
pub(super) enum OperatorVerb {
    /// Add a person, by the name they log in to this machine with.
    Add {
        /// Login name.
        name: String,
        /// viewer, approver or admin.
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// List operators.
    List,
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "not a role; the roles are viewer, approver and admin".to_owned())
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
            output.list(&companies, None, &["SLUG", "NAME"], |company| {
                vec![company.slug.clone(), company.name.clone()]
            })?;
        }
    }
    Ok(Code::Done)
}

pub(super) async fn run_operators(setup: &Setup, verb: OperatorVerb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    match verb {
        OperatorVerb::Add { name, role } => {
            let id = operator::add(session.pool(), &session.actor, session.company.id, &name, role)
                .await
                .map_err(Fault::from)?;
            output.thing(
                &json!({ "id": id, "name": name, "role": role }),
                &[("operator", name.clone()), ("role", role.as_str().to_owned())],
            )?;
        }
        OperatorVerb::List => {
            let mut conn = session.pool().acquire().await?;
            let operators =
                operator::store::list(&mut conn, session.company.id).await.map_err(Fault::from)?;
            output.list(&operators, None, &["NAME", "ROLE", "SINCE"], |operator| {
                vec![
                    operator.name.clone(),
                    operator.role.as_str().to_owned(),
                    format!("{:.0}", operator.created_at),
                ]
            })?;
        }
    }
    Ok(Code::Done)
}
