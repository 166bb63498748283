//! Which column of a table fills which field, and what one record then is as JSON. Pure, but for the mapping file.
use std::collections::BTreeMap;
use std::path::Path;

use countersign_core::draft::check::FieldError;
use countersign_core::safe_text::SafeText;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Field, Form};
use crate::exit::{Code, Fault};

/// What was asked for, before the header is known.
#[derive(Debug, Default)]
pub(super) struct Wish {
    columns: BTreeMap<String, String>,
    constants: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    map: toml::Table,
    #[serde(default)]
    set: toml::Table,
}

impl Wish {
    /// Reads the options of the command line and the mapping file.
    pub(super) fn read(map: &[String], file: Option<&Path>, set: &[String]) -> Result<Self, Fault> {
        let mut wish = Self::default();
        for pair in map.iter().flat_map(|one| one.split(',')).filter(|pair| !pair.trim().is_empty()) {
            put(&mut wish.columns, "--map", pair)?;
        }
        for pair in set {
            put(&mut wish.constants, "--set", pair)?;
        }
        if let Some(path) = file {
            let refuse = |reason: String| Fault {
                code: Code::Usage,
                sentence: format!("--map-file {}: {}", path.display(), SafeText::line(&reason)),
            };
            let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
            let file: File = toml::from_str(&text).map_err(|error| refuse(error.message().to_owned()))?;
            flatten("", &file.map, &mut wish.columns).map_err(refuse)?;
            flatten("", &file.set, &mut wish.constants).map_err(refuse)?;
        }
        Ok(wish)
    }
}

fn put(pairs: &mut BTreeMap<String, String>, option: &str, pair: &str) -> Result<(), Fault> {
    let shown = || SafeText::line(pair).truncated(80);
    let (field, value) = pair
        .split_once('=')
        .ok_or_else(|| Fault::usage(format!("{option}: `{}` is not FIELD=VALUE", shown())))?;
    if pairs.insert(field.trim().to_owned(), value.to_owned()).is_some() {
        return Err(Fault::usage(format!("{option}: `{}` names a field a second time", shown())));
    }
    Ok(())
}

