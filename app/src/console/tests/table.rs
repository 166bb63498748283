//! Every action by its keys: one row each, and a test that fails when a row is missing.
use std::collections::BTreeSet;

use super::bench::Bench;
use super::fixtures::id;
use crate::console::action::{ACTIONS, EDITING, book};
use crate::console::dialog::Dialog;
use crate::console::inbox::Deed;
use crate::console::model::{Focus, Pane, Screen};
use crate::console::msg::Effect;
use crate::console::switch::Turn;
use crate::console::tab::Tab;

/// An action's id, keys that end with it, and whether it did what it says.
type Row = (&'static str, &'static str, fn(&mut Bench) -> bool);

const ROWS: &[Row] = &[
    ("approve", "<pagedown>a", |bench| bench.approvals().len() == 1),
    ("reject", "xno<enter>", |bench| matches!(bench.asked.as_slice(), [Effect::Reject { .. }])),
    ("edit", "e", |bench| bench.model.editor.is_some()),
    ("mark-range", "vj", |bench| bench.model.range() == Some(0..=1)),
    ("mark-all", "*", |bench| {
        bench.asked.iter().any(|effect| matches!(effect, Effect::LoadMatching { .. }))
            || bench.model.is_marked(id(6))
    }),
    ("invert-marks", "<space>i", |bench| !bench.model.is_marked(id(1)) && bench.model.is_marked(id(2))),
    ("snooze", "s", |bench| bench.model.dialog.is_some()),
    ("snoozed", "S", |bench| bench.model.is_snooze_list()),
    ("mark", "<space>", |bench| bench.model.is_marked(id(1))),
    ("inspect", "2<enter>", |bench| matches!(bench.model.dialog, Some(Dialog::Resolve { .. }))),
    ("pause", "2pwhy<enter>", |bench| turned(bench, |turn| matches!(turn, Turn::Pause { .. }))),
    ("kill", "2Xwhy<enter>", |bench| turned(bench, |turn| matches!(turn, Turn::Kill { .. }))),
    (
        "retry",
        "2jn",
        |bench| matches!(bench.asked.as_slice(), [Effect::Undo { ids, .. }] if *ids == [id(22)]),
    ),
    ("undo-batch", "a", |bench| {
        let approved = bench.approved();
        bench.decide(|_| approved.clone());
        bench.press("U");
        matches!(bench.asked.as_slice(), [Effect::UndoBatch { .. }])
    }),
    ("undo", "2jjju", |bench| matches!(bench.asked.as_slice(), [Effect::Undo { .. }])),
    ("open", "<enter>", |bench| bench.model.pane == Pane::Zoom),
    ("close", "<enter><esc>", |bench| bench.model.pane == Pane::Split),
    ("filter", "/kari<enter>", |bench| bench.model.filter.text.as_deref() == Some("kari")),
    ("channel", "c", |bench| bench.model.filter.channel.is_some()),
    ("switch-focus", "2o", |bench| bench.model.focus == Focus::Outboxes),
    ("down", "j", |bench| bench.model.selection().index == 1),
    ("up", "jjk", |bench| bench.model.selection().index == 1),
    ("first", "jjgg", |bench| bench.model.selection().index == 0),
    ("last", "G", |bench| bench.model.selection().index == 5),
    ("half-page-down", "<c-d>", |bench| bench.model.selection().index > 0),
    ("half-page-up", "G<c-u>", |bench| bench.model.selection().index < 5),
    ("read-on", "2J", |bench| bench.model.preview.as_ref().is_some_and(|preview| preview.scroll() > 0)),
    ("next-tab", "l", |bench| bench.model.tab == Tab::Diff),
    ("previous-tab", "llh", |bench| bench.model.tab == Tab::Diff),
    ("diff", "d", |bench| bench.model.tab == Tab::Diff),
    ("thread", "t", |bench| bench.model.tab == Tab::Thread),
    ("bytes", "b", |bench| bench.model.tab == Tab::Bytes),
    ("copy", "y1", |bench| matches!(bench.asked.as_slice(), [Effect::Copy(_)])),
    ("read-back", "2JK", |bench| bench.model.preview.as_ref().is_some_and(|preview| preview.scroll() == 0)),
    ("next-screen", "<tab>", |bench| bench.model.screen != Screen::Approvals),
    ("previous-screen", "<tab><s-tab>", |bench| bench.model.screen == Screen::Approvals),
    ("approvals-screen", "21", |bench| bench.model.screen == Screen::Approvals),
    ("outbox-screen", "2", |bench| bench.model.screen == Screen::Outbox),
    ("inbox-screen", "7", |bench| bench.model.screen == Screen::Inbox),
    ("open-event", "7<enter>", |bench| bench.model.pane == Pane::Zoom),
    ("assign-event", "7jjabo<enter>", |bench| handled(bench, |deed| matches!(deed, Deed::Assign { .. }))),
    ("dismiss-event", "7jjxno<enter>", |bench| handled(bench, |deed| matches!(deed, Deed::Dismiss { .. }))),
    ("retry-event", "7jjn", |bench| handled(bench, |deed| matches!(deed, Deed::Retry))),
    ("source", "7c", |bench| bench.model.inbox.filter.source.is_some()),
    ("for-you", "7f", |bench| bench.model.inbox.events.rows.len() == 2),
    ("refresh", "r", |bench| bench.reads > Bench::new(120, 30).reads),
    ("activity-screen", "9", |bench| bench.model.screen == Screen::Activity),
    ("read-row", "9<enter>", |bench| bench.model.dialog.is_some()),
    ("engines", "9i", |bench| bench.model.dialog.is_some()),
    ("filter-rows", "9/", |bench| bench.model.dialog.is_some()),
    ("palette", ":", |bench| matches!(bench.model.dialog, Some(Dialog::Palette(_)))),
    ("mouse", "m", |bench| bench.asked == [Effect::Mouse(true)]),
    ("help", "?", |bench| matches!(bench.model.dialog, Some(Dialog::Help { .. }))),
    ("suspend", "<c-z>", |bench| bench.asked == [Effect::Suspend]),
    ("quit", "q", |bench| bench.asked == [Effect::Quit]),
    ("save", "e.<c-s>", |bench| bench.model.editor.as_ref().is_some_and(|editor| editor.saving.is_some())),
    ("save-and-approve", "e.<c-t>", |bench| {
        bench.model.editor.as_ref().is_some_and(|editor| editor.saving.is_some())
    }),
    ("edit-outside", "e<c-g>", |bench| {
        bench.asked.iter().any(|effect| matches!(effect, Effect::EditOutside { .. }))
    }),
    ("leave-editor", "e<esc>", |bench| bench.model.editor.is_none()),
    ("drop-edit", "e.<c-q>", |bench| bench.model.editor.is_none()),
];

