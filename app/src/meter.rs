//! Tells on standard error how far something long has come: on a terminal one line that is rewritten, elsewhere a line now and then.
//! What takes less than a second says nothing.
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_core::clock;
use jiff::{SignedDuration, Timestamp};

use crate::progress::Progress;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Nothing is said before.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// How often a file or pipe is told.
const RARELY: SignedDuration = SignedDuration::from_secs(10);

/// Where the work writes how far it is.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Meter {
    /// So much is done.
    pub(crate) fn set(&self, done: usize) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// So much is done, of so much.
    pub(crate) fn set_of(&self, done: usize, total: usize) {
        self.set(done);
        self.total.store(total, Ordering::Relaxed);
    }

    fn progress(&self, started: Timestamp) -> Progress {
        let read = |count: &AtomicUsize| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        Progress {
            done: read(&self.done),
            total: Some(read(&self.total)).filter(|total| *total > 0),
            started,
        }
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
fn words(what: &str, progress: Progress, now: Timestamp) -> String {
    if progress.done == 0 && progress.total.is_none() {
        return format!("{what} · {} s", now.duration_since(progress.started).as_secs());
    }
    format!("{what} · {}", progress.words(now))
}

/// Does the work and tells meanwhile how far it is.
pub(crate) async fn around<T>(what: &str, total: Option<usize>, work: impl AsyncFnOnce(&Meter) -> T) -> T {
    let meter = Meter::default();
    meter.set_of(0, total.unwrap_or(0));
    let is_terminal = std::io::stderr().is_terminal();
    let started = clock::now();
    let (mut last, mut width) = (None, 0);
    let mut work = std::pin::pin!(work(&meter));
    loop {
        tokio::select! {
            result = &mut work => {
                if width > 0 {
                    tell(&format!("\r{:width$}\r", ""));
                }
                return result;
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock::now();
        if !is_due(is_terminal, started, last, now) {
            continue;
        }
        last = Some(now);
        let words = words(what, meter.progress(started), now);
        if is_terminal {
            tell(&format!("\r{words:width$}"));
            width = words.chars().count();
        } else {
            tell(&format!("countersign: {words}\n"));
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
        let at = |done, total| words("starting", Progress { done, total, started }, now);
        assert_eq!(at(0, None), "starting · 3 s");
        assert_eq!(at(3, Some(6)), "starting · 3 of 6 · 1/s · 3 s left");
    }
}
