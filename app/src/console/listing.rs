//! The loaded part of one list: pages merged by key, and which part of it was read under the newest version.
//!
//! Only what is on screen is read again when something changed; what lies elsewhere is read when it comes into view.
use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;

/// How close to the end of what is loaded the screen may come before the next page is asked for.
const AHEAD: usize = 50;

/// What can stand in a list that is read page by page.
pub(crate) trait Listed {
    /// What it is known by.
    type Id: Copy + Debug + Eq + Hash;
    /// Where a page begins.
    type Cursor: Copy + Debug;
    /// Where it stands: lists are read from the least to the greatest.
    type Place: Ord;

    fn id(&self) -> Self::Id;
    fn cursor(&self) -> Self::Cursor;
    fn place(cursor: Self::Cursor) -> Self::Place;
}

/// The loaded part of one list.
#[derive(Debug)]
pub(crate) struct Listing<R: Listed> {
    pub(crate) rows: Vec<R>,
    /// Where the rest begins; `None` at the end.
    pub(crate) next: Option<R::Cursor>,
    pub(crate) is_loaded: bool,
    in_flight: Option<Request<R::Cursor>>,
    /// Rows read under `version`.
    fresh: Range<usize>,
    version: Option<i64>,
    /// Rows that the last page showed to be gone.
    pub(crate) gone: Vec<R::Id>,
}

#[derive(Clone, Copy, Debug)]
struct Request<C> {
    generation: u64,
    after: Option<C>,
    version: i64,
}

impl<R: Listed> Default for Listing<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
            is_loaded: false,
            in_flight: None,
            fresh: 0..0,
            version: None,
            gone: Vec::new(),
        }
    }
}

impl<R: Listed> Listing<R> {
    /// Forgets everything, also what is on its way.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn index_of(&self, id: R::Id) -> Option<usize> {
        self.rows.iter().position(|row| row.id() == id)
    }

    /// Takes rows out whose fate is known before the next read says so.
    pub(crate) fn remove(&mut self, ids: &HashSet<R::Id>) {
        self.rows.retain(|row| !ids.contains(&row.id()));
        self.fresh.end = self.fresh.end.min(self.rows.len());
        self.fresh.start = self.fresh.start.min(self.fresh.end);
    }

    /// Whether a page is on its way.
    pub(crate) fn is_loading(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Where to read next so that the visible rows are up to date, if they are not. At most one page is on its way.
    pub(crate) fn wanted(&self, visible: &Range<usize>, version: i64) -> Option<Option<R::Cursor>> {
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
            return Some(from.checked_sub(1).map(|before| self.rows[before].cursor()));
        }
        match self.next {
            Some(next) if visible.end + AHEAD >= self.rows.len() => Some(Some(next)),
            _ => None,
        }
    }

    /// Notes that a page was asked for.
    pub(crate) fn asked(&mut self, generation: u64, after: Option<R::Cursor>, version: i64) {
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
    pub(crate) fn take(&mut self, generation: u64, page: Vec<R>, next: Option<R::Cursor>) -> bool {
        let Some(request) = self.in_flight.filter(|request| request.generation == generation) else {
            return false;
        };
        self.in_flight = None;
        let in_page: HashSet<R::Id> = page.iter().map(R::id).collect();
        let old = std::mem::take(&mut self.rows);
        let end = page.last().filter(|_| next.is_some()).map(|row| R::place(row.cursor()));
        let (mut tail, mut gone) = (Vec::new(), Vec::new());
        for row in old.into_iter().filter(|row| !in_page.contains(&row.id())) {
            let at = R::place(row.cursor());
            if request.after.is_some_and(|after| at <= R::place(after)) {
                self.rows.push(row);
            } else if end.as_ref().is_some_and(|end| at > *end) {
                tail.push(row);
            } else {
                gone.push(row.id());
            }
        }
        let start = self.rows.len();
        self.rows.extend(page);
        let covered = start..self.rows.len();
        let continues =
            self.version == Some(request.version) && start == self.fresh.end && !self.fresh.is_empty();
        self.fresh = if continues { self.fresh.start..covered.end } else { covered };
        if next.is_none() || tail.is_empty() {
            self.next = next;
        }
        self.rows.append(&mut tail);
        self.gone = gone;
        self.version = Some(request.version);
        self.is_loaded = true;
        true
    }
}