fn turned(bench: &Bench, is_meant: fn(&Turn) -> bool) -> bool {
    matches!(bench.asked.as_slice(), [Effect::Switch { turn, .. }] if is_meant(turn))
}

fn handled(bench: &Bench, is_meant: fn(&Deed) -> bool) -> bool {
    matches!(bench.asked.as_slice(), [Effect::Handle { deed, .. }] if is_meant(deed))
}

#[test]
fn every_action_does_what_it_says_when_its_keys_are_pressed() {
    let failed: Vec<&str> = ROWS
        .iter()
        .filter(|(_, keys, did)| {
            let mut bench = Bench::new(120, 30);
            bench.press(keys);
            !did(&mut bench)
        })
        .map(|(id, ..)| *id)
        .collect();
    assert_eq!(failed, Vec::<&str>::new());
}

#[test]
fn every_action_has_a_row_here() {
    let known: BTreeSet<&str> = ACTIONS.iter().chain(EDITING).map(|action| action.id).collect();
    let tested: BTreeSet<&str> = ROWS.iter().map(|(id, ..)| *id).collect();
    assert_eq!(tested, known);
}

/// The README is not written by hand here: `countersign keys --markdown` prints its table.
#[test]
fn the_readme_has_the_table_of_keys() {
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&book::markdown()), "put this into the section Keys:\n{}", book::markdown());
}
