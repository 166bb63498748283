//! Which PostgreSQL server the database is on. Nothing is claimed on another one before an admin says so: a standby that took over and a
//! backup that was restored may lack the last rows of the old server, and with them what it recorded as on the wire. Sent again, that
//! would be sent twice.
//!
//! A server is known by its system identifier, drawn when its cluster was made, and its timeline, counted up whenever a standby is
//! promoted or a backup is restored. A restart changes neither.
mod store;

use sqlx::{PgConnection, PgPool};

use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;

/// What a server is known by; what could not be read is no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Number of the cluster. `None` where the role may not ask for it.
    pub(crate) system: Option<String>,
    /// `None` on a standby, which takes no writes anyway.
    pub(crate) timeline: Option<i32>,
}

impl Identity {
    /// Whether the other one knows nothing that this one does not.
    fn covers(&self, other: &Self) -> bool {
        (self.system.is_some() || other.system.is_none())
            && (self.timeline.is_some() || other.timeline.is_none())
    }
}

/// How a server differs from the one that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// What is other now, in words.
    pub what: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

/// What changed, if anything did.
fn change(was: &Identity, is: &Identity) -> Option<Change> {
    let mut parts = Vec::new();
    if let (Some(was), Some(is)) = (&was.system, &is.system)
        && was != is
    {
        parts.push(format!("system identifier {is}, was {was}"));
    }
    if let (Some(was), Some(is)) = (was.timeline, is.timeline)
        && was != is
    {
        parts.push(format!("timeline {is}, was {was}"));
    }
    (!parts.is_empty()).then(|| Change { what: parts.join("; ") })
}

/// Makes sure that this is the server messages were last sent from. The first one is remembered.
///
/// # Errors
/// [`Error::AnotherServer`] if it is not, or a database fault.
pub async fn confirm(conn: &mut PgConnection) -> Result<(), Error> {
    let is = store::identity(conn).await?;
    let was = store::remembered(conn).await?.unwrap_or_default();
    if let Some(change) = change(&was, &is) {
        return Err(Error::AnotherServer(change));
    }
    if !was.covers(&is) {
        store::learn(conn, &is).await?;
    }
    Ok(())
}

/// Remembers the server of a new database; one that is remembered already stays.
pub(crate) async fn remember(conn: &mut PgConnection) -> Result<(), Error> {
    let is = store::identity(conn).await?;
    store::learn(conn, &is).await
}

/// Takes the server as it is for the one to send from, for every company. Returns what changed; `None` if it is the known one.
///
/// # Errors
/// [`Error::Forbidden`] below admin, or a database fault.
pub async fn accept(pool: &PgPool, actor: &Actor, company: CompanyId) -> Result<Option<Change>, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "accept another server").await?;
        let was = store::lock(&mut tx).await?.unwrap_or_default();
        let is = store::identity(&mut tx).await?;
        let Some(change) = change(&was, &is) else {
            return Ok(None);
        };
        store::replace(&mut tx, &is).await?;
        // The log of each company says from when on something of it may be missing.
        for company in company::store::list(&mut tx).await? {
            let entry = audit::Entry::new(actor, "server.accept").detail(serde_json::json!(change));
            audit::store::append(&mut tx, company.id, &[entry]).await?;
            company::store::bump(&mut tx, company.id).await?;
        }
        tx.commit().await?;
        Ok(Some(change))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(system: Option<&str>, timeline: Option<i32>) -> Identity {
        Identity { system: system.map(str::to_owned), timeline }
    }

    /// F22: a difference in either is one; what could not be read is none.
    #[rstest::rstest]
    #[case(server(Some("7"), Some(1)), None)]
    #[case(server(Some("7"), Some(2)), Some("timeline 2, was 1"))]
    #[case(server(Some("8"), Some(1)), Some("system identifier 8, was 7"))]
    #[case(server(Some("8"), Some(2)), Some("system identifier 8, was 7; timeline 2, was 1"))]
    #[case(server(None, Some(1)), None)]
    #[case(server(Some("7"), None), None)]
    fn a_server_is_another_by_number_or_timeline(#[case] is: Identity, #[case] what: Option<&str>) {
        let was = server(Some("7"), Some(1));
        assert_eq!(change(&was, &is).map(|change| change.what).as_deref(), what);
        assert_eq!(change(&Identity::default(), &is), None, "the first one is no other one");
    }
}
