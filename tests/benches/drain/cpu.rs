//! What a measured time cost in processor time; steadier than a rate when others use the machine. Linux only.
use std::time::Duration;

use countersign_tests::world::World;

/// Ticks a second that `/proc` counts in, the same on every Linux.
const TICKS: f64 = 100.0;

/// Processor time used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// By this process: dispatcher, adapter, client, and the bare provider.
    pub(crate) here: Duration,
    /// By the server with all its processes.
    pub(crate) server: Duration,
}

impl Used {
    /// Reads it; `None` where there is no such `/proc`.
    pub(crate) async fn read(world: &World) -> Option<Self> {
        let backend = world.count("SELECT pg_backend_pid()::bigint").await;
        let postmaster = fields(&backend.to_string())?.first()?.round() as u64;
        let mut server = 0.0;
        for entry in std::fs::read_dir("/proc").ok()? {
            let name = entry.ok()?.file_name();
            // A process may end while the list is read.
            let Some(fields) = name.to_str().and_then(fields) else { continue };
            if name.to_str() == Some(postmaster.to_string().as_str()) {
                // Its own, and that of the backends that have ended.
                server += fields.get(10..14)?.iter().sum::<f64>();
            } else if fields.first().is_some_and(|parent| parent.round() as u64 == postmaster) {
                server += fields.get(10..12)?.iter().sum::<f64>();
            }
        }
        let here: f64 = fields("self")?.get(10..12)?.iter().sum();
        let time = |ticks: f64| Duration::from_secs_f64(ticks / TICKS);
        Some(Self { here: time(here), server: time(server) })
    }

    /// Since an earlier reading.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            here: self.here.saturating_sub(before.here),
            server: self.server.saturating_sub(before.server),
        }
    }
}

/// The numbers of `stat` from the parent's id on: the name before it may hold anything.
fn fields(process: &str) -> Option<Vec<f64>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = text.rsplit_once(')')?;
    Some(after_name.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect())
}
