//! Notes a message that passed outside of this product.
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::store;
use crate::activity::payload::Kind;
use crate::activity::status::Status;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::channel::ChannelName;
use crate::company;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};
use crate::operator;

/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 500;

/// A clock that runs ahead by no more than this is not called wrong.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The contact wrote.
    In,
    /// Somebody of the company wrote by other means.
    Out,
}

/// A message that passed elsewhere.
#[derive(Clone, Debug)]
pub struct Noted {
    /// With whom.
    pub contact: ContactId,
    /// On which channel.
    pub channel: ChannelName,
    /// Who wrote.
    pub direction: Direction,
    /// When; now, if it is not said.
    pub at: Option<Timestamp>,
    /// What it said, in a line.
    pub note: String,
}

/// Notes it. From the commit on a reply stops what was written to the contact before it, and an own message counts where the company
/// limits how often one may be written to.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Invalid`] naming what is wrong, [`Error::NotFound`], or a database fault.
pub async fn record(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    noted: &Noted,
) -> Result<ActivityId, Error> {
    let note = noted.note.trim();
    if note.is_empty() || note.chars().count() > NOTE_LIMIT || note.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field: "note".to_owned(),
            reason: format!("say in 1 to {NOTE_LIMIT} characters on one line what was said"),
        });
    }
    if noted.channel == ChannelName::DryRun {
        let reason = "nobody writes by a dry run".to_owned();
        return Err(Error::Invalid { field: "channel".to_owned(), reason });
    }
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "note a message").await?;
    let now = crate::db::now(&mut tx).await?;
    let at = noted.at.unwrap_or(now);
    if at > now + AHEAD {
        let reason = format!("{at:.0} has not come yet");
        return Err(Error::Invalid { field: "at".to_owned(), reason });
    }
    let (status, kind) = match noted.direction {
        Direction::In => (Status::Received, Kind::Reply),
        Direction::Out => (Status::Recorded, Kind::FollowUp),
    };
    let id = ActivityId::new();
    // Locks the contact, as a claim does that counts what the contact got.
    if !store::lock_contact(&mut tx, company, noted.contact).await? {
        return Err(Error::NotFound {
            what: format!("contact {}", noted.contact),
            hint: "; see `countersign contacts list`".to_owned(),
        });
    }
    store::insert(&mut tx, company, id, noted, status, kind, at, actor).await?;
    if noted.direction == Direction::In {
        store::note_inbound(&mut tx, company, noted.contact, noted.channel, at).await?;
    }
    let entry = audit::Entry::new(actor, format!("activity.{}", status.as_str()))
        .subject(id)
        .detail(serde_json::json!({ "contact": noted.contact, "channel": noted.channel, "at": at }));
    audit::store::append(&mut tx, company, &[entry]).await?;
    company::store::bump(&mut tx, company).await?;
    tx.commit().await?;
    Ok(id)
}
