//! The words of a draft as people edit them: one text document out of a payload, and back. Pure; writes nothing.
//!
//! Only words are editable: who gets them, on which channel and from whom stays. A payload with one editable field is that text
//! itself; with several, each stands under a line like `--- subject ---`. A line of the text that looks like such a line gets a
//! backslash in front. The document ends with one line break more than its last text, because editors want one.
use serde_json::{Map, Value};

use super::check::FieldError;
use crate::activity::payload::{Parts, Payload};

/// An editable field: its name in the API, whether it may be emptied, its text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    name: &'static str,
    text: String,
}

/// Why a payload has nothing to edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider's template is approved as it is; file a draft with other variables instead")]
pub struct NotEditable;

fn sections(payload: &Payload) -> Result<Vec<Section>, NotEditable> {
    let one = |name, text: &str| Section { name, text: text.to_owned() };
    Ok(match &payload.parts {
        Parts::Email { subject, text, html, .. } => {
            let html = html.as_ref().map(|html| one("html", html));
            [one("subject", subject), one("text", text)].into_iter().chain(html).collect()
        }
        Parts::CalCom { notes, .. } => vec![one("notes", notes.as_deref().unwrap_or(""))],
        Parts::Linkedin { text, .. } | Parts::Instagram { text, .. } => vec![one("text", text)],
        Parts::Whatsapp { text: Some(text), .. } => vec![one("text", text)],
        Parts::Whatsapp { text: None, .. } => return Err(NotEditable),
    })
}

/// The document an editor shows.
///
/// # Errors
/// [`NotEditable`] for a provider's template.
pub fn document(payload: &Payload) -> Result<String, NotEditable> {
    let sections = sections(payload)?;
    let mut document = String::new();
    for section in &sections {
        if sections.len() > 1 {
            document.push_str(&format!("--- {} ---\n", section.name));
            let lines: Vec<String> = section.text.split('\n').map(escaped).collect();
            document.push_str(&lines.join("\n"));
        } else {
            document.push_str(&section.text);
        }
        document.push('\n');
    }
    Ok(document)
}

/// The content of the payload in the shape drafts are handed in, with the words of the document.
///
/// # Errors
/// Names the section that is missing, unknown, or there twice.
pub fn content(payload: &Payload, document: &str) -> Result<Value, FieldError> {
    let sections = sections(payload).map_err(|error| FieldError::new("payload", error.to_string()))?;
    let names: Vec<&'static str> = sections.iter().map(|section| section.name).collect();
    let texts = match names.as_slice() {
        [only] => vec![(*only, document.strip_suffix('\n').unwrap_or(document).to_owned())],
        _ => split(document, &names)?,
    };
    let mut content = as_handed_in(payload);
    for (name, text) in texts {
        // Notes are the one field that may be absent.
        let value = if name == "notes" && text.is_empty() { Value::Null } else { Value::String(text) };
        content.insert(name.to_owned(), value);
    }
    Ok(Value::Object(content))
}

