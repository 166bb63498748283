//! Paging of lists on the command line: `--limit`, `--cursor`.
use color_eyre::eyre::Result;
use countersign_core::activity::store_read;
use countersign_core::activity::view::{ActivityRow, Cursor, Filter, List, PAGE_LIMIT, Snoozed};
use countersign_core::channel::ChannelName;

use crate::exit::Fault;
use crate::session::Session;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Paging {
    /// Most items to print.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,
    /// Where to go on, as printed by the page before.
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Narrow {
    /// Only this channel.
    #[arg(long, value_name = "CHANNEL", value_parser = channel)]
    channel: Option<ChannelName>,
    /// Only items whose contact, account, address, headline or drafter holds this text.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    pub(super) paging: Paging,
}

/// Reads a channel's name.
pub(super) fn channel(word: &str) -> Result<ChannelName, String> {
    ChannelName::parse(word).ok_or_else(|| {
        let known: Vec<_> = ChannelName::ALL.iter().map(|name| name.as_str()).collect();
        format!("not a channel; the channels are {}", known.join(", "))
    })
}

fn write_cursor(cursor: Cursor) -> String {
    format!("{}_{}", cursor.at, cursor.id)
}

fn read_cursor(text: &str) -> Result<Cursor> {
    let refuse = || Fault::usage("--cursor: not a cursor of this list; use the one the page before printed");
    let (at, id) = text.split_once('_').ok_or_else(refuse)?;
    Ok(Cursor { at: at.parse().map_err(|_| refuse())?, id: id.parse().map_err(|_| refuse())? })
}

/// Reads as many rows of a list as were asked for, page by page.
pub(super) async fn rows(
    session: &Session,
    list: List,
    narrow: &Narrow,
    snoozed: Snoozed,
) -> Result<(Vec<ActivityRow>, Option<String>)> {
    let filter = Filter { channel: narrow.channel, text: narrow.text.clone(), snoozed, ..Filter::default() };
    let mut after = narrow.paging.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = usize::from(narrow.paging.limit);
    let mut conn = session.pool().acquire().await?;
    let mut rows = Vec::new();
    loop {
        let wanted = (limit - rows.len()).min(PAGE_LIMIT);
        let page = store_read::page(&mut conn, session.company.id, list, &filter, after, wanted)
            .await
            .map_err(Fault::from)?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= limit {
            return Ok((rows, after.map(write_cursor)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::ids::ActivityId;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor { at: "2026-11-23T07:00:00.123456Z".parse().unwrap(), id: ActivityId::new() };
        assert_eq!(read_cursor(&write_cursor(cursor)).unwrap(), cursor);
        assert!(read_cursor("yesterday").is_err());
    }
}
