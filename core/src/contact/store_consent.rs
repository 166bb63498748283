//! SQL of consents.
use sqlx::PgConnection;

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
