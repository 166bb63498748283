//! The themes there are: shipped ones, and the user's files that patch or replace them. Reads the folder; draws nothing.
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use countersign_core::safe_text::SafeText;

use super::file::{self, File};
use super::{Role, Styles};

/// The themes in this program, in the format users write.
const SHIPPED: &[(&str, &str)] = &[
    ("default", include_str!("../../../../themes/default.toml")),
    ("mono", include_str!("../../../../themes/mono.toml")),
    ("high-contrast", include_str!("../../../../themes/high-contrast.toml")),
    ("colour-blind-safe", include_str!("../../../../themes/colour-blind-safe.toml")),
];

/// Bytes of a theme file; a full one has about one thousand.
const LIMIT: u64 = 64 * 1_024;

/// A theme that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThemeError {
    /// There is none of that name.
    #[error("there is no theme `{name}` ({known}); its file would be {path}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// Those there are.
        known: String,
        /// Where a file of that name would be.
        path: String,
    },
    /// No theme can have that name.
    #[error("`{0}` is not a theme's name; use up to 40 of a-z, 0-9 and -")]
    Name(String),
    /// The file is there and cannot be read.
    #[error("theme {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file says something unknown or wrong.
    #[error("theme {path}, line {line}: {problem}")]
    File {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what is allowed.
        problem: String,
    },
}

/// Where a theme comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This program.
    Shipped,
    /// A file of the user.
    File,
    /// A file of the user that changes the shipped theme of the same name.
    Changed,
}

/// A theme's name and origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// The looks of a theme.
///
/// # Errors
/// When there is no such theme, or its file is wrong.
pub(crate) fn load(name: &str, folder: &Path) -> Result<Styles, ThemeError> {
    if !is_name(name) {
        return Err(ThemeError::Name(SafeText::line(name).truncated(60)));
    }
    let path = folder.join(format!("{name}.toml"));
    let shown = SafeText::line(&path.display().to_string()).to_string();
    let Some(text) =
        contents(&path).map_err(|source| ThemeError::Unreadable { path: shown.clone(), source })?
    else {
        return shipped(name).ok_or_else(|| ThemeError::Unknown {
            name: name.to_owned(),
            known: found(folder).map_or_else(|_| shipped_names(), |all| names(&all)),
            path: shown,
        });
    };
    let refuse = |wrong: file::Wrong| ThemeError::File {
        path: shown.clone(),
        line: wrong.line,
        problem: SafeText::line(&wrong.problem).truncated(500),
    };
    let file = file::parse(&text).map_err(refuse)?;
    let mut styles = base(&file, name, &text).map_err(refuse)?;
    file.lay_over(&mut styles);
    Ok(styles)
}

/// The theme without colour.
pub(crate) fn mono() -> Styles {
    shipped("mono").unwrap_or(Styles::PLAIN)
}

/// A shipped theme.
pub(crate) fn shipped(name: &str) -> Option<Styles> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    let file = file::parse(text).ok()?;
    let mut styles = Styles::PLAIN;
    file.lay_over(&mut styles);
    Some(styles)
}

/// The theme as a file that defines every role.
pub(crate) fn read(styles: Styles) -> Vec<(&'static str, String)> {
    Role::ALL.iter().map(|role| (role.name(), file::written(styles.0[*role as usize]))).collect()
}

/// The shipped themes, then those of the folder by name. Files with another ending or an impossible name are not looked at.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(crate) fn found(folder: &Path) -> io::Result<Vec<Found>> {
    let mut files = Vec::new();
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                let name = name.to_str().and_then(|name| name.strip_suffix(".toml"));
                files.extend(name.filter(|name| is_name(name)).map(str::to_owned));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files.sort();
    let shipped = SHIPPED.iter().map(|(name, _)| {
        let is_changed = files.iter().any(|file| file == name);
        let source = if is_changed { Source::Changed } else { Source::Shipped };
        Found { name: (*name).to_owned(), source }
    });
    let shipped: Vec<Found> = shipped.collect();
    let own = files.into_iter().filter(|file| SHIPPED.iter().all(|(name, _)| name != file));
    let own: Vec<Found> = own.map(|name| Found { name, source: Source::File }).collect();
    Ok([shipped, own].concat())
}

/// What the file starts from: the shipped theme it names, else the one of its own name, else the default.
fn base(file: &File, name: &str, text: &str) -> Result<Styles, file::Wrong> {
    let Some(base) = &file.base else {
        return Ok(shipped(name).or_else(|| shipped("default")).unwrap_or(Styles::PLAIN));
    };
    shipped(base.get_ref()).ok_or_else(|| file::Wrong {
        line: file::line_of(text, base.span().start),
        problem: format!("`{}` is not a shipped theme; base can be {}", base.get_ref(), shipped_names()),
    })
}

fn contents(path: &PathBuf) -> io::Result<Option<String>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("it is longer than {LIMIT} bytes")));
    }
    Ok(Some(text))
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn shipped_names() -> String {
    SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn names(all: &[Found]) -> String {
    all.iter().map(|found| found.name.as_str()).collect::<Vec<_>>().join(", ")
}
