//! Operators: people with a role in a company.
pub mod store;

use sqlx::PgPool;

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

/// The refusal of an actor, in words.
pub(crate) fn forbidden(actor: &Actor, needed: Role, action: &'static str) -> Error {
    Error::Forbidden {
        actor: match actor {
            Actor::Operator { name, role, .. } => format!("{} ({})", SafeText::line(name), role.as_str()),
            other => format!("{} {}", other.kind(), SafeText::line(other.name())),
        },
        action,
        needed,
    }
}

/// Adds a person to a company.
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
    require(actor, Role::Admin, "add an operator")?;
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
    let operator = Actor::Operator { id: OperatorId::new(), name: name.to_owned(), role };
    let mut tx = pool.begin().await?;
    if !store::insert(&mut tx, company, &operator).await? {
        return Err(Error::Conflict(format!("there is an operator `{}` already", SafeText::line(name))));
    }
    let id = require(&operator, Role::Viewer, "exist")?;
    let entry =
        audit::Entry::new(actor, "operator.add").subject(id).detail(serde_json::json!({ "role": role }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    tx.commit().await?;
    Ok(id)
}
