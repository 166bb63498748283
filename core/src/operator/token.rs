//! Tokens: what lets somebody act as an operator without being logged in as one. A token is shown once, stored as a hash, and dead
//! from the moment it is revoked, expires, or its operator is disabled.
//!
//! Does not read tokens from anywhere; whoever has one hands it over as [`SecretText`].
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::store::TokenStanding;
pub use super::store_token::TokenView;
use super::{known, store, store_token};
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::{CompanyId, OperatorId, TokenId};
use crate::safe_text::SafeText;
use crate::secret::{SecretText, random_text};

/// What every token begins with, so that one that leaked is recognised by people and scanners.
const PREFIX: &str = "cst_";

/// How long a token counts unless somebody says otherwise: 90 days.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// The longest life of a token: 366 days.
pub const LIFE_LIMIT: Duration = Duration::from_secs(366 * 24 * 3600);

/// The shortest life of a token.
const LEAST_LIFE: Duration = Duration::from_secs(60);

/// Tokens of one operator that count at the same time.
pub const TOKENS_LIMIT: i64 = 20;

/// A token that was just made. Its text is never seen again.
#[derive(Debug)]
pub struct NewToken {
    /// Names it for revoking.
    pub id: TokenId,
    /// Whose it is.
    pub operator: OperatorId,
    /// The token.
    pub text: SecretText,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

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
    let refuse = |field: &str, reason: &str| {
        Err(Error::Invalid { field: field.to_owned(), reason: reason.to_owned() })
    };
    if !(LEAST_LIFE..=LIFE_LIMIT).contains(&life) {
        return refuse("expires", "use 1 minute to 366 days");
    }
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return refuse("label", "use 1 to 100 characters on one line");
    }
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
    let (text, hash) = generate();
    let id = TokenId::new();
    let expires_at =
        store_token::insert(&mut tx, company, id, whose.id, name, &hash, actor.name(), life).await?;
    let detail = serde_json::json!({ "token": id, "name": name, "expiresAt": expires_at });
    let entry = audit::Entry::new(actor, "operator.token_add").subject(whose.id).detail(detail);
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(NewToken { id, operator: whose.id, text, expires_at })
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
    let found = match hash_of(text) {
        Some(hash) => store_token::by_hash(&mut tx, &hash).await?,
        None => None,
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
pub(super) fn check(standing: Option<TokenStanding>, operator: &str) -> Result<(), Error> {
    let why = match standing {
        Some(TokenStanding::Good) => return Ok(()),
        Some(TokenStanding::Expired) => "has expired",
        Some(TokenStanding::Revoked) => "was revoked",
        None => "does not exist any more",
    };
    Err(Error::Refused(format!(
        "the token of {operator} {why}; an admin makes another with `countersign operators token {operator}`"
    )))
}

/// The operator of that name, if the actor may handle its tokens.
async fn may_handle(
    conn: &mut sqlx::PgConnection,
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

/// A new token and its hash.
fn generate() -> (SecretText, [u8; 32]) {
    let text = random_text(PREFIX);
    let hash = Sha256::digest(text.expose().as_bytes()).into();
    (text, hash)
}

/// The hash of what may be a token; `None` for what cannot be one.
fn hash_of(text: &SecretText) -> Option<[u8; 32]> {
    let digits = text.expose().strip_prefix(PREFIX)?;
    let is_token = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_token.then(|| Sha256::digest(text.expose().as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S43: a token has 256 random bits, no two are alike, and its debug output shows nothing of it.
    #[test]
    fn a_token_is_long_random_and_silent() {
        let (one, hash) = generate();
        let (other, _) = generate();
        assert_eq!(one.expose().len(), PREFIX.len() + 64);
        assert_ne!(one.expose(), other.expose());
        assert_eq!(hash_of(&one), Some(hash));
        assert!(!format!("{one:?}").contains(&one.expose()[4..]));
    }

    /// S43: what is shorter, longer or spelled in another way is no token.
    #[rstest::rstest]
    #[case("")]
    #[case("cst_")]
    #[case("cst_0123")]
    #[case("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    #[case("cst_0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
    #[case("cst_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0")]
    fn what_is_no_token_has_no_hash(#[case] text: &str) {
        assert_eq!(hash_of(&SecretText::new(text.to_owned())), None);
    }
}
