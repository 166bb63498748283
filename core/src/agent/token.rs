//! Tokens of agents. An admin makes and revokes them; an agent cannot prolong its own.
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::{known, let_in, store_token};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::bearer::Shown;
use crate::company;
use crate::error::Error;
use crate::ids::{CompanyId, TokenId};
use crate::operator;
use crate::safe_text::SafeText;
use crate::token::{self, Holder, NewToken, TOKENS_LIMIT, TokenView};

/// Makes a token for an agent.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] for a bad label or life, [`Error::Conflict`] beyond [`TOKENS_LIMIT`] or for a
/// disabled agent, [`Error::NotFound`], or a database fault.
pub async fn make(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    agent: &str,
    name: &str,
    life: Duration,
) -> Result<NewToken, Error> {
    token::check_new(name, life)?;
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "make a token for an agent").await?;
    let whose = known(&mut tx, company, agent).await?;
    let shown = SafeText::line(agent);
    if whose.is_disabled {
        return Err(Error::Conflict(format!("{shown} is disabled")));
    }
    if store_token::usable(&mut tx, company, whose.id).await? >= TOKENS_LIMIT {
        return Err(Error::Conflict(format!(
            "{shown} has {TOKENS_LIMIT} tokens already; revoke one with `countersign agents token --revoke ID`"
        )));
    }
    let (text, hash) = token::generate(Holder::Agent);
    let id = TokenId::new();
    let expires_at =
        store_token::insert(&mut tx, company, id, whose.id, name, &hash, actor.name(), life).await?;
    let detail = serde_json::json!({ "token": id, "name": name, "expiresAt": expires_at });
    let entry = audit::Entry::new(actor, "agent.token_add").subject(whose.id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(NewToken { id, text, expires_at })
}

/// Lists the tokens of an agent, newest first, without their texts.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::NotFound`], or a database fault.
pub async fn list(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    agent: &str,
) -> Result<Vec<TokenView>, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Admin, "list the tokens of an agent").await?;
    let whose = known(&mut tx, company, agent).await?;
    store_token::list(&mut tx, company, whose.id).await
}

/// Ends a token at once. Returns the name of its agent.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::NotFound`], [`Error::Conflict`] if it was revoked before, or a database fault.
pub async fn revoke(pool: &PgPool, actor: &Actor, company: CompanyId, id: TokenId) -> Result<String, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise_change(&mut tx, actor, company, Role::Admin, "revoke the token of an agent").await?;
    let Some((agent, name)) = store_token::owner(&mut tx, company, id).await? else {
        return Err(Error::NotFound {
            what: format!("token {id}"),
            hint: "; see `countersign agents token --list NAME`".to_owned(),
        });
    };
    if !store_token::revoke(&mut tx, company, id, actor.name()).await? {
        return Err(Error::Conflict(format!("token {id} was revoked before")));
    }
    let entry = audit::Entry::new(actor, "agent.token_revoke").subject(agent);
    let entry = entry.detail(serde_json::json!({ "token": id }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(name)
}

/// The agent that showed the token with this hash, and whether it is let in.
pub(crate) async fn shown(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<Shown>, Error> {
    let Some(found) = store_token::by_hash(conn, hash).await? else {
        return Ok(None);
    };
    let name = SafeText::line(&found.name).truncated(100);
    let verdict = let_in(found.is_disabled, Some(found.standing), &name);
    let actor = Actor::AgentTokenHolder { id: found.agent, name: found.name, token: found.token };
    Ok(Some(Shown { company: found.company, actor, token: found.token, verdict }))
}

/// Notes that a token was used, to the minute; says whether that was news.
pub(crate) async fn touch(conn: &mut PgConnection, company: CompanyId, id: TokenId) -> Result<bool, Error> {
    store_token::touch(conn, company, id).await
}
