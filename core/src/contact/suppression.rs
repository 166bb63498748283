//! Suppressions: identities that must not be written to, on any channel and from any outbox. Adding one is for whoever decides;
//! lifting one is an admin's, and never an agent's.
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use super::{address, allowlist, store_suppression};
use crate::actor::{Actor, Role};
use crate::approval::decide::check_reason;
use crate::audit;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::operator;
use crate::safe_text::SafeText;

/// Why an identity is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SuppressionReason)]
pub enum Reason {
    /// They asked not to be written to.
    Unsubscribe,
    /// They called a message spam.
    Complaint,
    /// The address does not exist.
    HardBounce,
    /// A person decided so.
    Manual,
    /// Their data was erased.
    Erased,
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] =
        &[Self::Unsubscribe, Self::Complaint, Self::HardBounce, Self::Manual, Self::Erased];

    /// The word used in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsubscribe",
            Self::Complaint => "complaint",
            Self::HardBounce => "hard_bounce",
            Self::Manual => "manual",
            Self::Erased => "erased",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }

    /// What happened, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unsubscribe => "asked not to be written to",
            Self::Complaint => "called a message spam",
            Self::HardBounce => "does not exist: mail came back",
            Self::Manual => "was suppressed by hand",
            Self::Erased => "was erased",
        }
    }
}

/// An address, number or handle in the form in which contacts are matched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `email`, `phone` or `handle`.
    pub kind: &'static str,
    /// The normalised form.
    pub address: String,
}

impl Identity {
    /// Reads an address, number or handle.
    ///
    /// # Errors
    /// [`Error::Invalid`] for text that is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let refuse = || Error::Invalid {
            field: "identity".to_owned(),
            reason: format!(
                "`{}` is no address, number or handle; use ana@example.com, +447911123456 or a handle",
                SafeText::line(text).truncated(80)
            ),
        };
        if text.is_empty() || text.len() > 320 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(refuse());
        }
        let (kind, address) = if text.contains('@') && !text.starts_with('@') {
            ("email", address::email(text).map_err(|_| refuse())?.address)
        } else if text.starts_with('+') {
            ("phone", address::phone(text).map_err(|_| refuse())?)
        } else {
            ("handle", text.to_owned())
        };
        Ok(Self { kind, address: canonical(&address) })
    }
}

/// The one spelling of an address, number or handle: a mailbox has its domain in ASCII, however that was written.
#[must_use]
pub fn canonical(address: &str) -> String {
    let normal = allowlist::normalise(address);
    match normal.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() => {
            idna::domain_to_ascii(domain).map_or(normal.clone(), |domain| format!("{local}@{domain}"))
        }
        _ => normal,
    }
}

/// The spellings under which a contact may be known: as it is written, and with its domain in ASCII.
#[must_use]
pub fn spellings(address: &str) -> Vec<String> {
    let mut spellings = vec![allowlist::normalise(address), canonical(address)];
    spellings.dedup();
    spellings
}

/// Suppresses an identity; returns whether it was not before. What is approved for it does not leave from this commit on.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] for a bad note, or a database fault.
pub async fn suppress(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    identity: &Identity,
    reason: Reason,
    note: Option<&str>,
) -> Result<bool, Error> {
    let note = note.map(check_reason).transpose()?;
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Approver, "suppress an identity").await?;
        let is_new = note_in(&mut tx, actor, company, identity, reason, note.as_deref()).await?;
        if is_new {
            company::store::bump(&mut tx, company).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    })
    .await
}

/// Adds a suppression inside a transaction; returns whether it is new or graver than the one before.
pub(crate) async fn note_in(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    identity: &Identity,
    reason: Reason,
    note: Option<&str>,
) -> Result<bool, Error> {
    let is_new = store_suppression::insert(conn, company, identity, reason, note, actor.name()).await?;
    if is_new {
        let detail = serde_json::json!({ "kind": identity.kind, "why": reason });
        let entry = audit::Entry::new(actor, "suppression.add").detail(detail).reason(note);
        audit::store::append(conn, company, &[entry]).await?;
    }
    Ok(is_new)
}

/// Lifts a suppression; returns whether there was one. What was blocked by it stays blocked until somebody reopens it.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] without a note, or a database fault.
pub async fn lift(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    identity: &Identity,
    note: &str,
) -> Result<bool, Error> {
    let note = check_reason(note)?;
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "lift a suppression").await?;
        let Some(was) = store_suppression::delete(&mut tx, company, identity).await? else {
            return Ok(false);
        };
        let detail = serde_json::json!({ "kind": identity.kind, "was": was });
        let entry = audit::Entry::new(actor, "suppression.remove").detail(detail).reason(Some(&note));
        audit::store::append(&mut tx, company, &[entry]).await?;
        company::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(" Ana@Example.com ", "email", "ana@example.com")]
    #[case("+447911123456", "phone", "+447911123456")]
    #[case("urn:li:person:1", "handle", "urn:li:person:1")]
    #[case("@acme", "handle", "@acme")]
    #[case("ana@B\u{fc}cher.example", "email", "ana@xn--bcher-kva.example")]
    #[case("ana@bu\u{308}cher.example", "email", "ana@xn--bcher-kva.example")]
    #[case("ana@xn--bcher-kva.example", "email", "ana@xn--bcher-kva.example")]
    fn an_identity_is_read_as_contacts_are(#[case] text: &str, #[case] kind: &str, #[case] address: &str) {
        let identity = Identity::parse(text).unwrap();
        assert_eq!((identity.kind, identity.address.as_str()), (kind, address));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("a b")]
    #[case("a@b@c")]
    #[case("+44x")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(Identity::parse(text).is_err());
    }
}
