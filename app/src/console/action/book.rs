//! The table of actions as text: for `countersign keys` and for the README, which a test compares with it.
use serde::Serialize;

use super::{ACTIONS, Action, EDITING, Group};
use crate::console::model::Screen;

/// An action as it is listed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Stable name.
    pub(crate) id: &'static str,
    /// What it is about.
    pub(crate) group: &'static str,
    /// Where it works; `editing` while a message is edited.
    pub(crate) screens: Vec<&'static str>,
    /// Names of keys; a sequence has a blank between them.
    pub(crate) keys: &'static [&'static str],
    /// What it does.
    pub(crate) help: &'static str,
}

/// Every action, by group.
pub(crate) fn entries() -> Vec<Entry> {
    let screens = by_group(ACTIONS)
        .map(|action| entry(action, action.screens.iter().map(|screen| name(*screen)).collect()));
    let editing = by_group(EDITING).map(|action| entry(action, vec!["editing"]));
    screens.chain(editing).collect()
}

/// The table of the README.
pub(crate) fn markdown() -> String {
    let mut text = "| keys | action | where | what it does |\n|---|---|---|---|\n".to_owned();
    for entry in entries() {
        let keys: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            keys.join(" "),
            entry.id,
            entry.screens.join(", "),
            entry.help
        ));
    }
    text
}

/// Actions with those of one group together, groups in the order of help.
pub(crate) fn by_group(actions: &'static [Action]) -> impl Iterator<Item = &'static Action> {
    Group::ALL.iter().flat_map(move |group| actions.iter().filter(move |action| action.group == *group))
}

fn entry(action: &Action, screens: Vec<&'static str>) -> Entry {
    Entry { id: action.id, group: action.group.name(), screens, keys: action.keys, help: action.help }
}

fn name(screen: Screen) -> &'static str {
    match screen {
        Screen::Approvals => "approvals",
        Screen::Outbox => "outbox",
        Screen::Inbox => "inbox",
        Screen::Activity => "activity",
    }
}
