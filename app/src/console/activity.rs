//! What the Activity screen knows: the loaded part of the audit log, and what the engines say about themselves. Pure.
use countersign_core::audit::{Page, Row};
use countersign_core::engine::Process;
use countersign_core::engine::board::{Health, Task};
use countersign_core::engine::store::Facts;
use countersign_core::ids::AuditId;
use countersign_core::safe_text::SafeText;
use jiff::Timestamp;

use super::backend::{DispatcherState, Places};
use super::model::Model;
use super::theme::{Charset, Role};
use super::words;

/// How close to the end of what is loaded the screen may come before the next page is asked for.
const AHEAD: usize = 50;

/// A transaction that holds so many others back is worth a word: what is deleted cannot be cleared away.
const OLD_XMIN: i64 = 1_000_000;

/// How far a row of the audit log was read.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: Row,
    pub(crate) who: SafeText,
    pub(crate) action: SafeText,
    pub(crate) subject: SafeText,
    pub(crate) reason: SafeText,
}

/// What the database says about engines and itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runtime {
    pub(crate) processes: Vec<Process>,
    pub(crate) facts: Facts,
    /// The tasks of this process at the same moment.
    pub(crate) tasks: Vec<Task>,
}

/// Everything of the screen.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<AuditId>,
    pub(crate) is_loaded: bool,
    /// The row under the cursor.
    pub(crate) at: Option<AuditId>,
    /// What the rows are narrowed to.
    pub(crate) text: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) in_flight: Option<Request>,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) runtime_in_flight: Option<u64>,
    pub(crate) runtime_asked_at: Option<Timestamp>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) places: Places,
}

/// A page of the audit log that is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) generation: u64,
    pub(crate) before: Option<AuditId>,
    pub(crate) version: i64,
}

impl Activity {
    pub(crate) fn index_of(&self, id: AuditId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.row.id == id)
    }

    /// Forgets the rows, also what is on its way.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        (self.next, self.is_loaded, self.at) = (None, false, None);
        (self.version, self.in_flight) = (None, None);
    }

    /// Where to read next, if anywhere: the newest rows after a change, else what comes after the rows on screen.
    pub(crate) fn wanted(&self, end: usize, version: i64) -> Option<Option<AuditId>> {
        if self.in_flight.is_some() {
            return None;
        }
        if !self.is_loaded || self.version != Some(version) {
            return Some(None);
        }
        self.next.filter(|_| end + AHEAD >= self.entries.len()).map(Some)
    }

    /// Takes a page in. Rows are never changed, so the newest page joins what is loaded where the two meet, and replaces it where they do
    /// not.
    pub(crate) fn take(&mut self, request: Request, page: Page, charset: Charset) {
        let last = page.rows.last().map(|row| row.id);
        let new = page.rows.into_iter().map(|row| Entry::new(row, charset));
        if request.before.is_some() {
            self.entries.extend(new);
            self.next = page.next;
        } else {
            let old = std::mem::take(&mut self.entries);
            self.entries.extend(new);
            let meets = last.is_some_and(|last| old.iter().any(|entry| entry.row.id == last));
            match last.filter(|_| meets) {
                Some(last) => self.entries.extend(old.into_iter().filter(|entry| entry.row.id < last)),
                None => self.next = page.next,
            }
        }
        self.version = Some(request.version);
        self.is_loaded = true;
    }
}

impl Entry {
    fn new(row: Row, charset: Charset) -> Self {
        let subject = row.subject.clone().or_else(|| row.subject_id.map(|id| id.to_string()));
        Self {
            who: charset.line(&row.actor),
            action: charset.line(&row.action),
            subject: charset.line(subject.as_deref().unwrap_or("")),
            reason: charset.line(row.reason.as_deref().unwrap_or("")),
            row,
        }
    }

