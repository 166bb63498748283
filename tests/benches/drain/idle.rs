//! How long a decision takes to reach the provider when nothing else is to do.
use std::time::Duration;

use countersign_core::approval::Item;
use countersign_core::clock;
use countersign_core::dispatch::Settings;
use countersign_tests::world::World;
use tokio::sync::mpsc;

use super::product;
use super::provider::Provider;

/// Between two decisions; long enough for the outcome of the one before.
const PAUSE: Duration = Duration::from_millis(20);

/// Messages that wait for their decision.
pub(crate) struct Drafts {
    world: World,
    items: Vec<Item>,
}

impl Drafts {
    pub(crate) async fn filed(messages: usize) -> Self {
        let world = World::new().await;
        let items = world.file_email(messages).await;
        product::settle(&world).await;
        Self { world, items }
    }

    /// Approves one after the other and measures from the call to the request, sorted.
    pub(crate) async fn approve_to_wire(self) -> Vec<Duration> {
        let (arrivals, mut arrived) = mpsc::unbounded_channel();
        let provider = Provider::start_telling(Duration::ZERO, Some(arrivals));
        let running = product::start(&self.world, provider.lines(), Settings::default()).await;
        let mut times = Vec::with_capacity(self.items.len());
        for item in self.items {
            tokio::time::sleep(PAUSE).await;
            let begin = clock::monotonic();
            self.world.approve(&[item]).await;
            // As the console does after a decision.
            running.wake.notify_one();
            let at = arrived.recv().await.expect("the provider runs");
            times.push(at.duration_since(begin));
        }
        running.stop().await;
        times.sort_unstable();
        times
    }
}
