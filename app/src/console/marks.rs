//! What is marked: ids with the bytes they had when they were marked, in the order of marking, and a range that is being drawn.
//!
//! Holds no rows and reads nothing; ten thousand marks cost as little a frame as three.
use std::collections::HashMap;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::view::Filter;
use countersign_core::approval::Item;
use countersign_core::ids::ActivityId;

/// Marked items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    items: HashMap<ActivityId, (u64, PayloadHash)>,
    count: u64,
    /// Where a range that is being drawn begins; the cursor is its other end.
    anchor: Option<ActivityId>,
    /// The filter whose matches were all marked at once, until a single mark changes.
    all_of: Option<Filter>,
}

impl Marks {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn contains(&self, id: ActivityId) -> bool {
        self.items.contains_key(&id)
    }

    /// The marked items in the order of marking.
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut items: Vec<_> =
            self.items.iter().map(|(id, (order, sha256))| (*order, *id, *sha256)).collect();
        items.sort_unstable_by_key(|(order, ..)| *order);
        items.into_iter().map(|(_, id, payload_sha256)| Item::seen(id, payload_sha256)).collect()
    }

    /// Marks an item with the bytes it has now. One that is marked keeps the bytes it was marked with.
    pub(crate) fn add(&mut self, item: Item) {
        self.all_of = None;
        self.count += 1;
        self.items.entry(item.id).or_insert((self.count, item.payload_sha256));
    }

    /// Unmarks an item. Says whether it was marked.
    pub(crate) fn remove(&mut self, id: ActivityId) -> bool {
        let was_marked = self.items.remove(&id).is_some();
        if was_marked {
            self.all_of = None;
        }
        was_marked
    }

    pub(crate) fn toggle(&mut self, item: Item) {
        if !self.remove(item.id) {
            self.add(item);
        }
    }

    /// The person wrote these bytes just now: the mark goes over to them.
    pub(crate) fn rebind(&mut self, item: Item) {
        if let Some((_, sha256)) = self.items.get_mut(&item.id) {
            *sha256 = item.payload_sha256;
        }
    }

    /// Unmarks everything and drops the range.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Marks everything that matches a filter.
    pub(crate) fn add_all(&mut self, items: &[Item], filter: &Filter) {
        for item in items {
            self.add(*item);
        }
        self.all_of = Some(filter.clone());
    }

    /// Marks what is not marked and unmarks what is, among these; other marks stay.
    pub(crate) fn invert(&mut self, items: &[Item]) {
        for item in items {
            self.toggle(*item);
        }
        self.all_of = None;
    }

    /// Whether everything that matches this filter was marked at once, and nothing changed since.
    pub(crate) fn is_all_of(&self, filter: &Filter) -> bool {
        !self.is_empty() && self.all_of.as_ref() == Some(filter)
    }

    pub(crate) fn anchor(&self) -> Option<ActivityId> {
        self.anchor
    }

    /// Begins a range at an item.
    pub(crate) fn begin_range(&mut self, anchor: ActivityId) {
        self.anchor = Some(anchor);
    }

    /// Ends the range that is being drawn without marking. Says whether there was one.
    pub(crate) fn drop_range(&mut self) -> bool {
        self.anchor.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u128, bytes: &[u8]) -> Item {
        Item::seen(ActivityId(uuid::Uuid::from_u128(number)), PayloadHash::of(bytes))
    }

    #[test]
    fn marks_keep_their_order_and_the_bytes_of_marking() {
        let mut marks = Marks::default();
        for number in [3, 1, 2] {
            marks.add(item(number, b"first"));
        }
        marks.add(item(1, b"second"));
        assert_eq!(marks.items(), [item(3, b"first"), item(1, b"first"), item(2, b"first")]);
        marks.rebind(item(1, b"mine"));
        assert_eq!(marks.items()[1], item(1, b"mine"));
    }

    #[test]
    fn inverting_twice_changes_nothing_and_leaves_others_alone() {
        let mut marks = Marks::default();
        marks.add(item(1, b""));
        marks.add(item(9, b"elsewhere"));
        let matching = [item(1, b""), item(2, b"")];
        marks.invert(&matching);
        assert_eq!(marks.items(), [item(9, b"elsewhere"), item(2, b"")]);
        marks.invert(&matching);
        assert_eq!(marks.items(), [item(9, b"elsewhere"), item(1, b"")]);
    }

    #[test]
    fn all_are_all_until_a_mark_changes() {
        let (mut marks, filter) = (Marks::default(), Filter::default());
        marks.add_all(&[item(1, b""), item(2, b"")], &filter);
        assert!(marks.is_all_of(&filter));
        marks.toggle(item(1, b""));
        assert!(!marks.is_all_of(&filter));
    }
}
