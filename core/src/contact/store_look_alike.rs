//! SQL of look-alikes: skeletons of contacts, recipients of messages, and which of them can be taken for each other.
use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::look_alike::{Known, LookAlike, normalised, skeleton};
use crate::activity::payload::Envelope;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Addresses filled in by one statement.
const CHUNK: i64 = 1_000;

/// Writes who would receive each message. Call it wherever a message gets other bytes.
pub(crate) async fn write_recipients(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: &[(ActivityId, Vec<String>)],
) -> Result<(), Error> {
    let flat = || rows.iter().flat_map(|(id, list)| list.iter().map(move |address| (id.0, address)));
    let ids: Vec<Uuid> = flat().map(|(id, _)| id).collect();
    let addresses: Vec<String> = flat().map(|(_, address)| normalised(address)).collect();
    sqlx::query!(
        r#"UPDATE crm_activity_details d SET recipients = x.recipients
        FROM (SELECT activity_id, array_agg(address) AS recipients
          FROM unnest($2::uuid[], $3::text[]) AS u (activity_id, address) GROUP BY activity_id) x
        WHERE d.company_id = $1 AND d.activity_id = x.activity_id"#,
        company.0,
        &ids,
        &addresses
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Recipients of messages that were filed before they were kept apart, from their envelopes. Writes them down on the way.
pub(crate) async fn recover_recipients(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<(ActivityId, Vec<String>)>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", p.envelope FROM crm_activities a
        JOIN crm_payloads p ON p.company_id = a.company_id AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        WHERE a.company_id = $1 AND a.id = ANY ($2)"#,
        company.0,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(bytes) = row.envelope else { continue };
        let envelope = Envelope::open(&bytes).map_err(|error| Error::Corrupt {
            table: "crm_payloads",
            row: row.id.to_string(),
            problem: error.to_string(),
        })?;
        found.push((row.id, envelope.payload.recipients()));
    }
    write_recipients(conn, company, &found).await?;
    Ok(found)
}

/// The doubtful recipients of each message. One statement for any number of messages.
pub(crate) async fn look_alikes(
    conn: &mut PgConnection,
    company: CompanyId,
    messages: &[(ActivityId, Vec<String>)],
) -> Result<HashMap<ActivityId, Vec<LookAlike>>, Error> {
    let mut addresses: Vec<String> =
        messages.iter().flat_map(|(_, list)| list.iter().map(|address| normalised(address))).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let skeletons: Vec<String> = addresses.iter().map(|address| skeleton(address)).collect();
    // A contact may have several addresses that look alike; only another contact is a danger.
    let rows = sqlx::query!(
        r#"SELECT w.address AS "address!", x.address AS "other!", c.name, k.name AS "account?"
        FROM unnest($2::text[], $3::text[]) AS w (address, skeleton)
        CROSS JOIN LATERAL (SELECT o.address, o.contact_id FROM crm_contact_addresses o
          WHERE o.company_id = $1 AND o.skeleton = w.skeleton AND o.address <> w.address
            AND NOT EXISTS (SELECT FROM crm_contact_addresses s
              WHERE s.company_id = $1 AND s.kind = o.kind AND s.address = w.address AND s.contact_id = o.contact_id)
          ORDER BY o.address LIMIT 1) x
        JOIN crm_contacts c ON c.company_id = $1 AND c.id = x.contact_id
        LEFT JOIN crm_accounts k ON k.company_id = $1 AND k.id = c.account_id"#,
        company.0,
        &addresses,
        &skeletons
    )
    .fetch_all(conn)
    .await?;
    let known: HashMap<String, Known> = rows
        .into_iter()
        .map(|row| (row.address, Known { address: row.other, name: row.name, account: row.account }))
        .collect();
    let mut found = HashMap::new();
    for (id, list) in messages {
        let doubts: Vec<LookAlike> = list
            .iter()
            .filter_map(|address| LookAlike::of(address, known.get(&normalised(address)).cloned()))
            .collect();
        if !doubts.is_empty() {
            found.insert(*id, doubts);
        }
    }
    Ok(found)
}

/// Gives skeletons to some contacts that have none. Returns whether there may be more of them.
pub(crate) async fn fill_skeletons(conn: &mut PgConnection, company: CompanyId) -> Result<bool, Error> {
    let rows = sqlx::query!(
        r#"SELECT kind, address FROM crm_contact_addresses WHERE company_id = $1 AND skeleton IS NULL
        ORDER BY kind, address LIMIT $2"#,
        company.0,
        CHUNK
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(false);
    }
    let kinds: Vec<String> = rows.iter().map(|row| row.kind.clone()).collect();
    let addresses: Vec<String> = rows.iter().map(|row| row.address.clone()).collect();
    let skeletons: Vec<String> = addresses.iter().map(|address| skeleton(address)).collect();
    sqlx::query!(
        r#"UPDATE crm_contact_addresses a SET skeleton = w.skeleton
        FROM unnest($2::text[], $3::text[], $4::text[]) AS w (kind, address, skeleton)
        WHERE a.company_id = $1 AND a.kind = w.kind AND a.address = w.address"#,
        company.0,
        &kinds,
        &addresses,
        &skeletons
    )
    .execute(conn)
    .await?;
    Ok(true)
}
