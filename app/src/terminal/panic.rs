//! What a panic says. On the drawing thread the terminal is restored first; elsewhere the screen stays and the log is told.
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use countersign_core::safe_text::SafeText;

use super::{SCREEN_THREAD, restore};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static>;

/// Our hook while the console runs; the one before comes back when it is dropped.
pub(crate) struct PanicHook {
    before: Option<Arc<Hook>>,
}

impl PanicHook {
    pub(crate) fn install() -> Self {
        let before = Arc::new(panic::take_hook());
        panic::set_hook(Box::new(tell));
        Self { before: Some(before) }
    }
}

impl Drop for PanicHook {
    fn drop(&mut self) {
        // A hook cannot be changed by a thread that panics.
        if let (Some(before), false) = (self.before.take(), std::thread::panicking()) {
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}

fn tell(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let message = SafeText::line(message).truncated(500);
    let place =
        info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    if std::thread::current().name() == Some(SCREEN_THREAD) {
        restore();
        let words = format!("countersign stopped: a defect in the console{place}: {message}\n");
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
    tracing::error!(panic = %message, place = %place, "a panic was caught");
}
