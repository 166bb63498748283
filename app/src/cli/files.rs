//! Files that messages carry.
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Subcommand;
use color_eyre::eyre::Result;
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
            // All of them are read before one is stored.
            let files = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
            let mut items = Vec::with_capacity(files.len());
            for (path, bytes) in paths.iter().zip(&files) {
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
