//! The one table of what keys do. Key handling, hint line, help, palette and `countersign keys` all read it; what is not possible now stays listed and says why.
pub(crate) mod book;
pub(crate) mod key;

use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::actor::Role;

use super::dialog::{Dialog, ResolveStep};
use super::editor::Then;
use super::field::Field;
use super::model::{Focus, Model, Pane, Screen};
use super::msg::Effect;
use super::tab::Tab;
use super::update::{
    activity, batch, copy, decide, edit, inbox, mark, mouse, moves, palette, snooze, switch,
};

/// Something a person can do.
pub(crate) struct Action {
    /// Stable name.
    pub(crate) id: &'static str,
    /// What it is about.
    pub(crate) group: Group,
    /// Names of keys; a sequence has a blank between them.
    pub(crate) keys: &'static [&'static str],
    /// Word of the hint line; empty if it is not hinted at.
    pub(crate) hint: &'static str,
    /// Line of the help.
    pub(crate) help: &'static str,
    /// Where it works.
    pub(crate) screens: &'static [Screen],
    /// Whether it is possible now, or why not.
    pub(crate) enabled: fn(&Model) -> Result<(), String>,
    /// Does it. The duration is when the key was pressed.
    pub(crate) run: fn(&mut Model, Duration) -> Vec<Effect>,
}

/// What actions are about: headings of help and lists of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Decisions.
    Decide,
    /// The open message.
    Read,
    /// What is in the list.
    List,
    /// Where the cursor is.
    Move,
    /// Which screen is shown.
    Screen,
    /// The program itself.
    Program,
    /// The text that is edited.
    Edit,
}

impl Group {
    /// Every group, in the order of help.
    pub(crate) const ALL: &[Self] =
        &[Self::Decide, Self::Read, Self::List, Self::Move, Self::Screen, Self::Program, Self::Edit];

    /// The heading.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Read => "read",
            Self::List => "list",
            Self::Move => "move",
            Self::Screen => "screen",
            Self::Program => "program",
            Self::Edit => "edit",
        }
    }
}

const BOTH: &[Screen] = &[Screen::Approvals, Screen::Outbox];
const READING: &[Screen] = &[Screen::Approvals, Screen::Outbox, Screen::Inbox];
const ALL: &[Screen] = &Screen::ALL;
const APPROVALS: &[Screen] = &[Screen::Approvals];
const OUTBOX: &[Screen] = &[Screen::Outbox];
const INBOX: &[Screen] = &[Screen::Inbox];
const ACTIVITY: &[Screen] = &[Screen::Activity];

macro_rules! actions {
    ($name:ident: $what:literal; $($id:literal $group:ident: $keys:expr, $hint:literal, $help:literal, $screens:expr, $enabled:expr, $run:expr;)+) => {
        #[doc = $what]
        pub(crate) const $name: &[Action] = &[$(Action {
            id: $id, group: Group::$group, keys: $keys, hint: $hint, help: $help, screens: $screens, enabled: $enabled, run: $run,
        },)+];
    };
}

