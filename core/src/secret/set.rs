//! Stores a secret: a new version each time, encrypted before it reaches the database.
use sqlx::{PgConnection, PgPool};

use super::{MasterKey, SECRET_LIMIT_BYTES, SecretError, SecretText, reference, store};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::error::Error;
use crate::ids::CompanyId;

/// Stores a new version of a secret and returns its number. `latest` means it from the next claim on.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Secret`] for a bad id or value, or a database fault.
pub async fn set(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    id: &str,
    value: &SecretText,
) -> Result<i32, Error> {
    write(pool, actor, company, key, id, value, Kind::Any).await
}

/// Stores a new version of a secret that is there already. Earlier versions go on working for those who name them.
///
/// # Errors
/// As [`set`], and [`Error::Secret`] for one that is not there: a misspelled id must not become a second secret.
pub async fn rotate(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    id: &str,
    value: &SecretText,
) -> Result<i32, Error> {
    write(pool, actor, company, key, id, value, Kind::Known).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There or not.
    Any,
    /// There already.
    Known,
}

async fn write(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    id: &str,
    value: &SecretText,
    kind: Kind,
) -> Result<i32, Error> {
    let mut tx = pool.begin().await?;
    crate::operator::authorise(&mut tx, actor, company, Role::Admin, "store a secret").await?;
    let version = put(&mut tx, actor, company, key, id, value, kind).await?;
    crate::company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(version)
}

/// Stores a new version in the caller's transaction, which also says who may, and returns its number.
pub(crate) async fn put(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    key: &MasterKey,
    id: &str,
    value: &SecretText,
    kind: Kind,
) -> Result<i32, Error> {
    reference::check_id(id)?;
    let text = value.expose();
    if text.is_empty() || text.len() > SECRET_LIMIT_BYTES || text.chars().any(char::is_control) {
        return Err(SecretError::BadValue.into());
    }
    let version = store::next_version(conn, company, id).await?;
    if kind == Kind::Known && version == 1 {
        return Err(SecretError::Missing(id.to_owned()).into());
    }
    let stored = key.encrypt(company, id, version, value)?;
    store::insert(conn, company, id, version, &stored, actor.name()).await?;
    let action = if kind == Kind::Known { "secret.rotate" } else { "secret.set" };
    let entry =
        audit::Entry::new(actor, action).detail(serde_json::json!({ "secret": id, "version": version }));
    audit::store::append(conn, company, &[entry]).await?;
    Ok(version)
}
