//! SQL of everything that a filter finds: ids and hashes only, for marks.
use sqlx::{PgConnection, Row as _};

use super::store::read_hash;
use super::view::Filter;
use crate::approval::Item;
use crate::db::filter;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// No answer holds more items than this.
pub const MATCH_LIMIT: usize = 10_000;

/// Drafts that a filter finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// Oldest first, at most [`MATCH_LIMIT`].
    pub items: Vec<Item>,
    /// There are more.
    pub is_cut: bool,
}

/// Reads ids and hashes of all drafts that a filter finds.
///
/// # Errors
/// [`Error::Corrupt`] for a row that makes no sense, or a database fault.
pub async fn matching(
    conn: &mut PgConnection,
    company: CompanyId,
    filter: &Filter,
) -> Result<Matching, Error> {
    let mut found = filter::matching(company, filter, MATCH_LIMIT + 1).build().fetch_all(conn).await?;
    let is_cut = found.len() > MATCH_LIMIT;
    found.truncate(MATCH_LIMIT);
    let items = found.iter().map(|row| {
        let id = ActivityId(row.try_get("id")?);
        let sha256: Vec<u8> = row.try_get("payload_sha256")?;
        Ok(Item::seen(id, read_hash(&sha256, id)?))
    });
    Ok(Matching { items: items.collect::<Result<_, Error>>()?, is_cut })
}
