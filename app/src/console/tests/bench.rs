//! A console without a terminal and without a database: keys go in as text, reads are answered from memory, decisions by the test.
use std::collections::HashMap;
use std::time::Duration;

use countersign_adapters::resend::Resend;
use countersign_core::activity::store_match::{MATCH_LIMIT, Matching};
use countersign_core::activity::thread::{Thread, Version};
use countersign_core::activity::view::{
    ActivityDetail, ActivityRow, Filter, Hold, List, OutboxView, Page, Snoozed,
};
use countersign_core::actor::{Actor, Role};
use countersign_core::approval::store_fate::Fate;
use countersign_core::approval::store_snooze::Snoozes;
use countersign_core::approval::{Item, ItemOutcome, ItemResult};
use countersign_core::audit;
use countersign_core::channel::{Channel as _, ChannelName};
use countersign_core::company::Company;
use countersign_core::ids::{ActivityId, CompanyId, OperatorId};
use countersign_core::inbound::endpoint::EndpointView;
use countersign_core::inbound::inbox::InboxDetail;
use countersign_core::outbox::store::WideKill;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use uuid::Uuid;

use super::{fixtures, picture};
use crate::console::activity::Runtime;
use crate::console::backend::DispatcherState;
use crate::console::model::Model;
use crate::console::msg::{Effect, Failure, Msg, Summary};
use crate::console::preview::{Detail, RequestCheck};
use crate::console::theme::{Charset, Theme};
use crate::console::update::update;
use crate::console::view::view;

const PAGE: usize = 200;

/// What the database would hold.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) drafts: Vec<ActivityDetail>,
    pub(super) queue: Vec<ActivityDetail>,
    pub(super) trouble: Vec<ActivityDetail>,
    pub(super) outboxes: Vec<OutboxView>,
    pub(super) kills: Vec<WideKill>,
    pub(super) mute: Vec<ChannelName>,
    /// Until when drafts are snoozed, and what became of items that are gone.
    pub(super) snoozed: HashMap<ActivityId, Timestamp>,
    pub(super) fates: HashMap<ActivityId, Fate>,
    /// Newest first.
    pub(super) audit: Vec<audit::Row>,
    pub(super) runtime: Runtime,
    pub(super) events: Vec<InboxDetail>,
    pub(super) endpoints: Vec<EndpointView>,
    pub(super) version: i64,
    /// What was said with every contact.
    pub(super) thread: Thread,
    /// What every item said before.
    pub(super) before: Option<Version>,
}

impl World {
    pub(super) fn filled() -> Self {
        Self {
            drafts: fixtures::drafts(),
            queue: fixtures::queue(),
            trouble: fixtures::trouble(),
            outboxes: fixtures::outboxes(),
            audit: super::activity::audit(12),
            runtime: super::activity::runtime(),
            events: super::events::events(),
            endpoints: super::events::endpoints(),
            version: 1,
            ..Self::default()
        }
    }

    fn matches(&self, item: &ActivityDetail, filter: &Filter, now: Timestamp) -> bool {
        let is_snoozed = self.snoozed.get(&item.row.id).is_some_and(|until| *until > now);
        filter.channel.is_none_or(|channel| item.row.channel == channel)
            && filter.kind.is_none_or(|kind| item.row.kind == kind)
            && filter.outbox.is_none_or(|outbox| item.row.outbox_id == outbox)
            && filter
                .text
                .as_ref()
                .is_none_or(|text| item.row.contact.to_lowercase().contains(&text.to_lowercase()))
            && match filter.snoozed {
                Snoozed::Shown => true,
                Snoozed::Hidden(_) => !is_snoozed,
                Snoozed::Only(_) => is_snoozed,
            }
    }

    fn row(&self, item: &ActivityDetail, filter: &Filter) -> ActivityRow {
        let mut row = item.row.clone();
        if let (Snoozed::Only(_), Some(until)) = (filter.snoozed, self.snoozed.get(&row.id)) {
            let (code, sentence) = ("snoozed".to_owned(), "snoozed by you".to_owned());
            row.hold = Some(Hold { code, sentence, until: Some(*until) });
        }
        row
    }

