//! The ledger: one line per accepted message, in a file that several sandboxes may share.
//!
//! Every acceptance happens under an exclusive lock on the file, after reading what others appended, so a key means the same to
//! all of them. A line torn by a kill is cut by the next writer; its message was never acknowledged. The file is not synced to
//! disk: it survives every death of a process, which is what a sandbox is for.
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// For how long a key answers with its first result.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// One accepted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// When it was accepted.
    pub at: Timestamp,
    /// Who accepted it; absent in ledgers of the time when there was only Resend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The id the caller was given.
    pub id: String,
    /// The key it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Of the body, in hexadecimal digits.
    pub body_sha256: String,
    /// Value of the tag `activity_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_id: Option<String>,
    /// Who would have received it.
    pub to: Vec<String>,
    /// The body as it came.
    pub body: String,
}

/// What became of an offered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Accepted now or earlier under this id.
    Accepted(String),
    /// The key belongs to another body.
    Conflict,
}

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("the sandbox ledger {path} cannot be used; check the folder, its permissions and the disk")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A whole line is not an entry: somebody else wrote to the file, or a newer version did.
    #[error("line {line} of the sandbox ledger {path} is not an entry; move the file away")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from the first line this reader looked at.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

#[derive(Debug)]
struct Kept {
    id: String,
    body_sha256: String,
    at: Timestamp,
}

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    /// Up to here the file is known.
    read_to: u64,
    keys: HashMap<String, Kept>,
}

impl Ledger {
    /// Opens the file, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, read_to: 0, keys: HashMap::new() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every message accepted so far, in order; a torn last line is left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        // A handle of its own: a lock belongs to the handle, and this one may be writing.
        let file = File::open(&self.path).map_err(|source| self.io(source))?;
        retry_interrupted(|| file.lock_shared()).map_err(|source| self.io(source))?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes).map_err(|source| self.io(source))?;
        self.parse(whole_lines(&bytes))
    }

    /// Accepts a batch under one lock. Answers in the order of the batch.
    pub(super) fn accept(&mut self, batch: Vec<Entry>) -> Result<Vec<Verdict>, LedgerError> {
        retry_interrupted(|| self.file.lock()).map_err(|source| self.io(source))?;
        let result = self.catch_up().and_then(|()| self.append(batch));
        // The lock also goes with the file handle; a failure here must not turn an acceptance into an error.
        let _unlocked = self.file.unlock();
        result
    }

    /// Reads what others appended, and cuts what a killed one left unfinished.
    fn catch_up(&mut self) -> Result<(), LedgerError> {
        let length = self.file.metadata().map_err(|source| self.io(source))?.len();
        if length < self.read_to {
            // Emptied by somebody who starts afresh.
            self.read_to = 0;
            self.keys.clear();
        }
        if length == self.read_to {
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.read_to))
            .and_then(|_| self.file.read_to_end(&mut bytes))
            .map_err(|source| self.io(source))?;
        let whole = whole_lines(&bytes);
        let known_to = self.read_to + whole.len() as u64;
        if whole.len() < bytes.len() {
            self.file.set_len(known_to).map_err(|source| self.io(source))?;
        }
        for entry in self.parse(whole)? {
            remember(&mut self.keys, entry);
        }
        self.read_to = known_to;
        Ok(())
    }

    fn append(&mut self, batch: Vec<Entry>) -> Result<Vec<Verdict>, LedgerError> {
        let (mut lines, mut fresh, mut verdicts) = (Vec::new(), HashMap::new(), Vec::new());
        for entry in batch {
            let known = entry
                .idempotency_key
                .as_ref()
                .and_then(|key| fresh.get(key).or_else(|| self.keys.get(key)))
                .filter(|kept| entry.at.duration_since(kept.at) < KEYS_KEPT);
            verdicts.push(match known {
                Some(kept) if kept.body_sha256 == entry.body_sha256 => Verdict::Accepted(kept.id.clone()),
                Some(_) => Verdict::Conflict,
                None => {
                    serde_json::to_writer(&mut lines, &entry).map_err(|cause| self.io(cause.into()))?;
                    lines.push(b'\n');
                    let id = entry.id.clone();
                    remember(&mut fresh, entry);
                    Verdict::Accepted(id)
                }
            });
        }
        if let Err(source) = self.file.write_all(&lines) {
            // Nobody is told of these messages, so none of them may stay; what cannot be cut here the next writer sees.
            let _cut = self.file.set_len(self.read_to);
            return Err(self.io(source));
        }
        self.read_to += lines.len() as u64;
        self.keys.extend(fresh);
        Ok(verdicts)
    }

    fn parse(&self, lines: &[u8]) -> Result<Vec<Entry>, LedgerError> {
        lines
            .split_inclusive(|&byte| byte == b'\n')
            .enumerate()
            .map(|(index, line)| {
                serde_json::from_slice(line).map_err(|source| LedgerError::Malformed {
                    path: self.path.clone(),
                    line: index + 1,
                    source,
                })
            })
            .collect()
    }

    fn io(&self, source: io::Error) -> LedgerError {
        LedgerError::Io { path: self.path.clone(), source }
    }
}

fn remember(keys: &mut HashMap<String, Kept>, entry: Entry) {
    let Entry { at, id, idempotency_key, body_sha256, .. } = entry;
    if let Some(key) = idempotency_key {
        keys.insert(key, Kept { id, body_sha256, at });
    }
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(&[], |last| &bytes[..=last])
}

/// A signal (a resized window) may interrupt waiting for a lock.
fn retry_interrupted(mut lock: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests;