actions! {
    ACTIONS: "Every action of the screens, in the order of hints and help.";
    "approve" Decide: &["a"], "approve", "approve the marked messages, else the one shown; only what was read to its end", APPROVALS,
        can_approve, decide::approve;
    "reject" Decide: &["x"], "reject", "reject the marked messages, else the one under the cursor; asks for a reason", APPROVALS,
        can_reject, |model, _| decide::ask_reject(model);
    "edit" Decide: &["e"], "edit", "change the words of the message; the new text needs a decision of its own", APPROVALS,
        can_edit, |model, _| edit::open(model);
    "mark" List: &["space"], "mark", "mark or unmark the message; fixes a range that v began", APPROVALS,
        has_row, |model, _| mark::mark(model);
    "mark-range" List: &["v"], "", "begin a range here: moving extends it, v or space marks it, esc drops it", APPROVALS,
        has_row, |model, _| mark::range(model);
    "mark-all" List: &["*"], "", "mark all drafts that match the filter, at most 10 000; again: unmark all", APPROVALS,
        can_mark_all, |model, _| mark::all(model);
    "invert-marks" List: &["i"], "", "mark what matches the filter and is not marked, and unmark what is", APPROVALS,
        can_match, |model, _| mark::invert(model);
    "inspect" Decide: &["enter"], "open", "settle an uncertain message; show any other in full", OUTBOX,
        has_row, |model, _| inspect(model);
    "pause" Decide: &["p"], "pause", "pause the outbox with a reason, or let it send again", OUTBOX,
        can_pause, |model, _| switch::ask_pause(model);
    "assign-event" Decide: &["a"], "assign", "say whom the event is from, by id or address: what waits for that person is stopped", INBOX,
        inbox::can_assign, |model, _| inbox::ask_assign(model);
    "dismiss-event" Decide: &["x"], "dismiss", "put the event aside for a reason", INBOX,
        inbox::can_dismiss, |model, _| inbox::ask_dismiss(model);
    "retry-event" Decide: &["n"], "retry", "have the event applied again", INBOX,
        inbox::can_retry, inbox::retry;
    "undo" Decide: &["u"], "undo", "take back the approval under the cursor, or your latest while its time runs", ALL,
        can_undo, |model, _| decide::undo(model);
    "undo-batch" Decide: &["U"], "", "take back everything of your latest approval that has not left; says how many of how many", ALL,
        batch::can_undo, |model, _| batch::undo(model);
    "kill" Decide: &["X"], "kill", "stop the outbox for a reason until an admin lets it go again; on a killed one: let it go", OUTBOX,
        switch::can_kill, |model, _| switch::ask_kill(model);
    "retry" Decide: &["n"], "retry", "make the failed or blocked message under the cursor a draft again, for a new decision", OUTBOX,
        can_retry, |model, _| decide::retry(model);
    "open" Read: &["enter"], "open", "open the message under the list, then in full", APPROVALS,
        has_row, |model, _| open(model);
    "open-event" Read: &["enter"], "open", "open the event under the list, then in full", INBOX,
        has_event, |model, _| open(model);
    "close" Read: &["esc"], "", "one step back, then one filter after the other; drops a range, stops a long decision; never decides anything", ALL,
        |_| Ok(()), |model, _| close(model);
    "filter" List: &["/"], "filter", "show only what contains a text: contact, account, address, headline or drafter", APPROVALS,
        is_live, |model, _| ask_filter(model);
    "channel" List: &["c"], "channel", "show one channel after the other, then all", APPROVALS,
        is_live, |model, _| moves::cycle_channel(model);
    "source" List: &["c"], "provider", "show what one provider told after the other, then all", INBOX,
        is_live, |model, _| inbox::cycle_source(model);
    "for-you" List: &["f"], "for you", "show only what waits for a person, or everything again", INBOX,
        is_live, |model, _| inbox::cycle_state(model);
    "snooze" List: &["s"], "snooze", "hide the marked drafts, else the current one, from your list until a time; among the snoozed: bring back", APPROVALS,
        can_snooze, |model, _| snooze::ask(model);
    "snoozed" List: &["S"], "", "show what you snoozed, or again what waits", APPROVALS,
        is_live, |model, _| snooze::switch_list(model);
    "read-row" Read: &["enter"], "open", "show the row under the cursor in full", ACTIVITY,
        has_entry, |model, _| activity::inspect(model);
    "engines" Read: &["i"], "engines", "show what the engines say in full", ACTIVITY,
        |_| Ok(()), |model, _| activity::engine(model);
    "filter-rows" List: &["/"], "filter", "show only rows whose action, person or reason holds a text", ACTIVITY,
        is_live, |model, _| activity::ask_filter(model);
    "switch-focus" List: &["o"], "outboxes", "move between the outboxes and the messages", OUTBOX,
        |_| Ok(()), |model, _| switch_focus(model);
    "down" Move: &["j", "down"], "", "one down", ALL, |_| Ok(()), |model, _| moves::by(model, 1);
    "up" Move: &["k", "up"], "", "one up", ALL, |_| Ok(()), |model, _| moves::by(model, -1);
    "first" Move: &["g g", "home"], "", "to the first", ALL, |_| Ok(()), |model, _| moves::to(model, 0);
    "last" Move: &["G", "end"], "", "to the last that is loaded; more follow", ALL, |_| Ok(()), |model, _| moves::to(model, usize::MAX);
    "half-page-down" Move: &["ctrl-d"], "", "half a page down", ALL, |_| Ok(()), |model, _| moves::half_page(model, 1);
    "half-page-up" Move: &["ctrl-u"], "", "half a page up", ALL, |_| Ok(()), |model, _| moves::half_page(model, -1);
    "read-on" Read: &["pagedown", "J"], "", "read on in the open message", READING, has_preview, |model, _| moves::scroll(model, 1);
    "read-back" Read: &["pageup", "K"], "", "read back in the open message", READING, has_preview, |model, _| moves::scroll(model, -1);
    "next-tab" Read: &["l", "right"], "", "turn the open message to its next side", BOTH, has_row, |model, _| moves::turn_by(model, 1);
    "previous-tab" Read: &["h", "left"], "", "turn it to the side before", BOTH, has_row, |model, _| moves::turn_by(model, -1);
    "diff" Read: &["d"], "diff", "what differs from what you read before; read to its end it counts as read", BOTH,
        has_row, |model, _| moves::turn(model, Tab::Diff);
    "thread" Read: &["t"], "thread", "what was said with the same contact", BOTH, has_row, |model, _| moves::turn(model, Tab::Thread);
    "bytes" Read: &["b"], "", "exactly the bytes that are hashed and approved", BOTH, has_row, |model, _| moves::turn(model, Tab::Bytes);
    "copy" Read: &["y"], "", "copy a part of the message to the clipboard of the terminal; asks which", BOTH,
        copy::is_possible, |model, _| copy::ask(model);
    "next-screen" Screen: &["tab"], "", "next screen", ALL, |_| Ok(()), |model, _| activity::step_screen(model, 1);
    "previous-screen" Screen: &["shift-tab"], "", "previous screen", ALL, |_| Ok(()), |model, _| activity::step_screen(model, -1);
    "approvals-screen" Screen: &["1"], "", "Approvals", ALL, |_| Ok(()), |model, _| moves::show(model, Screen::Approvals);
    "outbox-screen" Screen: &["2"], "", "Outbox", ALL, |_| Ok(()), |model, _| moves::show(model, Screen::Outbox);
    "inbox-screen" Screen: &["7"], "", "Inbox: what came in and what it did", ALL, |_| Ok(()), |model, _| moves::show(model, Screen::Inbox);
    "activity-screen" Screen: &["9"], "", "Activity: engines, tasks and the audit log", ALL, |_| Ok(()), |model, _| moves::show(model, Screen::Activity);
    "refresh" Program: &["r"], "", "read everything on screen again", ALL, is_live, |model, _| refresh(model);
    "palette" Program: &[":", "ctrl-p"], "commands", "find a command or filter by its words, and run it", ALL,
        |_| Ok(()), |model, _| palette::open(model);
    "mouse" Program: &["m"], "", "let the mouse choose rows and screens and scroll, or give it back to the terminal", ALL,
        |_| Ok(()), |model, _| mouse::toggle(model);
    "help" Program: &["?"], "help", "these lines", ALL, |_| Ok(()), |model, _| help(model);
    "suspend" Program: &["ctrl-z"], "", "back to the shell; continue with fg", ALL, |_| Ok(()), |_, _| vec![Effect::Suspend];
    "quit" Program: &["q", "ctrl-c"], "quit", "leave; data and what was decided stay", ALL, |_| Ok(()), |_, _| vec![Effect::Quit];
}

