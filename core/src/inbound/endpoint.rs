//! Endpoints: where a provider sends its webhooks to a company, and the secrets that prove them.
//!
//! Every version of an endpoint's secret that was not revoked is accepted, so that one can be exchanged for another while deliveries
//! come in. Admins add, rotate and remove; viewers see everything but the secrets.
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use super::provider::{Provider, Webhook};
use super::public_url::PublicUrl;
use super::store_endpoint::{self as store, Row};
use crate::actor::{Actor, Role};
use crate::audit::{self, Entry};
use crate::company;
use crate::error::Error;
use crate::ids::{CompanyId, EndpointId};
use crate::operator;
use crate::secret::{self, Kind, MasterKey, SecretText};

/// What a verify token begins with.
const TOKEN_PREFIX: &str = "csv_";

/// An endpoint that was just added.
#[derive(Debug)]
pub struct Added {
    /// Its id.
    pub id: EndpointId,
    /// The path of its deliveries.
    pub path: String,
    /// The whole address to give to the provider, where the host is known.
    pub url: Option<String>,
    /// The token the provider has to show before it sends anything. It is never seen again.
    pub verify_token: Option<SecretText>,
}

/// An endpoint as it may be listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    /// Its id.
    pub id: EndpointId,
    /// Who sends there.
    pub provider: Provider,
    /// The path of its deliveries.
    pub path: String,
    /// The whole address as the provider was given it.
    pub url: Option<String>,
    /// Id of its secret.
    pub secret: String,
    /// How many versions of that are accepted.
    pub secrets: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom; foreign text.
    pub created_by: String,
    /// Deliveries that nobody could prove.
    pub refused: i64,
    /// When the last of them came.
    pub refused_at: Option<Timestamp>,
    /// Why that was refused.
    pub refused_why: Option<String>,
}

/// What became of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Id of the secret.
    pub secret: String,
    /// The version that was stored.
    pub version: i32,
    /// Versions that are not accepted any more.
    pub revoked: Vec<i32>,
}

/// What happens to the secrets that were accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// They are accepted until they are revoked.
    Kept,
    /// They end at once.
    Revoked,
}

/// An endpoint with what its deliveries are held against.
#[derive(Debug)]
pub struct Known {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub company: CompanyId,
    /// Who sends there.
    pub provider: Provider,
    /// Every secret that counts, newest first.
    pub secrets: Vec<SecretText>,
    /// The address as the provider was given it.
    pub public_url: Option<String>,
    /// SHA-256 of the verify token.
    pub verify_sha256: Option<[u8; 32]>,
}

/// The path of an endpoint's deliveries.
#[must_use]
pub fn path(provider: Provider, id: EndpointId) -> String {
    format!("/webhooks/{provider}/{id}")
}

/// Adds an endpoint. Where the host is known, the address is put together from it and the path.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] for a provider that signs its address without one or for a secret that proves
/// nothing there, [`Error::Secret`] for a bad value, or a database fault.
pub async fn add(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    hook: &dyn Webhook,
    secret: &SecretText,
    public_url: Option<&PublicUrl>,
) -> Result<Added, Error> {
    let provider = hook.provider();
    if provider.signs_address() && public_url.is_none() {
        let reason = format!(
            "{provider} signs the address it was given; say the host it is to call, as in https://crm.example.com"
        );
        return Err(Error::Invalid { field: "url".to_owned(), reason });
    }
    check_secret(hook, secret)?;
    let id = EndpointId::new();
    let path = path(provider, id);
    let url = public_url.map(|url| url.of(&path));
    let verify_token = provider.shows_token().then(|| secret::random_text(TOKEN_PREFIX));
    let row = Row {
        company,
        provider,
        secret_id: format!("webhook-{provider}-{}", id.0.simple()),
        public_url: url.clone(),
        verify_sha256: verify_token.as_ref().map(|token| Sha256::digest(token.expose()).to_vec()),
    };
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "add a webhook endpoint").await?;
    let version = secret::put(&mut tx, actor, company, key, &row.secret_id, secret, Kind::Any).await?;
    store::insert(&mut tx, id, &row, actor.name()).await?;
    let detail =
        serde_json::json!({ "provider": provider, "url": url, "secret": row.secret_id, "version": version });
    let entry = Entry::new(actor, "webhook.add").subject(id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(Added { id, path, url, verify_token })
}

