//! Finds the PostgreSQL server programs of this machine. Nothing is downloaded.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::PrivateError;

/// The oldest major version we work with.
const OLDEST: u32 = 14;

/// A folder with `initdb` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
    version: String,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

/// Finds the programs for data of major version `wanted`, or the preferred ones when there is no data yet.
pub(super) fn find(data: &Path, wanted: Option<u32>) -> Result<Binaries, PrivateError> {
    if let Some(folder) = env::var_os("PG_BINDIR").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(folder);
        let Some(found) = look_into(&path) else {
            return Err(PrivateError::WrongBinDir { path });
        };
        return choose(std::iter::once(found), data, wanted);
    }
    choose(candidates().into_iter().filter_map(|folder| look_into(&folder)), data, wanted)
}

/// The folders worth a look, best first.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let told = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output();
    if let Ok(output) = told
        && output.status.success()
    {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    folders.extend(versioned("/usr/lib/postgresql", ""));
    folders.extend(versioned("/usr", "pgsql-"));
    folders.extend(versioned("/opt/homebrew/opt", "postgresql@"));
    folders.extend(versioned("/usr/local/opt", "postgresql@"));
    folders.extend(["/opt/homebrew/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders
}

/// `<parent>/<prefix><number>/bin`, highest number first.
fn versioned(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn look_into(folder: &Path) -> Option<Binaries> {
    if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
    let (version, major) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    Some(Binaries { folder: folder.to_owned(), major, version })
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)` and `… 19beta1`.
fn parse_version(text: &str) -> Option<(String, u32)> {
    let version = text.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Some((version.to_owned(), version[..digits].parse().ok()?))
}

fn choose(
    found: impl Iterator<Item = Binaries>,
    data: &Path,
    wanted: Option<u32>,
) -> Result<Binaries, PrivateError> {
    let mut newest: Option<Binaries> = None;
    for candidate in found {
        if candidate.major >= OLDEST && wanted.is_none_or(|major| major == candidate.major) {
            return Ok(candidate);
        }
        if newest.as_ref().is_none_or(|known| known.major < candidate.major) {
            newest = Some(candidate);
        }
    }
    Err(match (newest, wanted) {
        (None, _) => PrivateError::NoBinaries,
        (Some(best), Some(major)) if best.major >= OLDEST => {
            PrivateError::OtherVersion { path: data.to_owned(), data: major, installed: best.major }
        }
        (Some(best), _) => PrivateError::TooOld { version: best.version, path: best.folder },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(major: u32) -> Binaries {
        Binaries { folder: format!("/pg/{major}").into(), major, version: format!("{major}.1") }
    }

    fn pick(installed: &[u32], wanted: Option<u32>) -> Result<u32, PrivateError> {
        choose(installed.iter().copied().map(binaries), Path::new("/data"), wanted).map(|found| found.major)
    }

    #[test]
    fn versions_of_packages_and_previews_are_read() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(("15.18".into(), 15))
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1\n"), Some(("19beta1".into(), 19)));
        assert_eq!(parse_version("no such thing"), None);
    }

    /// R23: the data's version is checked; the programs that fit it win over newer ones.
    #[test]
    fn existing_data_chooses_its_own_version() {
        assert_eq!(pick(&[17, 15], Some(15)).unwrap(), 15);
        assert_eq!(pick(&[17, 15], None).unwrap(), 17);
        let message = pick(&[17], Some(15)).unwrap_err().to_string();
        assert!(message.contains("PostgreSQL 15") && message.contains("PostgreSQL 17"), "{message}");
    }

    #[test]
    fn missing_and_old_servers_are_explained() {
        assert!(pick(&[], None).unwrap_err().to_string().contains("apt install postgresql"));
        assert!(
            matches!(pick(&[9, 13], None), Err(PrivateError::TooOld { version, .. }) if version == "13.1")
        );
        assert_eq!(pick(&[13, 14], None).unwrap(), 14);
    }
}
