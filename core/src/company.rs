//! Companies: the tenants. The first operator of a company is whoever makes it.
pub mod money;
pub mod policy;
pub mod store;
pub mod store_policy;

use sqlx::PgPool;

use crate::actor::{Actor, Role};
use crate::audit;
use crate::error::Error;
use crate::ids::{CompanyId, OperatorId};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Short name for commands: `a-z 0-9 -`.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Everything it sends goes to the built-in sandbox provider.
    pub sandbox: bool,
}

/// Makes a company with its first operator, an admin.
///
/// # Errors
/// [`Error::Invalid`] for a bad slug or name, [`Error::Conflict`] if the slug is taken, or a database fault.
pub async fn add(
    pool: &PgPool,
    slug: &str,
    name: &str,
    sandbox: bool,
    first_operator: &str,
) -> Result<(Company, Actor), Error> {
    let slug_fits = (1..=63).contains(&slug.len())
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !slug.starts_with('-');
    if !slug_fits {
        return Err(Error::Invalid {
            field: "slug".to_owned(),
            reason: "use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit".to_owned(),
        });
    }
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field: "name".to_owned(),
            reason: "use 1 to 200 characters on one line".to_owned(),
        });
    }
    let company = Company { id: CompanyId::new(), slug: slug.to_owned(), name: name.to_owned(), sandbox };
    let actor = Actor::Operator { id: OperatorId::new(), name: first_operator.to_owned(), role: Role::Admin };
    let mut tx = pool.begin().await?;
    if !store::insert(&mut tx, &company).await? {
        return Err(Error::Conflict(format!("there is a company `{slug}` already")));
    }
    crate::operator::store::insert(&mut tx, company.id, &actor).await?;
    let entry = audit::Entry::new(&actor, "company.add").subject(company.id);
    audit::store::append(&mut tx, company.id, &[entry]).await?;
    tx.commit().await?;
    Ok((company, actor))
}