actions! {
    EDITING: "What keys do while a message is edited; every other key goes into the text.";
    "save" Edit: &["ctrl-s"], "save", "put the new text on file; it waits for a decision", APPROVALS,
        can_save, |model, _| edit::save(model, Then::Wait);
    "leave-editor" Edit: &["esc"], "leave, keep the text", "back to the list; a changed text is kept, and edit goes on with it", APPROVALS,
        is_not_saving, |model, _| edit::leave(model);
    "save-and-approve" Edit: &["ctrl-t"], "save and approve", "put the new text on file, show it, and approve it once its end was on screen",
        APPROVALS, can_save, |model, _| edit::save(model, Then::Approve);
    "edit-outside" Edit: &["ctrl-g"], "own editor", "go on in $VISUAL or $EDITOR", APPROVALS,
        is_not_saving, |model, _| edit::outside(model);
    "drop-edit" Edit: &["ctrl-q"], "drop it", "back to the list without the changes", APPROVALS,
        is_not_saving, |model, _| edit::drop_text(model);
}

/// The actions that keys reach now.
pub(crate) fn active(model: &Model) -> impl Iterator<Item = &'static Action> {
    let screen = model.screen;
    let table = if model.editor.is_some() { EDITING } else { ACTIONS };
    table.iter().filter(move |action| action.screens.contains(&screen))
}

