//! Who is behind a token that came without a name: the one way in over HTTP. Nothing is remembered between two requests, so a token is
//! dead with the commit that revokes it.
//!
//! A token nobody has is not recorded: whoever guesses could fill the log. One that counts no longer is, in the log of its company, as
//! often as whoever asks here says: see [`record_dead`] and [`record_refusal`].
use sqlx::PgPool;

use crate::actor::Actor;
use crate::audit;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{CompanyId, TokenId};
use crate::secret::SecretText;
use crate::token::{self, Holder};
use crate::{agent, operator};

/// Whoever showed a token.
pub(crate) struct Shown {
    pub(crate) company: CompanyId,
    pub(crate) actor: Actor,
    pub(crate) token: TokenId,
    /// Whether they are let in.
    pub(crate) verdict: Result<(), Error>,
}

/// Who showed a token.
#[derive(Debug)]
pub enum Bearer {
    /// Somebody who is let in, and to which company.
    LetIn(CompanyId, Actor),
    /// Somebody whose token counts no longer.
    Dead(Dead),
    /// Nobody has this token.
    Nobody,
}

/// A token that counts no longer.
#[derive(Debug)]
pub struct Dead {
    company: CompanyId,
    actor: Actor,
    /// Which.
    pub token: TokenId,
    /// What is told to whoever showed it.
    pub why: String,
}

/// Finds who acts by a token, and in which company. `from` says where it came from, for the audit log.
///
/// # Errors
/// A database fault.
pub async fn authenticate(pool: &PgPool, text: &SecretText, from: &str) -> Result<Bearer, Error> {
    let Some((holder, hash)) = token::hash_of(text) else {
        return Ok(Bearer::Nobody);
    };
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        let shown = match holder {
            Holder::Operator => operator::token::shown(&mut tx, &hash).await?,
            Holder::Agent => agent::token::shown(&mut tx, &hash).await?,
        };
        let Some(Shown { company, actor, token, verdict }) = shown else {
            return Ok(Bearer::Nobody);
        };
        match verdict {
            Ok(()) => {}
            Err(Error::Refused(why)) => return Ok(Bearer::Dead(Dead { company, actor, token, why })),
            Err(error) => return Err(error),
        }
        let is_news = match holder {
            Holder::Operator => operator::token::touch(&mut tx, company, token).await?,
            Holder::Agent => agent::token::touch(&mut tx, company, token).await?,
        };
        if let (true, Some(whose)) = (is_news, actor.id()) {
            let detail = serde_json::json!({ "token": token, "from": from });
            let entry = audit::Entry::new(&actor, format!("{}.token_use", actor.kind())).detail(detail);
            audit::store::append(&mut tx, company, &[entry.subject(whose)]).await?;
            company::store::bump(&mut tx, company).await?;
            tx.commit().await?;
        }
        Ok(Bearer::LetIn(company, actor))
    })
    .await
}

/// Records that a token was shown that counts no longer. How often that is done is up to the caller: whoever has such a token could fill
/// the log.
///
/// # Errors
/// A database fault.
pub async fn record_dead(pool: &PgPool, dead: &Dead, from: &str) -> Result<(), Error> {
    let Dead { company, actor, token, why } = dead;
    let login = Actor::Engine("login");
    let entry = audit::Entry::new(&login, format!("{}.token_refused", actor.kind()));
    let entry = entry.detail(serde_json::json!({ "token": token, "from": from, "why": why }));
    let entry = actor.id().into_iter().fold(entry, audit::Entry::subject);
    append(pool, *company, entry).await
}

/// Records that somebody was refused what they asked for; as [`record_dead`], no oftener than the caller does.
///
/// # Errors
/// A database fault.
pub async fn record_refusal(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    asked: &str,
) -> Result<(), Error> {
    let entry = audit::Entry::new(actor, "api.refused").detail(serde_json::json!({ "asked": asked }));
    append(pool, company, entry).await
}

async fn append(pool: &PgPool, company: CompanyId, entry: audit::Entry) -> Result<(), Error> {
    let entries = [entry];
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        audit::store::append(&mut tx, company, &entries).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}