/// A TOML table says `payload.subject = "Subject"` as tables in tables; here it is one path again.
fn flatten(root: &str, table: &toml::Table, pairs: &mut BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in table {
        let path = if root.is_empty() { name.clone() } else { format!("{root}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, pairs)?,
            toml::Value::String(text) => {
                if pairs.insert(path.clone(), text.clone()).is_some() {
                    return Err(format!("`{path}` is given a second time"));
                }
            }
            _ => return Err(format!("`{path}` is not a text; put it in quotes")),
        }
    }
    Ok(())
}

struct Slot {
    path: String,
    form: Form,
    from: From,
}

enum From {
    Column(usize),
    Constant(String),
}

/// What fills what, in a table whose header is known.
pub(super) struct Mapping {
    slots: Vec<Slot>,
    /// Columns that fill no field.
    pub(super) unused: Vec<String>,
}

impl Mapping {
    /// Brings wish and header together.
    ///
    /// # Errors
    /// Names an unknown field or column and lists those there are.
    pub(super) fn new(wish: &Wish, header: &[String], fields: &[Field]) -> Result<Self, Fault> {
        for (index, name) in header.iter().enumerate() {
            if !name.is_empty() && header[..index].contains(name) {
                let name = SafeText::line(name).truncated(80);
                return Err(Fault::usage(format!("column `{name}` stands twice in the header; rename one")));
            }
        }
        let mut slots = Vec::new();
        let mut is_used = vec![false; header.len()];
        for (path, column) in &wish.columns {
            let form = form_of(path, fields).ok_or_else(|| no_field(path, fields))?;
            let index = header.iter().position(|name| name == column.trim());
            let index =
                index.filter(|_| !column.trim().is_empty()).ok_or_else(|| no_column(column, header))?;
            is_used[index] = true;
            slots.push(Slot { path: path.clone(), form, from: From::Column(index) });
        }
        for (path, value) in &wish.constants {
            let form = form_of(path, fields).ok_or_else(|| no_field(path, fields))?;
            if wish.columns.contains_key(path) || header.contains(path) {
                let path = SafeText::line(path);
                return Err(Fault::usage(format!(
                    "`{path}` is set for every line and is a column as well; leave one out"
                )));
            }
            slots.push(Slot { path: path.clone(), form, from: From::Constant(value.clone()) });
        }
        for (index, name) in header.iter().enumerate() {
            if let Some(form) = form_of(name, fields)
                && !is_used[index]
                && !wish.columns.contains_key(name)
            {
                is_used[index] = true;
                slots.push(Slot { path: name.clone(), form, from: From::Column(index) });
            }
        }
        for slot in &slots {
            let below = format!("{}.", slot.path);
            if let Some(other) = slots.iter().find(|other| other.path.starts_with(&below)) {
                return Err(Fault::usage(format!(
                    "`{}` and `{}` cannot both be given",
                    slot.path, other.path
                )));
            }
        }
        let unused = header.iter().zip(is_used).filter(|(name, used)| !used && !name.is_empty());
        Ok(Self { unused: unused.map(|(name, _)| name.clone()).collect(), slots })
    }

    /// One record as an object; empty cells are left out.
    ///
    /// # Errors
    /// Names the field whose cell is not what the field takes.
    pub(super) fn object(&self, record: &csv::StringRecord) -> Result<Value, FieldError> {
        let mut object = Map::new();
        for slot in &self.slots {
            let text = match &slot.from {
                From::Column(index) => record.get(*index).unwrap_or_default(),
                From::Constant(text) => text,
            };
            if !text.is_empty() {
                place(&mut object, &slot.path, value(&slot.path, slot.form, text)?);
            }
        }
        Ok(Value::Object(object))
    }
}

fn place(object: &mut Map<String, Value>, path: &str, value: Value) {
    // Names of headers hold no dot; everything before the last one is a table of ours.
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = object.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

fn value(path: &str, form: Form, text: &str) -> Result<Value, FieldError> {
    let refuse = |wanted: &str| {
        let text = SafeText::line(text).truncated(40);
        FieldError::new(path, format!("`{text}` is not {wanted}"))
    };
    match form {
        Form::Text => Ok(text.into()),
        Form::Whole => text
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| refuse("a whole number; leave out separators and signs of money")),
        Form::Truth => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(refuse("true or false")),
        },
        Form::List => Ok(text.split(';').map(str::trim).filter(|one| !one.is_empty()).collect()),
    }
}

fn form_of(path: &str, fields: &[Field]) -> Option<Form> {
    let fits = |field: &&Field| match field.path.strip_suffix('*') {
        Some(root) => path.strip_prefix(root).is_some_and(|name| !name.is_empty() && !name.contains('.')),
        None => field.path == path,
    };
    fields.iter().find(fits).map(|field| field.form)
}

fn no_field(path: &str, fields: &[Field]) -> Fault {
    let known: Vec<_> = fields.iter().map(|field| field.path).collect();
    let path = SafeText::line(path).truncated(80);
    Fault::usage(format!("`{path}` is not a field; the fields are {}", known.join(", ")))
}

