//! Tells on standard error how far something long has come: on a terminal one line that is rewritten, elsewhere a line now and then.
//! What takes less than a second says nothing.
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::clock;
use countersign_core::safe_text::SafeText;
use jiff::{SignedDuration, Timestamp};

use crate::progress::Progress;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Nothing is said before.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// How often a file or pipe is told.
const RARELY: SignedDuration = SignedDuration::from_secs(10);

/// Where the work writes how far it is. Clones are the same meter, for work that runs on a thread of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<State>);

#[derive(Debug, Default)]
struct State {
    done: AtomicUsize,
    total: AtomicUsize,
    step: Mutex<Option<Step>>,
}

/// A part of work whose parts are unlike each other: how long the ones before it took says nothing about the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its number from 1, and how many there are.
    pub(crate) number: Option<(usize, usize)>,
    /// What is being done; may quote foreign text.
    pub(crate) words: String,
    /// After this time it is given up, where that is known.
    pub(crate) left: Option<Duration>,
}

impl Meter {
    /// So much is done.
    pub(crate) fn set(&self, done: usize) {
        self.0.done.store(done, Ordering::Relaxed);
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }

    /// So much is done, of so much.
    pub(crate) fn set_of(&self, done: usize, total: usize) {
        self.set(done);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// This is being done.
    pub(crate) fn step(&self, step: Step) {
        *self.0.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    fn words(&self, what: &str, started: Timestamp, now: Timestamp) -> String {
        let read = |count: &AtomicUsize| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let (done, total) = (read(&self.0.done), read(&self.0.total));
        let progress = Progress { done, total: Some(total).filter(|total| *total > 0), started };
        words(what, self.0.step.lock().unwrap_or_else(PoisonError::into_inner).as_ref(), progress, now)
    }
}

/// When something is said: after a second, then at every look on a terminal and rarely elsewhere.
fn is_due(is_terminal: bool, started: Timestamp, last: Option<Timestamp>, now: Timestamp) -> bool {
    if is_terminal {
        return now.duration_since(started) >= PATIENCE;
    }
    now.duration_since(last.unwrap_or(started)) >= RARELY
}

/// What is said.
fn words(what: &str, step: Option<&Step>, progress: Progress, now: Timestamp) -> String {
    let secs = now.duration_since(progress.started).as_secs();
    if let Some(Step { number, words, left }) = step {
        let number = number.filter(|(_, of)| *of > 1);
        let number = number.map_or_else(String::new, |(number, of)| format!("step {number} of {of}: "));
        let left = left.map_or_else(String::new, |left| format!(", given up in {} s", left.as_secs()));
        return format!("{what} · {number}{} · {secs} s{left}", SafeText::line(words));
    }
    if progress.done == 0 && progress.total.is_none() {
        return format!("{what} · {secs} s");
    }
    format!("{what} · {}", progress.words(now))
}

/// Does the work and tells meanwhile how far it is.
pub(crate) async fn around<T>(what: &str, total: Option<usize>, work: impl AsyncFnOnce(&Meter) -> T) -> T {
    let meter = Meter::default();
    meter.set_of(0, total.unwrap_or(0));
    let is_terminal = std::io::stderr().is_terminal();
    let started = clock::now();
    let (mut last, mut line) = (None, Line { width: 0 });
    let mut work = std::pin::pin!(work(&meter));
    loop {
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock::now();
        if !is_due(is_terminal, started, last, now) {
            continue;
        }
        last = Some(now);
        let words = meter.words(what, started, now);
        if is_terminal {
            // A line that wraps could not be rewritten.
            let columns = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
            let words = SafeText::line(&words).truncated(columns.saturating_sub(1));
            let width = line.width;
            tell(&format!("\r{words:width$}"));
            line.width = words.chars().count();
        } else {
            tell(&format!("countersign: {words}\n"));
        }
    }
}

/// What stands on the terminal. It is wiped away also where the work is given up.
struct Line {
    width: usize,
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.width > 0 {
            tell(&format!("\r{:width$}\r", "", width = self.width));
        }
    }
}

fn tell(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // If nobody listens there is nothing left to tell.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(true, 900, None, false)]
    #[case(true, 1_000, None, true)]
    #[case(true, 1_250, Some(1_000), true)]
    #[case(false, 9_900, None, false)]
    #[case(false, 10_000, None, true)]
    #[case(false, 19_000, Some(10_000), false)]
    #[case(false, 20_000, Some(10_000), true)]
    fn it_speaks_after_a_second_and_rarely_to_files(
        #[case] is_terminal: bool,
        #[case] now: i64,
        #[case] last: Option<i64>,
        #[case] due: bool,
    ) {
        let at = |millis| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis);
        assert_eq!(is_due(is_terminal, at(0), last.map(at), at(now)), due);
    }

    #[test]
    fn what_cannot_be_counted_tells_its_time() {
        let started = Timestamp::UNIX_EPOCH;
        let now = started + SignedDuration::from_secs(3);
        let at = |done, total| words("starting", None, Progress { done, total, started }, now);
        assert_eq!(at(0, None), "starting · 3 s");
        assert_eq!(at(3, Some(6)), "starting · 3 of 6 · 1/s · 3 s left");
    }

    #[test]
    fn a_step_tells_its_number_its_name_and_when_it_is_given_up() {
        let started = Timestamp::UNIX_EPOCH;
        let meter = Meter::default();
        let at = |number, words: &str, left| {
            meter.clone().step(Step { number, words: words.to_owned(), left });
            meter.words("starting", started, started + SignedDuration::from_secs(3))
        };
        let left = Some(Duration::from_secs(57));
        assert_eq!(
            at(Some((1, 2)), "initdb", left),
            "starting · step 1 of 2: initdb · 3 s, given up in 57 s"
        );
        assert_eq!(
            at(Some((1, 1)), "the server starts", left),
            "starting · the server starts · 3 s, given up in 57 s"
        );
        assert_eq!(at(None, "looking", None), "starting · looking · 3 s");
        assert!(!at(None, "index \u{1b}[31m", None).contains('\u{1b}'));
    }
}
