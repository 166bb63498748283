//! Signals of commands without a screen: the first one asks to stop, a second SIGTERM or SIGINT ends at once.
use color_eyre::eyre::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for SIGTERM, SIGINT and SIGHUP.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen; from here on these signals do not end the process by themselves.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Waits for one that asks to hurry. A hang-up does not: one closed window may be noticed before its signal arrives, and its
    /// signal may come more than once.
    pub(crate) async fn hurry(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Like [`Signals::around`] for a service: a hang-up changes nothing, because nobody sits at a terminal.
    pub(crate) async fn around_service<T>(
        &mut self,
        stop: &CancellationToken,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(work);
        loop {
            let (terminate, interrupt) = (&mut self.terminate, &mut self.interrupt);
            tokio::select! {
                result = &mut work => return Some(result),
                Some(()) = terminate.recv() => {}
                Some(()) = interrupt.recv() => {}
                Some(()) = self.hang_up.recv() => {
                    tracing::info!("SIGHUP: nothing is reopened or read again; the work goes on");
                    continue;
                }
            }
            if stop.is_cancelled() {
                return None;
            }
            stop.cancel();
        }
    }

    /// Runs `work`; the first signal cancels `stop`, the second gives `work` up and returns `None`.
    pub(crate) async fn around<T>(
        &mut self,
        stop: &CancellationToken,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => return Some(result),
            () = self.next() => stop.cancel(),
        }
        tokio::select! {
            result = &mut work => Some(result),
            () = self.hurry() => None,
        }
    }
}
