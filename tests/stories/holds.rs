//! The labelled points of a dispatch at which the product's test builds can be held.
use std::fs;
use std::path::PathBuf;

use crate::home::Home;

/// A point at which the next process waits that comes by.
pub(crate) struct Hold {
    folder: PathBuf,
    point: &'static str,
}

impl Hold {
    /// Holds the next process at this point. Only commands that were given [`Hold::variable`] know of it.
    pub(crate) fn at(home: &Home, point: &'static str) -> Self {
        let folder = home.path("holds");
        fs::create_dir_all(&folder).expect("a folder can be made");
        let hold = Self { folder, point };
        fs::write(hold.file("hold"), b"").expect("a file can be made");
        hold
    }

    /// What a command has to find in its environment.
    pub(crate) fn variable(&self) -> (&'static str, &std::path::Path) {
        ("COUNTERSIGN_FAULT_DIR", &self.folder)
    }

    /// Waits until a process is held.
    #[track_caller]
    pub(crate) fn is_reached(&self) {
        crate::until(&format!("a process reaches `{}`", self.point), || self.file("reached").exists());
    }

    /// Lets everybody pass from here on.
    pub(crate) fn release(self) {
        drop(self);
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", self.point))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.file("hold"));
    }
}
