//! Marking: one, a range, everything that matches, the inverse; and what becomes of marks when their items go.
use countersign_core::activity::store_match::{MATCH_LIMIT, Matching};
use countersign_core::approval::Item;

use super::live;
use crate::console::model::{MarkWay, Model};
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;
use crate::console::words;

/// Marks or unmarks in place; a range that is being drawn is fixed instead.
pub(crate) fn mark(model: &mut Model) -> Vec<Effect> {
    if model.marks.anchor().is_some() {
        fix_range(model);
    } else if let Some(item) = model.current().map(|row| row.item) {
        model.marks.toggle(item);
    }
    Vec::new()
}

/// Begins a range at the cursor, or fixes the one that is being drawn.
pub(crate) fn range(model: &mut Model) -> Vec<Effect> {
    if model.marks.anchor().is_some() {
        fix_range(model);
    } else if let Some(id) = model.current().map(crate::console::item::Row::id) {
        model.marks.begin_range(id);
    }
    Vec::new()
}

/// Marks the rows of the range, and ends it.
pub(super) fn fix_range(model: &mut Model) {
    if let Some(range) = model.range() {
        let items: Vec<Item> =
            model.approvals.rows.get(range).unwrap_or(&[]).iter().map(|row| row.item).collect();
        for item in items {
            model.marks.add(item);
        }
    }
    model.marks.drop_range();
}

/// Marks everything that matches, or unmarks everything if that was done already.
pub(crate) fn all(model: &mut Model) -> Vec<Effect> {
    let rows = &model.approvals;
    let is_each_marked = rows.is_loaded
        && rows.next.is_none()
        && !rows.rows.is_empty()
        && rows.rows.iter().all(|row| model.marks.contains(row.id()));
    if model.marks.is_all_of(&model.filter) || is_each_marked || rows.rows.is_empty() {
        model.marks.clear();
        return Vec::new();
    }
    ask(model, MarkWay::All)
}

/// Marks what matches and is not marked, and unmarks what matches and is.
pub(crate) fn invert(model: &mut Model) -> Vec<Effect> {
    ask(model, MarkWay::Invert)
}

fn ask(model: &mut Model, way: MarkWay) -> Vec<Effect> {
    model.marks.drop_range();
    // A held key asks once. What an answer that is late would do is not what the next key means.
    if model.matching.is_some() {
        return Vec::new();
    }
    let generation = model.next_generation();
    model.matching = Some((generation, way));
    vec![Effect::LoadMatching { generation, filter: model.filter.clone() }]
}

/// Takes in everything that matches. Says whether it was what is waited for.
pub(super) fn loaded(model: &mut Model, generation: u64, result: Result<Matching, Failure>) -> bool {
    let Some((_, way)) = model.matching.take_if(|(asked, _)| *asked == generation) else {
        return false;
    };
    let matching = match result {
        Ok(matching) => matching,
        Err(failure) => return live::fault(model, &failure),
    };
    match way {
        MarkWay::All => model.marks.add_all(&matching.items, &model.filter),
        MarkWay::Invert => model.marks.invert(&matching.items),
    }
    if matching.is_cut {
        let words =
            format!("more than {} match: the oldest of them were taken", words::messages(MATCH_LIMIT));
        model.say(Role::Warn, &words);
    }
    true
}

/// Unmarks what the newest page showed to be gone, and says how many that were.
pub(super) fn forget_gone(model: &mut Model) {
    let gone = std::mem::take(&mut model.approvals.gone);
    let lost = gone.into_iter().filter(|id| model.marks.remove(*id)).count();
    if lost > 0 {
        let words = format!("{} you had marked left the list", words::messages(lost));
        model.say(Role::Warn, &words);
    }
    let anchor = model.marks.anchor();
    if anchor.is_some_and(|anchor| model.approvals.index_of(anchor).is_none()) {
        model.marks.drop_range();
        model
            .say(Role::Warn, "the message the range began at left the list; nothing of the range was marked");
    }
}