/// The first key of an action.
pub(crate) fn key_of(id: &str) -> &'static str {
    ACTIONS
        .iter()
        .find(|action| action.id == id)
        .and_then(|action| action.keys.first())
        .copied()
        .unwrap_or_default()
}

/// The actions of a screen.
pub(crate) fn of(screen: Screen) -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().filter(move |action| action.screens.contains(&screen))
}

/// The action that a key or sequence is bound to on a screen.
pub(crate) fn bound_to(screen: Screen, keys: &str) -> Option<&'static Action> {
    of(screen).find(|action| action.keys.contains(&keys))
}

/// Whether a longer sequence begins with this key.
pub(crate) fn begins_sequence(screen: Screen, key: &str) -> bool {
    of(screen).any(|action| {
        action.keys.iter().any(|keys| keys.strip_prefix(key).is_some_and(|rest| rest.starts_with(' ')))
    })
}

fn has_row(model: &Model) -> Result<(), String> {
    model.current().map(|_| ()).ok_or_else(|| "the list is empty".to_owned())
}

fn has_entry(model: &Model) -> Result<(), String> {
    model.activity.at.map(|_| ()).ok_or_else(|| "the list is empty".to_owned())
}

fn has_event(model: &Model) -> Result<(), String> {
    model.inbox.current().map(|_| ()).ok_or_else(|| "the list is empty".to_owned())
}

fn has_preview(model: &Model) -> Result<(), String> {
    if model.screen == Screen::Inbox {
        return model.inbox.open.as_ref().map(|_| ()).ok_or_else(|| "no event is open".to_owned());
    }
    model.preview.as_ref().map(|_| ()).ok_or_else(|| "no message is open".to_owned())
}

fn is_live(model: &Model) -> Result<(), String> {
    match model.link {
        super::model::Link::Stale { .. } => Err("the database does not answer".to_owned()),
        _ => Ok(()),
    }
}

fn can_approve(model: &Model) -> Result<(), String> {
    model.may_write(Role::Approver)?;
    if model.is_snooze_list() {
        return Err("these are snoozed: s brings them back, S shows what waits".to_owned());
    }
    if model.marks.is_empty() {
        has_row(model)?;
    }
    Ok(())
}

fn can_match(model: &Model) -> Result<(), String> {
    is_live(model)?;
    has_row(model)
}

fn can_mark_all(model: &Model) -> Result<(), String> {
    if model.marks.is_empty() { can_match(model) } else { is_live(model) }
}

fn can_snooze(model: &Model) -> Result<(), String> {
    model.may_write(Role::Viewer)?;
    if model.marks.is_empty() {
        has_row(model)?;
    }
    Ok(())
}

fn can_reject(model: &Model) -> Result<(), String> {
    can_approve(model)
}

fn can_edit(model: &Model) -> Result<(), String> {
    model.may_write(Role::Approver)?;
    has_row(model)?;
    match &model.preview {
        Some(preview) => preview.words.as_ref().map(|_| ()).map_err(Clone::clone),
        None => Err("the message is still being read".to_owned()),
    }
}

