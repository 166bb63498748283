//! Agents: programs that draft, each with a name and credentials of its own. An agent files drafts, changes and withdraws those it
//! filed, and nothing else (I10): it is never an operator, whatever its name.
pub mod store;
mod store_token;
pub mod token;

use sqlx::{PgConnection, PgPool};

use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::{AgentId, CompanyId};
use crate::operator;
use crate::safe_text::SafeText;
use crate::token::Standing;

/// Refuses an agent that was disabled, or whose token does not count any more. What passes stays so until the transaction ends.
///
/// # Errors
/// [`Error::Refused`], or a database fault.
pub(crate) async fn authorise_change(
    conn: &mut PgConnection,
    company: CompanyId,
    actor: &Actor,
) -> Result<(), Error> {
    // One that only gave a name has no credential that could have been taken away.
    let Actor::AgentTokenHolder { id, token, name } = actor else {
        return Ok(());
    };
    // A query that began before the lock was granted would see what there was then.
    store::hold(conn, company, *id, *token).await?;
    let name = SafeText::line(name).truncated(100);
    match store::standing(conn, company, *id, *token).await? {
        None => Err(Error::Refused(format!("{name} is not an agent of this company"))),
        Some(found) => let_in(found.is_disabled, found.token, &name),
    }
}

/// Refuses an agent that does not count any more. `name` is safe to print.
fn let_in(is_disabled: bool, token: Option<Standing>, name: &str) -> Result<(), Error> {
    if is_disabled {
        return Err(Error::Refused(format!(
            "agent {name} was disabled; an admin lets it in again with `countersign agents add {name}`"
        )));
    }
    match Standing::problem(token) {
        None => Ok(()),
        Some(why) => Err(Error::Refused(format!(
            "the token of agent {name} {why}; an admin makes another with `countersign agents token {name}`"
        ))),
    }
}

/// Adds an agent to a company, or lets one in again that was disabled.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] for a bad name, [`Error::Conflict`] if the name is taken, or a database fault.
pub async fn add(pool: &PgPool, actor: &Actor, company: CompanyId, name: &str) -> Result<AgentId, Error> {
    let is_name = !name.is_empty()
        && name.chars().count() <= 100
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if !is_name {
        return Err(Error::Invalid {
            field: "name".to_owned(),
            reason: "use 1 to 100 characters without blanks; drafts say it as their drafter".to_owned(),
        });
    }
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "add an agent").await?;
    let new = AgentId::new();
    let (id, action) = if store::insert(&mut tx, company, new, name, actor.name()).await? {
        (new, "agent.add")
    } else {
        match store::lock(&mut tx, company, name).await? {
            Some(known) if known.is_disabled => {
                store::enable(&mut tx, company, known.id).await?;
                (known.id, "agent.enable")
            }
            _ => {
                let name = SafeText::line(name);
                return Err(Error::Conflict(format!("there is an agent `{name}` already")));
            }
        }
    };
    let entry = audit::Entry::new(actor, action).subject(id).detail(serde_json::json!({ "name": name }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(id)
}

/// What disabling an agent did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Which.
    pub id: AgentId,
    /// Tokens that were revoked with it.
    pub tokens: u64,
}

/// Shuts an agent out: no token of it counts from here on. What it drafted stays and waits for a decision.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Conflict`] for one that is out already, [`Error::NotFound`], or a database fault.
pub async fn disable(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    name: &str,
) -> Result<Disabled, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "disable an agent").await?;
    let known = known(&mut tx, company, name).await?;
    if known.is_disabled {
        return Err(Error::Conflict(format!("{} is disabled already", SafeText::line(name))));
    }
    store::disable(&mut tx, company, known.id).await?;
    let tokens = store_token::revoke_all(&mut tx, company, known.id, actor.name()).await?;
    let detail = serde_json::json!({ "name": name, "tokensRevoked": tokens });
    let entry = audit::Entry::new(actor, "agent.disable").subject(known.id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(Disabled { id: known.id, tokens })
}

/// The agent of that name, locked.
async fn known(conn: &mut PgConnection, company: CompanyId, name: &str) -> Result<store::Known, Error> {
    store::lock(conn, company, name).await?.ok_or_else(|| Error::NotFound {
        what: format!("agent `{}`", SafeText::line(name).truncated(100)),
        hint: "; see `countersign agents list`".to_owned(),
    })
}
