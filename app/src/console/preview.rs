//! The open item and the sides a person can turn to, with the place on each and how far it was read.
use std::sync::Arc;
use std::time::Duration;

use countersign_core::activity::thread::{Thread, Version};
use countersign_core::activity::view::ActivityDetail;
use countersign_core::approval::Item;
use countersign_core::approval::risk::Risk;
use countersign_core::channel::Guide;
use countersign_core::draft::edit;
use countersign_core::gate::Verdict;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Line};
use super::memory::{Base, Memory};
use super::msg::Shown;
use super::tab::Tab;
use super::theme::{Charset, Role};
use super::{evidence, message, sides, stakes};

/// How the stored request compares with the message that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestCheck {
    /// The channel has no adapter yet, so there is no request.
    Absent,
    /// It is what this version renders from the message.
    Same,
    /// Rendered by another version, which this one cannot repeat.
    OtherVersion,
    /// It is not what this version renders from the message.
    Differs,
}

/// An item in full, as it came from the database.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) activity: ActivityDetail,
    pub(crate) request: RequestCheck,
    /// How long the provider recognises a repeated key.
    pub(crate) keeps_keys_for: Option<Duration>,
    /// The rules of its channel, where this version sends on it.
    pub(crate) guide: Option<&'static Guide>,
    /// What was said with the same contact.
    pub(crate) thread: Thread,
    /// What it said before the last edit.
    pub(crate) before: Option<Version>,
}

/// Which screen reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody decides: the message is all there is.
    Approver,
    /// Somebody looks at what happened: the evidence comes first.
    Watcher,
}

/// The item that is open beside a list.
#[derive(Debug)]
pub(crate) struct Preview {
    pub(crate) item: Item,
    pub(crate) version: i64,
    pub(crate) bytes: usize,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) risk: Risk,
    /// What is at stake and who still has to agree, where that is worth a line.
    pub(crate) stakes: Option<SafeText>,
    /// Who approved these bytes in this round.
    pub(crate) approvers: Vec<SafeText>,
    /// Recipients who can be taken for somebody else, each as a sentence.
    pub(crate) doubts: Vec<SafeText>,
    pub(crate) outbox: SafeText,
    /// Whether the frozen bytes are there to be shown.
    pub(crate) is_complete: bool,
    /// The words that can be edited, or why they cannot.
    pub(crate) words: Result<String, String>,
    /// `4`, or `50+` where more were left out.
    pub(crate) thread: String,
    pub(crate) tab: Tab,
    reader: Reader,
    detail: Arc<Detail>,
    views: [Option<View>; Tab::ALL.len()],
}

/// One side, wrapped, and where in it the person is.
#[derive(Debug, Default)]
struct View {
    document: Document,
    lines: Vec<Line>,
    width: usize,
    scroll: usize,
    /// So many lines from the start were on screen, without a gap.
    read_to: usize,
    /// Whether its end is the end of the message.
    is_whole: bool,
    /// Bytes in a row, where that was a question.
    per_row: usize,
}

/// What the reader's clock and terminal are like.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) charset: Charset,
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    /// Less than 80 columns.
    pub(crate) is_narrow: bool,
}

impl Preview {
    pub(crate) fn new(detail: Box<Detail>, reader: Reader, version: i64, setting: &Setting) -> Self {
        let activity = &detail.activity;
        let (touches, more) = (detail.thread.touches.len(), detail.thread.has_more);
        Self {
            item: Item::seen(activity.row.id, activity.row.payload_sha256),
            version,
            bytes: activity.raw.len(),
            verdicts: activity.verdicts.clone(),
            risk: activity.row.risk,
            stakes: stakes::line(activity, setting.charset),
            approvers: stakes::approvers(activity)
                .into_iter()
                .map(|name| setting.charset.line(name))
                .collect(),
            doubts: message::doubts(&detail, setting.charset),
            outbox: setting.charset.line(&activity.row.outbox),
            is_complete: activity.envelope.is_some(),
            words: match &activity.envelope {
                Some(envelope) => edit::document(&envelope.payload).map_err(|error| error.to_string()),
                None => Err("its text was erased".to_owned()),
            },
            thread: format!("{touches}{}", if more { "+" } else { "" }),
            tab: Tab::Message,
            reader,
            detail: Arc::from(detail),
            views: Default::default(),
        }
    }

    /// Takes over the places of the same bytes as they were open before.
    ///
    /// The differences stay those that are being read, although other messages were read meanwhile.
    pub(crate) fn go_on_from(&mut self, mut old: Self, memory: &Memory, setting: &Setting) {
        self.views[Tab::Diff.index()] = old.views[Tab::Diff.index()].take();
        for (tab, old) in Tab::ALL.into_iter().zip(old.views) {
            let Some(old) = old else {
                continue;
            };
            self.turn(tab, memory, setting);
            let Some(view) = self.views[tab.index()].as_mut() else {
                continue;
            };
            view.wrap(old.width);
            // Only what reads as before counts as read.
            let is_same = |count: usize| {
                count <= view.lines.len()
                    && view.lines[..count].iter().zip(&old.lines).all(|(new, old)| new.text == old.text)
            };
            if is_same(old.read_to.max(old.scroll)) {
                (view.scroll, view.read_to) = (old.scroll, old.read_to);
            } else if !tab.is_reading() {
                view.scroll = old.scroll;
            }
        }
    }

