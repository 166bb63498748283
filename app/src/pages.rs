//! Pages of lists of messages: what a cursor looks like outside, and how a long page is read in short ones.
use countersign_core::activity::store_read;
use countersign_core::activity::view::{ActivityRow, Cursor, Filter, List, PAGE_LIMIT};
use countersign_core::error::Error;
use countersign_core::ids::CompanyId;
use sqlx::PgConnection;

/// Most items of a page.
pub(crate) const LIMIT: u16 = 1_000;

/// Items of a page where nothing else is asked for.
pub(crate) const USUAL: u16 = 50;

/// The text of a cursor.
pub(crate) fn write_cursor(cursor: Cursor) -> String {
    format!("{}_{}", cursor.at, cursor.id)
}

/// Reads the text of a cursor; `None` for what is none of these lists.
pub(crate) fn read_cursor(text: &str) -> Option<Cursor> {
    let (at, id) = text.split_once('_')?;
    Some(Cursor { at: at.parse().ok()?, id: id.parse().ok()? })
}

/// Reads as many rows of a list as were asked for, page by page, and where it goes on.
///
/// # Errors
/// As [`store_read::page`].
pub(crate) async fn rows(
    conn: &mut PgConnection,
    company: CompanyId,
    list: List,
    filter: &Filter,
    mut after: Option<Cursor>,
    limit: u16,
) -> Result<(Vec<ActivityRow>, Option<String>), Error> {
    let limit = usize::from(limit);
    let mut rows = Vec::new();
    loop {
        let wanted = (limit - rows.len()).min(PAGE_LIMIT);
        let page = store_read::page(conn, company, list, filter, after, wanted).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= limit {
            return Ok((rows, after.map(write_cursor)));
        }
    }
}

/// Cuts rows, of which one more was read than belongs on the page, to their length; returns the last if more follow.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u16) -> Option<&T> {
    let has_more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    rows.last().filter(|_| has_more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::ids::ActivityId;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor { at: "2026-11-23T07:00:00.123456Z".parse().unwrap(), id: ActivityId::new() };
        assert_eq!(read_cursor(&write_cursor(cursor)), Some(cursor));
        assert_eq!(read_cursor("yesterday"), None);
    }
}
