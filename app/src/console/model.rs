//! Everything the console knows. Changed by `update` alone; drawn by `view` alone.
use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::activity::view::{COUNT_LIMIT, Counts, Filter, OutboxView, Snoozed};
use countersign_core::actor::{Actor, Role as ActorRole};
use countersign_core::approval::Item;
use countersign_core::approval::store_snooze::Snoozes;
use countersign_core::channel::ChannelName;
use countersign_core::company::Company;
use countersign_core::ids::ActivityId;
use countersign_core::outbox::store::WideKill;
use countersign_core::safe_text::SafeText;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::activity::Activity;
use super::backend::EngineStatus;
use super::deciding::{Deciding, Latest};
use super::dialog::Dialog;
use super::editor::Editor;
use super::inbox::Inbox;
use super::item::Row;
use super::listing::Listing;
use super::marks::Marks;
use super::memory::Memory;
use super::msg::Painted;
use super::preview::{Preview, Setting};
use super::tab::Tab;
use super::theme::{Role, Theme};
use crate::kept::Kept;

/// The screens there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Approvals,
    Outbox,
    Inbox,
    Activity,
}

impl Screen {
    /// In the order of their keys.
    pub(crate) const ALL: [Self; 4] = [Self::Approvals, Self::Outbox, Self::Inbox, Self::Activity];
}

/// How much of the item is open beside the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The list alone, unless the terminal is wide enough for both.
    List,
    /// List and item.
    Split,
    /// The item alone.
    Zoom,
}

/// Which part of the Outbox screen the keys move in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    Rows,
    Outboxes,
}

/// Whether what is on screen is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not heard from the database yet.
    Connecting,
    /// Heard from within the last seconds.
    Live,
    /// Not heard from since then.
    Stale { since: Timestamp, tries: u32, reason: SafeText },
}

/// A place in a list: an id, and where it stands for the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) id: Option<ActivityId>,
    pub(crate) index: usize,
    /// The first line on screen.
    pub(crate) top: usize,
}

/// Holds approve keys back after the item under the cursor changed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Open,
    /// Changed, and not drawn since.
    Unseen,
    /// Drawn; open again at this time.
    Until(Duration),
}

/// One line about the last thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) role: Role,
    pub(crate) text: SafeText,
}

/// What is done with everything that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkWay {
    All,
    Invert,
}

/// Approvals of one decision of this console that may still be taken back.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Generation of the decision.
    pub(crate) decision: u64,
    /// The items, with the end of the window of each.
    pub(crate) open: Vec<(ActivityId, Timestamp)>,
}

