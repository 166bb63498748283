//! Keeps a background task at work: one that panics is named on the board and started again, after a pause that grows.
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::board::Reporter;
use crate::clock;

/// A fault at the start must not spin: the first pause, each one after it twice as long,
const PAUSE: Duration = Duration::from_secs(1);
/// and none longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// Who lived this long is not counted as failing any more.
const STEADY: Duration = Duration::from_secs(120);

/// How long to wait before something that ended by a fault is started again.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: PAUSE }
    }
}

impl Pauses {
    /// The pause after a life of this length.
    pub fn after(&mut self, life: Duration) -> Duration {
        if life > STEADY {
            self.next = PAUSE;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

/// Runs a task until it ends by itself. What it was when it panicked is lost; it starts anew.
pub async fn keep<W>(reporter: &Reporter, stop: &CancellationToken, mut start: impl FnMut() -> W)
where
    W: Future<Output = ()> + Send + 'static,
{
    let mut pauses = Pauses::default();
    loop {
        let began = clock::monotonic();
        let Err(error) = tokio::spawn(start()).await else {
            return;
        };
        let error = words(error);
        let pause = pauses.after(clock::monotonic().duration_since(began));
        tracing::error!("the {} ended and starts again in {} s: {error}", reporter.name(), pause.as_secs());
        reporter.restarts(&error);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What a task ended with. Its number says nothing to anybody, and a narrow screen cuts what comes behind.
fn words(error: JoinError) -> String {
    let payload = match error.try_into_panic() {
        Ok(payload) => payload,
        Err(error) => return error.to_string(),
    };
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", said.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::engine::board::{Board, Health};

    /// R18: a task that panics is back after a pause, and everybody can read what happened.
    #[tokio::test]
    async fn a_task_that_panics_is_started_again() {
        let board = Board::default();
        let reporter = board.task("heartbeat");
        let lives = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let (counted, told) = (Arc::clone(&lives), reporter.clone());
        keep(&reporter, &stop, move || {
            let (life, told) = (counted.fetch_add(1, Ordering::SeqCst), told.clone());
            async move {
                assert!(life > 0, "the first life ends badly");
                told.ok();
            }
        })
        .await;
        assert_eq!(lives.load(Ordering::SeqCst), 2);
        let task = board.tasks().remove(0);
        assert_eq!((task.health, task.restarts), (Health::Ok, 1));
        assert_eq!(task.error.as_deref(), Some("panicked: the first life ends badly"));
    }

    /// Who is told to stop does not come back.
    #[tokio::test]
    async fn what_is_told_to_stop_stays_away() {
        let reporter = Board::default().task("heartbeat");
        let stop = CancellationToken::new();
        stop.cancel();
        let lives = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&lives);
        keep(&reporter, &stop, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { panic!("always") }
        })
        .await;
        assert_eq!(lives.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn pauses_grow_until_it_lived_long() {
        let mut pauses = Pauses::default();
        let short = Duration::from_secs(1);
        let told: Vec<u64> = (0..7).map(|_| pauses.after(short).as_secs()).collect();
        assert_eq!(told, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pauses.after(Duration::from_secs(121)).as_secs(), 1);
        assert_eq!(pauses.after(short).as_secs(), 2);
    }
}
