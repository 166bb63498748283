//! Asks providers for what their webhooks missed, and says nothing while there is nothing to say.
//!
//! Every list of a provider is read from where it was read to the last time (`run`, `store`). What is found goes the way of every webhook
//! (`crate::inbound`): the same event is applied once, whoever told it first. A page and how far it reaches are stored in one transaction,
//! so that whoever dies in between reads it again and misses nothing.
mod run;
mod store;

pub use self::run::{BETWEEN_PAGES, INTERVAL, Looks, Syncer};
pub use self::store::{CursorView, stale};

use sqlx::PgPool;

use crate::actor::{Actor, Role};
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;

/// How far every list of a company was read.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is no operator, or a database fault.
pub async fn cursors(pool: &PgPool, actor: &Actor, company: CompanyId) -> Result<Vec<CursorView>, Error> {
    let mut conn = pool.acquire().await?;
    operator::authorise(&mut conn, actor, company, Role::Viewer, "see how far lists were read").await?;
    store::cursors(&mut conn, company).await
}
