//! Secrets. A value comes in on standard input and never goes out.
use std::io::{IsTerminal as _, Read as _};

use clap::Subcommand;
use color_eyre::eyre::{Context as _, Result};
use countersign_core::secret::{self, SECRET_LIMIT_BYTES, SecretRef, SecretText, store};
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
    /// List versions and who uses them, without their values.
    List,
    /// Store a new version of a secret that is there; `latest` means it from then on. The value is read from standard input.
    Rotate {
        /// Id.
        id: String,
    },
    /// Revoke a version: it never works again, also not for what is approved already.
    Revoke {
        /// Id and version, e.g. resend:2.
        #[arg(value_name = "ID:VERSION")]
        which: String,
        /// Why; it stands in the audit log.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Set { id } => store(setup, &id, false, output).await?,
        Verb::Rotate { id } => store(setup, &id, true, output).await?,
        Verb::Revoke { which, reason } => revoke(setup, &which, &reason, output).await?,
        Verb::List => {
            let session = setup.session().await?;
            let mut conn = session.pool().acquire().await?;
            let secrets = store::list(&mut conn, session.company.id).await.map_err(Fault::from)?;
            let heads = ["ID", "VERSION", "STATE", "SINCE", "BY", "USED BY"];
            output.list(&secrets, None, &heads, |secret| {
                vec![
                    secret.id.clone(),
                    secret.version.to_string(),
                    state(secret),
                    format!("{:.0}", secret.created_at),
                    secret.created_by.clone(),
                    secret.used_by.join(", "),
                ]
            })?;
        }
    }
    Ok(Code::Done)
}

fn state(secret: &store::SecretView) -> String {
    match secret.revoked_at {
        Some(at) => format!("revoked {at:.0}"),
        None if secret.is_latest => "latest".to_owned(),
        None => "usable".to_owned(),
    }
}

async fn store(setup: &Setup, id: &str, must_exist: bool, output: Output) -> Result<()> {
    let value = read("countersign secrets set ID")?;
    let session = setup.session().await?;
    let key = engine::master_key(&setup.config, &setup.paths)?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    let version = match must_exist {
        true => secret::rotate(pool, actor, company, &key, id, &value).await,
        false => secret::set(pool, actor, company, &key, id, &value).await,
    };
    let version = version.map_err(Fault::from)?;
    output.thing(&json!({ "id": id, "version": version }), &[("stored", format!("secret://{id}:{version}"))])
}

async fn revoke(setup: &Setup, which: &str, reason: &str, output: Output) -> Result<()> {
    let text = if which.starts_with("secret://") { which.to_owned() } else { format!("secret://{which}") };
    let reference: SecretRef = text.parse().map_err(|_| Fault::usage("name a version, e.g. resend:2"))?;
    let Some(number) = reference.version else {
        return Err(Fault::usage("name a version and not `latest`; see `countersign secrets list`").into());
    };
    let session = setup.session().await?;
    let company = session.company.id;
    let done = secret::revoke(session.pool(), &session.actor, company, &reference.id, number, reason)
        .await
        .map_err(Fault::from)?;
    let mut lines = vec![("revoked", reference.to_string())];
    if !done.go_on.is_empty() {
        lines.push(("go on with the latest version", done.go_on.join(", ")));
    }
    if !done.stop.is_empty() {
        let stop = done.stop.join(", ");
        lines.push(("send nothing until they have a credential", stop));
        lines.push(("to let them go on", format!("countersign secrets rotate {} < key-file", reference.id)));
    }
    output.thing(&json!({ "secret": reference.to_string(), "goOn": done.go_on, "stop": done.stop }), &lines)
}

/// Reads a value for a command. A final line end belongs to the way it was typed, not to the value.
pub(super) fn read(command: &str) -> Result<SecretText> {
    if std::io::stdin().is_terminal() {
        complain(&format!(
            "the value is shown while you type it; better: `{command} < file`. End with ctrl-d."
        ));
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
