//! What a command works with: configuration, database, company, and who asks.
mod caller;

use color_eyre::eyre::Result;
use countersign_core::actor::Actor;
use countersign_core::company::{self, Company};
use countersign_core::safe_text::SafeText;
use sqlx::PgPool;

pub(crate) use self::caller::{Caller, user};
use crate::config::Config;
use crate::database::Database;
use crate::exit::Fault;
use crate::paths::Paths;

/// Connections of a command that does one thing after another.
const FEW: u32 = 4;

/// What every command has.
pub(crate) struct Setup {
    /// Where files live.
    pub(crate) paths: Paths,
    /// What is configured.
    pub(crate) config: Config,
    /// The company that was named.
    pub(crate) company: Option<String>,
    /// As whom it acts.
    pub(crate) caller: Caller,
    /// Whether the console is asked to do without colour and drawn lines.
    pub(crate) is_plain: bool,
}

/// What a command of a company has.
pub(crate) struct Session {
    /// The database; keeps the private server alive.
    pub(crate) database: Database,
    /// Whose data.
    pub(crate) company: Company,
    /// Who asks.
    pub(crate) actor: Actor,
}

impl Session {
    /// Connections.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.database.pool
    }
}

impl Setup {
    /// Opens the database, finds company and operator.
    pub(crate) async fn session(&self) -> Result<Session> {
        self.session_on(Database::open(&self.config, FEW).await?).await
    }

    /// Finds company and operator on an open database.
    pub(crate) async fn session_on(&self, database: Database) -> Result<Session> {
        let company = self.choose(&database.pool).await?.ok_or_else(|| {
            Fault::usage("there is no company yet; add one with `countersign companies add SLUG --name NAME`")
        })?;
        let actor = self.caller.actor(&database.pool, &company).await?;
        Ok(Session { database, company, actor })
    }

    /// The company that is meant: the named one, or the only one. `None` while there is none at all.
    pub(crate) async fn choose(&self, pool: &PgPool) -> Result<Option<Company>> {
        let mut conn =
            pool.acquire().await.map_err(countersign_core::error::Error::from).map_err(Fault::from)?;
        let companies = company::store::list(&mut conn).await.map_err(Fault::from)?;
        let slugs = || companies.iter().map(|company| company.slug.clone()).collect::<Vec<_>>().join(", ");
        match (&self.company, companies.as_slice()) {
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(only.clone())),
            (None, _) => Err(Fault::usage(format!(
                "there are several companies; name one with --company ({})",
                slugs()
            ))
            .into()),
            (Some(slug), _) => match companies.iter().find(|company| company.slug == *slug) {
                Some(company) => Ok(Some(company.clone())),
                None => {
                    let slug = SafeText::line(slug).truncated(63);
                    Err(Fault::usage(format!("there is no company `{slug}` ({})", slugs())).into())
                }
            },
        }
    }
}
