//! SQL of what a message is now: its bytes, the decision about them, who proposed it, and whom it is for.
use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::activity::payload::PayloadHash;
use crate::activity::store::read_hash;
use crate::approval::risk::Risk;
use crate::error::Error;
use crate::ids::{AccountId, ActivityId, CompanyId, ContactId};

/// Frozen bytes.
pub(super) struct Filed {
    pub(super) envelope: Vec<u8>,
    pub(super) at: Timestamp,
}

/// All the bytes that activities ever had, by their hash; erased ones are not there.
pub(super) async fn bytes(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[Uuid],
) -> Result<HashMap<(ActivityId, PayloadHash), Filed>, Error> {
    let rows = sqlx::query!(
        r#"SELECT activity_id AS "id: ActivityId", payload_sha256, envelope AS "envelope!", created_at FROM crm_payloads
        WHERE company_id = $1 AND activity_id = ANY ($2) AND envelope IS NOT NULL"#,
        company.0,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let hash = read_hash(&row.payload_sha256, row.id)?;
            Ok(((row.id, hash), Filed { envelope: row.envelope, at: row.created_at.to_jiff() }))
        })
        .collect()
}

/// A decision that binds bytes.
pub(super) struct Binding {
    pub(super) binds_sha256: PayloadHash,
    pub(super) at: Timestamp,
}

/// The binding decision of every round.
pub(super) async fn decisions(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[Uuid],
) -> Result<HashMap<(ActivityId, i32), Binding>, Error> {
    let rows = sqlx::query!(
        r#"SELECT activity_id AS "id: ActivityId", round, binds_sha256 AS "binds_sha256!", at FROM crm_decisions
        WHERE company_id = $1 AND activity_id = ANY ($2) AND binds_sha256 IS NOT NULL"#,
        company.0,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let binds_sha256 = read_hash(&row.binds_sha256, row.id)?;
            Ok(((row.id, row.round), Binding { binds_sha256, at: row.at.to_jiff() }))
        })
        .collect()
}

/// What is known of a draft beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct Details {
    pub(super) risk: Risk,
    pub(super) is_handwritten: bool,
    pub(super) is_by_operator: bool,
}

impl Details {
    /// Where nothing is known, every gate that looks at it says no.
    pub(super) const STRICTEST: Self =
        Self { risk: Risk::High, is_handwritten: false, is_by_operator: false };
}

/// The details of activities.
pub(super) async fn details(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[Uuid],
) -> Result<HashMap<ActivityId, Details>, Error> {
    let rows = sqlx::query!(
        r#"SELECT activity_id AS "id: ActivityId", risk, is_handwritten, proposed_kind = 'operator' AS "is_by_operator!"
        FROM crm_activity_details WHERE company_id = $1 AND activity_id = ANY ($2)"#,
        company.0,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let risk = read_risk(&row.risk, row.id)?;
            let (is_handwritten, is_by_operator) = (row.is_handwritten, row.is_by_operator);
            Ok((row.id, Details { risk, is_handwritten, is_by_operator }))
        })
        .collect()
}

pub(crate) fn read_risk(word: &str, id: ActivityId) -> Result<Risk, Error> {
    Risk::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_activity_details",
        row: id.to_string(),
        problem: format!("risk `{word}` is not known"),
    })
}

/// Whom a message is for.
pub(super) struct Recipient {
    pub(super) account: Option<AccountId>,
    pub(super) zone: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) country: Option<String>,
}

/// Contacts, each with the country of its account where it has none.
pub(super) async fn contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[Uuid],
) -> Result<HashMap<ContactId, Recipient>, Error> {
    let rows = sqlx::query!(
        r#"SELECT c.id AS "id: ContactId", c.account_id AS "account: AccountId", c.zone, c.locale,
          coalesce(c.country, k.country) AS country
        FROM crm_contacts c LEFT JOIN crm_accounts k ON k.company_id = $1 AND k.id = c.account_id
        WHERE c.company_id = $1 AND c.id = ANY ($2)"#,
        company.0,
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let recipient =
                Recipient { account: row.account, zone: row.zone, locale: row.locale, country: row.country };
            (row.id, recipient)
        })
        .collect())
}