/// Stores a new version of an endpoint's secret, beside the earlier ones or in their place.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::NotFound`], [`Error::Invalid`] for a secret that proves nothing there, [`Error::Secret`] for
/// a bad value, or a database fault.
pub async fn rotate(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    hooks: fn(Provider) -> &'static dyn Webhook,
    id: EndpointId,
    (secret, earlier): (&SecretText, Earlier),
) -> Result<Rotated, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "rotate a webhook's secret").await?;
    let row = store::find(&mut tx, id).await?.filter(|row| row.company == company);
    let row = row.ok_or_else(|| unknown(id))?;
    check_secret(hooks(row.provider), secret)?;
    let name = row.secret_id;
    let version = secret::put(&mut tx, actor, company, key, &name, secret, Kind::Known).await?;
    let revoked = match earlier {
        Earlier::Kept => Vec::new(),
        Earlier::Revoked => store::revoke_below(&mut tx, company, &name, version).await?,
    };
    let detail = serde_json::json!({ "secret": name, "version": version, "revoked": revoked });
    let entry = Entry::new(actor, "webhook.rotate").subject(id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(Rotated { secret: name, version, revoked })
}

/// Removes an endpoint: what is sent there from now on is answered as if it had never been. Its secrets are revoked, and what came in
/// stays.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::NotFound`], or a database fault.
pub async fn remove(pool: &PgPool, actor: &Actor, company: CompanyId, id: EndpointId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "remove a webhook endpoint").await?;
    let secret = store::remove(&mut tx, company, id, actor.name()).await?.ok_or_else(|| unknown(id))?;
    let revoked = store::revoke_below(&mut tx, company, &secret, i32::MAX).await?;
    let detail = serde_json::json!({ "secret": secret, "revoked": revoked });
    let entry = Entry::new(actor, "webhook.remove").subject(id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(())
}

/// Lists the endpoints of a company.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is no operator, or a database fault.
pub async fn list(pool: &PgPool, actor: &Actor, company: CompanyId) -> Result<Vec<EndpointView>, Error> {
    let mut conn = pool.acquire().await?;
    operator::authorise(&mut conn, actor, company, Role::Viewer, "list webhook endpoints").await?;
    store::list(&mut conn, company).await
}

/// What deliveries of an endpoint are held against; `None` if there is none, or it was removed. A secret that does not open with this
/// key proves nothing and is left out.
///
/// # Errors
/// A database fault.
pub async fn trust(conn: &mut PgConnection, key: &MasterKey, id: EndpointId) -> Result<Option<Known>, Error> {
    let Some(row) = store::find(conn, id).await? else {
        return Ok(None);
    };
    let mut secrets = Vec::new();
    for (version, stored) in store::secrets(conn, row.company, &row.secret_id).await? {
        match key.decrypt(row.company, &row.secret_id, version, &stored) {
            Ok(secret) => secrets.push(secret),
            Err(error) => tracing::error!(endpoint = %id, "a webhook's secret cannot be used: {error}"),
        }
    }
    Ok(Some(Known {
        id,
        company: row.company,
        provider: row.provider,
        secrets,
        public_url: row.public_url,
        verify_sha256: row.verify_sha256.and_then(|hash| hash.try_into().ok()),
    }))
}

/// Counts deliveries of an endpoint that were not believed. Nothing else of them is kept.
///
/// # Errors
/// A database fault.
pub async fn note_refused(
    pool: &PgPool,
    id: EndpointId,
    count: u32,
    at: Timestamp,
    why: &str,
) -> Result<(), Error> {
    store::refused(&mut *pool.acquire().await?, id, count.into(), at, why).await
}

/// Counts events of all companies that wait, or that a person has to look at: company, state, and how many, up to a bound.
///
/// # Errors
/// A database fault.
pub async fn waiting(conn: &mut PgConnection, most: i64) -> Result<Vec<(CompanyId, String, i64)>, Error> {
    store::waiting(conn, most).await
}

fn check_secret(hook: &dyn Webhook, secret: &SecretText) -> Result<(), Error> {
    let invalid = |why: &str| Error::Invalid {
        field: format!("secret of {}", hook.provider()),
        reason: why.to_owned(),
    };
    hook.check_secret(secret).map_err(invalid)
}

fn unknown(id: EndpointId) -> Error {
    Error::NotFound { what: format!("endpoint {id}"), hint: "; see `countersign webhooks list`".to_owned() }
}
