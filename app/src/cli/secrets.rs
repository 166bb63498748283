//! Secrets. A value comes in on standard input and never goes out.
use std::io::{IsTerminal as _, Read as _};

use clap::Subcommand;
use color_eyre::eyre::{Context as _, Result};
use countersign_core::secret::{self, SECRET_LIMIT_BYTES, SecretText, store};
use serde_json::json;

use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::{Output, complain};
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Store a new version; the value is read from standard input.
    Set {
        /// Id: a-z, 0-9 and -.
        id: String,
    },
    /// List secrets without their values.
    List,
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Set { id } => {
            let value = read()?;
            let session = setup.session().await?;
            let key = engine::master_key(&setup.config, &setup.paths)?;
            let version = secret::set(session.pool(), &session.actor, session.company.id, &key, &id, &value)
                .await
                .map_err(Fault::from)?;
            output.thing(
                &json!({ "id": id, "version": version }),
                &[("stored", format!("secret://{id}:{version}"))],
            )?;
        }
        Verb::List => {
            let session = setup.session().await?;
            let mut conn = session.pool().acquire().await?;
            let secrets = store::list(&mut conn, session.company.id).await.map_err(Fault::from)?;
            output.list(&secrets, None, &["ID", "VERSION", "SINCE", "BY"], |secret| {
                vec![
                    secret.id.clone(),
                    secret.version.to_string(),
                    format!("{:.0}", secret.created_at),
                    secret.created_by.clone(),
                ]
            })?;
        }
    }
    Ok(Code::Done)
}

/// Reads the value. A final line end belongs to the way it was typed, not to the value.
fn read() -> Result<SecretText> {
    if std::io::stdin().is_terminal() {
        complain(
            "the value is shown while you type it; better: `countersign secrets set ID < file`. End with ctrl-d.",
        );
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(SECRET_LIMIT_BYTES).unwrap_or(u64::MAX);
    std::io::stdin()
        .lock()
        .take(limit + 2)
        .read_to_end(&mut bytes)
        .wrap_err("standard input cannot be read")?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::usage("a secret has to be text in UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(SecretText::new(text.to_owned()))
}