fn is_not_saving(model: &Model) -> Result<(), String> {
    match model.editor.as_ref().and_then(|editor| editor.saving) {
        Some(_) => Err("the text is on its way to the database".to_owned()),
        None => Ok(()),
    }
}

fn can_save(model: &Model) -> Result<(), String> {
    is_not_saving(model)?;
    model.may_write(Role::Approver)
}

fn can_pause(model: &Model) -> Result<(), String> {
    model.may_write(Role::Approver)?;
    model.current_outbox().map(|_| ()).ok_or_else(|| "there is no outbox yet".to_owned())
}

fn can_retry(model: &Model) -> Result<(), String> {
    model.may_write(Role::Approver)?;
    if model.current().is_some_and(super::item::Row::can_be_tried_again) {
        return Ok(());
    }
    Err("only what failed or is blocked is tried again".to_owned())
}

fn can_undo(model: &Model) -> Result<(), String> {
    model.may_write(Role::Approver)?;
    match model.undoing() {
        Some(_) => Ok(()),
        None => Err("nothing can be taken back now".to_owned()),
    }
}

fn open(model: &mut Model) -> Vec<Effect> {
    model.pane = match super::layout::pane(model) {
        Pane::List => Pane::Split,
        Pane::Split => Pane::Zoom,
        Pane::Zoom if model.width < 80 => Pane::List,
        Pane::Zoom => Pane::Split,
    };
    Vec::new()
}

fn close(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Activity {
        return activity::close(model);
    }
    if model.screen == Screen::Inbox {
        return inbox::close(model);
    }
    if model.screen == Screen::Approvals && model.marks.drop_range() {
        return Vec::new();
    }
    if decide::stop(model) {
        return Vec::new();
    }
    // Where list and message stand together anyway, there is nothing to close but the filters.
    let is_open = model.pane == Pane::Zoom || model.pane == Pane::Split && model.width < 120;
    if !is_open && model.screen == Screen::Approvals && moves::widen(model) {
        return Vec::new();
    }
    if !is_open && model.screen == Screen::Approvals && model.is_snooze_list() {
        return snooze::switch_list(model);
    }
    model.pane = match model.pane {
        Pane::Zoom if model.width >= 80 => Pane::Split,
        Pane::Zoom | Pane::Split | Pane::List => Pane::List,
    };
    Vec::new()
}

fn inspect(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.current() else {
        return Vec::new();
    };
    let (id, who, status) = (row.id(), row.who.clone(), row.status);
    if status != Status::Uncertain {
        return open(model);
    }
    if let Err(reason) = model.may_write(Role::Approver) {
        model.say(super::theme::Role::Warn, &format!("settle: {reason}"));
        return open(model);
    }
    if super::layout::pane(model) == Pane::List {
        // The evidence stands beside the question.
        model.pane = Pane::Split;
    }
    model.dialog = Some(Dialog::Resolve { field: Field::default(), id, who, step: ResolveStep::Reason });
    Vec::new()
}

fn ask_filter(model: &mut Model) -> Vec<Effect> {
    let field = Field::with(model.filter.text.as_deref().unwrap_or(""));
    model.dialog = Some(Dialog::Filter { field });
    Vec::new()
}

fn switch_focus(model: &mut Model) -> Vec<Effect> {
    model.focus = match model.focus {
        Focus::Rows => Focus::Outboxes,
        Focus::Outboxes => Focus::Rows,
    };
    Vec::new()
}

fn refresh(model: &mut Model) -> Vec<Effect> {
    // A held key asks once, not thirty times a second.
    let is_reading = [&model.approvals, &model.attention, &model.queue]
        .into_iter()
        .any(super::listing::Listing::is_loading)
        || model.inbox.events.is_loading();
    if !is_reading {
        super::update::live::read_again(model);
    }
    Vec::new()
}

fn help(model: &mut Model) -> Vec<Effect> {
    model.dialog = Some(Dialog::Help { scroll: 0 });
    Vec::new()
}
