//! Upkeep beside the work: renewing leases, taking over what lost workers left, closing windows, expiring drafts.
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Dispatcher, recover, store};
use crate::clock;
use crate::error::Error;
use crate::server;

/// How often windows are looked at; they are hours long.
const WINDOWS: Duration = Duration::from_secs(60);

impl Dispatcher {
    /// Renews the leases of this process until its last outcome is written. A task of its own, so that no slow upkeep costs a lease.
    pub(super) async fn renewer(self: Arc<Self>, stop: CancellationToken, written: CancellationToken) {
        // Without renewal nothing may be claimed.
        let _stop = stop.drop_guard();
        let pause = self.engine.settings.lease / 4;
        let reporter = self.engine.board.task("leases");
        while !written.is_cancelled() {
            match self.renew().await {
                Ok(()) => {
                    reporter.ok();
                }
                Err(error) if reporter.waits(&error) => {
                    tracing::warn!("leases wait to be renewed: {error}");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = written.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn renew(&self) -> Result<(), Error> {
        let active = self.active.keys();
        if active.is_empty() {
            return Ok(());
        }
        store::renew(&mut *self.engine.pool.acquire().await?, &active, &self.engine.settings).await
    }

    /// Looks after what others left, until told to stop.
    pub(super) async fn keeper(self: Arc<Self>, stop: CancellationToken) {
        let _stop = stop.clone().drop_guard();
        let pause = (self.engine.settings.lease / 3).min(Duration::from_secs(5));
        let mut windows_at = clock::monotonic();
        let reporter = self.engine.board.task("upkeep");
        while !stop.is_cancelled() {
            let looks_at_windows = clock::monotonic() >= windows_at;
            if looks_at_windows {
                windows_at = clock::monotonic() + WINDOWS;
            }
            match self.keep(&stop, looks_at_windows).await {
                Ok(()) => {
                    reporter.ok();
                }
                Err(error) if reporter.waits(&error) => tracing::warn!("upkeep waits: {error}"),
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn keep(&self, stop: &CancellationToken, looks_at_windows: bool) -> Result<(), Error> {
        let pool = &self.engine.pool;
        let lines = &self.engine.lines;
        // On another server a row without `wire_at` is no proof that it never went on the wire.
        server::confirm(&mut *pool.acquire().await?).await?;
        let mut has_recovered = false;
        while !stop.is_cancelled() && recover::recover_one(pool, lines).await? {
            has_recovered = true;
        }
        if has_recovered {
            self.engine.wake.notify_waiters();
        }
        let companies = crate::company::store::list(&mut *pool.acquire().await?).await?;
        for company in companies {
            if stop.is_cancelled() {
                break;
            }
            recover::expire(pool, company.id).await?;
            if looks_at_windows {
                recover::close_windows(pool, lines, company.id).await?;
            }
        }
        Ok(())
    }
}
