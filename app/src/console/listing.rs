//! The loaded part of one list: pages merged by key, and which part of it was read under the newest version.
//!
//! Only what is on screen is read again when something changed; what lies elsewhere is read when it comes into view.
use std::collections::HashSet;
use std::ops::Range;

use countersign_core::activity::view::{ActivityRow, Cursor, List, Page};
use countersign_core::ids::ActivityId;
use jiff::Timestamp;

use super::item::Row;
use super::theme::Charset;

/// How close to the end of what is loaded the screen may come before the next page is asked for.
const AHEAD: usize = 50;

/// The loaded part of one list.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) list: List,
    pub(crate) rows: Vec<Row>,
    /// Where the rest begins; `None` at the end.
    pub(crate) next: Option<Cursor>,
    pub(crate) is_loaded: bool,
    in_flight: Option<Request>,
    /// Rows read under `version`.
    fresh: Range<usize>,
    version: Option<i64>,
    /// Rows that the last page showed to be gone.
    pub(crate) gone: Vec<ActivityId>,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    generation: u64,
    after: Option<Cursor>,
    version: i64,
}

impl Listing {
    pub(crate) fn new(list: List) -> Self {
        Self {
            list,
            rows: Vec::new(),
            next: None,
            is_loaded: false,
            in_flight: None,
            fresh: 0..0,
            version: None,
            gone: Vec::new(),
        }
    }

    /// Forgets everything, also what is on its way.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.list);
    }

    pub(crate) fn index_of(&self, id: ActivityId) -> Option<usize> {
        self.rows.iter().position(|row| row.id() == id)
    }

    /// Takes rows out whose fate is known before the next read says so.
    pub(crate) fn remove(&mut self, ids: &HashSet<ActivityId>) {
        self.rows.retain(|row| !ids.contains(&row.id()));
        self.fresh.end = self.fresh.end.min(self.rows.len());
        self.fresh.start = self.fresh.start.min(self.fresh.end);
    }

    /// Whether a page is on its way.
    pub(crate) fn is_loading(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Where to read next so that the visible rows are up to date, if they are not. At most one page is on its way.
    pub(crate) fn wanted(&self, visible: &Range<usize>, version: i64) -> Option<Option<Cursor>> {
        if self.in_flight.is_some() {
            return None;
        }
        if !self.is_loaded {
            return Some(None);
        }
        let visible = visible.start.min(self.rows.len())..visible.end.min(self.rows.len());
        let is_current = self.version == Some(version);
        let is_fresh = is_current
            && (visible.is_empty() || (self.fresh.start <= visible.start && visible.end <= self.fresh.end));
        if !is_fresh {
            let from = match is_current && self.fresh.contains(&visible.start) {
                true => self.fresh.end,
                false => visible.start.saturating_sub(AHEAD),
            };
            return Some(from.checked_sub(1).map(|before| self.key(&self.rows[before])));
        }
        match self.next {
            Some(next) if visible.end + AHEAD >= self.rows.len() => Some(Some(next)),
            _ => None,
        }
    }

    /// Notes that a page was asked for.
    pub(crate) fn asked(&mut self, generation: u64, after: Option<Cursor>, version: i64) {
        self.in_flight = Some(Request { generation, after, version });
    }

    /// Notes that no page will come. Says whether it was the page that is waited for. What was refused is not asked for
    /// again before something changes; what merely got lost is.
    pub(crate) fn failed(&mut self, generation: u64, is_refused: bool) -> bool {
        let Some(request) = self.in_flight.take_if(|request| request.generation == generation) else {
            return false;
        };
        if is_refused {
            self.is_loaded = true;
            self.version = Some(request.version);
            self.fresh = 0..self.rows.len();
            self.next = None;
        }
        true
    }

    /// Forgets how new the rows are, so that they are read again. A page that is on its way was read before and is dropped.
    pub(crate) fn outdate(&mut self) {
        self.version = None;
        self.in_flight = None;
    }

    /// Takes a page in: it replaces what it covers. Says whether it was the page that is waited for.
    pub(crate) fn take(&mut self, generation: u64, page: &Page, charset: Charset) -> bool {
        let Some(request) = self.in_flight.filter(|request| request.generation == generation) else {
            return false;
        };
        self.in_flight = None;
        let is_in_page = |id: ActivityId| page.rows.iter().any(|row| row.id == id);
        let old = std::mem::take(&mut self.rows);
        let end = page.rows.last().filter(|_| page.next.is_some()).map(|row| key_of(self.list, row));
        let (mut tail, mut gone) = (Vec::new(), Vec::new());
        for row in old.into_iter().filter(|row| !is_in_page(row.id())) {
            let at = pair(self.key(&row));
            if request.after.is_some_and(|after| at <= pair(after)) {
                self.rows.push(row);
            } else if end.is_some_and(|end| at > pair(end)) {
                tail.push(row);
            } else {
                gone.push(row.id());
            }
        }
        let start = self.rows.len();
        self.rows.extend(page.rows.iter().map(|row| Row::new(row, charset)));
        let covered = start..self.rows.len();
        let continues =
            self.version == Some(request.version) && start == self.fresh.end && !self.fresh.is_empty();
        self.fresh = if continues { self.fresh.start..covered.end } else { covered };
        if page.next.is_none() || tail.is_empty() {
            self.next = page.next;
        }
        self.rows.append(&mut tail);
        self.gone = gone;
        self.version = Some(request.version);
        self.is_loaded = true;
        true
    }

    fn key(&self, row: &Row) -> Cursor {
        let at = match self.list {
            List::Approvals | List::Attention => row.created_at,
            List::Queue => row.send_after,
            List::Closed => row.closed_at.unwrap_or(row.created_at),
        };
        Cursor { at, id: row.id() }
    }
}

fn key_of(list: List, row: &ActivityRow) -> Cursor {
    let at = match list {
        List::Approvals | List::Attention => row.created_at,
        List::Queue => row.send_after,
        List::Closed => row.closed_at.unwrap_or(row.created_at),
    };
    Cursor { at, id: row.id }
}

fn pair(cursor: Cursor) -> (Timestamp, ActivityId) {
    (cursor.at, cursor.id)
}
