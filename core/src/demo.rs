//! The demo company: a believable renovation firm that writes to its customers in ten languages.
//!
//! Everything is planned from a constant seed and the database's clock, so the demo looks the same each time, relative to now.
//! Drafts take the path of all drafts (`draft::check`, the channel's renderer, the seal); only their history is made up. The plan is
//! written by one transaction under one lock: a fill that was killed left nothing behind, and a second one finds the company.
//! Nothing of it reaches a provider: the company is marked `sandbox`.
mod book;
mod history;
mod letter;
mod message;
mod open;
mod people;
mod plan;
mod seal;
mod setup;
mod standing;
mod store;
mod store_life;
mod threads;
mod write;

#[cfg(test)]
mod tests;

use sqlx::{PgConnection, PgPool};

use crate::channel::Lines;
use crate::company::Company;
use crate::error::Error;
use crate::secret::MasterKey;

/// Short name of the demo company.
pub const SLUG: &str = "acme-renovation";

/// Its name for people.
pub const NAME: &str = "Acme Renovation";

/// The constant from which everything is drawn.
const SEED: u64 = 0x00ac_3e20;

/// What a fill made; all zero when the company was there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Companies written to.
    pub accounts: usize,
    /// People written to.
    pub contacts: usize,
    /// Sending identities.
    pub outboxes: usize,
    /// Drafts that wait for a decision.
    pub pending: usize,
    /// Approved and waiting.
    pub holding: usize,
    /// May have been sent.
    pub uncertain: usize,
    /// Everything that is over.
    pub history: usize,
}

/// The demo company, and what this call made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The company.
    pub company: Company,
    /// What was made.
    pub made: Made,
}

/// Fills the demo company, unless it is there. `lines` render what can be rendered; drafts of the other channels wait for their
/// adapter. The first operator becomes its admin. `advance` hears how many messages are written, of how many.
///
/// # Errors
/// A database fault; then nothing was written.
pub async fn fill(
    pool: &PgPool,
    key: &MasterKey,
    lines: &Lines,
    first_operator: &str,
    advance: &(dyn Fn(usize, usize) + Sync),
) -> Result<Filled, Error> {
    let mut conn = pool.acquire().await?;
    if let Some(company) = store::company(&mut conn).await? {
        return Ok(Filled { company, made: Made::default() });
    }
    let now = crate::db::now(&mut conn).await?;
    drop(conn);
    // Drawing and sealing take about a second; the transaction begins afterwards and never waits for them.
    let plan = plan::draw(now, first_operator);
    let rows = seal::all(&plan, lines)?;
    let mut tx = pool.begin().await?;
    store::take_turn(&mut tx).await?;
    if let Some(company) = store::company(&mut tx).await? {
        return Ok(Filled { company, made: Made::default() });
    }
    write::everything(&mut tx, key, &plan, &rows, advance).await?;
    tx.commit().await?;
    Ok(Filled { made: plan.made(), company: plan.company })
}

/// Whether the demo company is there. It is written whole or not at all.
///
/// # Errors
/// A database fault.
pub async fn is_filled(conn: &mut PgConnection) -> Result<bool, Error> {
    Ok(store::company(conn).await?.is_some())
}