    /// Everything that was written, for reading in full.
    pub(crate) fn lines(&self, charset: Charset) -> Vec<(Role, SafeText)> {
        let row = &self.row;
        let mut lines = vec![
            (Role::Plain, SafeText::line(&format!("time     {}", words::exact(row.at)))),
            (Role::Plain, charset.joined(&["who      ", &row.actor, " (", &row.actor_kind, ")"])),
            (Role::Plain, charset.joined(&["action   ", &row.action])),
        ];
        if let Some(id) = row.subject_id {
            let name = row.subject.as_deref().unwrap_or("");
            lines.push((Role::Plain, charset.joined(&[&format!("subject  {id} "), name])));
        }
        if let Some(hash) = row.payload_sha256 {
            lines.push((Role::Plain, SafeText::line(&format!("sha256   {hash}"))));
        }
        if let Some(reason) = &row.reason {
            lines.push((Role::Plain, charset.joined(&["reason   ", reason])));
        }
        for (name, value) in row.detail.as_object().into_iter().flatten() {
            lines.push((Role::Plain, charset.joined(&["detail   ", name, ": ", &value.to_string()])));
        }
        lines.push((Role::Muted, SafeText::line(&format!("row      {}", row.id))));
        lines
    }
}

/// What is known of the dispatchers of other processes, in the words of the header; `None` where this process has its own.
pub(crate) fn elsewhere(model: &Model) -> Option<(String, Role)> {
    if model.engine.dispatcher != DispatcherState::Elsewhere {
        return None;
    }
    let Some(runtime) = &model.activity.runtime else {
        return Some(("attached".to_owned(), Role::Plain));
    };
    let mut found: Vec<(&Process, Health)> = runtime
        .processes
        .iter()
        .filter(|process| process.is_fresh)
        .filter_map(|process| Some((process, process.dispatcher()?.health)))
        .collect();
    found.sort_by_key(|(_, health)| *health != Health::Ok);
    let Some((process, health)) = found.first() else {
        return Some(("attached: ! no dispatcher runs".to_owned(), Role::Bad));
    };
    let host = model.theme.charset.line(&process.host).truncated(16);
    let sign = if *health == Health::Ok { "" } else { "! " };
    let role = if *health == Health::Ok { Role::Plain } else { Role::Warn };
    let word = if *health == Health::Restarting { "failed" } else { health.label() };
    let place = match found.len() {
        1 => format!("{host}, {}", process.mode.as_str()),
        count => format!("{count} processes"),
    };
    Some((format!("attached: {sign}dispatcher {word} ({place})"), role))
}

/// Why nothing may be sent before a person says so, as the dispatcher of this process or one that is looked at tells.
pub(crate) fn halted(model: &Model) -> Option<&str> {
    if let DispatcherState::Halted { reason } = &model.engine.dispatcher {
        return Some(reason);
    }
    let processes = &model.activity.runtime.as_ref()?.processes;
    let mut tasks = processes.iter().filter(|process| process.is_fresh).filter_map(Process::dispatcher);
    tasks.find(|task| task.health == Health::Halted)?.error.as_deref()
}

/// Whether this console knows that nobody sends.
pub(crate) fn nobody_sends(model: &Model) -> bool {
    matches!(elsewhere(model), Some((_, Role::Bad)))
}

