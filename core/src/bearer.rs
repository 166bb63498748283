//! Who is behind a token that came without a name: the one way in over HTTP. Nothing is remembered between two requests, so a token is
//! dead with the commit that revokes it.
//!
//! A token nobody has is not recorded: whoever guesses could fill the log. One that counts no longer is, in the log of its company.
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

/// Finds who acts by a token, and in which company; `None` for a token nobody has. `from` says where it came from, for the audit log.
///
/// # Errors
/// [`Error::Refused`] for a token that counts no longer, which is recorded, or a database fault.
pub async fn authenticate(
    pool: &PgPool,
    text: &SecretText,
    from: &str,
) -> Result<Option<(CompanyId, Actor)>, Error> {
    let Some((holder, hash)) = token::hash_of(text) else {
        return Ok(None);
    };
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        let shown = match holder {
            Holder::Operator => operator::token::shown(&mut tx, &hash).await?,
            Holder::Agent => agent::token::shown(&mut tx, &hash).await?,
        };
        let Some(Shown { company, actor, token, verdict }) = shown else {
            return Ok(None);
        };
        let entry = match &verdict {
            Ok(()) => {
                let is_news = match holder {
                    Holder::Operator => operator::token::touch(&mut tx, company, token).await?,
                    Holder::Agent => agent::token::touch(&mut tx, company, token).await?,
                };
                let detail = serde_json::json!({ "token": token, "from": from });
                is_news
                    .then(|| audit::Entry::new(&actor, format!("{}.token_use", actor.kind())).detail(detail))
            }
            Err(refusal) => {
                let detail = serde_json::json!({ "token": token, "from": from, "why": refusal.to_string() });
                let login = Actor::Engine("login");
                Some(audit::Entry::new(&login, format!("{}.token_refused", actor.kind())).detail(detail))
            }
        };
        if let (Some(entry), Some(whose)) = (entry, actor.id()) {
            audit::store::append(&mut tx, company, &[entry.subject(whose)]).await?;
            company::store::bump(&mut tx, company).await?;
            tx.commit().await?;
        }
        verdict.map(|()| Some((company, actor)))
    })
    .await
}

/// Records that somebody was refused what they asked for.
///
/// # Errors
/// A database fault.
pub async fn record_refusal(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    asked: &str,
) -> Result<(), Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        let entry = audit::Entry::new(actor, "api.refused").detail(serde_json::json!({ "asked": asked }));
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}
