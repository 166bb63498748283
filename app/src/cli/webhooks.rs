//! Webhook endpoints. A secret comes in on standard input and never goes out; a verify token is shown once.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_adapters::webhook;
use countersign_core::ids::EndpointId;
use countersign_core::inbound::endpoint::{self, Earlier};
use countersign_core::inbound::provider::Provider;
use countersign_core::inbound::public_url::PublicUrl;
use countersign_core::sync;
use serde_json::json;

use super::secrets;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add an endpoint; the secret that the provider signs with is read from standard input.
    Add {
        /// Who sends there: resend, twilio, cal-com, calendly, linkedin or instagram.
        #[arg(value_parser = provider)]
        provider: Provider,
        /// Address under which the provider reaches this installation, like https://crm.example.com; listener.public_url if left out. What
        /// stands behind a `?` is kept.
        #[arg(long, value_parser = public_url)]
        url: Option<PublicUrl>,
    },
    /// List endpoints, with how many deliveries could not be proven.
    List,
    /// Show how far the lists of providers were read for what webhooks missed.
    Lists,
    /// Store another secret beside the ones that are accepted; it is read from standard input.
    Rotate {
        /// Id of the endpoint.
        endpoint: EndpointId,
        /// End the earlier secrets at once. Without it they are accepted until `countersign secrets revoke` ends them.
        #[arg(long)]
        revoke_old: bool,
    },
    /// Remove an endpoint: deliveries to it are answered as if it had never been.
    Remove {
        /// Id of the endpoint.
        endpoint: EndpointId,
    },
}

/// Reads the name of a provider.
pub(super) fn provider(word: &str) -> Result<Provider, String> {
    Provider::parse(word).ok_or_else(|| {
        let known: Vec<&str> = Provider::ALL.iter().map(|provider| provider.as_str()).collect();
        format!("use one of {}", known.join(", "))
    })
}

fn public_url(text: &str) -> Result<PublicUrl, &'static str> {
    PublicUrl::parse(text)
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    match verb {
        Verb::Add { provider, url } => add(setup, provider, url, output).await?,
        Verb::List => list(setup, output).await?,
        Verb::Lists => lists(setup, output).await?,
        Verb::Rotate { endpoint, revoke_old } => rotate(setup, endpoint, revoke_old, output).await?,
        Verb::Remove { endpoint } => {
            let session = setup.session().await?;
            endpoint::remove(session.pool(), &session.actor, session.company.id, endpoint)
                .await
                .map_err(Fault::from)?;
            output
                .thing(&json!({ "id": endpoint, "removed": true }), &[("removed", endpoint.to_string())])?;
        }
    }
    Ok(Code::Done)
}

async fn add(setup: &Setup, provider: Provider, url: Option<PublicUrl>, output: Output) -> Result<()> {
    let secret = secrets::read(&format!("countersign webhooks add {provider}"))?;
    let session = setup.session().await?;
    let key = engine::master_key(&setup.config, &setup.paths)?;
    let url = url.or_else(|| setup.config.listener.public_url.clone());
    let (pool, company) = (session.pool(), session.company.id);
    let added = endpoint::add(pool, &session.actor, company, &key, webhook(provider), &secret, url.as_ref())
        .await
        .map_err(Fault::from)?;
    let token = added.verify_token.as_ref().map(|token| token.expose().to_owned());
    let mut lines = vec![("endpoint", added.id.to_string())];
    match &added.url {
        Some(url) => lines.push(("give the provider", url.clone())),
        None => lines.push(("path to give the provider", added.path.clone())),
    }
    if let Some(token) = &token {
        lines.push(("verify token, shown only now", token.clone()));
    }
    let value = json!({
        "id": added.id, "provider": provider, "path": added.path, "url": added.url, "verifyToken": token,
    });
    output.thing(&value, &lines)
}

async fn list(setup: &Setup, output: Output) -> Result<()> {
    let session = setup.session().await?;
    let endpoints =
        endpoint::list(session.pool(), &session.actor, session.company.id).await.map_err(Fault::from)?;
    let heads = ["ENDPOINT", "PROVIDER", "SECRETS", "REFUSED", "LAST REFUSED", "WHY"];
    output.list(&endpoints, None, &heads, |endpoint| {
        let secrets = match endpoint.secrets {
            0 => "none: shut".to_owned(),
            count => count.to_string(),
        };
        vec![
            endpoint.id.to_string(),
            endpoint.provider.to_string(),
            secrets,
            endpoint.refused.to_string(),
            endpoint.refused_at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}")),
            endpoint.refused_why.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    })
}

async fn lists(setup: &Setup, output: Output) -> Result<()> {
    let session = setup.session().await?;
    let cursors =
        sync::cursors(session.pool(), &session.actor, session.company.id).await.map_err(Fault::from)?;
    output.list(&cursors, None, &["OUTBOX", "LIST", "READ TO ITS END", "PROBLEM"], |cursor| {
        let problem = match &cursor.error {
            Some(error) if cursor.is_shut => {
                format!("asked again tomorrow, or with another credential: {error}")
            }
            Some(error) => error.clone(),
            None => "-".to_owned(),
        };
        vec![
            cursor.outbox.clone(),
            cursor.list.clone(),
            cursor.succeeded_at.map_or_else(|| "not yet".to_owned(), |at| format!("{at:.0}")),
            problem,
        ]
    })
}

async fn rotate(setup: &Setup, id: EndpointId, revoke_old: bool, output: Output) -> Result<()> {
    let secret = secrets::read(&format!("countersign webhooks rotate {id}"))?;
    let session = setup.session().await?;
    let key = engine::master_key(&setup.config, &setup.paths)?;
    let earlier = if revoke_old { Earlier::Revoked } else { Earlier::Kept };
    let (pool, company) = (session.pool(), session.company.id);
    let done = endpoint::rotate(pool, &session.actor, company, &key, webhook, id, (&secret, earlier))
        .await
        .map_err(Fault::from)?;
    let mut lines = vec![("stored", format!("secret://{}:{}", done.secret, done.version))];
    match (earlier, done.revoked.as_slice()) {
        (Earlier::Revoked, revoked) => {
            let revoked: Vec<String> = revoked.iter().map(|version| format!("version {version}")).collect();
            lines.push(("not accepted any more", revoked.join(", ")));
        }
        (Earlier::Kept, _) => {
            let command =
                format!("countersign secrets revoke {}:{} --reason …", done.secret, done.version - 1);
            lines.push(("to end the one before", command));
        }
    }
    let value = json!({ "id": id, "secret": done.secret, "version": done.version, "revoked": done.revoked });
    output.thing(&value, &lines)
}
