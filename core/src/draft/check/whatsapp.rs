//! What a WhatsApp message has to be, in the provider's own units.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FieldError, address_error, check_line, check_text};
use crate::activity::payload::{Parts, Payload, WhatsappTemplate};
use crate::contact::address;

/// Characters of a message, also of a template as it is read (the provider's error 21617).
const TEXT_CHARS: usize = 1600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whatsapp {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    template: Option<WhatsappTemplate>,
}

pub(super) fn check(payload: &mut Payload, message: Whatsapp) -> Result<(&'static str, String), FieldError> {
    let number = address::phone(&payload.to).map_err(address_error("to"))?;
    match (&message.text, &message.template) {
        (Some(text), None) => readable("payload.text", text)?,
        (None, Some(template)) => {
            content_sid(&template.content_sid)?;
            check_line("payload.template.version", &template.version, 100)?;
            variables(&template.variables)?;
            readable("payload.template.renderedText", &template.rendered_text)?;
        }
        _ => return Err(FieldError::new("payload", "give either text or template")),
    }
    payload.to.clone_from(&number);
    payload.parts = Parts::Whatsapp { text: message.text, template: message.template };
    Ok(("phone", number))
}

fn readable(field: &str, text: &str) -> Result<(), FieldError> {
    check_text(field, text)?;
    match text.chars().count() {
        0..=TEXT_CHARS => Ok(()),
        count => Err(FieldError::new(
            field,
            format!("{count} characters, a message takes {TEXT_CHARS}; shorten it"),
        )),
    }
}

fn content_sid(sid: &str) -> Result<(), FieldError> {
    let digits = sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(FieldError::new(
        "payload.template.contentSid",
        "use the SID of a template: HX and 32 hexadecimal digits",
    ))
}

/// The provider takes no empty value and no line break in a value; a name is what stands between `{{` and `}}`.
fn variables(variables: &BTreeMap<String, String>) -> Result<(), FieldError> {
    for (name, value) in variables {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let reason = "a variable is named by ASCII letters, digits and underscores, like 1";
            return Err(FieldError::new("payload.template.variables", reason));
        }
        check_line(&format!("payload.template.variables.{name}"), value, TEXT_CHARS)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::samples::{check_as, draft};
    use crate::channel::ChannelName;

    const SID: &str = "HX0123456789abcdef0123456789abcdef";

    fn refused(to: &str, payload: &Value) -> String {
        check_as(ChannelName::Whatsapp, &draft(Some(to), payload)).expect_err("is refused").field
    }

    fn template(change: impl FnOnce(&mut Value)) -> Value {
        let mut template = json!({
            "contentSid": SID, "version": "3", "variables": { "1": "Ann" }, "renderedText": "Hi Ann"
        });
        change(&mut template);
        json!({ "template": template })
    }

    #[rstest]
    #[case(json!({ "text": "é".repeat(1600) }))]
    #[case(json!({ "text": "two\r\nlines \u{2028}" }))]
    #[case(template(|_| {}))]
    #[case(template(|template| template["variables"] = json!({})))]
    fn what_fits_is_taken(#[case] payload: Value) {
        let checked = check_as(ChannelName::Whatsapp, &draft(Some("+442071234567"), &payload)).expect("fits");
        assert_eq!((checked.address_kind, checked.address.as_str()), ("phone", "+442071234567"));
    }

    /// S15: every limit names its field.
    #[rstest]
    #[case(json!({}), "payload")]
    #[case(json!({ "text": "x", "template": template(|_| {})["template"] }), "payload")]
    #[case(json!({ "text": "x", "mediaUrl": "https://example.com/x.png" }), "payload.mediaUrl")]
    #[case(json!({ "text": " \n" }), "payload.text")]
    #[case(json!({ "text": "a\u{0}b" }), "payload.text")]
    #[case(json!({ "text": "é".repeat(1601) }), "payload.text")]
    #[case(template(|t| t["contentSid"] = json!("HX012")), "payload.template.contentSid")]
    #[case(template(|t| t["contentSid"] = json!(SID.replace('f', "g"))), "payload.template.contentSid")]
    #[case(template(|t| t["contentSid"] = json!(format!("{SID}&To=x"))), "payload.template.contentSid")]
    #[case(template(|t| t["version"] = json!("3\r\n")), "payload.template.version")]
    #[case(template(|t| t["variables"]["1"] = json!("")), "payload.template.variables.1")]
    #[case(template(|t| t["variables"]["1"] = json!("two\nlines")), "payload.template.variables.1")]
    #[case(template(|t| t["variables"]["1"] = json!("a\u{2028}b")), "payload.template.variables.1")]
    #[case(template(|t| t["variables"]["a\r\nb"] = json!("x")), "payload.template.variables")]
    #[case(template(|t| t["renderedText"] = json!("x".repeat(1601))), "payload.template.renderedText")]
    fn what_the_provider_would_not_take_names_its_field(#[case] payload: Value, #[case] field: &str) {
        assert_eq!(refused("+442071234567", &payload), field);
    }

    #[rstest]
    #[case("")]
    #[case("442071234567")]
    #[case("whatsapp:+442071234567")]
    #[case("+44207123456\r\n7")]
    #[case("+44207123456７")]
    #[case("+442071234567,+442071234568")]
    fn a_recipient_is_one_international_number(#[case] to: &str) {
        assert_eq!(refused(to, &json!({ "text": "x" })), "to");
    }
}
