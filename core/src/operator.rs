//! Operators: people with a role in a company. Who may act is read from the database whenever something is asked.
pub mod store;
mod store_token;
pub mod token;

use sqlx::{PgConnection, PgPool};

use crate::actor::{Actor, Role};
use crate::audit;
use crate::error::Error;
use crate::ids::{CompanyId, OperatorId};
use crate::safe_text::SafeText;

/// Refuses an actor that is no operator of at least this role.
///
/// # Errors
/// [`Error::Forbidden`].
pub fn require(actor: &Actor, needed: Role, action: &'static str) -> Result<OperatorId, Error> {
    actor.operator(needed).ok_or_else(|| forbidden(actor, needed, action))
}

/// The operator behind an actor, if the database still gives it at least this role, and the token it may have come by still counts.
/// The role the actor came with does not: it may have been taken away since.
///
/// # Errors
/// [`Error::Forbidden`] below that role, [`Error::Refused`] for an operator or a token that no longer counts, or a database fault.
pub async fn authorise(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    needed: Role,
    action: &'static str,
) -> Result<OperatorId, Error> {
    let Some(id) = actor.operator(Role::Viewer) else {
        return Err(forbidden(actor, needed, action));
    };
    let name = SafeText::line(actor.name());
    let Some(standing) = store::standing(conn, company, id, actor.token()).await? else {
        return Err(Error::Refused(format!("{name} is not an operator of this company")));
    };
    if standing.is_disabled {
        return Err(Error::Refused(format!("{name} was disabled; an admin can let them in again")));
    }
    if actor.token().is_some() {
        token::check(standing.token, name.as_str())?;
    }
    if standing.role < needed {
        let now = Actor::Operator { id, name: standing.name, role: standing.role };
        return Err(forbidden(&now, needed, action));
    }
    Ok(id)
}

/// As [`authorise`], for what this transaction changes: until it ends nobody takes the role away.
///
/// # Errors
/// As [`authorise`].
pub(crate) async fn authorise_change(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    needed: Role,
    action: &'static str,
) -> Result<OperatorId, Error> {
    // A query that began before the lock was granted would see what there was then.
    if let Some(id) = actor.operator(Role::Viewer) {
        store::hold(conn, company, id, actor.token()).await?;
    }
    authorise(conn, actor, company, needed, action).await
}

/// Refuses an actor that was disabled, or whose token does not count any more. For those who only look.
///
/// # Errors
/// As [`authorise`].
pub async fn check(conn: &mut PgConnection, actor: &Actor, company: CompanyId) -> Result<(), Error> {
    authorise(conn, actor, company, Role::Viewer, "look").await.map(drop)
}

/// The refusal of an actor, in words.
pub(crate) fn forbidden(actor: &Actor, needed: Role, action: &'static str) -> Error {
    Error::Forbidden {
        actor: match actor {
            Actor::Operator { name, role, .. } | Actor::TokenHolder { name, role, .. } => {
                format!("{} ({})", SafeText::line(name), role.as_str())
            }
            other => format!("{} {}", other.kind(), SafeText::line(other.name())),
        },
        action,
        needed,
    }
}

/// Adds a person to a company, or lets one in again that was disabled.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] for a bad name, [`Error::Conflict`] if the name is taken, or a database fault.
pub async fn add(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    name: &str,
    role: Role,
) -> Result<OperatorId, Error> {
    if name.is_empty()
        || name.chars().count() > 100
        || name.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Error::Invalid {
            field: "name".to_owned(),
            reason: "use 1 to 100 characters without blanks; it is the name they log in to this machine with"
                .to_owned(),
        });
    }
    let mut tx = pool.begin().await?;
    authorise(&mut tx, actor, company, Role::Admin, "add an operator").await?;
    let new = Actor::Operator { id: OperatorId::new(), name: name.to_owned(), role };
    let (id, action) = if store::insert(&mut tx, company, &new).await? {
        (require(&new, Role::Viewer, "exist")?, "operator.add")
    } else {
        store::lock(&mut tx, company).await?;
        match store::named(&mut tx, company, name).await? {
            Some(known) if known.disabled_at.is_some() => {
                store::enable(&mut tx, company, known.id, role).await?;
                (known.id, "operator.enable")
            }
            _ => {
                let name = SafeText::line(name);
                return Err(Error::Conflict(format!("there is an operator `{name}` already")));
            }
        }
    };
    let entry = audit::Entry::new(actor, action).subject(id).detail(serde_json::json!({ "role": role }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    crate::company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(id)
}

/// What disabling an operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Whom.
    pub id: OperatorId,
    /// Tokens that were revoked with it.
    pub tokens: u64,
}

/// Shuts a person out: no decision, no look, no token of theirs counts from here on. What they decided stands.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Conflict`] for the last admin or somebody who is out already, [`Error::NotFound`], or a
/// database fault.
pub async fn disable(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    name: &str,
) -> Result<Disabled, Error> {
    let mut tx = pool.begin().await?;
    store::lock(&mut tx, company).await?;
    authorise(&mut tx, actor, company, Role::Admin, "disable an operator").await?;
    let known = known(&mut tx, company, name).await?;
    let shown = SafeText::line(name);
    if known.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{shown} is disabled already")));
    }
    if known.role == Role::Admin && store::other_admins(&mut tx, company, known.id).await? == 0 {
        return Err(Error::Conflict(format!(
            "{shown} is the last admin; add another with `countersign operators add NAME --role admin` first"
        )));
    }
    store::disable(&mut tx, company, known.id).await?;
    let tokens = store_token::revoke_all(&mut tx, company, known.id, actor.name()).await?;
    let detail = serde_json::json!({ "name": known.name, "tokensRevoked": tokens });
    let entry = audit::Entry::new(actor, "operator.disable").subject(known.id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    crate::company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(Disabled { id: known.id, tokens })
}

async fn known(
    conn: &mut PgConnection,
    company: CompanyId,
    name: &str,
) -> Result<store::OperatorView, Error> {
    store::named(conn, company, name).await?.ok_or_else(|| Error::NotFound {
        what: format!("operator `{}`", SafeText::line(name).truncated(100)),
        hint: "; see `countersign operators list`".to_owned(),
    })
}
