//! The board of a process: what each of its background tasks does, since when it fails, and how often it was started again.
//!
//! Tasks write, anybody may look. Who watches is woken when a state changes, not each time a task merely ran.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::tally::Tally;
use crate::clock;

/// Longest error that is kept, in characters.
const ERROR_LIMIT: usize = 300;

/// How a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has not run yet.
    #[default]
    Starting,
    /// Its last run went well.
    Ok,
    /// It cannot do its work now and tries again.
    Waiting,
    /// It may not do its work before a person says so; it looks again by itself.
    Halted,
    /// It ended by a fault and is started again.
    Restarting,
    /// It ended because it was told to.
    Off,
}

impl Health {
    /// The words on screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Waiting => "waiting",
            Self::Halted => "halted",
            Self::Restarting => "failed, restarting",
            Self::Off => "off",
        }
    }
}

/// One background task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What it does.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// When it last did its work.
    pub ran_at: Option<Timestamp>,
    /// When it last tried, with or without success.
    pub tried_at: Option<Timestamp>,
    /// What last went wrong; may quote foreign text.
    pub error: Option<String>,
    /// When that was.
    pub error_at: Option<Timestamp>,
    /// How often it was started again.
    pub restarts: u32,
}

/// The tasks of one process.
#[derive(Clone, Debug)]
pub struct Board {
    tasks: watch::Sender<Vec<Task>>,
    tally: Tally,
}

impl Default for Board {
    fn default() -> Self {
        Self { tasks: watch::Sender::new(Vec::new()), tally: Tally::default() }
    }
}

impl Board {
    /// Puts a task on the board and returns the handle it reports with. A name that is there already is the same task.
    #[must_use]
    pub fn task(&self, name: &'static str) -> Reporter {
        self.tasks.send_if_modified(|tasks| {
            let is_new = tasks.iter().all(|task| task.name != name);
            if is_new {
                tasks.push(Task { name: name.to_owned(), ..Task::default() });
            }
            is_new
        });
        Reporter { board: self.clone(), name }
    }

    /// What the tasks do now.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        self.tasks.borrow().clone()
    }

    /// What the tasks did, in numbers.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Why a task of this process may not work before a person says so, if one may not.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        self.tasks.borrow().iter().find(|task| task.health == Health::Halted)?.error.clone()
    }

    /// Wakes when the state of a task changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Vec<Task>> {
        self.tasks.subscribe()
    }
}

/// What a task reports with.
#[derive(Clone, Debug)]
pub struct Reporter {
    board: Board,
    name: &'static str,
}

impl Reporter {
    /// The task it reports for.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// It did its work. Says whether its state changed by that.
    pub fn ok(&self) -> bool {
        let now = clock::now();
        self.write(|task| {
            task.ran_at = Some(now);
            task.tried_at = Some(now);
            task.health = Health::Ok;
        })
    }

    /// It cannot work now and will try again. Says whether its state changed by that.
    pub fn waits(&self, error: &impl ToString) -> bool {
        self.fails(Health::Waiting, &error.to_string())
    }

    /// It may not work before a person says so. Says whether its state changed by that.
    pub fn halts(&self, error: &impl ToString) -> bool {
        self.fails(Health::Halted, &error.to_string())
    }

    /// It ended by a fault and will be started again. Says whether its state changed by that.
    pub fn restarts(&self, error: &impl ToString) -> bool {
        let error = error.to_string();
        self.write(|task| task.restarts = task.restarts.saturating_add(1));
        self.fails(Health::Restarting, &error)
    }

    /// It ended because it was told to.
    pub fn off(&self) {
        self.write(|task| task.health = Health::Off);
    }

    fn fails(&self, health: Health, error: &str) -> bool {
        let now = clock::now();
        let error: String = error.chars().take(ERROR_LIMIT).collect();
        self.write(|task| {
            task.tried_at = Some(now);
            task.error_at = Some(now);
            task.error = Some(error);
            task.health = health;
        })
    }

    fn write(&self, change: impl FnOnce(&mut Task)) -> bool {
        self.board.tasks.send_if_modified(|tasks| {
            let Some(task) = tasks.iter_mut().find(|task| task.name == self.name) else {
                return false;
            };
            let before = (task.health, task.restarts);
            change(task);
            (task.health, task.restarts) != before
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle console draws at most once a minute: a task that merely ran wakes nobody.
    #[test]
    fn only_a_changed_state_wakes_who_watches() {
        let board = Board::default();
        let task = board.task("upkeep");
        let mut watched = board.watch();
        assert!(task.ok(), "starting became ok");
        assert!(watched.has_changed().unwrap());
        watched.mark_unchanged();
        assert!(!task.ok());
        assert!(!watched.has_changed().unwrap());
        assert!(task.waits(&"the database is away"));
        assert!(!task.waits(&"the database is still away"), "said once");
        watched.mark_unchanged();
        let kept = board.tasks().remove(0);
        assert_eq!(kept.error.as_deref(), Some("the database is still away"), "the newest error is kept");
        assert!(kept.error_at.is_some() && kept.ran_at.is_some());
        task.restarts(&"it panicked");
        assert!(watched.has_changed().unwrap());
        assert_eq!((board.tasks()[0].health, board.tasks()[0].restarts), (Health::Restarting, 1));
    }

    #[test]
    fn a_task_is_on_the_board_once() {
        let board = Board::default();
        let (one, other) = (board.task("a"), board.task("a"));
        one.ok();
        other.off();
        assert_eq!(board.tasks().len(), 1);
        assert_eq!(board.tasks()[0].health, Health::Off);
    }
}
