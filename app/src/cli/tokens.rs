//! What is alike about the tokens of operators and agents: the words of the command, and how they are printed.
use std::time::Duration;

use color_eyre::eyre::Result;
use countersign_core::ids::TokenId;
use countersign_core::token::{DEFAULT_LIFE, NewToken, TokenView};
use serde_json::{Value, json};

use crate::config::parse_days;
use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
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

/// What is to be done with tokens.
pub(super) enum Asked {
    /// Make one.
    Make {
        /// Whose.
        name: String,
        /// What for.
        label: String,
        /// For how long.
        life: Duration,
    },
    /// List those of this name.
    List(String),
    /// Revoke this one.
    Revoke(TokenId),
}

impl Arguments {
    pub(super) fn asked(self) -> Asked {
        let name = self.name.unwrap_or_default();
        match self.revoke {
            Some(id) => Asked::Revoke(id),
            None if self.list => Asked::List(name),
            None => Asked::Make { name, label: self.label, life: self.expires.unwrap_or(DEFAULT_LIFE) },
        }
    }
}

/// Prints a token that was made.
pub(super) fn made(made: &NewToken, holder: &str, name: &str, output: Output) -> Result<()> {
    if output.is_json {
        return output.json(&with(
            holder,
            name,
            json!({
                "id": made.id, "expiresAt": made.expires_at, "token": made.text.expose(),
            }),
        ));
    }
    // The token alone on standard output, so that it can be led into a file; what people want to know goes beside it.
    crate::output::complain(&format!(
        "token {} of {name}, until {:.0}; it is shown this once and never again",
        made.id, made.expires_at
    ));
    output.line(made.text.expose())
}

/// Prints that a token was revoked.
pub(super) fn revoked(id: TokenId, holder: &str, name: &str, output: Output) -> Result<()> {
    output.thing(
        &with(holder, name, json!({ "id": id, "revoked": true })),
        &[("revoked", id.to_string()), (holder, name.to_owned())],
    )
}

/// Prints tokens, never their texts.
pub(super) fn list(tokens: &[TokenView], output: Output) -> Result<()> {
    output.list(tokens, None, &["ID", "STATE", "EXPIRES", "LAST USED", "BY", "LABEL"], |token| {
        vec![
            token.id.to_string(),
            state(token).to_owned(),
            format!("{:.0}", token.expires_at),
            token.last_used_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
            token.created_by.clone(),
            token.name.clone(),
        ]
    })
}

fn with(holder: &str, name: &str, mut value: Value) -> Value {
    value[holder] = json!(name);
    value
}

fn state(token: &TokenView) -> &'static str {
    match (token.is_usable, token.revoked_at) {
        (true, _) => "usable",
        (false, Some(_)) => "revoked",
        (false, None) => "expired",
    }
}
