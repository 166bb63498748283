//! SQL of consents.
use std::collections::HashMap;

use sqlx::PgConnection;

use super::allowlist::normalise;
use super::consent::{Consent, State};
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{CompanyId, ContactId};

/// Writes the last word; says whether there is such a contact.
pub(super) async fn write(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
    state: State,
    evidence: &str,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_consents (company_id, contact_id, channel, state, evidence, recorded_by)
        SELECT c.company_id, c.id, $3, $4, $5, $6 FROM crm_contacts c WHERE c.company_id = $1 AND c.id = $2
        ON CONFLICT (company_id, contact_id, channel)
        DO UPDATE SET state = excluded.state, evidence = excluded.evidence, recorded_by = excluded.recorded_by, at = now()"#,
        company.0,
        contact.0,
        channel.as_str(),
        state.as_str(),
        evidence,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a contact said about a channel, under lock.
pub(super) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
    channel: ChannelName,
) -> Result<Option<State>, Error> {
    let state = sqlx::query_scalar!(
        "SELECT state FROM crm_consents WHERE company_id = $1 AND contact_id = $2 AND channel = $3 FOR NO KEY UPDATE",
        company.0,
        contact.0,
        channel.as_str()
    )
    .fetch_optional(conn)
    .await?;
    state.map(|word| read_state(&word, contact)).transpose()
}

/// What the contacts behind these recipients said about a channel, by the normalised recipient.
pub(crate) async fn of_recipients(
    conn: &mut PgConnection,
    company: CompanyId,
    channel: ChannelName,
    recipients: &[String],
) -> Result<HashMap<String, State>, Error> {
    let wanted: Vec<String> = recipients.iter().map(|recipient| normalise(recipient)).collect();
    let rows = sqlx::query!(
        r#"SELECT d.address, d.contact_id AS "contact_id: ContactId", s.state FROM crm_contact_addresses d
        JOIN crm_consents s ON s.company_id = $1 AND s.contact_id = d.contact_id AND s.channel = $3
        WHERE d.company_id = $1 AND d.kind IN ('email', 'phone', 'handle') AND d.address = ANY ($2)"#,
        company.0,
        &wanted,
        channel.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.address, read_state(&row.state, row.contact_id)?))).collect()
}

/// What a contact said, channel by channel.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown word, or a database fault.
pub async fn of_contact(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
) -> Result<Vec<Consent>, Error> {
    let rows = sqlx::query!(
        r#"SELECT channel, state, evidence, at, recorded_by FROM crm_consents
        WHERE company_id = $1 AND contact_id = $2 ORDER BY channel LIMIT 20"#,
        company.0,
        contact.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Consent {
                channel: crate::outbox::store::read_channel(&row.channel, contact)?,
                state: read_state(&row.state, contact)?,
                evidence: row.evidence,
                at: row.at.to_jiff(),
                recorded_by: row.recorded_by,
            })
        })
        .collect()
}

pub(crate) fn read_state(word: &str, contact: ContactId) -> Result<State, Error> {
    State::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_consents",
        row: contact.to_string(),
        problem: format!("state `{word}` is not known"),
    })
}
