//! Agents: programs that draft over the API, and their tokens.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::agent::{self, token};
use serde_json::json;

use super::tokens::{self, Arguments, Asked};
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add an agent: it files drafts over the API, changes and withdraws its own, and decides nothing. Or let a disabled one in again.
    Add {
        /// Name; drafts say it as their drafter.
        name: String,
    },
    /// List agents.
    List,
    /// Shut an agent out; its tokens are revoked with it. What it drafted stays.
    Disable {
        /// Name.
        name: String,
    },
    /// Make, list or revoke what an agent shows to the API.
    Token(Arguments),
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::Add { name } => {
            let id = agent::add(pool, actor, company, &name).await.map_err(Fault::from)?;
            let next = format!("countersign agents token {name}");
            output
                .thing(&json!({ "id": id, "name": name }), &[("agent", name.clone()), ("its token", next)])?;
        }
        Verb::List => {
            let mut conn = pool.acquire().await?;
            let agents = agent::store::list(&mut conn, company).await.map_err(Fault::from)?;
            output.list(&agents, None, &["NAME", "TOKENS", "SINCE", "BY", "STATE"], |agent| {
                vec![
                    agent.name.clone(),
                    agent.tokens.to_string(),
                    format!("{:.0}", agent.created_at),
                    agent.created_by.clone(),
                    agent
                        .disabled_at
                        .map_or_else(|| "active".to_owned(), |at| format!("disabled since {at:.0}")),
                ]
            })?;
        }
        Verb::Disable { name } => {
            let done = agent::disable(pool, actor, company, &name).await.map_err(Fault::from)?;
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
            tokens::revoked(id, "agent", &name, output)
        }
        Asked::List(name) => {
            let found = token::list(pool, actor, company, &name).await.map_err(Fault::from)?;
            tokens::list(&found, output)
        }
        Asked::Make { name, label, life } => {
            let made = token::make(pool, actor, company, &name, &label, life).await.map_err(Fault::from)?;
            tokens::made(&made, "agent", &name, output)
        }
    }
}
