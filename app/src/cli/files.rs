//! Files that messages carry.
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::payload::PayloadHash;
use countersign_core::file::{self, FILE_LIMIT_BYTES};
use serde_json::json;

use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Store files; each is named by the sha256 of its bytes, which a draft repeats.
    Add {
        /// Files to read.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Write a stored file to a new file, to look at it before a message that carries it is approved.
    Save {
        /// Its hash.
        sha256: PayloadHash,
        /// Where to; nothing may be there yet.
        path: PathBuf,
    },
    /// List stored files, newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, company) = (session.pool(), session.company.id);
    match verb {
        Verb::Add { paths } => {
            // All of them are looked at before one is stored.
            paths.iter().try_for_each(|path| check(path))?;
            let mut items = Vec::with_capacity(paths.len());
            for path in &paths {
                let bytes = &read(path)?;
                let (sha256, is_new) =
                    file::add(pool, &session.actor, company, bytes).await.map_err(Fault::from)?;
                items.push(json!({
                    "path": path.display().to_string(), "sha256": sha256, "bytes": bytes.len(), "created": is_new,
                }));
            }
            output.list(&items, None, &["SHA256", "BYTES", "FILE", ""], |item| {
                let word = if item["created"] == true { "stored" } else { "known already" };
                let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
                vec![text("sha256"), item["bytes"].to_string(), text("path"), word.to_owned()]
            })?;
        }
        Verb::Save { sha256, path } => {
            let mut conn = pool.acquire().await?;
            let found = file::store::bytes(&mut conn, company, sha256).await.map_err(Fault::from)?;
            let Some(bytes) = found else {
                let sentence =
                    format!("no file with this hash is stored ({sha256}); see `countersign files list`");
                return Err(Fault { code: Code::Failed, sentence }.into());
            };
            // What is there stays.
            let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            written
                .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
                .map_err(|error| Fault::usage(format!("{}: {error}", path.display())))?;
            output.thing(
                &json!({ "sha256": sha256, "path": path.display().to_string(), "bytes": bytes.len() }),
                &[("saved", path.display().to_string()), ("bytes", bytes.len().to_string())],
            )?;
        }
        Verb::List { limit } => {
            let mut conn = pool.acquire().await?;
            let files = file::store::list(&mut conn, company, limit).await.map_err(Fault::from)?;
            output.list(&files, None, &["SHA256", "BYTES", "ADDED", "BY"], |file| {
                vec![
                    file.sha256.to_string(),
                    file.bytes.to_string(),
                    format!("{:.0}", file.added_at),
                    file.added_by.clone(),
                ]
            })?;
        }
    }
    Ok(Code::Done)
}

/// A file, and not a pipe that never ends.
fn check(path: &Path) -> Result<()> {
    let refuse = |reason: String| Fault::usage(format!("{}: {reason}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?;
    match about.len() {
        _ if !about.is_file() => Err(refuse("it is no file".to_owned()).into()),
        0 => Err(refuse("it is empty".to_owned()).into()),
        size if size > FILE_LIMIT_BYTES as u64 => {
            Err(refuse(format!("it has {size} bytes, the limit is {FILE_LIMIT_BYTES}")).into())
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Bytes> {
    let refuse = |reason: String| Fault::usage(format!("{}: {reason}", path.display()));
    let open = std::fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let mut bytes = Vec::new();
    // One byte more than is taken, so that a file without end is not read to it.
    let limit = u64::try_from(FILE_LIMIT_BYTES).unwrap_or(u64::MAX) + 1;
    open.take(limit).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
    match bytes.len() {
        0 => Err(refuse("it is empty".to_owned()).into()),
        size if size > FILE_LIMIT_BYTES => {
            Err(refuse(format!("it has more than {FILE_LIMIT_BYTES} bytes, the limit")).into())
        }
        _ => Ok(bytes.into()),
    }
}