    /// Turns to a side, and makes it where it was not made yet.
    pub(crate) fn turn(&mut self, tab: Tab, memory: &Memory, setting: &Setting) {
        self.tab = tab;
        let per_row = if setting.is_narrow { 8 } else { 16 };
        let view = &mut self.views[tab.index()];
        if view.as_ref().is_some_and(|view| tab != Tab::Bytes || view.per_row == per_row) {
            return;
        }
        let mut made = View { width: usize::MAX, per_row, ..View::default() };
        let (document, detail) = (&mut made.document, self.detail.as_ref());
        match tab {
            Tab::Message => {
                made.is_whole = true;
                message_side(document, detail, self.reader, setting);
            }
            Tab::Diff => {
                let base = memory.base_for(detail, setting.charset);
                let is_told = sides::differences(document, detail, base.as_ref(), setting);
                made.is_whole = is_told && base.is_some_and(|base: Base| base.is_read());
            }
            Tab::Thread => sides::thread(document, detail, setting),
            Tab::Checks => sides::checks(document, detail, setting),
            Tab::Bytes => sides::bytes(document, detail, per_row, setting),
        }
        *view = Some(made);
    }

    fn view(&self) -> Option<&View> {
        self.views[self.tab.index()].as_ref()
    }

    fn view_mut(&mut self) -> Option<&mut View> {
        self.views[self.tab.index()].as_mut()
    }

    /// The lines of the side that is turned to.
    pub(crate) fn lines(&self) -> &[Line] {
        self.view().map_or(&[], |view| &view.lines)
    }

    /// The first line on screen.
    pub(crate) fn scroll(&self) -> usize {
        self.view().map_or(0, |view| view.scroll)
    }

    /// Moves by so many lines. What has to be read is not passed over: nobody gets further than what was on screen.
    pub(crate) fn scroll_by(&mut self, step: isize) {
        let is_reading = self.tab.is_reading();
        if let Some(view) = self.view_mut() {
            let wanted = view.scroll.saturating_add_signed(step);
            let furthest = view.read_to.max(view.scroll);
            view.scroll = if is_reading { wanted.min(furthest) } else { wanted };
        }
    }

    /// Wraps to the width if it is another than before.
    pub(crate) fn wrap(&mut self, width: usize) {
        if let Some(view) = self.view_mut() {
            view.wrap(width);
        }
    }

    /// Keeps the scroll position inside a box of this height.
    pub(crate) fn keep_inside(&mut self, height: usize) {
        if let Some(view) = self.view_mut() {
            view.scroll = view.scroll.min(view.lines.len().saturating_sub(height.max(1)));
        }
    }

    /// Learns what was on screen. Says whether the message has now been read to its end.
    pub(crate) fn saw(&mut self, shown: &Shown) -> bool {
        let is_mine = self.item == shown.item && self.tab == shown.tab && self.is_complete;
        let Some(view) = self.view_mut().filter(|_| is_mine) else {
            return false;
        };
        if view.width != shown.width || view.lines.len() != shown.of || shown.from > view.read_to {
            return false;
        }
        view.read_to = view.read_to.max(shown.to);
        view.is_whole && view.read_to >= shown.of
    }

    /// What was read, to be compared with later.
    pub(crate) fn detail(&self) -> &Arc<Detail> {
        &self.detail
    }
}

impl View {
    /// Another width has other lines; the place in the text stays.
    fn wrap(&mut self, width: usize) {
        if self.width == width {
            return;
        }
        let lines = self.document.wrapped(width);
        let place = |count: usize| {
            let letters: usize = self.lines.iter().take(count).map(letters).sum();
            let mut sum = 0;
            lines
                .iter()
                .take_while(|line| {
                    sum += self::letters(line);
                    sum <= letters
                })
                .count()
        };
        let (scroll, read_to) =
            if self.lines.is_empty() { (0, 0) } else { (place(self.scroll), place(self.read_to)) };
        (self.scroll, self.read_to) = (if self.scroll == 0 { 0 } else { scroll }, read_to);
        (self.lines, self.width) = (lines, width);
    }
}

fn letters(line: &Line) -> usize {
    line.text.chars().filter(|letter| !letter.is_whitespace()).count()
}

fn message_side(document: &mut Document, detail: &Detail, reader: Reader, setting: &Setting) {
    let activity = &detail.activity;
    if reader == Reader::Watcher {
        evidence::tell(document, detail, setting);
        document.blank();
    }
    match &activity.envelope {
        Some(envelope) => message::tell(document, envelope, detail, setting.charset),
        None => document.remark(Role::Warn, "The text was erased; only its hash is left."),
    }
    if reader == Reader::Approver && !activity.decisions.is_empty() {
        document.blank();
        evidence::decisions(document, activity, setting);
    }
}
