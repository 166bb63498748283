//! Operators and their tokens.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::actor::Role;
use countersign_core::operator::{self, token};
use serde_json::json;

use super::tokens::{self, Arguments, Asked};
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a person, by the name they log in to this machine with; or let a disabled one in again.
    Add {
        /// Login name.
        name: String,
        /// viewer, approver or admin.
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// List operators.
    List,
    /// Shut a person out; their tokens are revoked with it.
    Disable {
        /// Name.
        name: String,
    },
    /// Make, list or revoke what lets somebody act as an operator with --as.
    Token(Arguments),
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "not a role; the roles are viewer, approver and admin".to_owned())
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::Add { name, role } => {
            let id = operator::add(pool, actor, company, &name, role).await.map_err(Fault::from)?;
            output.thing(
                &json!({ "id": id, "name": name, "role": role }),
                &[("operator", name.clone()), ("role", role.as_str().to_owned())],
            )?;
        }
        Verb::List => {
            let mut conn = pool.acquire().await?;
            let operators = operator::store::list(&mut conn, company).await.map_err(Fault::from)?;
            output.list(&operators, None, &["NAME", "ROLE", "TOKENS", "SINCE", "STATE"], |operator| {
                vec![
                    operator.name.clone(),
                    operator.role.as_str().to_owned(),
                    operator.tokens.to_string(),
                    format!("{:.0}", operator.created_at),
                    operator
                        .disabled_at
                        .map_or_else(|| "active".to_owned(), |at| format!("disabled since {at:.0}")),
                ]
            })?;
        }
        Verb::Disable { name } => {
            let done = operator::disable(pool, actor, company, &name).await.map_err(Fault::from)?;
            output.thing(
                &json!({ "id": done.id, "name": name, "tokensRevoked": done.tokens }),
                &[("disabled", name.clone()), ("tokens revoked", done.tokens.to_string())],
            )?;
        }
        Verb::Token(arguments) => handle_tokens(&session, arguments, output).await?,
    }
    Ok(Code::Done)
}

async fn handle_tokens(session: &Session, arguments: Arguments, output: Output) -> Result<()> {
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match arguments.asked() {
        Asked::Revoke(id) => {
            let name = token::revoke(pool, actor, company, id).await.map_err(Fault::from)?;
            tokens::revoked(id, "operator", &name, output)
        }
        Asked::List(name) => {
            let found = token::list(pool, actor, company, &name).await.map_err(Fault::from)?;
            tokens::list(&found, output)
        }
        Asked::Make { name, label, life } => {
            let made = token::make(pool, actor, company, &name, &label, life).await.map_err(Fault::from)?;
            tokens::made(&made, "operator", &name, output)
        }
    }
}