/// Everything the console knows.
pub(crate) struct Model {
    pub(crate) company: SafeText,
    pub(crate) is_sandbox: bool,
    pub(crate) operator: SafeText,
    /// Whether the operator acts by a token and not in person.
    pub(crate) is_token_holder: bool,
    pub(crate) role: Option<ActorRole>,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    pub(crate) engine: EngineStatus,
    pub(crate) width: u16,
    pub(crate) height: u16,
    now: Timestamp,
    pub(crate) skew: SignedDuration,
    pub(crate) link: Link,
    pub(crate) version: i64,
    pub(crate) screen: Screen,
    pub(crate) pane: Pane,
    pub(crate) focus: Focus,
    pub(crate) filter: Filter,
    pub(crate) approvals: Listing<Row>,
    pub(crate) attention: Listing<Row>,
    pub(crate) queue: Listing<Row>,
    pub(crate) approvals_at: Selection,
    pub(crate) outbox_at: Selection,
    /// Its index and scrolling; which row is meant says `activity.at`.
    pub(crate) activity_at: Selection,
    pub(crate) activity: Activity,
    /// Its index and scrolling; which event is meant says `inbox.at`.
    pub(crate) inbox_at: Selection,
    pub(crate) inbox: Inbox,
    pub(crate) outbox_index: usize,
    pub(crate) marks: Marks,
    /// A read of everything that matches is on its way, for this.
    pub(crate) matching: Option<(u64, MarkWay)>,
    /// What this operator snoozed.
    pub(crate) snoozes: Snoozes,
    /// The item the cursor stood on, and how to call it once its row is gone.
    pub(crate) under_cursor: Option<(ActivityId, SafeText)>,
    /// Its bytes were changed by somebody, and who that was is not asked yet.
    pub(crate) is_changed: bool,
    /// Items whose end was shown, with the bytes that were shown.
    pub(crate) seen: HashMap<ActivityId, PayloadHash>,
    /// The texts of what was read, to compare others with.
    pub(crate) memory: Memory,
    /// The side of the open item; it stays while the cursor moves.
    pub(crate) tab: Tab,
    pub(crate) painted: Painted,
    pub(crate) guard: Guard,
    pub(crate) preview: Option<Preview>,
    pub(crate) detail_in_flight: Option<(u64, ActivityId, i64)>,
    pub(crate) missing: Option<(ActivityId, i64)>,
    pub(crate) counts: Option<Counts>,
    pub(crate) outboxes: Vec<OutboxView>,
    /// Kills that reach further than one outbox, the widest first.
    pub(crate) kills: Vec<WideKill>,
    /// Channels that this version cannot send on.
    pub(crate) mute: Vec<ChannelName>,
    pub(crate) summary_version: Option<i64>,
    pub(crate) summary_in_flight: Option<(u64, i64)>,
    pub(crate) deciding: Vec<Deciding>,
    pub(crate) batches: Vec<Batch>,
    /// The draft of which the latest decision of this console was the first approval of two.
    pub(crate) voted: Option<ActivityId>,
    /// What `undo-batch` means.
    pub(crate) latest: Option<Latest>,
    pub(crate) dialog: Option<Dialog>,
    /// The draft that is being edited; it lies over the screen's body.
    pub(crate) editor: Option<Editor>,
    /// Texts of drafts that were begun and are not on file.
    pub(crate) kept: HashMap<ActivityId, Kept>,
    /// Approved as soon as it was painted to its end: its editor asked for that.
    pub(crate) approve_when_seen: Option<Item>,
    pub(crate) notice: Option<Notice>,
    /// The first key of a sequence that was begun.
    pub(crate) prefix: Option<String>,
    /// When the last key came that can begin an arrow key.
    pub(crate) introducer: Option<Duration>,
    pub(crate) is_mouse_on: bool,
    /// Why the terminal takes nothing for its clipboard, if so.
    pub(crate) clipboard_fault: Option<&'static str>,
    pub(crate) is_dirty: bool,
    generation: u64,
}

impl Model {
    pub(crate) fn new(
        company: &Company,
        actor: &Actor,
        theme: Theme,
        zone: TimeZone,
        now: Timestamp,
    ) -> Self {
        Self {
            company: theme.charset.line(&company.name),
            is_sandbox: company.sandbox,
            operator: theme.charset.line(actor.name()),
            is_token_holder: actor.token().is_some(),
            role: actor.role(),
            theme,
            zone,
            engine: EngineStatus::default(),
            width: 80,
            height: 24,
            now,
            skew: SignedDuration::ZERO,
            link: Link::Connecting,
            version: 0,
            screen: Screen::Approvals,
            pane: Pane::List,
            focus: Focus::Rows,
            filter: Filter {
                snoozed: actor.operator(ActorRole::Viewer).map_or(Snoozed::Shown, Snoozed::Hidden),
                ..Filter::default()
            },
            approvals: Listing::default(),
            attention: Listing::default(),
            queue: Listing::default(),
            approvals_at: Selection::default(),
            outbox_at: Selection::default(),
            activity_at: Selection::default(),
            activity: Activity::default(),
            inbox_at: Selection::default(),
            inbox: Inbox::default(),
            outbox_index: 0,
            marks: Marks::default(),
            matching: None,
            snoozes: Snoozes::default(),
            under_cursor: None,
            is_changed: false,
            seen: HashMap::new(),
            memory: Memory::default(),
            tab: Tab::default(),
            painted: Painted::default(),
            guard: Guard::Open,
            preview: None,
            detail_in_flight: None,
            missing: None,
            counts: None,
            outboxes: Vec::new(),
            kills: Vec::new(),
            mute: Vec::new(),
            summary_version: None,
            summary_in_flight: None,
            deciding: Vec::new(),
            batches: Vec::new(),
            voted: None,
            latest: None,
            dialog: None,
            editor: None,
            kept: HashMap::new(),
            approve_when_seen: None,
            notice: None,
            prefix: None,
            introducer: None,
            is_mouse_on: false,
            clipboard_fault: None,
            is_dirty: true,
            generation: 0,
        }
    }

