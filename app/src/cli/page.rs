//! Paging of lists on the command line: `--limit`, `--cursor`.
use color_eyre::eyre::Result;
use countersign_core::activity::view::{ActivityRow, Filter, List, Snoozed};
use countersign_core::channel::ChannelName;

use crate::exit::Fault;
use crate::pages;
use crate::session::Session;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Paging {
    /// Most items to print.
    #[arg(long, default_value_t = pages::USUAL, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
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

/// Reads as many rows of a list as were asked for, page by page.
pub(super) async fn rows(
    session: &Session,
    list: List,
    narrow: &Narrow,
    snoozed: Snoozed,
) -> Result<(Vec<ActivityRow>, Option<String>)> {
    let filter = Filter { channel: narrow.channel, text: narrow.text.clone(), snoozed, ..Filter::default() };
    let refuse = || Fault::usage("--cursor: not a cursor of this list; use the one the page before printed");
    let after = match &narrow.paging.cursor {
        Some(text) => Some(pages::read_cursor(text).ok_or_else(refuse)?),
        None => None,
    };
    let mut conn = session.pool().acquire().await?;
    let found = pages::rows(&mut conn, session.company.id, list, &filter, after, narrow.paging.limit).await;
    Ok(found.map_err(Fault::from)?)
}
