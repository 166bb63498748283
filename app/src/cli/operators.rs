//! Operators and their tokens.
use std::time::Duration;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::actor::Role;
use countersign_core::ids::TokenId;
use countersign_core::operator::{self, token};
use serde_json::json;

use crate::config::parse_days;
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
    Token(Token),
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// Whose token.
    #[arg(required_unless_present = "revoke")]
    name: Option<String>,
    /// List the tokens of NAME, never their texts.
    #[arg(long, conflicts_with_all = ["revoke", "expires", "label"])]
    list: bool,
    /// Revoke the token with this id, as the list prints it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "expires", "label"])]
    revoke: Option<TokenId>,
    /// How long it counts, at most 366d. Default: 90d.
    #[arg(long, value_name = "TIME", value_parser = parse_days)]
    expires: Option<Duration>,
    /// What it is for; the list shows it.
    #[arg(long, value_name = "TEXT", default_value = "token")]
    label: String,
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
        Verb::Token(arguments) => tokens(&session, arguments, output).await?,
    }
    Ok(Code::Done)
}

async fn tokens(session: &Session, arguments: Token, output: Output) -> Result<()> {
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    if let Some(id) = arguments.revoke {
        let name = token::revoke(pool, actor, company, id).await.map_err(Fault::from)?;
        return output.thing(
            &json!({ "id": id, "operator": name, "revoked": true }),
            &[("revoked", id.to_string()), ("operator", name.clone())],
        );
    }
    let name = arguments.name.unwrap_or_default();
    if arguments.list {
        let tokens = token::list(pool, actor, company, &name).await.map_err(Fault::from)?;
        return output.list(
            &tokens,
            None,
            &["ID", "STATE", "EXPIRES", "LAST USED", "BY", "LABEL"],
            |token| {
                vec![
                    token.id.to_string(),
                    state(token).to_owned(),
                    format!("{:.0}", token.expires_at),
                    token.last_used_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
                    token.created_by.clone(),
                    token.name.clone(),
                ]
            },
        );
    }
    let life = arguments.expires.unwrap_or(token::DEFAULT_LIFE);
    let made = token::make(pool, actor, company, &name, &arguments.label, life).await.map_err(Fault::from)?;
    if output.is_json {
        return output.json(&json!({
            "id": made.id, "operator": name, "expiresAt": made.expires_at, "token": made.text.expose(),
        }));
    }
    // The token alone on standard output, so that it can be led into a file; what people want to know goes beside it.
    crate::output::complain(&format!(
        "token {} of {name}, until {:.0}; it is shown this once and never again",
        made.id, made.expires_at
    ));
    output.line(made.text.expose())
}

fn state(token: &token::TokenView) -> &'static str {
    match (token.is_usable, token.revoked_at) {
        (true, _) => "usable",
        (false, Some(_)) => "revoked",
        (false, None) => "expired",
    }
}
