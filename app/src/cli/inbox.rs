//! What came in: list it, look at it, and do something about what waits for a person.
mod show;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::view::PAGE_LIMIT;
use countersign_core::ids::EventId;
use countersign_core::inbound;
use countersign_core::inbound::inbox::{self, InboxCursor, InboxFilter, InboxRow, State, Wanted};
use countersign_core::inbound::provider::Provider;
use serde_json::json;

use super::accounts::contact;
use super::page::Paging;
use super::webhooks::provider;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List events, newest first.
    List {
        /// Only events in this state: stored, applied, unmatched, failed or dismissed; or attention, what waits for a person.
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<Wanted>,
        /// Only events of this provider.
        #[arg(long, value_name = "PROVIDER", value_parser = provider)]
        source: Option<Provider>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one event in full, with what it did.
    Show {
        /// Id of the event.
        event: EventId,
    },
    /// Say whom an event is from that nobody could be found for. What that person waits for is stopped, as if it had been known.
    Assign {
        /// Id of the event.
        event: EventId,
        /// Id or address of the contact.
        contact: String,
    },
    /// Put an event aside that nobody could be found for or that could not be applied.
    Dismiss {
        /// Id of the event.
        event: EventId,
        /// Why; recorded with your name.
        #[arg(long)]
        reason: String,
    },
    /// Have an event applied again.
    Retry {
        /// Id of the event.
        event: EventId,
    },
}

fn state(word: &str) -> Result<Wanted, String> {
    if word == "attention" {
        return Ok(Wanted::Attention);
    }
    State::parse(word).map(Wanted::One).ok_or_else(|| {
        let known: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        format!("use attention or one of {}", known.join(", "))
    })
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::List { state, source, paging } => {
            let filter = InboxFilter { state: state.unwrap_or_default(), source };
            list(&session, &filter, &paging, output).await?;
        }
        Verb::Show { event } => {
            let detail = inbox::show(pool, actor, company, event).await.map_err(Fault::from)?;
            show::print(&detail, output)?;
        }
        Verb::Assign { event, contact } => {
            let found = contact::find(&mut *pool.acquire().await?, &session, &contact).await?;
            let did = inbound::assign(pool, actor, company, event, found.id).await.map_err(Fault::from)?;
            let mut lines = vec![("assigned", event.to_string()), ("contact", found.name)];
            lines.extend(did.iter().map(|sentence| ("did", sentence.clone())));
            output.thing(&json!({ "id": event, "contact": found.id, "did": did }), &lines)?;
        }
        Verb::Dismiss { event, reason } => {
            inbox::dismiss(pool, actor, company, event, &reason).await.map_err(Fault::from)?;
            output
                .thing(&json!({ "id": event, "state": "dismissed" }), &[("dismissed", event.to_string())])?;
        }
        Verb::Retry { event } => {
            inbox::retry(pool, actor, company, event).await.map_err(Fault::from)?;
            output.thing(
                &json!({ "id": event, "state": "stored" }),
                &[("stored", event.to_string()), ("applied", "by the next engine that looks".to_owned())],
            )?;
        }
    }
    Ok(Code::Done)
}

/// Prints as many events as were asked for, page by page.
async fn list(session: &Session, filter: &InboxFilter, paging: &Paging, output: Output) -> Result<()> {
    let mut after = paging.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = usize::from(paging.limit);
    let mut rows = Vec::new();
    loop {
        let wanted = (limit - rows.len()).min(PAGE_LIMIT);
        let company = session.company.id;
        let page = inbox::list(session.pool(), &session.actor, company, filter, wanted, after)
            .await
            .map_err(Fault::from)?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= limit {
            break;
        }
    }
    let heads = ["EVENT", "RECEIVED", "SOURCE", "KIND", "STATE", "DID", "FROM", "WHAT"];
    output.list(&rows, after.map(write_cursor), &heads, listed)
}

fn listed(row: &InboxRow) -> Vec<String> {
    let headline = if row.is_erased { "(erased)" } else { row.headline.as_str() };
    vec![
        row.id.to_string(),
        format!("{:.0}", row.received_at),
        row.source.to_string(),
        row.kind.clone(),
        row.state.as_str().to_owned(),
        row.did.first().or(row.error.as_ref()).cloned().unwrap_or_default(),
        row.from.clone().unwrap_or_default(),
        headline.to_owned(),
    ]
}

fn write_cursor(cursor: InboxCursor) -> String {
    format!("{}_{}", cursor.at, cursor.id)
}

fn read_cursor(text: &str) -> Result<InboxCursor> {
    let refuse = || Fault::usage("--cursor: not a cursor of this list; use the one the page before printed");
    let (at, id) = text.split_once('_').ok_or_else(refuse)?;
    Ok(InboxCursor { at: at.parse().map_err(|_| refuse())?, id: id.parse().map_err(|_| refuse())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = InboxCursor { at: "2026-11-23T07:00:00.123456Z".parse().unwrap(), id: EventId::new() };
        assert_eq!(read_cursor(&write_cursor(cursor)).unwrap(), cursor);
        assert!(read_cursor("yesterday").is_err());
    }

    #[test]
    fn every_state_and_what_waits_can_be_asked_for() {
        assert_eq!(state("attention"), Ok(Wanted::Attention));
        for known in State::ALL {
            assert_eq!(state(known.as_str()), Ok(Wanted::One(*known)));
        }
        assert!(state("open").unwrap_err().contains("dismissed"));
    }
}
