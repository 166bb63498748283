//! Where files live: the XDG folders.
use std::path::PathBuf;

use color_eyre::eyre::{Context as _, Result};
use etcetera::BaseStrategy as _;

/// The folders of this user.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// `config.toml`.
    pub(crate) config: PathBuf,
    /// Key, private server, sandbox ledger.
    pub(crate) data: PathBuf,
    /// Logs.
    pub(crate) logs: PathBuf,
    /// Texts that are being edited.
    pub(crate) edits: PathBuf,
}

impl Paths {
    /// Finds them.
    pub(crate) fn find() -> Result<Self> {
        let base = etcetera::choose_base_strategy().wrap_err("this user has no home folder; set HOME")?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self {
            config: base.config_dir().join("countersign").join("config.toml"),
            data: base.data_dir().join("countersign"),
            logs: state.join("countersign").join("log"),
            edits: state.join("countersign").join("edits"),
        })
    }

    /// The user's own themes, one file each.
    pub(crate) fn themes(&self) -> PathBuf {
        self.config.with_file_name("themes")
    }

    /// The key under which secrets are stored.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.data.join("master.key")
    }

    /// What the sandbox provider accepted, shared by all its instances.
    pub(crate) fn sandbox_ledger(&self) -> PathBuf {
        self.data.join("sandbox").join("ledger.jsonl")
    }
}