/// The upper part of the screen, what is wrong first.
pub(crate) fn engine_lines(model: &Model) -> Vec<(Role, SafeText)> {
    let charset = model.theme.charset;
    let activity = &model.activity;
    let mut lines = Vec::new();
    if let Some(reason) = halted(model) {
        lines.push((Role::Bad, charset.joined(&["! HALTED: ", reason])));
    }
    if nobody_sends(model) {
        let words = "! no dispatcher runs anywhere: approved messages wait; start one with countersign serve";
        lines.push((Role::Bad, SafeText::line(words)));
    }
    match &activity.runtime {
        None => lines.push((Role::Muted, SafeText::line("Reading ..."))),
        Some(runtime) => {
            let all = runtime.processes.iter();
            lines.extend(all.map(|process| process_line(model, process)));
            if runtime.processes.is_empty() && !nobody_sends(model) {
                lines.push((Role::Muted, SafeText::line("no process has told that it runs an engine yet")));
            }
        }
    }
    let mut tasks: Vec<&Task> = activity.tasks.iter().collect();
    tasks.sort_by_key(|task| matches!(task.health, Health::Ok | Health::Off));
    lines.extend(tasks.into_iter().map(|task| task_line(model, task)));
    let place = if activity.places.database.is_empty() { "-" } else { &activity.places.database };
    let mut database = place.to_owned();
    if let Some(runtime) = &activity.runtime {
        let facts = &runtime.facts;
        let size = words::grouped(facts.size_bytes / 1_000_000);
        database = format!("{database}, PostgreSQL {}, {size} MB", facts.version);
        if facts.oldest_xmin_age > OLD_XMIN {
            let age = words::grouped(facts.oldest_xmin_age);
            let words =
                format!("! an open transaction holds {age} others back; what is deleted is not cleared away");
            lines.push((Role::Warn, SafeText::line(&words)));
        }
    }
    lines.push((Role::Plain, charset.joined(&[&format!("{:<18}", "database"), &database])));
    lines.push((Role::Plain, charset.joined(&[&format!("{:<18}", "log"), &activity.places.logs])));
    lines
        .push((Role::Plain, charset.joined(&[&format!("{:<18}", "configuration"), &activity.places.config])));
    let version = env!("CARGO_PKG_VERSION");
    lines.push((Role::Plain, SafeText::line(&format!("{:<18}countersign {version}", "version"))));
    lines
}

fn process_line(model: &Model, process: &Process) -> (Role, SafeText) {
    let at = |time| words::clock(model.now(), time, &model.zone);
    let mode = process.mode.as_str();
    let head =
        format!("{:<18}pid {} since {}", format!("{mode} engine"), process.pid, at(process.started_at));
    let host = SafeText::line(&process.host).truncated(32);
    let version = SafeText::line(&process.version).truncated(20);
    let charset = model.theme.charset;
    if !process.is_fresh {
        let seen = at(process.seen_at);
        return (
            Role::Warn,
            charset.line(&format!("{head}   ! not seen since {seen}   {version} on {host}")),
        );
    }
    let troubled: Vec<String> = process
        .parts
        .iter()
        .filter(|task| matches!(task.health, Health::Waiting | Health::Halted | Health::Restarting))
        .map(|task| format!("{} {}", SafeText::line(&task.name).truncated(20), task.health.label()))
        .collect();
    let (role, state) = match (troubled.is_empty(), process.dispatcher()) {
        (false, _) => (Role::Bad, format!("! {}", troubled.join(", "))),
        (true, Some(task)) => (Role::Plain, format!("dispatcher {}", task.health.label())),
        (true, None) => (Role::Warn, "no dispatcher".to_owned()),
    };
    (role, charset.line(&format!("{head}   {state}   {version} on {host}")))
}

fn task_line(model: &Model, task: &Task) -> (Role, SafeText) {
    let ran = task
        .ran_at
        .map_or_else(|| "not run yet".to_owned(), |at| format!("ran {} ago", words::age(model.now(), at)));
    let (role, sign) = match task.health {
        Health::Waiting | Health::Halted | Health::Restarting => (Role::Bad, "! "),
        Health::Starting => (Role::Warn, ""),
        Health::Ok | Health::Off => (Role::Plain, ""),
    };
    let restarts =
        if task.restarts > 0 { format!(", restarted {} times", task.restarts) } else { String::new() };
    let error = match (&task.error, task.error_at) {
        (Some(error), Some(at)) => {
            format!("   last error {}: {}", words::clock(model.now(), at, &model.zone), SafeText::line(error))
        }
        _ => String::new(),
    };
    let name = SafeText::line(&task.name).truncated(17);
    let words = format!("{name:<18}{sign}{}, {ran}{restarts}{error}", task.health.label());
    (role, model.theme.charset.line(&words))
}
