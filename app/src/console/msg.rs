//! What can happen to the console, and what it can ask to be done. Data only.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::activity::store_match::Matching;
use countersign_core::activity::view::{Counts, Cursor, Filter, List, OutboxView, Page};
use countersign_core::approval::store_fate::Fate;
use countersign_core::approval::store_snooze::Snoozes;
use countersign_core::approval::{Item, ItemResult, Resolution, Undone};
use countersign_core::audit;
use countersign_core::channel::ChannelName;
use countersign_core::engine::board::Task;
use countersign_core::ids::{ActivityId, AuditId, EventId, OutboxId};
use countersign_core::inbound::inbox::{InboxCursor, InboxDetail, InboxFilter, InboxPage};
use countersign_core::outbox::store::WideKill;
use countersign_core::safe_text::SafeText;
use crossterm::event::KeyEvent;
use jiff::Timestamp;
use ratatui::layout::Rect;

use super::activity::Runtime;
use super::backend::EngineStatus;
use super::inbox::{Deed, Intake};
use super::model::Screen;
use super::preview::Detail;
use super::switch::{Reach, Turn};
use super::tab::Tab;
use crate::terminal::Clip;

/// Something happened.
#[derive(Debug)]
pub(crate) enum Msg {
    /// Time passed.
    Ticked(Timestamp),
    /// A key was pressed, so long after the start.
    KeyPressed { key: KeyEvent, at: Duration },
    /// Text was pasted.
    Pasted(String),
    /// A cell was clicked.
    Clicked { x: u16, y: u16 },
    /// The wheel was turned over a cell; down is positive.
    Wheeled { x: u16, y: u16, lines: i8 },
    /// The terminal has another size.
    Resized { width: u16, height: u16 },
    /// A frame was drawn, so long after the start.
    Painted { painted: Painted, at: Duration },
    /// The terminal's content is unknown; it was given back and taken again.
    Resumed,
    /// The engine says something new.
    EngineChanged(EngineStatus),
    /// A task of this process is in another state.
    TasksChanged(Vec<Task>),
    /// The database answered the poll: the company's change number.
    Polled(i64),
    /// The database did not answer, or refused.
    PollFailed(Failure),
    /// A page arrived.
    PageLoaded { generation: u64, list: List, result: Result<Page, Failure> },
    /// Counts and outboxes arrived.
    SummaryLoaded { generation: u64, result: Result<Summary, Failure> },
    /// A page of the audit log arrived.
    AuditLoaded { generation: u64, result: Result<audit::Page, Failure> },
    /// A page of what came in arrived.
    InboxLoaded { generation: u64, result: Result<InboxPage, Failure> },
    /// An event arrived.
    EventLoaded { generation: u64, result: Result<Box<InboxDetail>, Failure> },
    /// Something was done about an event, or was not; it says what that did.
    Handled { id: EventId, name: SafeText, deed: Deed, result: Result<Vec<String>, Failure> },
    /// What the engines say arrived.
    RuntimeLoaded { generation: u64, result: Result<Box<Runtime>, Failure> },
    /// An item arrived; `None` if there is none of that id.
    DetailLoaded { generation: u64, result: Result<Option<Box<Detail>>, Failure> },
    /// Everything that matches the filter arrived.
    MatchingLoaded { generation: u64, result: Result<Matching, Failure> },
    /// What became of the item that was under the cursor arrived.
    FateLoaded { id: ActivityId, who: SafeText, result: Result<Option<Fate>, Failure> },
    /// A decision is through, or is not.
    Decided { generation: u64, result: Result<Vec<ItemResult>, Failure> },
    /// The words of a draft were changed, or were not.
    Revised { generation: u64, result: Result<ItemResult, Failure> },
    /// A text cannot be kept in its file.
    KeepFailed(String),
    /// The editor of the user gave this text back, or failed.
    EditedOutside { item: Item, result: Result<String, String> },
    /// Where the drafts of kept texts stand; those that are not there belong to another company.
    KeptChecked(Vec<(ActivityId, Status)>),
    /// A switch was turned, or was not.
    Switched { reach: Reach, turn: Turn, result: Result<(), Failure> },
    /// Of what was approved by that decision so many were tried to be taken back.
    BatchGoesOn { decision: u64, tried: usize, of: usize },
    /// What was approved by that decision and had not left was taken back, or was not.
    BatchUndone { decision: u64, result: Result<Undone, Failure> },
}

