//! Writes texts that are being edited to their files, the newest state of each, without ever holding up the screen.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::approval::Item;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::console::msg::Msg;
use crate::kept::Folder;

/// What is still to be written: the newest text of each draft, or that it shall be forgotten. Bounded by the drafts on screen.
type Pending = HashMap<Item, Option<String>>;

/// Writes in the background, and the rest at the end.
pub(super) struct Keeper {
    folder: Folder,
    pending: Arc<Mutex<Pending>>,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn new(folder: Folder, replies: mpsc::Sender<Msg>) -> Self {
        let (pending, wake) = (Arc::new(Mutex::new(Pending::new())), Arc::new(Notify::new()));
        let task = tokio::spawn(work(folder.clone(), Arc::clone(&pending), Arc::clone(&wake), replies));
        Self { folder, pending, wake, task }
    }

    pub(super) fn keep(&self, item: Item, text: Option<String>) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(item, text);
        self.wake.notify_one();
    }

    /// Writes what is left.
    pub(super) fn finish(&self) {
        self.task.abort();
        // While leaving nobody is left to tell; the file of an earlier state is still whole.
        let _ = write(&self.folder, &self.pending);
    }
}

async fn work(folder: Folder, pending: Arc<Mutex<Pending>>, wake: Arc<Notify>, replies: mpsc::Sender<Msg>) {
    loop {
        wake.notified().await;
        let (folder, pending) = (folder.clone(), Arc::clone(&pending));
        let written = tokio::task::spawn_blocking(move || write(&folder, &pending)).await;
        if let Ok(Err(error)) = written
            && replies.send(Msg::KeepFailed(error.to_string())).await.is_err()
        {
            return;
        }
    }
}

/// The lock is held while writing, so that two writers cannot put an older text over a newer one.
fn write(folder: &Folder, pending: &Mutex<Pending>) -> std::io::Result<()> {
    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
    for (item, text) in pending.drain() {
        match text {
            Some(text) => folder.keep(item, &text)?,
            None => folder.forget(item)?,
        }
    }
    Ok(())
}
