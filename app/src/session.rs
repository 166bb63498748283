//! What a command works with: configuration, database, company, and who asks.
use color_eyre::eyre::Result;
use countersign_core::actor::Actor;
use countersign_core::company::Company;
use countersign_core::safe_text::SafeText;
use countersign_core::{company, operator};
use sqlx::PgPool;

use crate::config::Config;
use crate::database::Database;
use crate::exit::{Code, Fault};
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
        let actor = who(&database.pool, &company).await?;
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

/// The operator behind this process: whoever runs it.
pub(crate) async fn who(pool: &PgPool, company: &Company) -> Result<Actor> {
    let name = user()?;
    let mut conn = pool.acquire().await?;
    let found = operator::store::find(&mut conn, company.id, &name).await.map_err(Fault::from)?;
    found.ok_or_else(|| {
        let name = SafeText::line(&name);
        let sentence = format!(
            "{name} is not an operator of {}; an admin can run `countersign operators add {name} --role approver`",
            company.slug
        );
        Fault { code: Code::Refused, sentence }.into()
    })
}

/// The name of the user who runs this process, from the user database and not from a variable.
pub(crate) fn user() -> Result<String> {
    whoami::username().map_err(|error| {
        Fault { code: Code::Failed, sentence: format!("the user's name cannot be found: {error}") }.into()
    })
}
