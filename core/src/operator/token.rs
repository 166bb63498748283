//! Tokens of operators: what lets somebody act as an operator without being logged in as one.
//!
//! Does not read tokens from anywhere; whoever has one hands it over as [`SecretText`].
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::{known, store, store_token};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::bearer::Shown;
use crate::company;
use crate::error::Error;
use crate::ids::{CompanyId, TokenId};
use crate::safe_text::SafeText;
use crate::secret::SecretText;
use crate::token::{self, Holder, NewToken, Standing, TOKENS_LIMIT, TokenView};

/// Makes a token for an operator. An admin makes them for anyone, others for themselves.
///
/// # Errors
/// [`Error::Forbidden`] for somebody else's without being admin, [`Error::Refused`] for a token that wants another for its own operator,
/// [`Error::Invalid`] for a bad name or life, [`Error::Conflict`] beyond [`TOKENS_LIMIT`] or for a disabled operator,
/// [`Error::NotFound`], or a database fault.
pub async fn make(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    operator: &str,
    name: &str,
    life: Duration,
) -> Result<NewToken, Error> {
    token::check_new(name, life)?;
    let mut tx = pool.begin().await?;
    store::lock(&mut tx, company).await?;
    let whose = may_handle(&mut tx, actor, company, operator, "make a token for somebody else").await?;
    if whose.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{} is disabled", SafeText::line(operator))));
    }
    if actor.token().is_some() && actor.id() == Some(whose.id.0) {
        let sentence = "a token cannot prolong itself: log in as that operator, or ask an admin";
        return Err(Error::Refused(sentence.to_owned()));
    }
    if whose.tokens >= TOKENS_LIMIT {
        return Err(Error::Conflict(format!(
            "{} has {TOKENS_LIMIT} tokens already; revoke one with `countersign operators token --revoke ID`",
            SafeText::line(operator)
        )));
    }
    let (text, hash) = token::generate(Holder::Operator);
    let id = TokenId::new();
    let expires_at =
        store_token::insert(&mut tx, company, id, whose.id, name, &hash, actor.name(), life).await?;
    let detail = serde_json::json!({ "token": id, "name": name, "expiresAt": expires_at });
    let entry = audit::Entry::new(actor, "operator.token_add").subject(whose.id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(NewToken { id, text, expires_at })
}

/// Lists the tokens of an operator, newest first, without their texts.
///
/// # Errors
/// [`Error::Forbidden`] for somebody else's without being admin, [`Error::NotFound`], or a database fault.
pub async fn list(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    operator: &str,
) -> Result<Vec<TokenView>, Error> {
    let mut conn = pool.acquire().await?;
    let whose = may_handle(&mut conn, actor, company, operator, "list the tokens of somebody else").await?;
    store_token::list(&mut conn, company, whose.id).await
}

