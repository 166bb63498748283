//! Stores what was proven to come from a provider. From its commit on the delivery may be acknowledged, and nothing leaves for whoever
//! wrote: what it means is found out afterwards (`apply`).
use sqlx::{PgConnection, PgPool};

use super::event::{Event, What};
use super::provider::Provider;
use super::{store_effect, store_event};
use crate::company;
use crate::contact::suppression;
use crate::error::Error;
use crate::ids::{CompanyId, EndpointId, EventId};

/// The most events of one delivery: what the largest batch of a provider holds (Meta: 1000).
pub const EVENTS_LIMIT: usize = 1000;

/// Where events came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose company they concern.
    pub company: CompanyId,
    /// Who told them.
    pub provider: Provider,
    /// The endpoint that a delivery was proven at; `None` for what was found by asking the provider.
    pub endpoint: Option<EndpointId>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Events that are on file now and were not before.
    pub stored: usize,
    /// Events that were there already: nothing happens again.
    pub known: usize,
}

/// Stores events, all of them or none.
///
/// # Errors
/// [`Error::Invalid`] for more than [`EVENTS_LIMIT`], or a database fault: then nothing may be acknowledged.
pub async fn receive(pool: &PgPool, origin: Origin, events: &[Event]) -> Result<Received, Error> {
    let mut tx = pool.begin().await?;
    let received = receive_in(&mut tx, origin, events).await?;
    tx.commit().await?;
    crate::fault::point("received").await;
    Ok(received)
}

/// Stores events as part of a transaction.
pub(crate) async fn receive_in(
    conn: &mut PgConnection,
    origin: Origin,
    events: &[Event],
) -> Result<Received, Error> {
    if events.len() > EVENTS_LIMIT {
        let reason = format!("{} events in one delivery; at most {EVENTS_LIMIT}", events.len());
        return Err(Error::Invalid { field: "events".to_owned(), reason });
    }
    if events.is_empty() {
        return Ok(Received::default());
    }
    let ids: Vec<EventId> = events.iter().map(|_| EventId::new()).collect();
    let stored = store_event::insert(conn, origin, &ids, events).await?;
    let mut unread = Vec::new();
    let mut writers = Vec::new();
    for (id, event) in ids.iter().zip(events).filter(|(id, _)| stored.contains(id)) {
        if let What::Message(letter) = &event.what {
            for spelling in suppression::spellings(&letter.from) {
                unread.push(*id);
                writers.push(spelling);
            }
        }
    }
    store_effect::hold_unread(conn, origin.company, &unread, &writers, origin.provider).await?;
    if !stored.is_empty() {
        company::store::bump(conn, origin.company).await?;
    }
    Ok(Received { stored: stored.len(), known: events.len() - stored.len() })
}
