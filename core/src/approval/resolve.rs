//! Settles what is uncertain: a person says, with a reason, whether the message was sent.
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use super::decide::{begin, check_reason, make_room};
use super::store::{self, Decision};
use super::verdict::{ItemOutcome, ItemResult};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::audit;
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};
use crate::quota;

/// What a person says about an uncertain message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// It was sent; the matter is closed.
    WasSent,
    /// It was not sent, and shall not be.
    WasNotSent,
    /// It was not sent; somebody decides anew whether it shall be.
    BackToDraft,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: &[Self] = &[Self::WasSent, Self::WasNotSent, Self::BackToDraft];

    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WasSent => "was-sent",
            Self::WasNotSent => "was-not-sent",
            Self::BackToDraft => "back-to-draft",
        }
    }

    fn status(self) -> Status {
        match self {
            Self::WasSent => Status::Sent,
            Self::WasNotSent => Status::Failed,
            Self::BackToDraft => Status::DraftPendingApproval,
        }
    }
}

/// Settles one uncertain activity. Quota is given back only when the person says it was not sent, and only on the same day.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] without a reason, or a database fault.
pub async fn resolve(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    resolution: Resolution,
    reason: &str,
) -> Result<ItemResult, Error> {
    let reason = check_reason(reason)?;
    db::retry(|| async {
        let (mut tx, _) = begin(pool, actor, company, "resolve").await?;
        let settling = Settling { round: None, resolution: Some(resolution), reason: &reason };
        let result = settle(&mut tx, actor, company, id, &settling).await?;
        if matches!(result.outcome, ItemOutcome::Undone | ItemOutcome::Resolved { .. }) {
            company::store::bump(&mut tx, company).await?;
            tx.commit().await?;
        }
        Ok(result)
    })
    .await
}

/// What is to become of an uncertain activity, and on whose word.
pub(crate) struct Settling<'a> {
    /// Only in this round, where the word is about one.
    pub(crate) round: Option<i32>,
    /// `None` settles nothing and says how it stands.
    pub(crate) resolution: Option<Resolution>,
    /// Why.
    pub(crate) reason: &'a str,
}

/// Settles one uncertain activity inside a transaction. What is not uncertain any more stays as it is.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    actor: &Actor,
    company: CompanyId,
    id: ActivityId,
    settling: &Settling<'_>,
) -> Result<ItemResult, Error> {
    let locked = store::lock(conn, company, &[id]).await?;
    let Some(row) = locked.rows.get(&id) else {
        return Ok(ItemResult { id, outcome: ItemOutcome::Missing });
    };
    let is_ours =
        row.standing.status == Status::Uncertain && settling.round.is_none_or(|round| round == row.round);
    let Some(resolution) = settling.resolution.filter(|_| is_ours) else {
        let status = row.standing.status;
        let outcome = match is_ours {
            true => ItemOutcome::Already { status },
            false => ItemOutcome::Taken { status, by: None, at: None },
        };
        return Ok(ItemResult { id, outcome });
    };
    let decision = Decision::new(id, row.round, row.standing.payload_sha256);
    if resolution == Resolution::BackToDraft {
        make_room(conn, actor, company, std::slice::from_ref(&decision)).await?;
        store::set_draft(conn, company, std::slice::from_ref(&decision)).await?;
    } else {
        store::set_resolved(conn, company, id, resolution.status()).await?;
    }
    if let (false, Some(day)) = (resolution == Resolution::WasSent, row.quota_day) {
        quota::store::refund(conn, company, row.outbox, day, 1).await?;
    }
    let entry = audit::Entry::new(actor, format!("activity.resolve.{}", resolution.as_str()))
        .activity(id, row.standing.payload_sha256)
        .reason(Some(settling.reason));
    audit::store::append(conn, company, &[entry]).await?;
    let outcome = match resolution {
        Resolution::BackToDraft => ItemOutcome::Undone,
        _ => ItemOutcome::Resolved { status: resolution.status() },
    };
    Ok(ItemResult { id, outcome })
}
