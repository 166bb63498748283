//! Files that are imported: JSON lines or CSV become one object a line. Knows forms and limits of files, not what is in them.
mod fields;
mod jsonl;
mod mapping;
mod table;

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use color_eyre::eyre::{Context as _, Result};
use countersign_core::draft::LineError;
use countersign_core::draft::check::FieldError;
use countersign_core::safe_text::SafeText;

pub(crate) use self::fields::{ACCOUNT, CONTACT, DRAFT};
use self::mapping::Wish;
use crate::exit::Fault;
use crate::meter::{self, Meter};

/// Lines one import takes; more is split by hand, so that one transaction stays bounded.
const LINES_LIMIT: usize = 100_000;

/// Bytes one import takes; they are held in memory until all is checked.
const INPUT_LIMIT_BYTES: usize = 256 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line.
    Jsonl,
    /// A header, then one record a line; quoted cells may hold line breaks.
    Csv,
}

/// A file and how it is read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Source {
    /// File, or - for standard input.
    pub(crate) file: PathBuf,
    /// Keep the good lines although others are not acceptable.
    #[arg(long)]
    pub(crate) partial: bool,
    /// What the file is; otherwise its name says so (.csv, .tsv), and everything else is JSON lines.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Which column is which field, e.g. 'to=Email,payload.subject=Subject'. A column named like a field needs none.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    map: Vec<String>,
    /// The same from a TOML file with the tables [map] and [set].
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
    /// The same value in every line, e.g. channel=email.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// What separates the cells: one character, or tab. Default: a comma, in .tsv files tab.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
}

/// A field that a column can fill, in the API's spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its path; `payload.headers.*` stands for any name below.
    pub(crate) path: &'static str,
    /// What its text means.
    pub(crate) form: Form,
}

/// What the text of a cell means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Itself.
    Text,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Truth,
    /// Several values, separated by `;`.
    List,
}

/// What a file holds.
pub(crate) struct Intake<T> {
    /// The good lines, with their numbers in the file.
    pub(crate) lines: Vec<(usize, T)>,
    /// The others.
    pub(crate) errors: Vec<LineError>,
    /// Columns that fill no field.
    pub(crate) unused: Vec<String>,
}

impl<T> Intake<T> {
    fn take(&mut self, line: usize, read: Result<T, FieldError>) {
        match read {
            Ok(input) => self.lines.push((line, input)),
            Err(error) => self.refuse(line, &error.field, error.reason),
        }
    }

    fn refuse(&mut self, line: usize, field: &str, reason: String) {
        self.errors.push(LineError { line, field: field.to_owned(), reason, is_conflict: false });
    }
}

/// Reads a file and tells meanwhile how far it is; `parse` makes something of one JSON object.
///
/// # Errors
/// When the file cannot be read, is too large, or the mapping does not fit it.
pub(crate) async fn read<T: Send + 'static>(
    source: &Source,
    fields: &'static [Field],
    parse: fn(&[u8]) -> Result<T, FieldError>,
) -> Result<Intake<T>> {
    let source = source.clone();
    let is_input = source.file.as_os_str() == "-";
    if is_input && std::io::stdin().is_terminal() {
        // Nothing is written between the lines somebody types.
        return read_all(&source, fields, parse, &Meter::default());
    }
    let name = source.file.display().to_string();
    let name = if is_input { "standard input".to_owned() } else { SafeText::line(&name).truncated(60) };
    let work = async move |meter: &Meter| {
        let meter = meter.clone();
        tokio::task::spawn_blocking(move || read_all(&source, fields, parse, &meter)).await
    };
    meter::around(&format!("reading {name}"), None, work).await.wrap_err("reading was given up")?
}

fn read_all<T>(
    source: &Source,
    fields: &[Field],
    parse: impl Fn(&[u8]) -> Result<T, FieldError>,
    meter: &Meter,
) -> Result<Intake<T>> {
    let parse = |json: &[u8]| {
        meter.advance();
        parse(json)
    };
    let mut intake = Intake { lines: Vec::new(), errors: Vec::new(), unused: Vec::new() };
    let ending = source.file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let is_tabbed = ending.as_deref() == Some("tsv");
    let guess = if is_tabbed || ending.as_deref() == Some("csv") { Format::Csv } else { Format::Jsonl };
    let bytes = whole(&source.file)?;
    match source.format.unwrap_or(guess) {
        Format::Csv => {
            let wish = Wish::read(&source.map, source.map_file.as_deref(), &source.set)?;
            let separator = source.delimiter.unwrap_or(if is_tabbed { b'\t' } else { b',' });
            table::read(&bytes, separator, &wish, fields, parse, &mut intake)?;
        }
        Format::Jsonl => {
            let is_plain = source.map.is_empty() && source.map_file.is_none() && source.set.is_empty();
            if !is_plain || source.delimiter.is_some() {
                let sentence = "--map, --map-file, --set and --delimiter are for CSV; say --format csv if the file is one";
                return Err(Fault::usage(sentence).into());
            }
            meter.set_of(0, bytes.iter().filter(|byte| **byte == b'\n').count());
            jsonl::read(&bytes, parse, &mut intake)?;
        }
    }
    Ok(intake)
}

fn whole(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(INPUT_LIMIT_BYTES).unwrap_or(u64::MAX) + 1;
    let place = || format!("{} cannot be read", path.display());
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).wrap_err("the input cannot be read")?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .wrap_err_with(place)?;
    }
    if bytes.len() > INPUT_LIMIT_BYTES {
        return Err(Fault::usage(format!("more than {INPUT_LIMIT_BYTES} bytes; split the file")).into());
    }
    Ok(bytes)
}

fn too_many_lines() -> Fault {
    Fault::usage(format!("more than {LINES_LIMIT} lines; split the file"))
}

fn delimiter(word: &str) -> Result<u8, String> {
    match word.as_bytes() {
        _ if word == "tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("use one ASCII character such as ; or the word tab".to_owned()),
    }
}