fn split(document: &str, names: &[&'static str]) -> Result<Vec<(&'static str, String)>, FieldError> {
    let mut found: Vec<(&'static str, Vec<&str>)> = Vec::new();
    let expected = || names.iter().map(|name| format!("--- {name} ---")).collect::<Vec<_>>().join(", ");
    let document = document.strip_suffix('\n').unwrap_or(document);
    for (index, line) in document.split('\n').enumerate() {
        if let Some(name) = separator(line) {
            let name = names.iter().find(|known| **known == name).ok_or_else(|| {
                FieldError::new(
                    format!("line {}", index + 1),
                    format!("`--- {name} ---` is not a field of this draft; its fields are {}", expected()),
                )
            })?;
            if found.iter().any(|(earlier, _)| earlier == name) {
                let reason =
                    format!("`--- {name} ---` stands there twice; put a \\ before the one that is text");
                return Err(FieldError::new(format!("line {}", index + 1), reason));
            }
            found.push((name, Vec::new()));
        } else if let Some((_, lines)) = found.last_mut() {
            lines.push(line);
        } else {
            return Err(FieldError::new(
                "line 1",
                format!("the first line has to be `--- {} ---`", names[0]),
            ));
        }
    }
    if let Some(missing) = names.iter().find(|name| !found.iter().any(|(found, _)| found == *name)) {
        let reason = format!("the line `--- {missing} ---` is missing; the fields are {}", expected());
        return Err(FieldError::new(*missing, reason));
    }
    Ok(found
        .into_iter()
        .map(|(name, lines)| (name, lines.into_iter().map(unescaped).collect::<Vec<_>>().join("\n")))
        .collect())
}

/// Whether a line of a document with several fields begins one.
#[must_use]
pub fn is_separator(line: &str) -> bool {
    separator(line).is_some()
}

/// The field a separator line names.
fn separator(line: &str) -> Option<&str> {
    let name = line.strip_prefix("--- ")?.strip_suffix(" ---")?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(name)
}

fn escaped(line: &str) -> String {
    if separator(line.trim_start_matches('\\')).is_some() { format!("\\{line}") } else { line.to_owned() }
}

fn unescaped(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if separator(rest.trim_start_matches('\\')).is_some() => rest,
        _ => line,
    }
}

/// The content as `super::check` takes it: the parts, and what mail keeps beside them.
fn as_handed_in(payload: &Payload) -> Map<String, Value> {
    let parts = serde_json::to_value(&payload.parts).unwrap_or_default();
    let mut content = match parts {
        Value::Object(shapes) => shapes.into_iter().next().map(|(_, value)| value),
        _ => None,
    }
    .and_then(|value| match value {
        Value::Object(content) => Some(content),
        _ => None,
    })
    .unwrap_or_default();
    if matches!(payload.parts, Parts::Email { .. }) {
        content.insert("cc".to_owned(), serde_json::json!(payload.cc));
        content.insert("bcc".to_owned(), serde_json::json!(payload.bcc));
        content.insert("replyTo".to_owned(), serde_json::json!(payload.reply_to));
        content.insert("headers".to_owned(), serde_json::json!(payload.headers));
    }
    content
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::activity::payload::Kind;
    use crate::channel::ChannelName;
    use crate::ids::OutboxId;

    fn mail(subject: &str, text: &str, html: Option<&str>) -> Payload {
        Payload {
            channel: ChannelName::Email,
            outbox_id: OutboxId::new(),
            credential_id: "resend".to_owned(),
            kind: Kind::Reply,
            from: "Ana <ana@acme.example>".to_owned(),
            to: "zoe@nordlys.example".to_owned(),
            cc: vec!["copy@nordlys.example".to_owned()],
            bcc: Vec::new(),
            reply_to: None,
            headers: BTreeMap::new(),
            parts: Parts::Email {
                subject: subject.to_owned(),
                text: text.to_owned(),
                html: html.map(str::to_owned),
                in_reply_to: None,
                attachments: Vec::new(),
            },
        }
    }

    proptest! {
        /// Whatever the words are, also lines that look like separators, breaks of both kinds and none at the end.
        #[test]
        fn a_document_reads_back_as_the_words_it_was_made_of(
            subject in "[^\n]{0,20}",
            text in "(--- [a-z]{1,4} ---|\\\\*--- text ---|[a-z\\\\ \r-]{0,9}|\n){0,9}",
            html in proptest::option::of("(--- html ---|[a-z<>]{0,5}|\n){0,5}"),
        ) {
            let payload = mail(&subject, &text, html.as_deref());
            let content = content(&payload, &document(&payload).unwrap()).unwrap();
            prop_assert_eq!(&content["subject"], &Value::String(subject));
            prop_assert_eq!(&content["text"], &Value::String(text));
            prop_assert_eq!(content["html"].as_str().map(str::to_owned), html);
            prop_assert_eq!(&content["cc"][0], "copy@nordlys.example");
        }
    }

    #[test]
    fn what_is_wrong_with_a_document_is_named_with_its_line() {
        let payload = mail("Hello", "Body", None);
        let wrong = |document: &str| content(&payload, document).unwrap_err().to_string();
        assert!(wrong("Hello\n").starts_with("line 1: the first line has to be `--- subject ---`"));
        assert!(wrong("--- subject ---\nHello\n").contains("`--- text ---` is missing"));
        let twice = "--- subject ---\na\n--- text ---\nb\n--- text ---\nc\n";
        assert!(wrong(twice).starts_with("line 5: `--- text ---` stands there twice"));
        let html = "--- subject ---\na\n--- text ---\nb\n--- html ---\nc\n";
        assert!(wrong(html).starts_with("line 5: `--- html ---` is not a field"));
    }

    #[test]
    fn one_field_is_its_text_and_a_template_is_not_editable() {
        let mut payload = mail("", "", None);
        payload.parts = Parts::Whatsapp { text: Some("Hola\n--- text ---".to_owned()), template: None };
        assert_eq!(document(&payload).unwrap(), "Hola\n--- text ---\n");
        assert_eq!(content(&payload, "Hola\n").unwrap()["text"], "Hola");
        payload.parts = Parts::Whatsapp { text: None, template: None };
        assert_eq!(document(&payload), Err(NotEditable));
    }
}