    fn snoozes(&self, now: Timestamp) -> Snoozes {
        let times: Vec<_> = self.snoozed.values().copied().filter(|until| *until > now).collect();
        Snoozes { count: i64::try_from(times.len()).unwrap(), next_due: times.into_iter().min() }
    }

    fn list(&self, list: List) -> &[ActivityDetail] {
        match list {
            List::Approvals => &self.drafts,
            List::Queue => &self.queue,
            List::Attention => &self.trouble,
            List::Closed => &[],
        }
    }
}

/// A console on a bench.
pub(super) struct Bench {
    pub(super) model: Model,
    pub(super) world: World,
    /// Effects that decide something, in order, not answered yet.
    pub(super) asked: Vec<Effect>,
    /// How many reads were asked for.
    pub(super) reads: usize,
    /// Whether reads are answered.
    pub(super) is_answering: bool,
    pub(super) at: Duration,
    pub(super) now: Timestamp,
}

impl Bench {
    /// A console with the filled company, drawn once.
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self::with(World::filled(), width, height)
    }

    pub(super) fn with(world: World, width: u16, height: u16) -> Self {
        let charset = Charset::Unicode;
        Self::themed(world, width, height, Theme::shipped("default", charset), Role::Approver)
    }

    pub(super) fn themed(world: World, width: u16, height: u16, theme: Theme, role: Role) -> Self {
        let company = Company {
            id: CompanyId(Uuid::from_u128(1)),
            slug: "acme".to_owned(),
            name: "Acme Renovation".to_owned(),
            sandbox: true,
        };
        let actor = Actor::Operator { id: OperatorId(Uuid::from_u128(2)), name: "ana".to_owned(), role };
        let mut model = Model::new(&company, &actor, theme, TimeZone::UTC, fixtures::now());
        model.engine.dispatcher = DispatcherState::Ok;
        let version = world.version;
        let mut bench = Self {
            model,
            world,
            asked: Vec::new(),
            reads: 0,
            is_answering: true,
            at: Duration::from_secs(1),
            now: fixtures::now(),
        };
        bench.tell(Msg::Resized { width, height });
        bench.tell(Msg::Polled(version));
        bench.paint();
        bench
    }

    /// Hands a message over and answers the reads it causes.
    pub(super) fn tell(&mut self, msg: Msg) {
        let mut effects = update(&mut self.model, msg);
        while let Some(effect) = if effects.is_empty() { None } else { Some(effects.remove(0)) } {
            match self.answer(&effect) {
                Some(reply) => {
                    self.reads += 1;
                    effects.extend(update(&mut self.model, reply));
                }
                None => self.asked.push(effect),
            }
        }
    }

    pub(super) fn answer(&self, effect: &Effect) -> Option<Msg> {
        if !self.is_answering {
            return None;
        }
        match effect {
            Effect::LoadPage { generation, list, filter, after } => {
                let key = |item: &ActivityDetail| match list {
                    List::Queue => (item.row.send_after, item.row.id),
                    _ => (item.row.created_at, item.row.id),
                };
                let mut rows: Vec<_> = self
                    .world
                    .list(*list)
                    .iter()
                    .filter(|item| {
                        self.world.matches(item, filter, self.now)
                            && after.is_none_or(|after| key(item) > (after.at, after.id))
                    })
                    .collect();
                rows.sort_by_key(|item| key(item));
                let has_more = rows.len() > PAGE;
                rows.truncate(PAGE);
                let next = rows.last().filter(|_| has_more).map(|item| {
                    let (at, id) = key(item);
                    countersign_core::activity::view::Cursor { at, id }
                });
                let rows = rows.into_iter().map(|item| self.world.row(item, filter)).collect();
                Some(Msg::PageLoaded {
                    generation: *generation,
                    list: *list,
                    result: Ok(Page { rows, next }),
                })
            }
            Effect::LoadAudit { generation, text, before } => {
                let holds =
                    |row: &&audit::Row| text.as_ref().is_none_or(|text| row.action.contains(text.as_str()));
                let rest = self.world.audit.iter().filter(|row| before.is_none_or(|before| row.id < before));
                let mut rows: Vec<_> = rest.filter(holds).cloned().collect();
                let has_more = rows.len() > PAGE;
                rows.truncate(PAGE);
                let next = rows.last().filter(|_| has_more).map(|row| row.id);
                Some(Msg::AuditLoaded { generation: *generation, result: Ok(audit::Page { rows, next }) })
            }
            Effect::LoadRuntime { generation } => {
                let runtime = Box::new(self.world.runtime.clone());
                Some(Msg::RuntimeLoaded { generation: *generation, result: Ok(runtime) })
            }
            Effect::LoadSummary { generation } => {
                let summary = Summary {
                    counts: fixtures::counts(self.world.drafts.len()),
                    outboxes: self.world.outboxes.clone(),
                    kills: self.world.kills.clone(),
                    mute: self.world.mute.clone(),
                    snoozes: self.world.snoozes(self.now),
                    inbox: self.world.intake(),
                    skew: SignedDuration::ZERO,
                };
                Some(Msg::SummaryLoaded { generation: *generation, result: Ok(summary) })
            }
            Effect::LoadMatching { generation, filter } => {
                let mut items: Vec<_> = self
                    .world
                    .drafts
                    .iter()
                    .filter(|item| self.world.matches(item, filter, self.now))
                    .map(|item| Item::seen(item.row.id, item.row.payload_sha256))
                    .collect();
                let is_cut = items.len() > MATCH_LIMIT;
                items.truncate(MATCH_LIMIT);
                Some(Msg::MatchingLoaded { generation: *generation, result: Ok(Matching { items, is_cut }) })
            }
            Effect::LoadFate { id, who } => Some(Msg::FateLoaded {
                id: *id,
                who: who.clone(),
                result: Ok(self.world.fates.get(id).cloned()),
            }),
            Effect::LoadDetail { generation, id } => {
                let lists = [List::Approvals, List::Queue, List::Attention];
                let found =
                    lists.iter().flat_map(|list| self.world.list(*list)).find(|item| item.row.id == *id);
                let detail = found.map(|item| {
                    let has_request =
                        item.envelope.as_ref().is_some_and(|envelope| envelope.request.is_some());
                    let request = if has_request { RequestCheck::Same } else { RequestCheck::Absent };
                    Box::new(Detail {
                        activity: item.clone(),
                        request,
                        keeps_keys_for: Some(Duration::from_secs(86_400)),
                        guide: Resend.guide().into(),
                        thread: self.world.thread.clone(),
                        before: self.world.before.clone(),
                    })
                });
                Some(Msg::DetailLoaded { generation: *generation, result: Ok(detail) })
            }
            other => super::events::answer(&self.world, other),
        }
    }

    /// Draws, and tells the model what was drawn, as the shell does.
    pub(super) fn paint(&mut self) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.model.width, self.model.height)).unwrap();
        let mut painted = None;
        terminal.draw(|frame| painted = Some(view(&self.model, frame))).unwrap();
        self.model.is_dirty = false;
        let at = self.at;
        self.tell(Msg::Painted { painted: painted.unwrap(), at });
        terminal.backend().buffer().clone()
    }

    /// Presses keys a second apart, each drawn before the next: `jj<space>a`, `/kari<enter>`, `<c-d>`.
    pub(super) fn press(&mut self, keys: &str) {
        for key in parse(keys) {
            self.pass(Duration::from_secs(1));
            self.key(key);
            self.paint();
        }
    }

    /// Presses one key now, without drawing.
    pub(super) fn key(&mut self, key: KeyEvent) {
        let at = self.at;
        self.tell(Msg::KeyPressed { key, at });
    }

    /// Lets time pass for keys only; the clock on the wall stands still unless [`Bench::later`] moves it.
    pub(super) fn pass(&mut self, time: Duration) {
        self.at += time;
    }

    /// Moves the clock on the wall.
    pub(super) fn later(&mut self, secs: i64) {
        self.now += SignedDuration::from_secs(secs);
        self.tell(Msg::Ticked(self.now));
    }

    /// Somebody else changed something.
    pub(super) fn changed(&mut self, change: impl FnOnce(&mut World)) {
        change(&mut self.world);
        self.world.version += 1;
        let version = self.world.version;
        self.tell(Msg::Polled(version));
    }

    /// Answers the oldest decision with one outcome for each of its items.
    pub(super) fn decide(&mut self, outcome: impl Fn(ActivityId) -> ItemOutcome) {
        let effect = self.asked.remove(0);
        let (generation, ids) = match effect {
            Effect::Approve { generation, items } | Effect::Reject { generation, items, .. } => {
                (generation, items.iter().map(|item| item.id).collect::<Vec<_>>())
            }
            Effect::Undo { generation, ids } | Effect::Snooze { generation, ids, .. } => (generation, ids),
            Effect::Resolve { generation, id, .. } => (generation, vec![id]),
            other => panic!("not a decision: {other:?}"),
        };
        let results: Vec<_> = ids.iter().map(|id| ItemResult { id: *id, outcome: outcome(*id) }).collect();
        for result in &results {
            match result.outcome {
                ItemOutcome::Snoozed { until } => {
                    self.world.snoozed.insert(result.id, until);
                }
                ItemOutcome::Woken => {
                    self.world.snoozed.remove(&result.id);
                }
                ItemOutcome::NeedsSecond => {
                    let voted = self.world.drafts.iter_mut().filter(|item| item.row.id == result.id);
                    voted.for_each(|item| item.row.approvals = 1);
                }
                // A draft of which the first approval was taken back stays one, in its next round.
                ItemOutcome::Undone => {
                    let drafts = self.world.drafts.iter_mut().filter(|item| item.row.id == result.id);
                    drafts.for_each(|item| (item.row.approvals, item.row.round) = (0, item.row.round + 1));
                }
                _ => {}
            }
        }
        let is_snooze =
            |outcome: &ItemOutcome| matches!(outcome, ItemOutcome::Snoozed { .. } | ItemOutcome::Woken);
        let gone: Vec<_> = results
            .iter()
            .filter(|result| result.outcome.is_done())
            .filter(|result| !matches!(result.outcome, ItemOutcome::NeedsSecond | ItemOutcome::Undone))
            .filter(|result| !is_snooze(&result.outcome))
            .map(|result| result.id)
            .collect();
        self.world.drafts.retain(|item| !gone.contains(&item.row.id));
        self.tell(Msg::Decided { generation, result: Ok(results) });
        self.paint();
    }

    pub(super) fn approved(&self) -> ItemOutcome {
        ItemOutcome::Approved { send_after: self.now + SignedDuration::from_secs(30) }
    }

    pub(super) fn lose_database(&mut self) {
        self.tell(Msg::PollFailed(Failure::Unavailable(
            "the database is not available: connection refused".to_owned(),
        )));
    }

    /// What a person reads.
    pub(super) fn text(&mut self) -> String {
        picture::text(&self.paint())
    }

    pub(super) fn picture(&mut self) -> String {
        let styles = std::mem::replace(&mut self.model.theme.styles, picture::roles());
        let picture = picture::picture(&self.paint());
        self.model.theme.styles = styles;
        picture
    }

    /// The last line but one: the notice or question.
    pub(super) fn notice(&mut self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len() - 2].trim().to_owned()
    }

    pub(super) fn cursor(&self) -> Option<ActivityId> {
        self.model.current().map(crate::console::item::Row::id)
    }

    /// The items of the approvals that were asked for and not answered.
    pub(super) fn approvals(&self) -> Vec<Item> {
        self.asked
            .iter()
            .flat_map(
                |effect| {
                    if let Effect::Approve { items, .. } = effect { items.clone() } else { Vec::new() }
                },
            )
            .collect()
    }

    pub(super) fn hash_of(&self, number: u128) -> Item {
        let id = fixtures::id(number);
        let row = &self.world.drafts.iter().find(|item| item.row.id == id).unwrap().row;
        Item::seen(id, row.payload_sha256)
    }
}

/// Reads keys as people write them.
pub(super) fn parse(keys: &str) -> Vec<KeyEvent> {
    let mut out = Vec::new();
    let mut rest = keys;
    while let Some(letter) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|tail| tail.split_once('>'));
        if let Some((name, tail)) = named {
            out.push(named_key(name));
            rest = tail;
        } else {
            out.push(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE));
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

fn named_key(name: &str) -> KeyEvent {
    if let Some(letter) = name.strip_prefix("c-") {
        return KeyEvent::new(KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL);
    }
    let code = match name {
        "space" => KeyCode::Char(' '),
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "s-tab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pagedown" => KeyCode::PageDown,
        "pageup" => KeyCode::PageUp,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "backspace" => KeyCode::Backspace,
        other => panic!("no such key: {other}"),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}
