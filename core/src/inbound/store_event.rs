//! SQL of storing events.
use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::event::Event;
use super::receive::Origin;
use crate::error::Error;
use crate::ids::EventId;

/// Inserts events and returns the ids of those that are new. One that is stored already, by whatever delivery, stays as it is.
pub(super) async fn insert(
    conn: &mut PgConnection,
    origin: Origin,
    ids: &[EventId],
    events: &[Event],
) -> Result<HashSet<EventId>, Error> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let external_ids: Vec<String> = events.iter().map(|event| event.external_id.clone()).collect();
    let kinds: Vec<String> = events.iter().map(|event| event.what.as_str().to_owned()).collect();
    let occurred: Vec<Option<jiff_sqlx::Timestamp>> =
        events.iter().map(|event| event.occurred_at.map(Into::into)).collect();
    let readings =
        events.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(|error| {
            Error::Corrupt { table: "crm_inbound_events", row: "new".to_owned(), problem: error.to_string() }
        })?;
    let raws: Vec<&[u8]> = events.iter().map(|event| event.raw.as_ref()).collect();
    let hashes: Vec<Vec<u8>> = events.iter().map(|event| Sha256::digest(&event.raw).to_vec()).collect();
    let stored = sqlx::query_scalar!(
        r#"INSERT INTO crm_inbound_events
          (company_id, endpoint_id, source, sig_ok, id, external_id, kind, occurred_at, reading, raw, raw_sha256)
        SELECT $1, $2, $3, $4, * FROM unnest($5::uuid[], $6::text[], $7::text[], $8::timestamptz[], $9::jsonb[], $10::bytea[], $11::bytea[])
        ON CONFLICT (company_id, source, external_id) DO NOTHING
        RETURNING id AS "id: EventId""#,
        origin.company.0,
        origin.endpoint.map(|id| id.0),
        origin.provider.as_str(),
        origin.endpoint.is_some(),
        &uuids,
        &external_ids,
        &kinds,
        &occurred as _,
        &readings,
        &raws as _,
        &hashes
    )
    .fetch_all(conn)
    .await?;
    Ok(stored.into_iter().collect())
}