/// Why an effect did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The database is not there. What was asked may or may not have been done.
    Unavailable(String),
    /// It was refused, with a sentence.
    Refused(String),
}

/// What stands above the lists.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) counts: Counts,
    pub(crate) outboxes: Vec<OutboxView>,
    /// Kills that reach further than one outbox, the widest first.
    pub(crate) kills: Vec<WideKill>,
    /// Channels of outboxes that this version cannot send on.
    pub(crate) mute: Vec<ChannelName>,
    /// What this operator snoozed.
    pub(crate) snoozes: Snoozes,
    /// What came in and waits, and where it comes in; `None` where nothing is taken in.
    pub(crate) inbox: Option<Intake>,
    /// The database's clock minus ours.
    pub(crate) skew: jiff::SignedDuration,
}

/// What a frame showed. Decisions are made on this and on nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Painted {
    /// The item whose text was on screen.
    pub(crate) preview: Option<Shown>,
    /// The rows that were on screen.
    pub(crate) rows: Vec<Item>,
    /// What the mouse can reach, by the cells it was drawn in.
    pub(crate) targets: Vec<(Rect, Target)>,
    /// The first line of help or results that was on screen.
    pub(crate) overlay_top: Option<usize>,
}

/// An item whose text was on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) item: Item,
    /// The side that was turned to.
    pub(crate) tab: Tab,
    /// The lines that were shown, of how many, wrapped to which width.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) of: usize,
    pub(crate) width: usize,
}

/// Something that can be clicked or scrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The name of a screen.
    Screen(Screen),
    /// A row of the list.
    Row(ActivityId),
    /// An event of the Inbox.
    Event(EventId),
    /// An outbox in the table above the list.
    Outbox(OutboxId),
    /// The list itself.
    List,
    /// The open message.
    Message,
}

/// Something to do outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Read one page.
    LoadPage { generation: u64, list: List, filter: Filter, after: Option<Cursor> },
    /// Read counts and outboxes.
    LoadSummary { generation: u64 },
    /// Read one page of the audit log.
    LoadAudit { generation: u64, text: Option<String>, before: Option<AuditId> },
    /// Read one page of what came in.
    LoadInbox { generation: u64, filter: InboxFilter, after: Option<InboxCursor> },
    /// Read one event.
    LoadEvent { generation: u64, id: EventId },
    /// Do something about an event.
    Handle { id: EventId, name: SafeText, deed: Deed },
    /// Read what the engines say.
    LoadRuntime { generation: u64 },
    /// Read one item.
    LoadDetail { generation: u64, id: ActivityId },
    /// Read ids and hashes of everything that matches.
    LoadMatching { generation: u64, filter: Filter },
    /// Read what somebody else did to an item.
    LoadFate { id: ActivityId, who: SafeText },
    /// Hide drafts from this operator until a time, or show them again.
    Snooze { generation: u64, ids: Vec<ActivityId>, until: Option<Timestamp> },
    /// Approve exactly these bytes. Requests of one generation make up one batch.
    Approve { generation: u64, items: Vec<Item> },
    /// Reject them.
    Reject { generation: u64, items: Vec<Item>, reason: String },
    /// Take approvals back.
    Undo { generation: u64, ids: Vec<ActivityId> },
    /// Take back what was approved by the decision of that generation and has not left.
    UndoBatch { decision: u64 },
    /// Settle what is uncertain.
    Resolve { generation: u64, id: ActivityId, resolution: Resolution, reason: String },
    /// Give a draft other words.
    Revise { generation: u64, item: Item, document: String },
    /// Keep a text that is being edited.
    KeepEdit { item: Item, text: String },
    /// Forget it.
    ForgetEdit { item: Item },
    /// Give the terminal to the user's own editor with this text.
    EditOutside { item: Item, text: String },
    /// Look where the drafts of kept texts stand.
    CheckKept { ids: Vec<ActivityId> },
    /// Stop an outbox, a channel or the company, or let it send again.
    Switch { reach: Reach, turn: Turn },
    /// Put a text on the clipboard of the terminal.
    Copy(Clip),
    /// Ask the terminal for clicks and the wheel, or leave them to it.
    Mouse(bool),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Leave.
    Quit,
}