    /// The database's time, as well as it is known here.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.checked_add(self.skew).unwrap_or(self.now)
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// A number no earlier request has.
    pub(crate) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    pub(crate) fn setting(&self) -> Setting {
        Setting {
            charset: self.theme.charset,
            now: self.now(),
            zone: self.zone.clone(),
            is_narrow: self.width < 80,
        }
    }

    pub(crate) fn selection(&self) -> &Selection {
        match self.screen {
            Screen::Approvals => &self.approvals_at,
            Screen::Outbox => &self.outbox_at,
            Screen::Inbox => &self.inbox_at,
            Screen::Activity => &self.activity_at,
        }
    }

    pub(crate) fn selection_mut(&mut self) -> &mut Selection {
        match self.screen {
            Screen::Approvals => &mut self.approvals_at,
            Screen::Outbox => &mut self.outbox_at,
            Screen::Inbox => &mut self.inbox_at,
            Screen::Activity => &mut self.activity_at,
        }
    }

    /// How many rows the screen has loaded.
    pub(crate) fn row_count(&self) -> usize {
        match self.screen {
            Screen::Approvals => self.approvals.rows.len(),
            Screen::Outbox => self.attention.rows.len() + self.queue.rows.len(),
            Screen::Inbox => self.inbox.events.rows.len(),
            Screen::Activity => self.activity.entries.len(),
        }
    }

    /// A row of a message on the screen. On Outbox, what needs a person comes before what the dispatcher has.
    pub(crate) fn row(&self, index: usize) -> Option<&Row> {
        match self.screen {
            Screen::Approvals => self.approvals.rows.get(index),
            Screen::Inbox | Screen::Activity => None,
            Screen::Outbox => {
                let first = self.attention.rows.len();
                index
                    .checked_sub(first)
                    .map_or_else(|| self.attention.rows.get(index), |index| self.queue.rows.get(index))
            }
        }
    }

    pub(crate) fn index_of(&self, id: ActivityId) -> Option<usize> {
        match self.screen {
            Screen::Approvals => self.approvals.index_of(id),
            Screen::Inbox | Screen::Activity => None,
            Screen::Outbox => {
                let first = self.attention.rows.len();
                self.attention.index_of(id).or_else(|| self.queue.index_of(id).map(|index| first + index))
            }
        }
    }

    /// The row under the cursor.
    pub(crate) fn current(&self) -> Option<&Row> {
        let selection = self.selection();
        self.row(selection.index).filter(|row| Some(row.id()) == selection.id)
    }

    /// The outbox under the cursor.
    pub(crate) fn current_outbox(&self) -> Option<&OutboxView> {
        self.outboxes.get(self.outbox_index)
    }

    /// The lines of the list: the rows, and on Outbox a heading before each section.
    pub(crate) fn list_lines(&self) -> Vec<ListLine> {
        match self.screen {
            Screen::Approvals | Screen::Inbox | Screen::Activity => {
                (0..self.row_count()).map(ListLine::Row).collect()
            }
            Screen::Outbox => {
                let (first, rest) = (self.attention.rows.len(), self.queue.rows.len());
                let mut lines = Vec::with_capacity(first + rest + 2);
                if first > 0 {
                    lines.push(ListLine::NeedsYou);
                    lines.extend((0..first).map(ListLine::Row));
                }
                if rest > 0 {
                    lines.push(ListLine::Dispatcher);
                    lines.extend((first..first + rest).map(ListLine::Row));
                }
                lines
            }
        }
    }

