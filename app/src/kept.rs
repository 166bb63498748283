//! Texts that are being edited, kept in files so that a closed terminal, a crash or a conflict loses none of them.
//!
//! One file a draft and base text, `ID@SHA256.txt`, readable by its owner only. Whether the draft still waits is for others to say.
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::approval::Item;

use crate::editor::LIMIT_BYTES;

/// Texts that are read at a start; older ones stay on disk.
pub(crate) const COUNT_LIMIT: usize = 100;

/// A text somebody was editing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The draft, and the bytes it was edited from.
    pub(crate) item: Item,
    /// The text as it stood.
    pub(crate) text: String,
}

/// The folder with the texts.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where the text of a draft is kept.
    pub(crate) fn file(&self, item: Item) -> PathBuf {
        self.0.join(format!("{}@{}.txt", item.id, item.payload_sha256))
    }

    /// Keeps a text: it is whole in its file, or the one before is.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub(crate) fn keep(&self, item: Item, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let file = self.file(item);
        let unfinished = file.with_extension(format!("{}.new", std::process::id()));
        let mut open =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        fs::rename(&unfinished, &file)
    }

    /// Forgets a text. One that is not there is forgotten already.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(crate) fn forget(&self, item: Item) -> io::Result<()> {
        match fs::remove_file(self.file(item)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The texts that are kept, newest first, at most [`COUNT_LIMIT`]. A file that is no such text is left alone.
    pub(crate) fn load(&self) -> Vec<Kept> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort_unstable_by(|one, other| other.cmp(one));
        files.into_iter().filter_map(|(_, path)| read(&path)).take(COUNT_LIMIT).collect()
    }
}

fn read(path: &Path) -> Option<Kept> {
    let name = path.file_name()?.to_str()?.strip_suffix(".txt")?;
    let (id, sha256) = name.split_once('@')?;
    let item = Item::seen(id.parse().ok()?, sha256.parse().ok()?);
    let size = fs::metadata(path).ok()?.len();
    if usize::try_from(size).ok()? > LIMIT_BYTES {
        return None;
    }
    Some(Kept { item, text: fs::read_to_string(path).ok()? })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use countersign_core::activity::payload::PayloadHash;
    use countersign_core::ids::ActivityId;

    use super::*;

    #[test]
    fn a_kept_text_comes_back_byte_for_byte_until_it_is_forgotten() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("edits"));
        assert_eq!(folder.load(), []);
        let item = Item::seen(ActivityId::new(), PayloadHash::of(b"base"));
        folder.keep(item, "one\r\n").unwrap();
        folder.keep(item, "two\r\n\u{202e}").unwrap();
        std::fs::write(place.path().join("edits/notes.txt"), "not ours").unwrap();
        assert_eq!(folder.load(), [Kept { item, text: "two\r\n\u{202e}".to_owned() }]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.file(item)), mode(&place.path().join("edits"))), (0o600, 0o700));
        folder.forget(item).unwrap();
        folder.forget(item).unwrap();
        assert_eq!(folder.load(), []);
    }
}