fn no_column(name: &str, header: &[String]) -> Fault {
    let known: Vec<_> = header.iter().map(|name| SafeText::line(name).truncated(40)).collect();
    let name = SafeText::line(name).truncated(80);
    Fault::usage(format!("`{name}` is not a column; the columns are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::{ACCOUNT, DRAFT};
    use serde_json::json;

    fn mapped(map: &str, set: &[&str], header: &[&str], fields: &[Field]) -> Result<Mapping, String> {
        let set: Vec<String> = set.iter().map(|one| (*one).to_owned()).collect();
        let header: Vec<String> = header.iter().map(|one| (*one).to_owned()).collect();
        Wish::read(&[map.to_owned()], None, &set)
            .and_then(|wish| Mapping::new(&wish, &header, fields))
            .map_err(|fault| fault.sentence)
    }

    fn object(mapping: &Mapping, cells: &[&str]) -> Result<Value, String> {
        mapping.object(&csv::StringRecord::from(cells)).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_constants_and_names_of_fields_fill_an_object() {
        let header = ["Email", "Subject", "payload.text", "Copies", "Notes"];
        let map = "to=Email,payload.subject=Subject,payload.cc=Copies";
        let mapping =
            mapped(map, &["channel=email", "payload.headers.References=<a@b>"], &header, DRAFT).unwrap();
        assert_eq!(mapping.unused, ["Notes"]);
        let cells = ["zoe@example.com", "Roof", "Hi,\nall", "a@example.com; b@example.com", "x"];
        let whole = json!({
            "to": "zoe@example.com", "channel": "email",
            "payload": {
                "subject": "Roof", "text": "Hi,\nall", "cc": ["a@example.com", "b@example.com"],
                "headers": {"References": "<a@b>"}
            }
        });
        assert_eq!(object(&mapping, &cells).unwrap(), whole);
        let bare = object(&mapping, &["zoe@example.com", "", "", "", ""]).unwrap();
        assert_eq!(bare["payload"], json!({"headers": {"References": "<a@b>"}}), "empty cells are left out");
    }

    #[rstest::rstest]
    #[case("too=Email", &[], &["Email"], "`too` is not a field; the fields are name, domain, tier")]
    #[case("name=Firm", &[], &["Name", "Tier"], "`Firm` is not a column; the columns are Name, Tier")]
    #[case("name=", &[], &["", "Tier"], "is not a column")]
    #[case("name", &[], &["name"], "`name` is not FIELD=VALUE")]
    #[case("name=A,name=B", &[], &["A", "B"], "names a field a second time")]
    #[case("", &["tier=1"], &["name", "tier"], "`tier` is set for every line and is a column as well")]
    #[case("", &["size=1"], &["name"], "`size` is not a field")]
    #[case("", &[], &["name", "name"], "column `name` stands twice")]
    fn what_does_not_fit_is_named(
        #[case] map: &str,
        #[case] set: &[&str],
        #[case] header: &[&str],
        #[case] told: &str,
    ) {
        let sentence = mapped(map, set, header, ACCOUNT).err().expect("it does not fit");
        assert!(sentence.contains(told), "{sentence}");
    }

    #[rstest::rstest]
    #[case("payload.humanAgent", "yes", "payload.humanAgent: `yes` is not true or false")]
    #[case("payload.eventTypeId", "1 200", "payload.eventTypeId: `1 200` is not a whole number")]
    fn a_cell_that_is_not_what_the_field_takes_is_named(
        #[case] field: &str,
        #[case] cell: &str,
        #[case] told: &str,
    ) {
        let mapping = mapped("", &[], &[field], DRAFT).unwrap();
        let error = object(&mapping, &[cell]).unwrap_err();
        assert!(error.starts_with(told), "{error}");
    }

    #[test]
    fn a_mapping_file_says_the_same_as_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.toml");
        std::fs::write(
            &path,
            "[map]\npayload.subject = 'A, B'\n\"to\" = 'Email'\n[set]\nchannel = 'email'\n",
        )
        .unwrap();
        let wish = Wish::read(&[], Some(&path), &[]).unwrap();
        assert_eq!(wish.columns["payload.subject"], "A, B");
        assert_eq!(wish.constants["channel"], "email");
        std::fs::write(&path, "[mapp]\n").unwrap();
        assert!(Wish::read(&[], Some(&path), &[]).unwrap_err().sentence.contains("mapp"));
    }
}