    /// The rows on screen, for a list of this height.
    pub(crate) fn visible(&self, height: usize) -> Range<usize> {
        let top = self.selection().top;
        let rows = self.list_lines().into_iter().skip(top).take(height).filter_map(|line| match line {
            ListLine::Row(index) => Some(index),
            ListLine::NeedsYou | ListLine::Dispatcher => None,
        });
        let rows: Vec<usize> = rows.collect();
        match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => *first..last + 1,
            _ => 0..0,
        }
    }

    pub(crate) fn is_deciding(&self, id: ActivityId) -> bool {
        self.deciding.iter().any(|deciding| deciding.ids.contains(&id))
    }

    pub(crate) fn is_marked(&self, id: ActivityId) -> bool {
        self.marks.contains(id)
    }

    /// The rows of the range that is being drawn.
    pub(crate) fn range(&self) -> Option<RangeInclusive<usize>> {
        let from = self.approvals.index_of(self.marks.anchor()?)?;
        let to = self.approvals_at.index;
        Some(from.min(to)..=from.max(to))
    }

    /// How many drafts wait and are not snoozed, bounded like every count.
    pub(crate) fn pending(&self) -> Option<i64> {
        let pending = self.counts?.pending;
        Some(if pending >= COUNT_LIMIT { pending } else { (pending - self.snoozes.count).max(0) })
    }

    /// Whether the list is that of snoozed drafts.
    /// Whether some of the approvals are left out because somebody asked for that.
    pub(crate) fn is_narrowed(&self) -> bool {
        let Filter { channel, outbox, kind, status, text, snoozed: _ } = &self.filter;
        channel.is_some() || outbox.is_some() || kind.is_some() || status.is_some() || text.is_some()
    }

    pub(crate) fn is_snooze_list(&self) -> bool {
        matches!(self.filter.snoozed, Snoozed::Only(_))
    }

    /// Whether decisions can be made at all, or why not.
    pub(crate) fn may_write(&self, needed: ActorRole) -> Result<(), String> {
        if let Link::Stale { .. } = self.link {
            return Err("the database does not answer, so nothing can be decided".to_owned());
        }
        if let Some(absent) = &self.engine.absent {
            return Err(absent.clone());
        }
        match self.role {
            Some(role) if role >= needed => Ok(()),
            Some(role) => Err(format!("needs the {} role, you are {}", needed.as_str(), role.as_str())),
            None => Err("only operators decide".to_owned()),
        }
    }

    pub(crate) fn say(&mut self, role: Role, text: &str) {
        self.notice = Some(Notice { role, text: SafeText::line(text) });
    }

    /// The next time something on screen reads differently although nothing happened.
    pub(crate) fn next_change(&self) -> Timestamp {
        let now = self.now();
        let is_soon = |time: Timestamp| time > now && time.duration_since(now).as_secs() <= 91;
        let counts_down = self.undoable().is_some_and(|(_, until)| is_soon(until))
            || (self.screen == Screen::Outbox
                && self.outboxes.iter().any(|outbox| outbox.cool_until.is_some_and(is_soon)))
            || (self.screen == Screen::Outbox
                && self.painted.rows.iter().any(|item| {
                    let row = self.index_of(item.id).and_then(|index| self.row(index));
                    row.is_some_and(|row| {
                        matches!(row.status, Status::Approved | Status::Dispatching)
                            && is_soon(row.hold_until.unwrap_or(row.send_after))
                    })
                }));
        let due = self.snoozes.next_due.map(|due| due.checked_sub(self.skew).unwrap_or(due));
        let step = if counts_down { 1_000 } else { 60_000 };
        let wait = step - self.now.as_millisecond().rem_euclid(step);
        let next = self.now.checked_add(SignedDuration::from_millis(wait)).unwrap_or(self.now);
        due.filter(|due| *due > self.now).map_or(next, |due| due.min(next))
    }
}

/// A line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListLine {
    /// Heading of what needs a person.
    NeedsYou,
    /// Heading of what the dispatcher has before it.
    Dispatcher,
    /// The row of that index.
    Row(usize),
}