/// Ends a token at once. An admin ends anyone's, others their own. Returns the name of its operator.
///
/// # Errors
/// [`Error::Forbidden`] for somebody else's without being admin, [`Error::NotFound`], [`Error::Conflict`] if it was revoked before, or
/// a database fault.
pub async fn revoke(pool: &PgPool, actor: &Actor, company: CompanyId, id: TokenId) -> Result<String, Error> {
    let mut tx = pool.begin().await?;
    let caller = super::authorise(&mut tx, actor, company, Role::Viewer, "revoke a token").await?;
    let owner = store_token::owner(&mut tx, company, id).await?;
    let is_own = owner.as_ref().is_some_and(|(owner, _)| *owner == caller);
    if !is_own {
        super::authorise(&mut tx, actor, company, Role::Admin, "revoke the token of somebody else").await?;
    }
    let Some((operator, name)) = owner else {
        return Err(Error::NotFound {
            what: format!("token {id}"),
            hint: "; see `countersign operators token --list NAME`".to_owned(),
        });
    };
    if !store_token::revoke(&mut tx, company, id, actor.name()).await? {
        return Err(Error::Conflict(format!("token {id} was revoked before")));
    }
    let entry = audit::Entry::new(actor, "operator.token_revoke").subject(operator);
    let entry = entry.detail(serde_json::json!({ "token": id }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(name)
}

/// Lets somebody act as an operator by that operator's token. `user` is who runs the process, for the audit log. What is refused is
/// recorded, and the refusal of a token that is unknown is that of one of another operator.
///
/// # Errors
/// [`Error::Refused`], or a database fault.
pub async fn authenticate(
    pool: &PgPool,
    company: CompanyId,
    operator: &str,
    text: &SecretText,
    user: &str,
) -> Result<Actor, Error> {
    let mut tx = pool.begin().await?;
    let found = match token::hash_of(text) {
        Some((Holder::Operator, hash)) => store_token::by_hash(&mut tx, &hash).await?,
        Some((Holder::Agent, _)) | None => None,
    };
    let found = found.filter(|found| found.company == company && found.name == operator);
    let shown = SafeText::line(operator).truncated(100);
    let verdict = match &found {
        None => Err(Error::Refused(format!(
            "that is no token of {shown}; an admin makes one with `countersign operators token {shown}`"
        ))),
        Some(found) if found.is_disabled => {
            Err(Error::Refused(format!("{shown} was disabled; an admin can let them in again")))
        }
        Some(found) => check(Some(found.standing), &shown),
    };
    let caller = Actor::Engine("login");
    let detail = |why: &str| serde_json::json!({ "operator": operator, "user": user, "why": why });
    match (verdict, found) {
        (Ok(()), Some(found)) => {
            let actor = Actor::TokenHolder {
                id: found.operator,
                name: found.name,
                role: found.role,
                token: found.token,
            };
            // Once a minute is enough to see who is about; a script that runs every second would fill the log.
            if store_token::touch(&mut tx, company, found.token).await? {
                let detail = serde_json::json!({ "token": found.token, "user": user });
                let entry =
                    audit::Entry::new(&actor, "operator.token_use").subject(found.operator).detail(detail);
                audit::store::append(&mut tx, company, &[entry]).await?;
                company::store::bump(&mut tx, company).await?;
            }
            tx.commit().await?;
            Ok(actor)
        }
        (verdict, found) => {
            let refusal = verdict.err().unwrap_or_else(|| Error::Refused(format!("{shown} is not let in")));
            let mut entry =
                audit::Entry::new(&caller, "operator.token_refused").detail(detail(&refusal.to_string()));
            if let Some(found) = found {
                entry = entry.subject(found.operator);
            }
            audit::store::append(&mut tx, company, &[entry]).await?;
            company::store::bump(&mut tx, company).await?;
            tx.commit().await?;
            Err(refusal)
        }
    }
}

/// Refuses a token that does not count.
pub(super) fn check(standing: Option<Standing>, operator: &str) -> Result<(), Error> {
    match Standing::problem(standing) {
        None => Ok(()),
        Some(why) => Err(Error::Refused(format!(
            "the token of {operator} {why}; an admin makes another with `countersign operators token {operator}`"
        ))),
    }
}

/// Whoever showed the token with this hash, and whether they are let in.
pub(crate) async fn shown(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<Shown>, Error> {
    let Some(found) = store_token::by_hash(conn, hash).await? else {
        return Ok(None);
    };
    let name = SafeText::line(&found.name).truncated(100);
    let verdict = match found.is_disabled {
        true => Err(Error::Refused(format!("{name} was disabled; an admin can let them in again"))),
        false => check(Some(found.standing), &name),
    };
    let (id, token) = (found.operator, found.token);
    let actor = Actor::TokenHolder { id, name: found.name, role: found.role, token };
    Ok(Some(Shown { company: found.company, actor, token, verdict }))
}

/// Notes that a token was used, to the minute; says whether that was news.
pub(crate) async fn touch(conn: &mut PgConnection, company: CompanyId, id: TokenId) -> Result<bool, Error> {
    store_token::touch(conn, company, id).await
}

/// The operator of that name, if the actor may handle its tokens.
async fn may_handle(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    operator: &str,
    action: &'static str,
) -> Result<store::OperatorView, Error> {
    let caller = super::authorise(conn, actor, company, Role::Viewer, action).await?;
    let own = store::named(conn, company, operator).await?.filter(|whose| whose.id == caller);
    match own {
        Some(own) => Ok(own),
        None => {
            super::authorise(conn, actor, company, Role::Admin, action).await?;
            known(conn, company, operator).await
        }
    }
}
